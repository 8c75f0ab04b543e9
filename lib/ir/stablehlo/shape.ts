/** Operations that move elements and compute nothing: broadcast, reshape, transpose, slices, concatenation, padding. */
import { type TensorType, sizeOf, tensor, typeText } from '../../types';
import { attr } from '../mlir';
import { lift } from './constant';
import { type Operand, type Tensor, broken, checkAxes, checkCount, checkUnique, isTensor, kindOf, list, op, scalarOf, types } from './core';

/** `operand` in a larger shape: its axis `i` becomes axis `dimensions[i]` of the result; an axis of size 1, and every new one, repeats. */
export function broadcastInDim(operand: Tensor, shape: readonly number[], dimensions: readonly number[] = []): Tensor {
  const from = operand.type.shape;
  checkCount('broadcast_in_dim', 'C2', 'dimensions', dimensions, from.length);
  checkAxes('broadcast_in_dim', 'C3', 'dimensions', dimensions, shape.length);
  checkUnique('broadcast_in_dim', 'C4', 'dimensions', dimensions);
  if (!from.every((n, i) => n === 1 || n === shape[dimensions[i]]))
    broken('broadcast_in_dim', 'C5', `a dimension is 1 or the result's: ${list(dimensions.map((d) => shape[d]))}`, list(from));
  return op('broadcast_in_dim', [operand], tensor(operand.type.dtype, shape), { broadcast_dimensions: attr.array(dimensions) });
}

/** The same elements, row-major, in another shape. */
export function reshape(operand: Tensor, shape: readonly number[]): Tensor {
  const result = tensor(operand.type.dtype, shape);
  if (sizeOf(result) !== sizeOf(operand.type))
    broken('reshape', 'C2', 'the result has as many elements as operand', `${typeText(operand.type)} to ${typeText(result)}`);
  return op('reshape', [operand], result);
}

/** Axis `i` of the result is axis `permutation[i]` of `operand`. */
export function transpose(operand: Tensor, permutation: readonly number[]): Tensor {
  const { dtype, shape } = operand.type;
  const sorted = [...permutation].sort((a, b) => a - b);
  if (sorted.length !== shape.length || sorted.some((d, i) => d !== i))
    broken('transpose', 'C2', `permutation is one of the ${shape.length} axes of operand`, list(permutation));
  const result = tensor(
    dtype,
    permutation.map((d) => shape[d]),
  );
  return op('transpose', [operand], result, { permutation: attr.array(permutation) });
}

/** `operand` back to front along `dimensions`. */
export function reverse(operand: Tensor, dimensions: readonly number[]): Tensor {
  checkUnique('reverse', 'C2', 'dimensions', dimensions);
  checkAxes('reverse', 'C3', 'dimensions', dimensions, operand.type.shape.length);
  return op('reverse', [operand], operand.type, { dimensions: attr.array(dimensions) });
}

export interface SliceOptions {
  readonly start: readonly number[];
  /** One past the last. */
  readonly limit: readonly number[];
  /** 1 everywhere unless given. */
  readonly strides?: readonly number[];
}

/** Elements `start`, `start + strides`, ... below `limit`, along each axis. */
export function slice(operand: Tensor, { start, limit, strides = start.map(() => 1) }: SliceOptions): Tensor {
  const { dtype, shape } = operand.type;
  for (const [what, values] of Object.entries({ start, limit, strides })) checkCount('slice', 'C2', what, values, shape.length);
  if (!shape.every((n, i) => 0 <= start[i] && start[i] <= limit[i] && limit[i] <= n))
    broken('slice', 'C3', `0 <= start <= limit <= ${list(shape)}`, `start ${list(start)}, limit ${list(limit)}`);
  if (!strides.every((step) => step > 0)) broken('slice', 'C4', 'strides are 1 or more', list(strides));
  const result = tensor(
    dtype,
    shape.map((_, i) => Math.ceil((limit[i] - start[i]) / strides[i])),
  );
  return op('slice', [operand], result, {
    start_indices: attr.array(start),
    limit_indices: attr.array(limit),
    strides: attr.array(strides),
  });
}

/**
 * `sizes` elements from `start`, one integer scalar an axis, known when the program runs (a number is a constant). A start that would
 * reach past the end is moved back so that it does not.
 */
