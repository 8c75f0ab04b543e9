/** Outputs of softmaxes over parts of the keys, put together as the softmax over all of them. */
import * as s from '../ir/stablehlo';
import { tokensOf } from './exchange';

/** Of rows: `out` f32 [batch, heads, rows, size], the weighted mean of values, and the `logSumExp` f32 [batch, heads, rows] of its weights. */
export interface Rows extends Record<string, s.Tensor> {
  readonly out: s.Tensor;
  readonly logSumExp: s.Tensor;
}

/** `all`, of which rows [start, end) get what `part`, of those rows, adds. */
export function merged(all: Rows, part: Rows, [start, end]: readonly [number, number]): Rows {
  const { shape } = all.logSumExp.type;
  if (end - start === shape[2]) return both(all, part);
  const rows = (x: s.Tensor) => tokensOf(x, 2, [start, end]);
  const put = (x: s.Tensor, update: s.Tensor) => {
    const from = x.type.shape.map((_, axis) => (axis === 2 ? start : 0));
    return s.dynamicUpdateSlice(x, update, from);
  };
  const sum = both({ out: rows(all.out), logSumExp: rows(all.logSumExp) }, part);
  return { out: put(all.out, sum.out), logSumExp: put(all.logSumExp, sum.logSumExp) };
}

function both(a: Rows, b: Rows): Rows {
  const { logSumExp, shares } = joined(a.logSumExp, b.logSumExp);
  return { out: s.add(scaled(a.out, shares[0]), scaled(b.out, shares[1])), logSumExp };
}

/** `rows` with a further weight a row that has no value: a sink, as its logarithm. */
export function weighed({ out, logSumExp }: Rows, weight: s.Tensor): Rows {
  const sum = joined(logSumExp, weight);
  return { out: scaled(out, sum.shares[0]), logSumExp: sum.logSumExp };
}

function scaled(out: s.Tensor, share: s.Tensor): s.Tensor {
  return s.multiply(out, s.broadcastInDim(share, out.type.shape, [0, 1, 2]));
}

/** The logarithm of the sum of two weights, and the share of each in it; of two that are none, none. */
function joined(a: s.Tensor, b: s.Tensor) {
  const highest = s.maximum(a, b);
  // -Infinity less itself is no number: a row that has seen no key yet.
  const greatest = s.select(s.isFinite(highest), highest, 0);
  const weights = [a, b].map((x) => s.exponential(s.subtract(x, greatest)));
  const sum = s.add(weights[0], weights[1]);
  const divisor = s.select(s.compare(sum, 0, 'EQ'), 1, sum);
  return { logSumExp: s.add(greatest, s.log(sum)), shares: weights.map((x) => s.divide(x, divisor)) };
}
