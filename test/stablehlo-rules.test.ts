/** Each rule of the StableHLO builders, broken once. */
import { ShapeError } from '../lib/errors';
import * as s from '../lib/ir/stablehlo';
import { tensor } from '../lib/types';

const f32 = (...shape: number[]) => tensor('f32', shape);
const i32 = (...shape: number[]) => tensor('i32', shape);
const i1 = (...shape: number[]) => tensor('i1', shape);

/** A rule, and a program that breaks it; `x` is f32 [4, 8], `n` i32 [4, 8], `p` i1 [4, 8]. */
type Args = Record<'x' | 'n' | 'p', s.Tensor>;
const zero = (type = f32()) => s.constant(0, type);
const rows = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0], indexVectorDim: 1, sliceSizes: [1, 8] };
const put = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0], indexVectorDim: 1 };
const at = () => zero(i32(5, 1));
const broken: [string, (args: Args) => unknown][] = [
  ['exponential (I1): operand is of float type; got tensor<4x8xi32>', ({ n }) => s.exponential(n)],
  ['not (I1): operand is of i1 or signed integer or unsigned integer type; got tensor<4x8xf32>', ({ x }) => s.not(x)],
  ['add (C1): lhs and rhs have the same type; got tensor<4x8xf32> and tensor<4x8xi32>', ({ x, n }) => s.add(x, n)],
  ['add: one of the operands is a tensor; got 1 and 2', () => s.add(1, 2)],
  ['shift_left (I1): lhs is of signed integer or unsigned integer type; got tensor<4x8xi1>', ({ p }) => s.shiftLeft(p, p)],
  ['compare (C1): lhs and rhs have the same element type; got tensor<4x8xf32> and tensor<4x8xi32>', ({ x, n }) => s.compare(x, n, 'LT')],
  ['compare (C2): lhs and rhs have the same shape; got tensor<4x8xf32> and tensor<f32>', ({ x }) => s.compare(x, zero(), 'LT')],
  ['compare (C3): the total order is one of floats; got tensor<4x8xi32>', ({ n }) => s.compare(n, n, 'LT', { totalOrder: true })],
  ['select (I1): pred is of type i1; got tensor<4x8xi32>', ({ x, n }) => s.select(n, x, x)],
  ['select (C1): pred is one i1 or has the shape of onTrue; got tensor<4x8xi1> and tensor<4xf32>', ({ p }) => s.select(p, zero(f32(4)), 0)],
  ['select (C2): onTrue and onFalse have the same type; got tensor<4x8xf32> and tensor<4x8xi32>', ({ p, x, n }) => s.select(p, x, n)],
  [
    'clamp (C1): min is a scalar or has the shape of operand; got tensor<4xf32> and tensor<4x8xf32>',
    ({ x }) => s.clamp(zero(f32(4)), x, 1),
  ],
  [
    'clamp (C2): max is a scalar or has the shape of operand; got tensor<4xf32> and tensor<4x8xf32>',
    ({ x }) => s.clamp(0, x, zero(f32(4))),
  ],
  [
    'clamp (C3): min, operand and max have the same element type; got tensor<i32> and tensor<4x8xf32> and tensor<f32>',
    ({ x }) => s.clamp(zero(i32()), x, 1),
  ],
  ['bitcast_convert (C1): to i64, the last dimension is 2; got tensor<4x8xi32>', ({ n }) => s.bitcastConvert(n, 'i64')],
  ['bitcast_convert (C1): an i1 is one bit and stays i1; got tensor<4x8xi1> to i8', ({ p }) => s.bitcastConvert(p, 'i8')],
  ['constant (C1): a list has a value for each of the 2 elements of tensor<2xf32>; got 3', () => s.constant([1, 2, 3], f32(2))],
  [
    'constant (C1): a constant of f32 comes from a list of numbers or a Float32Array; got a Float64Array',
    () => s.constant(new Float64Array(2), f32(2)),
  ],
  [
    'constant (C1): a value of ui8 is a whole number from 0 to 255 (past 2^53, a bigint); got 256',
    () => s.constant(256, tensor('ui8', [])),
  ],
  [
    'constant (C1): a value of i8 is a whole number from -128 to 127 (past 2^53, a bigint); got 0.5',
    () => s.constant([0, 0.5], tensor('i8', [2])),
  ],
  ['constant (C1): a value of f32 is a number; got bigint 1', () => s.constant(1n, f32())],
  [
    'constant: at most 2^27 bytes; make larger data an input of the program; got tensor<134217729xui8>',
    () => s.constant(new Uint8Array(2 ** 27 + 1), tensor('ui8', [2 ** 27 + 1])),
  ],
  ['constant (C1): an i1 is true or false; got 2', () => s.constant(2, i1())],
  ['iota (output): the result is of integer or float type; got tensor<2xi1>', () => s.iota(i1(2), 0)],
  ['iota (C1): 0 <= dimension < 1; got [1]', () => s.iota(i32(4), 1)],
  ['broadcast_in_dim (C2): dimensions has 2 entries; got [0]', ({ x }) => s.broadcastInDim(x, [4, 8], [0])],
  ['broadcast_in_dim (C3): 0 <= dimensions < 2; got [0, 2]', ({ x }) => s.broadcastInDim(x, [4, 8], [0, 2])],
  ['broadcast_in_dim (C4): dimensions do not repeat; got [0, 0]', ({ x }) => s.broadcastInDim(x, [4, 8], [0, 0])],
  ["broadcast_in_dim (C5): a dimension is 1 or the result's: [8, 4]; got [4, 8]", ({ x }) => s.broadcastInDim(x, [4, 8], [1, 0])],
  ['reshape (C2): the result has as many elements as operand; got tensor<4x8xf32> to tensor<31xf32>', ({ x }) => s.reshape(x, [31])],
  ['transpose (C2): permutation is one of the 2 axes of operand; got [0, 0]', ({ x }) => s.transpose(x, [0, 0])],
  ['reverse (C2): dimensions do not repeat; got [1, 1]', ({ x }) => s.reverse(x, [1, 1])],
  ['reverse (C3): 0 <= dimensions < 2; got [-1]', ({ x }) => s.reverse(x, [-1])],
  ['slice (C2): limit has whole numbers; got [4, 7.5]', ({ x }) => s.slice(x, { start: [0, 0], limit: [4, 7.5] })],
  ['slice (C2): limit has 2 entries; got [4]', ({ x }) => s.slice(x, { start: [0, 0], limit: [4] })],
  ['slice (C3): 0 <= start <= limit <= [4, 8]; got start [0, 0], limit [4, 9]', ({ x }) => s.slice(x, { start: [0, 0], limit: [4, 9] })],
  ['slice (C4): strides are 1 or more; got [1, 0]', ({ x }) => s.slice(x, { start: [0, 0], limit: [4, 8], strides: [1, 0] })],
  [
    'dynamic_slice (I2): start is of integer scalars; got tensor<i32> and tensor<f32>',
    ({ x }) => s.dynamicSlice(x, [zero(i32()), zero()], [1, 1]),
  ],
  ['dynamic_slice (C2): start has 2 entries; got [0]', ({ x }) => s.dynamicSlice(x, [0], [1, 1])],
  [
    'dynamic_slice (C3): the start indices have one type; got tensor<i32> and tensor<i64>',
    ({ x }) => s.dynamicSlice(x, [zero(i32()), zero(tensor('i64', []))], [1, 1]),
  ],
  ['dynamic_slice (C4): 0 <= sizes <= [4, 8]; got [5, 1]', ({ x }) => s.dynamicSlice(x, [0, 0], [5, 1])],
  [
    'dynamic_update_slice (C2): operand and update have the same element type; got tensor<4x8xf32> and tensor<4x8xi32>',
    ({ x, n }) => s.dynamicUpdateSlice(x, n, [0, 0]),
  ],
  [
    'dynamic_update_slice (C3): operand and update have the same rank; got tensor<4x8xf32> and tensor<8xf32>',
    ({ x }) => s.dynamicUpdateSlice(x, zero(f32(8)), [0, 0]),
  ],
  ['dynamic_update_slice (C4): start has 2 entries; got [0]', ({ x }) => s.dynamicUpdateSlice(x, x, [0])],
  [
    'dynamic_update_slice (C6): update fits in operand; got tensor<4x8xf32> and tensor<5x1xf32>',
    ({ x }) => s.dynamicUpdateSlice(x, zero(f32(5, 1)), [0, 0]),
  ],
  ['concatenate (C1): inputs have one element type; got tensor<4x8xf32> and tensor<4x8xi32>', ({ x, n }) => s.concatenate([x, n], 0)],
  [
    'concatenate (C2): inputs have the same shape but along dimension 0; got tensor<4x8xf32> and tensor<4x7xf32>',
    ({ x }) => s.concatenate([x, zero(f32(4, 7))], 0),
  ],
  ['concatenate (C3): there is at least one input; got none', () => s.concatenate([], 0)],
  ['concatenate (C4): 0 <= dimension < 2; got [2]', ({ x }) => s.concatenate([x], 2)],
  ['pad (I2): value is a scalar; got tensor<1xf32>', ({ x }) => s.pad(x, zero(f32(1)), { low: [0, 0], high: [0, 0] })],
  [
    'pad (C1): operand and value have the same element type; got tensor<4x8xf32> and tensor<i32>',
    ({ x }) => s.pad(x, zero(i32()), { low: [0, 0], high: [0, 0] }),
  ],
  ['pad (C2): high has 2 entries; got [0]', ({ x }) => s.pad(x, 0, { low: [0, 0], high: [0] })],
  ['pad (C3): interior is 0 or more; got [0, -1]', ({ x }) => s.pad(x, 0, { low: [0, 0], high: [0, 0], interior: [0, -1] })],
  ['pad (C4): what is taken away was there; got [-1, 8]', ({ x }) => s.pad(x, 0, { low: [-5, 0], high: [0, 0] })],
  [
    'reduce (C1): inputs have one shape; got tensor<4x8xf32> and tensor<4xf32>',
    ({ x }) => s.reduce({ x, y: zero(f32(4)) }, { x: 0, y: 0 }, [0], (a) => a),
  ],
  [
    "reduce (C2): an initial value is a scalar of its input's element type; got tensor<i32> for tensor<4x8xf32>",
    ({ x }) => s.reduce(x, zero(i32()), [0], s.add),
  ],
  ['reduce (C4): 0 <= dimensions < 2; got [2]', ({ x }) => s.sum(x, [2])],
  ['reduce (C5): dimensions do not repeat; got [0, 0]', ({ x }) => s.max(x, [0, 0])],
  ['reduce (C6): body returns tensor<f32>; got tensor<i1>', ({ x }) => s.reduce(x, 0, [0], (a, b) => s.compare(a, b, 'LT'))],
  [
    'dot_general (C1): lhs and rhs have as many batching dimensions; got [0] and []',
    ({ x }) => s.dotGeneral(x, x, { batchingDims: [[0], []], contractingDims: [[1], [1]] }),
  ],
  [
    'dot_general (C2): lhs and rhs have as many contracting dimensions; got [1] and []',
    ({ x }) => s.dotGeneral(x, x, { contractingDims: [[1], []] }),
  ],
  [
    'dot_general (C3): dimensions of lhs do not repeat; got [1, 1]',
    ({ x }) => s.dotGeneral(x, x, { batchingDims: [[1], [0]], contractingDims: [[1], [1]] }),
  ],
  ['dot_general (C8): 0 <= contracting dimensions of rhs < 2; got [2]', ({ x }) => s.dotGeneral(x, x, { contractingDims: [[1], [2]] })],
  [
    'dot_general (C9): batching dimensions have equal sizes; got 4 and 8',
    ({ x }) => s.dotGeneral(x, x, { batchingDims: [[0], [1]], contractingDims: [[], []] }),
  ],
  [
    'dot_general (C10): contracting dimensions have equal sizes; got 8 and 4',
    ({ x }) => s.dotGeneral(x, x, { contractingDims: [[1], [0]] }),
  ],
  [
    'dot_general (C13): lhs and rhs have the same element type; got tensor<4x8xf32> and tensor<4x8xi32>',
    ({ x, n }) => s.dotGeneral(x, n, { contractingDims: [[1], [1]] }),
  ],
  ['gather (I2): indices are of integer type; got tensor<4x8xf32>', ({ x }) => s.gather(x, x, rows)],
  [
    "gather (C1): operand's rank, 2, is the number of offset_dims, collapsed_slice_dims, operand_batching_dims; got [1], [], []",
    ({ x }) => s.gather(x, at(), { ...rows, collapsedSliceDims: [] }),
  ],
  ['gather (C3): start_index_map has 1 entry; got [0, 1]', ({ x }) => s.gather(x, at(), { ...rows, startIndexMap: [0, 1] })],
  ['gather (C9): sliceSizes are at most 1 along [0]; got [2, 8]', ({ x }) => s.gather(x, at(), { ...rows, sliceSizes: [2, 8] })],
  ['gather (C21): 0 <= sliceSizes <= [4, 8]; got [1, 9]', ({ x }) => s.gather(x, at(), { ...rows, sliceSizes: [1, 9] })],
  ['scatter (C4): updates are [5, 8], or smaller along [1]; got tensor<4x8xf32>', ({ x }) => s.scatter(x, at(), x, put)],
  [
    'scatter (C6): operand and updates have the same element type; got tensor<4x8xf32> and tensor<5x8xi32>',
    ({ x }) => s.scatter(x, at(), zero(i32(5, 8)), put),
  ],
  [
    'scatter (C19): scatter_dims_to_operand_dims has 1 entry; got []',
    ({ x }) => s.scatter(x, at(), x, { ...put, scatterDimsToOperandDims: [] }),
  ],
  ['scatter (C22): 0 <= index_vector_dim < 3; got [3]', ({ x }) => s.scatter(x, at(), x, { ...put, indexVectorDim: 3 })],
  [
    'scatter (C23): body returns tensor<f32>; got tensor<i1>',
    ({ x }) => s.scatter(x, at(), zero(f32(5, 8)), put, (a, b) => s.compare(a, b, 'LT')),
  ],
  [
    'while (C1): condition returns tensor<i1>; got tensor<4x8xf32>',
    ({ x }) =>
      s.whileLoop(
        { x },
        (state) => state.x,
        (state) => state,
      ),
  ],
  [
    'while (C2): body returns tensor<4x8xf32>; got tensor<f32>',
    ({ x }) =>
      s.whileLoop(
        { x },
        () => zero(i1()),
        () => ({ x: zero() }),
      ),
  ],
  [
    'while (C2): body returns x; got y',
    ({ x }) =>
      s.whileLoop<s.Bundle>(
        { x },
        () => s.constant(false, i1()),
        () => ({ y: x }),
      ),
  ],
  ['case (I1): index is a tensor<i32>; got tensor<f32>', ({ x }) => s.caseOf(zero(), [() => x])],
  ['case (C1): there is at least one branch; got none', () => s.caseOf(zero(i32()), [])],
  ['case (C3): branch 1 returns tensor<4x8xf32>; got tensor<4x8xi32>', ({ x, n }) => s.caseOf(zero(i32()), [() => x, () => n])],
  [
    'if (I1): pred is a tensor<i1>; got tensor<4x8xi1>',
    ({ p, x }) =>
      s.ifElse(
        p,
        () => x,
        () => x,
      ),
  ],
  [
    'if (C2): branch 1 returns a, b; got a',
    ({ x }) =>
      s.ifElse<s.Bundle>(
        s.constant(true, i1()),
        () => ({ a: x, b: x }),
        () => ({ a: x }),
      ),
  ],
  [
    'custom_call (I4): backend_config is a dictionary in api_version 4, and text before; got string in 4',
    () => s.customCall('f', [], { results: [], backendConfig: '', apiVersion: 4 }),
  ],
  [
    'custom_call (I7): 0 <= aliased operands < 0; got [0]',
    () => s.customCall('f', [], { results: [f32()], outputOperandAliases: [[0, 0]] }),
  ],
  [
    'custom_call: layouts are given for operands and results or for neither; got one of them',
    () => s.customCall('f', [], { results: [f32()], resultLayouts: [[]] }),
  ],
  [
    'custom_call: there is a layout for each result, an order of its axes; got [[0,0]] for tensor<4x8xf32>',
    () => s.customCall('f', [], { results: [f32(4, 8)], operandLayouts: [], resultLayouts: [[0, 0]] }),
  ],
];

