/** The product of matrices, as the MXU does it: bf16 or f32 sides, an f32 sum. */
import { constant } from './math';
import { type Data, one, type Op, type Row, roundToBf16, type Tile } from './row';
import { vectorShape } from './shapes';
import { shapeOf, type V, vector } from './types';

/** Which dimension of each side is contracted. */
function contracted({ attributes }: Op): [left: number, right: number] | undefined {
  const found = /^#tpu\.dot_dimension_numbers<\[([01])\], \[([01])\], \[[01]\], \[[01]\], \[0, [01], 1, [01]\], \[\], \[\]>$/.exec(
    attributes.dimension_numbers ?? '',
  );
  if (found) return [Number(found[1]), Number(found[2])];
  if (attributes.dimension_numbers) return undefined;
  return [attributes.transpose_lhs === 'true' ? 0 : 1, attributes.transpose_rhs === 'true' ? 1 : 0];
}

const row: Row = {
  name: 'tpu.matmul',
  // `transpose_lhs_hint` came in 13, where it must be; before, it is read as false.
  since: ({ attributes }) => (attributes.transpose_lhs_hint === undefined ? 1 : 13),
  before: ({ attributes }) => (attributes.transpose_lhs_hint === undefined ? 13 : undefined),
  rule: (op) => {
    const dims = contracted(op);
    if (!dims) return `one dimension of each side is contracted and none is a batch, not ${op.attributes.dimension_numbers}`;
    const [a, b, acc] = op.operands.map(({ type }) => type);
    if ([a, b, acc].some((type) => type?.kind !== 'vector' || type.shape.length !== 2))
      return 'both sides and the accumulator are vectors of rank 2';
    const [left, right] = [shapeOf(a), shapeOf(b)];
    const expected = [left[1 - dims[0]], right[1 - dims[1]]];
    const [{ type: result }] = op.results;
    return (
      ((left[dims[0]] !== right[dims[1]] || a.element !== b.element || (a.element !== 'f32' && a.element !== 'bf16')) &&
        `contracting sizes and elements (bf16 or f32) agree, along ${dims[0]} and ${dims[1]}`) ||
      ((String(expected) !== String(shapeOf(acc)) ||
        String(expected) !== String(shapeOf(result)) ||
        result.element !== 'f32' ||
        acc.element !== 'f32') &&
        `the accumulator and the result are f32 [${expected}]`)
    );
  },
  meaning: (op) => {
    const [left, right] = contracted(op) as [number, number];
    const element = op.operands[0].type.element;
    // Without full precision the MXU takes f32 as bf16.
    const isRounded = element === 'f32' && op.attributes.precision !== '#tpu.contract_precision<fp32>';
    const side = ({ shape, data }: Tile, inner: number) => {
      const rowMajor = inner === 1 ? (data as Float32Array) : flipped(shape, data);
      return isRounded ? roundToBf16(Float32Array.from(rowMajor)) : rowMajor;
    };
    return ([a, b, acc]) => {
      const [x, y, start] = [a, b, acc] as Tile[];
      const data = Float32Array.from(start.data);
      multiply(side(x, left), side(y, right), data, x.shape[left]);
      return { shape: start.shape, data };
    };
  },
};

function flipped([rows, columns]: readonly number[], data: Data): Float32Array {
  const to = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) to[j * rows + i] = data[i * columns + j];
  return to;
}

/**
 * Adds a [m, k] times b [n, k] to `to` [m, n]: sums are taken in double and rounded once. 2 x 4 sums at a time: 1.9 products a nanosecond
 * (Node 20, one core of a Xeon of 2023), and 0.6 where the loop takes its numbers out of arrays.
 */
function multiply(a: Float32Array, b: Float32Array, to: Float32Array, k: number): void {
  const [m, n] = [a.length / k, b.length / k];
  const [evenM, evenN] = [m - (m % 2), n - (n % 4)];
  for (let i = 0; i < evenM; i += 2)
    for (let j = 0; j < evenN; j += 4) {
      let s00 = 0;
      let s01 = 0;
      let s02 = 0;
      let s03 = 0;
      let s10 = 0;
      let s11 = 0;
      let s12 = 0;
      let s13 = 0;
      const [a0, a1] = [i * k, (i + 1) * k];
      const [b0, b1, b2, b3] = [j * k, (j + 1) * k, (j + 2) * k, (j + 3) * k];
      for (let d = 0; d < k; d++) {
        const x = a[a0 + d];
        const y = a[a1 + d];
        const p = b[b0 + d];
        const q = b[b1 + d];
        const r = b[b2 + d];
        const s = b[b3 + d];
        s00 += x * p;
        s01 += x * q;
        s02 += x * r;
        s03 += x * s;
        s10 += y * p;
        s11 += y * q;
        s12 += y * r;
        s13 += y * s;
      }
      const at = i * n + j;
      to[at] += s00;
      to[at + 1] += s01;
      to[at + 2] += s02;
      to[at + 3] += s03;
      to[at + n] += s10;
      to[at + n + 1] += s11;
      to[at + n + 2] += s12;
      to[at + n + 3] += s13;
    }
  for (let i = 0; i < m; i++)
    for (let j = i < evenM ? evenN : 0; j < n; j++) {
      let sum = 0;
      for (let d = 0; d < k; d++) sum += a[i * k + d] * b[j * k + d];
      to[i * n + j] += sum;
    }
}

export const matmulRows: readonly Row[] = [row];

/**
 * [m, k] by [k, n] as f32 [m, n]; a transposed left side is [k, m], a transposed right side [n, k]. Accumulates in f32 from `acc`, or
 * zero. f32 operands are multiplied at full precision (the MXU alone would round them to bf16).
 */
export function matmul(
  a: V,
  b: V,
  options: boolean | { readonly transposeLeft?: boolean; readonly transposeRight?: boolean; readonly acc?: V } = {},
): V {
  const { transposeLeft = false, transposeRight = false, acc } = typeof options === 'boolean' ? { transposeRight: options } : options;
  const [left, right] = [transposeLeft ? 0 : 1, transposeRight ? 1 : 0];
  const result = vector('f32', [vectorShape(a, 2)[1 - left], vectorShape(b, 2)[1 - right]]);
  return one(row, [a, b, acc ?? constant(0, result)], result, {
    dimension_numbers: `#tpu.dot_dimension_numbers<[${left}], [${right}], [${1 - left}], [${1 - right}], [0, ${1 - left}, 1, ${1 - right}], [], []>`,
    ...(a.type.element === 'f32' ? { precision: '#tpu.contract_precision<fp32>' } : {}),
    transpose_lhs: 'false',
    transpose_rhs: 'false',
  });
}
