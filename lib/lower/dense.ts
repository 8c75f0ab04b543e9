/**
 * Attention in plain StableHLO, scores and all: O(T^2) memory and work whatever the mask. Every plugin takes it. It is the baseline that the
 * kernels are compared with, and the only lowering of a dense mask, whose bits go into the text as a constant.
 */
import type { AttentionSpec } from '../attention';
import { ShapeError } from '../errors';
import * as s from '../ir/stablehlo';
import { bandOf, type Mask, rowBytes } from '../mask';
import { type Module, tensor } from '../types';

/** Throws ShapeError for a dense mask over 2^27 bytes (32768 x 32768 pairs). */
export function lowerDense(spec: AttentionSpec): Module {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim, mask, scale } = spec;
  return s.program('attention', spec.inputs, ({ q, k, v }) => {
    const group = heads / kvHeads;
    const grouped = s.reshape(q, [batch, kvHeads, group, queries, headDim]);
    const pairs = [batch, kvHeads, group, queries, keys];
    const batchingDims = [
      [0, 1],
      [0, 1],
    ] as const;
    let scores = s.multiply(
      s.dotGeneral(grouped, k, { batchingDims, contractingDims: [[4], [3]], dtype: 'f32', precision: 'HIGHEST' }),
      scale,
    );
    const allowed = predicate(mask, queries, keys);
    if (allowed) scores = s.select(s.broadcastInDim(allowed, pairs, [3, 4]), scores, Number.NEGATIVE_INFINITY);
    const perRow = (x: s.Tensor, shape: readonly number[]) => s.broadcastInDim(x, shape, [0, 1, 2, 3]);
    const highest = s.max(scores, [4]);
    // A row with no keys has a maximum of -infinity; 0 in its place keeps NaN out, and its sum of 0 tells it.
    const greatest = s.select(s.isFinite(highest), highest, 0);
    const weights = s.exponential(s.subtract(scores, perRow(greatest, pairs)));
    const total = s.sum(weights, [4]);
    const product = s.dotGeneral(s.convert(weights, spec.dtype), v, {
      batchingDims,
      contractingDims: [[4], [2]],
      dtype: 'f32',
      precision: 'HIGHEST',
    });
    const divisor = s.select(s.compare(total, 0, 'EQ'), 1, total);
    const out = s.convert(s.divide(product, perRow(divisor, product.type.shape)), spec.dtype);
    const results = { out: s.reshape(out, [batch, heads, queries, valueDim]) };
    if (!spec.logSumExp) return results;
    return { ...results, logSumExp: s.reshape(s.add(greatest, s.log(total)), [batch, heads, queries]) };
  });
}

/** The mask as i1 [queries, keys]; nothing where it allows every pair. */
function predicate(mask: Mask, queries: number, keys: number): s.Tensor | undefined {
  const plane = [queries, keys];
  if (mask.kind === 'dense') {
    const bytes = rowBytes(keys);
    if (mask.bits.length > 2 ** 27)
      throw new ShapeError(
        `a dense mask goes into the program up to 2^27 bytes, 32768 x 32768 pairs; got ${queries} x ${keys}: use a lazy mask`,
      );
    // The barrier keeps the compiler from unpacking the constant itself, eight times its size.
    const packed = s.optimizationBarrier(s.constant(mask.bits, tensor('ui8', [queries, bytes])));
    const places = [queries, bytes, 8];
    const bits = s.and(s.shiftRightLogical(s.broadcastInDim(packed, places, [0, 1]), s.iota(tensor('ui8', places), 2)), 1);
    return s.slice(s.reshape(s.compare(bits, 1, 'EQ'), [queries, bytes * 8]), { start: [0, 0], limit: plane });
  }
  const { low, high } = bandOf(mask);
  const diagonal = () => s.subtract(s.iota(tensor('i32', plane), 1), s.iota(tensor('i32', plane), 0));
  const limits = [];
  if (high < keys - 1) limits.push(s.compare(diagonal(), Math.max(high, -queries), 'LE'));
  if (low > 1 - queries) limits.push(s.compare(diagonal(), Math.min(low, keys), 'GE'));
  return limits.length ? limits.reduce((a, b) => s.and(a, b)) : undefined;
}