describe('a rule that is broken is named', () => {
  test.each(broken)('%s', (message, body) => {
    const build = () =>
      s.program('p', { x: f32(4, 8), n: i32(4, 8), p: i1(4, 8) }, (args) => {
        body(args);
        return {};
      });
    expect(build).toThrow(new ShapeError(message));
  });

  const outside = /^an operand comes from the body that uses it .* operand 0 of stablehlo.negate comes from another program/;

  test('a value from another program', () => {
    let other: s.Tensor | undefined;
    s.program('a', { x: f32() }, ({ x }) => {
      other = x;
      return { x };
    });
    expect(() => s.program('b', {}, () => ({ y: s.negate(other as s.Tensor) }))).toThrow(outside);
  });

  test('a value from a body that has ended', () => {
    const leak = ({ x }: { x: s.Tensor }) => {
      let inner = x;
      s.ifElse(
        s.constant(true, i1()),
        () => (inner = s.exponential(x)),
        () => x,
      );
      return { y: s.negate(inner) };
    };
    expect(() => s.program('p', { x: f32() }, leak)).toThrow(outside);
  });

  test("a value from around a reduction's body", () => {
    expect(() =>
      s.program('p', { x: f32(4), c: f32() }, ({ x, c }) => ({
        y: s.reduce(x, 0, [0], (a, b) => s.add(a, s.add(b, s.negate(c)))),
      })),
    ).toThrow(outside);
  });

  test('an operation outside of a program', () => {
    expect(() => s.constant(0, f32())).toThrow("an operation is made inside a program's body; stablehlo.constant was made outside of one");
  });

  test('a port that cannot be named, an output that is no tensor, a type that is none', () => {
    const rule = 'is a letter or _ and then letters, digits and _; got';
    expect(() => s.program('p', { 'a b': f32() }, () => ({}))).toThrow(`the name of an input ${rule} "a b"`);
    expect(() => s.program('p', { x: f32() }, ({ x }) => ({ '0': x }))).toThrow(`the name of an output ${rule} "0"`);
    expect(() => s.program('p', {}, () => ({ y: 1 as never }))).toThrow('an output is a tensor of the program; y is 1');
    expect(() => s.program('p', { x: { dtype: 'f32', shape: [-1] } }, ({ x }) => ({ x }))).toThrow(ShapeError);
  });

  test('a program that fails leaves nothing behind', () => {
    expect(() => s.program('p', {}, () => ({ y: s.add(1, 2) }))).toThrow(ShapeError);
    expect(() => s.constant(0, f32())).toThrow('outside of one');
  });
});
