/** The StableHLO builders that are not elementwise: constants, shapes, reductions, products, indices and control flow. */
import * as s from '../lib/ir/stablehlo';
import { bitsOf, type DType, dtypes, fromBits, tensor, type TensorType, toBits } from '../lib/types';
import { type Case, count, given } from './stablehlo-case';

const f32 = (...shape: number[]) => tensor('f32', shape);
const i32 = (...shape: number[]) => tensor('i32', shape);
const bytes = Uint8Array.from(count(40), (i) => i % 2);
const grid: [TensorType, number[]] = [f32(3, 4), count(12)];
const embedding = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0], indexVectorDim: 1, sliceSizes: [1, 4] };
const gradient: s.ScatterOptions = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0], indexVectorDim: 1 };

export const structural: Case[] = [
  // constants

  ...(Object.keys(dtypes) as DType[]).flatMap((dtype) => {
    if (dtype.startsWith('complex')) return []; // a constant of one: test/pjrt.test.ts
    // Numbers that every dtype has: f8E8M0FNU has only powers of two.
    const few = bitsOf(dtype) < 4 ? [0, 1, 1, 0, 1, 0] : [2, 1, 1, 2, 4, 1];
    const many = count(48).map((i) => few[i % 6]);
    const body = () => ({
      splat: s.convert(s.constant(1, tensor(dtype, [3])), 'f32'),
      few: s.convert(s.constant(few, tensor(dtype, [3, 2])), 'f32'),
      many: s.convert(s.constant(many, tensor(dtype, [6, 8])), 'f32'),
      none: s.convert(s.constant([], tensor(dtype, [0, 2])), 'f32'),
    });
    return given(`constant ${dtype}`, {}, body, { splat: [1, 1, 1], few, many, none: [] });
  }),
  given(
    'constant arrays',
    {},
    () => ({
      p: s.constant(bytes, tensor('i1', [40])),
      b: s.constant(Float32Array.of(0.1, -3), tensor('bf16', [2])),
      h: s.constant(Uint16Array.of(0x3c00), tensor('f16', [1])),
      l: s.constant(BigInt64Array.of(-5n), tensor('i64', [1])),
    }),
    {
      p: Array.from(bytes),
      b: [fromBits('bf16', toBits('bf16', [0.1]))[0], -3],
      h: [1],
      l: [-5],
    },
  ),
  given('constant extremes', {}, () => s.constant([Number.NEGATIVE_INFINITY, Number.NaN, -0, 1e-45, 3.4028234663852886e38, 0.1], f32(6)), [
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    -0,
    2 ** -149,
    3.4028234663852886e38,
    Math.fround(0.1),
  ]),
  given('iota', {}, () => ({ rows: s.iota(i32(2, 3), 0), columns: s.iota(tensor('bf16', [2, 3]), 1) }), {
    rows: [0, 0, 0, 1, 1, 1],
    columns: [0, 1, 2, 0, 1, 2],
  }),

  // shapes

  given(
    'broadcast',
    { x: [f32(2, 1), [1, 2]] },
    ({ x }) => ({
      in: s.broadcastInDim(x, [3, 2], [1, 0]),
      scalar: s.broadcastInDim(s.constant(7, f32()), [2]),
    }),
    { in: [1, 2, 1, 2, 1, 2], scalar: [7, 7] },
  ),
  given('reshape', { x: grid }, ({ x }) => ({ flat: s.reshape(x, [12]), turned: s.transpose(x, [1, 0]), back: s.reverse(x, [0]) }), {
    flat: count(12),
    turned: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11],
    back: [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3],
  }),
  given(
    'slices',
    { x: grid, at: [i32(), [2]], u: [f32(1, 2), [-1, -2]] },
    ({ x, at, u }) => ({
      slice: s.slice(x, { start: [1, 0], limit: [3, 4], strides: [1, 3] }),
      dynamic: s.dynamicSlice(x, [at, 1], [1, 2]),
      clamped: s.dynamicSlice(x, [at, at], [2, 3]),
      update: s.dynamicUpdateSlice(x, u, [0, at]),
    }),
    { slice: [4, 7, 8, 11], dynamic: [9, 10], clamped: [5, 6, 7, 9, 10, 11], update: [0, 1, -1, -2, ...count(12).slice(4)] },
  ),
  given(
    'concatenate',
    { x: [f32(2, 1), [1, 2]], y: [f32(2, 2), [3, 4, 5, 6]] },
    ({ x, y }) => s.concatenate([x, y, x], 1),
    [1, 3, 4, 1, 2, 5, 6, 2],
  ),
  given(
    'pad',
    { x: [f32(2, 2), [1, 2, 3, 4]] },
    ({ x }) => s.pad(x, 9, { low: [1, -1], high: [0, 2], interior: [1, 0] }),
    [9, 9, 9, 2, 9, 9, 9, 9, 9, 4, 9, 9],
  ),

  // reductions, products, indices

  given(
    'reduce',
    { x: grid, n: [i32(4), [3, -5, 2, 8]] },
    ({ x, n }) => ({
      rows: s.sum(x, [1]),
      all: s.sum(x, [0, 1]),
      max: s.max(x, [0]),
      min: s.min(n, [0]),
      most: s.max(n, [0]),
      product: s.reduce(n, 1, [0], s.multiply),
    }),
    {
      rows: [6, 22, 38],
      all: [66],
      max: [8, 9, 10, 11],
      min: [-5],
      most: [8],
      product: [-240],
    },
  ),
  given('reduce nothing', { x: [f32(0, 2), []] }, ({ x }) => ({ sum: s.sum(x, [0]), max: s.max(x, [0]) }), {
    sum: [0, 0],
    max: [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  }),
  given(
    'argmax',
    { value: [f32(2, 4), [1, 9, 3, 9, -1, -2, -3, -4]] },
    ({ value }) =>
      s.reduce({ value, index: s.iota(i32(2, 4), 1) }, { value: Number.NEGATIVE_INFINITY, index: 2 ** 31 - 1 }, [1], (a, b) => {
        const same = s.compare(a.value, b.value, 'EQ');
        const left = s.or(s.compare(a.value, b.value, 'GT'), s.and(same, s.compare(a.index, b.index, 'LT')));
        return { value: s.select(left, a.value, b.value), index: s.select(left, a.index, b.index) };
      }),
    { value: [9, -1], index: [1, 0] },
  ),
  given(
    'dot',
    { x: [f32(2, 2, 3), count(12)], y: [f32(2, 3, 2), count(12)] },
    ({ x, y }) => {
      const options: s.DotOptions = { batchingDims: [[0], [0]], contractingDims: [[2], [1]] };
      const [a, b] = [s.convert(x, 'bf16'), s.convert(y, 'bf16')];
      return {
        exact: s.dotGeneral(x, y, { ...options, precision: 'HIGHEST' }),
        narrow: s.dotGeneral(a, b, { ...options, dtype: 'f32' }),
        outer: s.dotGeneral(s.iota(i32(2), 0), s.iota(i32(3), 0), { contractingDims: [[], []] }),
      };
    },
    { exact: [10, 13, 28, 40, 172, 193, 244, 274], narrow: [10, 13, 28, 40, 172, 193, 244, 274], outer: [0, 0, 0, 0, 1, 2] },
  ),
  given(
    'indices',
    { x: grid, ids: [i32(4), [2, 0, 2, 7]], u: [f32(4, 4), count(16)] },
    ({ x, ids, u }) => ({
      rows: s.gather(x, ids, embedding),
      added: s.scatter(x, ids, u, gradient),
      greatest: s.scatter(x, s.reshape(ids, [4, 1]), u, gradient, s.maximum),
      batched: s.gather(x, s.reshape(s.slice(ids, { start: [0], limit: [3] }), [3, 1]), {
        offsetDims: [],
        collapsedSliceDims: [1],
        operandBatchingDims: [0],
        startIndicesBatchingDims: [0],
        startIndexMap: [1],
        indexVectorDim: 1,
        sliceSizes: [1, 1],
      }),
    }),
    {
      rows: [8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11],
      added: [4, 6, 8, 10, 4, 5, 6, 7, 16, 19, 22, 25],
      greatest: [4, 5, 6, 7, 4, 5, 6, 7, 8, 9, 10, 11],
      batched: [2, 4, 10],
    },
  ),

  // control

  given(
    'fibonacci',
    { n: [i32(), [10]] },
    ({ n }) => {
      const zero = s.constant(0, n.type);
      const { a } = s.whileLoop(
        { i: zero, a: zero, b: s.constant(1, n.type) },
        ({ i }) => s.compare(i, n, 'LT'),
        ({ i, a, b }) => ({ b: s.add(a, b), a: b, i: s.add(i, 1) }),
      );
      return a;
    },
    [55],
  ),
  ...[
    { index: 0, y: [1, 2] },
    { index: 1, y: [-1, -2] },
    { index: 9, y: [2, 4] },
  ].map(({ index, y }) =>
    given(
      `case ${index}`,
      { which: [i32(), [index]], x: [f32(2), [1, 2]] },
      ({ which, x }) => s.caseOf(which, [() => ({ y: x, which }), () => ({ which, y: s.negate(x) }), () => ({ y: s.add(x, x), which })]),
      { y, which: [index] },
    ),
  ),
  given(
    'if in while',
    { n: [i32(), [27]] },
    ({ n }) =>
      s.whileLoop(
        { n, steps: s.constant(0, n.type) },
        (state) => s.compare(state.n, 1, 'GT'),
        (state) => ({
          n: s.ifElse(
            s.compare(s.and(state.n, 1), 0, 'EQ'),
            () => s.divide(state.n, 2),
            () => s.add(s.multiply(state.n, 3), 1),
          ),
          steps: s.add(state.steps, 1),
        }),
      ),
    { n: [1], steps: [111] },
  ),
  given('barrier', { x: [f32(2), [1, 2]] }, ({ x }) => s.optimizationBarrier({ x, twice: s.add(x, x) }), { x: [1, 2], twice: [2, 4] }),
  given(
    'custom call',
    { x: [f32(2), [1, 2]] },
    ({ x }) =>
      s.customCall('Sharding', [x], {
        results: [x.type],
        operandLayouts: [[0]],
        resultLayouts: [[0]],
        attributes: { 'mhlo.sharding': '"{replicated}"' },
      })[0],
    [1, 2],
  ),
  given('nothing', { x: [f32(2), [1, 2]] }, () => ({}), {}),
];