export function dynamicSlice(operand: Tensor, start: readonly Operand[], sizes: readonly number[]): Tensor {
  const { dtype, shape } = operand.type;
  checkCount('dynamic_slice', 'C2', 'start', start, shape.length);
  checkCount('dynamic_slice', 'C2', 'sizes', sizes, shape.length);
  const indices = startIndices('dynamic_slice', 'I2', 'C3', start);
  if (!shape.every((n, i) => 0 <= sizes[i] && sizes[i] <= n)) broken('dynamic_slice', 'C4', `0 <= sizes <= ${list(shape)}`, list(sizes));
  return op('dynamic_slice', [operand, ...indices], tensor(dtype, sizes), { slice_sizes: attr.array(sizes) });
}

/** `operand` with `update` written over it from `start`, which is as in dynamicSlice. */
export function dynamicUpdateSlice(operand: Tensor, update: Tensor, start: readonly Operand[]): Tensor {
  const { dtype, shape } = operand.type;
  const small = update.type.shape;
  if (update.type.dtype !== dtype)
    broken('dynamic_update_slice', 'C2', 'operand and update have the same element type', types([operand, update]));
  if (small.length !== shape.length)
    broken('dynamic_update_slice', 'C3', 'operand and update have the same rank', types([operand, update]));
  checkCount('dynamic_update_slice', 'C4', 'start', start, shape.length);
  const indices = startIndices('dynamic_update_slice', 'I3', 'C5', start);
  if (!small.every((n, i) => n <= shape[i])) broken('dynamic_update_slice', 'C6', 'update fits in operand', types([operand, update]));
  return op('dynamic_update_slice', [operand, update, ...indices], operand.type);
}

function startIndices(name: string, input: string, label: string, start: readonly Operand[]): Tensor[] {
  const dtype = start.find(isTensor)?.type.dtype ?? 'i32';
  const indices = start.map((index) => lift(index, scalarOf(dtype)));
  if (!indices.every(({ type }) => type.shape.length === 0 && /signed/.test(kindOf(type.dtype))))
    broken(name, input, 'start is of integer scalars', types(indices));
  if (!indices.every(({ type }) => type.dtype === dtype)) broken(name, label, 'the start indices have one type', types(indices));
  return indices;
}

/** `inputs` one after the other along `dimension`. */
export function concatenate(inputs: readonly Tensor[], dimension: number): Tensor {
  if (!inputs.length) broken('concatenate', 'C3', 'there is at least one input', 'none');
  const { dtype, shape } = inputs[0].type;
  if (!inputs.every(({ type }) => type.dtype === dtype)) broken('concatenate', 'C1', 'inputs have one element type', types(inputs));
  checkAxes('concatenate', 'C4', 'dimension', [dimension], shape.length);
  const fits = (type: TensorType) => type.shape.length === shape.length && type.shape.every((n, i) => i === dimension || n === shape[i]);
  if (!inputs.every(({ type }) => fits(type)))
    broken('concatenate', 'C2', `inputs have the same shape but along dimension ${dimension}`, types(inputs));
  const size = inputs.reduce((sum, { type }) => sum + type.shape[dimension], 0);
  const result = tensor(
    dtype,
    shape.map((n, i) => (i === dimension ? size : n)),
  );
  return op('concatenate', inputs, result, { dimension: attr.integer(dimension) });
}

export interface PadOptions {
  /** Elements added before the first; negative takes away. */
  readonly low: readonly number[];
  /** Elements added after the last; negative takes away. */
  readonly high: readonly number[];
  /** Elements added between each two: 0 unless given. */
  readonly interior?: readonly number[];
}

/** `operand` with `value` put around it and between its elements. */
export function pad(operand: Tensor, value: Operand, { low, high, interior = low.map(() => 0) }: PadOptions): Tensor {
  const { dtype, shape } = operand.type;
  const filler = lift(value, scalarOf(dtype));
  if (filler.type.shape.length) broken('pad', 'I2', 'value is a scalar', typeText(filler.type));
  if (filler.type.dtype !== dtype) broken('pad', 'C1', 'operand and value have the same element type', types([operand, filler]));
  for (const [what, values] of Object.entries({ low, high, interior })) checkCount('pad', 'C2', what, values, shape.length);
  if (!interior.every((n) => n >= 0)) broken('pad', 'C3', 'interior is 0 or more', list(interior));
  const padded = shape.map((n, i) => n + low[i] + Math.max(n - 1, 0) * interior[i] + high[i]);
  if (!padded.every((n) => n >= 0)) broken('pad', 'C4', 'what is taken away was there', list(padded));
  return op('pad', [operand, filler], tensor(dtype, padded), {
    edge_padding_low: attr.array(low),
    edge_padding_high: attr.array(high),
    interior_padding: attr.array(interior),
  });
}
