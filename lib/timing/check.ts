/** Inputs to run an attention with, and how far its outputs are from the reference. */
import { type AttentionSpec, inputTypes } from '../attention';
import { ShapeError } from '../errors';
import { reference, referenceGrad } from '../reference';
import { fromBits, isNarrowFloat, sizeOf, type TensorType, toBits, typeText } from '../types';

/**
 * Inputs of an attention by name: test data; eight segments of one size; key lengths of three quarters. `dOut` is zero but in `rows`, all
 * by default, so that the reference can give whole gradients at their cost; `out` and `logSumExp` are the reference's there, and
 * elsewhere say that a row has no weights.
 */
export function testInputs(
  spec: AttentionSpec,
  rows?: readonly number[],
): Record<'q' | 'k' | 'v', Float32Array> & Record<string, Float32Array | Int32Array> {
  const entries = Object.entries(inputTypes(spec)).map(([name, type], i): [string, Float32Array | Int32Array] => {
    if (name === 'keyLengths') return [name, new Int32Array(spec.batch).fill(Math.ceil(0.75 * spec.keys))];
    const tokens = type.shape[1];
    if (type.dtype === 'i32')
      return [name, Int32Array.from({ length: sizeOf(type) }, (_, place) => Math.floor((8 * (place % tokens)) / tokens))];
    return [name, testData(type, i + 1)];
  });
  const values = Object.fromEntries(entries) as ReturnType<typeof testInputs>;
  const { out, logSumExp, dOut } = spec.inputs;
  if (dOut && rows) values.dOut = spread(spec, takenRows(spec, values.dOut, rows), rows, 0);
  if (out && logSumExp) {
    const expected = reference(spec, values, rows);
    values.out = rounded(out.dtype, spread(spec, expected.out, expected.rows, 0));
    // Finite, as a kernel's arithmetic on rows wants it, and above any score.
    values.logSumExp = spread(spec, expected.logSumExp, expected.rows, 1e30);
  }
  return values;
}

/** About normal values, the same in every run, and representable in the dtype. */
export function testData(type: TensorType, seed: number): Float32Array {
  const size = sizeOf(type);
  if (size >= 2 ** 32) throw new ShapeError(`an array of test data has fewer than 2^32 elements; got ${typeText(type)}`);
  const values = new Float32Array(Math.min(size, period));
  // Locals: a loop of globals is ten times as long in jest's contexts.
  const { imul } = Math;
  const scale = Math.sqrt(3);
  let state = seed * 2654435761;
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let part = 0; part < 4; part++) {
      // A linear congruential generator (Numerical Recipes' constants); a sum of four uniform values is near enough to normal.
      state = (imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32 - 0.5;
    }
    values[i] = sum * scale;
  }
  return repeated(rounded(type.dtype, values), size);
}

/** Values of large test data come again after so many: a prime, so that no two rows are alike. */
const period = 1048583;

function repeated(values: Float32Array, size: number): Float32Array {
  if (values.length === size) return values;
  const all = new Float32Array(size);
  all.set(values);
  for (let filled = values.length; filled < size; filled *= 2) all.copyWithin(filled, 0, Math.min(filled, size - filled));
  return all;
}

function rounded(dtype: TensorType['dtype'], values: Float32Array): Float32Array {
  return isNarrowFloat(dtype) ? fromBits(dtype, toBits(dtype, values)) : values;
}

/** Query rows to compare: the first, last and middle ones, and some between. The reference costs keys x size a row. */
export function sampleRows({ queries }: AttentionSpec): number[] {
  const places = [0, 1, queries >> 2, (queries >> 1) - 1, queries >> 1, Math.floor(queries * 0.7), queries - 2, queries - 1];
  return [...new Set(places.filter((row) => row >= 0 && row < queries))];
}

/** Of an array [batch, heads, queries, ...], the given rows of each head. */
function takenRows({ batch, heads, queries }: AttentionSpec, whole: ArrayLike<number>, rows: readonly number[]): Float64Array {
  const size = whole.length / (batch * heads * queries);
  const taken = new Float64Array(batch * heads * rows.length * size);
  for (let h = 0; h < batch * heads; h++)
    for (const [r, row] of rows.entries())
      for (let d = 0; d < size; d++) taken[(h * rows.length + r) * size + d] = whole[(h * queries + row) * size + d];
  return taken;
}

/** The opposite: the array whose other rows are of one value. */
function spread({ batch, heads, queries }: AttentionSpec, taken: ArrayLike<number>, rows: readonly number[], value: number): Float32Array {
  const size = taken.length / (batch * heads * rows.length);
  const whole = new Float32Array(batch * heads * queries * size).fill(value);
  for (let h = 0; h < batch * heads; h++)
    for (const [r, row] of rows.entries())
      for (let d = 0; d < size; d++) whole[(h * queries + row) * size + d] = taken[(h * rows.length + r) * size + d];
  return whole;
}

/** Over all outputs, those of rows at `rows`; infinities of one sign differ by 0, and a NaN is the answer. */
export function maxError(
  spec: AttentionSpec,
  outputs: Readonly<Record<string, ArrayLike<number>>>,
  rows: readonly number[],
  inputs: ReturnType<typeof testInputs>,
): number {
  const expected: Record<string, ArrayLike<number> | undefined> = {
    ...(spec.pass === 'backward' ? {} : { ...reference(spec, inputs, rows) }),
    ...(spec.pass === 'forward' ? {} : { ...referenceGrad(spec, { ...inputs, dOut: inputs.dOut }, rows) }),
  };
  let most = 0;
  for (const [name, whole] of Object.entries(outputs)) {
    const seen = ['out', 'logSumExp', 'dq'].includes(name) ? takenRows(spec, whole, rows) : whole;
    const wanted = expected[name] ?? [];
    for (let i = 0; i < seen.length; i++) {
      const error = seen[i] === wanted[i] ? 0 : Math.abs(seen[i] - wanted[i]);
      if (Number.isNaN(error)) return error;
      most = Math.max(most, error);
    }
  }
  return most;
}
