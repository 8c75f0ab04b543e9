/** Runs the backward kernel in the interpreter, with the operands that its lowering's program makes. */
import { type AttentionOptions, attention } from '../lib/attention';
import { chips } from '../lib/ir/chips';
import { interpret, type Transfers } from '../lib/ir/interpret';
import { verify } from '../lib/ir/verify';
import { lazyMasks } from '../lib/lower/lazy';
import { backwardKernel } from '../lib/lower/tpu-backward';
import { type BackwardChoice, backwardPlan } from '../lib/lower/tpu-backward-plan';
import { idSetsOf } from '../lib/lower/tpu-mask';
import { documentIds } from '../lib/mask';
import { reference, referenceGrad } from '../lib/reference';
import { testData, testInputs } from '../lib/timing/check';

/** Largest error of each gradient over the largest value of it. */
export function backwardErrors(
  options: AttentionOptions,
  choice: BackwardChoice,
  { cores = 2, transfers = 'late' as Transfers } = {},
): Record<'dq' | 'dk' | 'dv', number> {
  const spec = attention({ ...options, pass: 'forward' });
  const plan = backwardPlan(spec, choice, { ...chips.v5p, cores });
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = spec;
  const { block, rows, columns } = plan;
  const values = testInputs(spec);
  const dOut = testData({ dtype: spec.dtype, shape: [batch, heads, queries, valueDim] }, 9);
  const { out, logSumExp } = reference(spec, values);
  const padded = (data: ArrayLike<number>, count: number, tokens: number, all: number, size: number) => {
    const wide = new Float32Array(count * all * size);
    for (let i = 0; i < count; i++) for (let at = 0; at < tokens * size; at++) wide[i * all * size + at] = data[i * tokens * size + at];
    return wide;
  };
  const delta = Float32Array.from(logSumExp, (_, row) => {
    let sum = 0;
    for (let d = row * valueDim; d < (row + 1) * valueDim; d++) sum += out[d] * dOut[d];
    return sum;
  });
  const sets = (plan.band ? [] : idSetsOf(lazyMasks(spec))).map(({ lengths }) => {
    const sequences = lengths ? 1 : batch;
    const of = (tokens: number, all: number, none: number, segments: ArrayLike<number>) => {
      const ids = new Int32Array(sequences * all).fill(none);
      for (let b = 0; b < sequences; b++)
        ids.set(lengths ? documentIds(lengths, tokens, none) : Array.from({ length: tokens }, (_, i) => segments[b * tokens + i]), b * all);
      return ids;
    };
    const q = of(queries, rows * block, -1, values.qSegments);
    const kv = of(keys, columns * block, -2, values.kvSegments);
    const [start, end, columnStart, columnEnd] = [rows, rows, columns, columns].map((count) => new Int32Array(sequences * count));
    for (let b = 0; b < sequences; b++) {
      for (let row = 0; row < rows; row++) {
        const mine = new Set(q.subarray((b * rows + row) * block, b * rows * block + Math.min((row + 1) * block, queries)));
        const has = Array.from({ length: columns }, (_, c) => {
          const from = (b * columns + c) * block;
          return kv.subarray(from, Math.min(from + block, b * columns * block + keys)).some((id) => mine.has(id));
        });
        start[b * rows + row] = has.indexOf(true) < 0 ? columns : has.indexOf(true);
        end[b * rows + row] = has.lastIndexOf(true) + 1;
      }
      for (let column = 0; column < columns; column++) {
        const visits = Array.from({ length: rows }, (_, row) => start[b * rows + row] <= column && column < end[b * rows + row]);
        columnStart[b * columns + column] = visits.indexOf(true) < 0 ? rows : visits.indexOf(true);
        columnEnd[b * columns + column] = visits.lastIndexOf(true) + 1;
      }
    }
    return { q, kv, tables: [start, end, columnStart, columnEnd] };
  });
  const kernel = backwardKernel(spec, plan);
  verify(kernel, chips.v5p);
  const operands = [
    ...sets.flatMap(({ tables }) => tables),
    ...(values.keyLengths ? [values.keyLengths] : []),
    padded(values.k, batch * kvHeads, keys, columns * block, headDim),
    padded(values.v, batch * kvHeads, keys, columns * block, valueDim),
    padded(values.q, batch * heads, queries, rows * block, headDim),
    padded(dOut, batch * heads, queries, rows * block, valueDim),
    padded(logSumExp, batch * heads, queries, rows * block, 1),
    padded(delta, batch * heads, queries, rows * block, 1),
    ...sets.flatMap(({ q, kv }) => [q, kv]),
  ];
  const results = interpret(kernel, operands, { transfers });
  const expected = referenceGrad(spec, { ...values, dOut });
  const parts = plan.split === 'heads' ? plan.cores : 1;
  const error = (got: Float32Array, want: Float64Array, count: number, tokens: number, all: number, size: number) => {
    let [most, greatest] = [0, 0];
    for (let i = 0; i < count; i++)
      for (let at = 0; at < tokens * size; at++) {
        let value = 0;
        for (let part = 0; part < parts; part++)
          value +=
            got[((part * count + i) % (got.length / all / size)) * all * size + at] / (got.length === count * all * size ? parts : 1);
        const difference = Math.abs(value - want[i * tokens * size + at]);
        if (!(difference <= most)) most = difference;
        greatest = Math.max(greatest, Math.abs(want[i * tokens * size + at]));
      }
    return most / (greatest || 1);
  };
  return {
    dk: error(results[0], expected.dk, batch * kvHeads, keys, columns * block, headDim),
    dv: error(results[1], expected.dv, batch * kvHeads, keys, columns * block, valueDim),
    dq: error(results[2], expected.dq, batch * heads, queries, rows * block, headDim),
  };
}
