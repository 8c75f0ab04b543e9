/** Builders of references' windows, of vector and scalar access, of copies between memories, and of marks. */
import { attr } from '../mlir';
import { asIndex, constant } from './math';
import { memory } from './memory';
import { make, one } from './row';
import { type Ref, ref, scalar, shapeOf, type V, vector } from './types';

/** A window of a reference; `sizes` in elements, offsets in elements. */
export function slice(source: V, offsets: readonly (V | number)[], sizes: readonly number[]): V {
  const type = source.type as Ref;
  const operands = offsets.map((offset) => (typeof offset === 'number' ? constant(offset) : offset));
  return one(memory.slice, [source, ...operands], ref(type.space, type.element, sizes), {
    operandSegmentSizes: attr.array([1, offsets.length, 0], 'i32'),
  });
}

/** Drops dimensions of size 1 until `shape` is left. */
export function squeeze(source: V, shape: readonly number[]): V {
  const type = source.type as Ref;
  return one(memory.squeeze, [source], ref(type.space, type.element, shape));
}

const zeros = (shape: readonly number[]) => shape.map(() => 0);

/** Part of a reference in vector memory: `shape` places from `at` on (zeros by default), as a vector of that shape. */
export function load(source: V, shape: readonly number[] = shapeOf(source.type), at: readonly (V | number)[] = zeros(shape)): V {
  return one(memory.load, [source, ...at.map(asIndex)], vector(source.type.element, shape));
}

export function store(value: V, target: V, at: readonly (V | number)[] = zeros(shapeOf(target.type))): void {
  make(memory.store, [value, target, ...at.map(asIndex)], [], {
    operandSegmentSizes: attr.array([1, 1, at.length, 0], 'i32'),
    strides: attr.array([], 'i32'),
  });
}

const places = (at: V | number | readonly (V | number)[]) => (Array.isArray(at) ? at : [at as V | number]).map(asIndex);

/** A scalar in scalar memory; `at` is its index, or one a dimension. */
export function loadScalar(source: V, at: V | number | readonly (V | number)[]): V {
  return one(memory.loadScalar, [source, ...places(at)], scalar(source.type.element));
}

export function storeScalar(value: V | number, target: V, at: V | number | readonly (V | number)[]): void {
  const stored = typeof value === 'number' ? constant(value, scalar(target.type.element)) : value;
  make(memory.storeScalar, [stored, target, ...places(at)], []);
}

/** Marks are stores of this number and their own: constants that no other part of a kernel has. */
export const firstMark = 0x6d700000;

/**
 * Stores a constant in scalar memory, to tell the parts of a kernel in the compiler's schedule (there: `smov.u32` of the constant, and an
 * `sst` of that register; libtpu 0.0.52 keeps both). `target` is i32 [1] or longer.
 */
export const mark = (target: V, k: number): void => storeScalar(firstMark + k, target, 0);

/** Starts a copy between references of one shape, in HBM or vector memory; `semaphore` counts its end. */
export function startCopy(source: V, target: V, semaphore: V): void {
  make(memory.startCopy, [source, target, semaphore], [], {
    operandSegmentSizes: attr.array([1, 0, 1, 1, 0, 0], 'i32'),
    priority: attr.integer(0, 'i32'),
  });
}

/** Waits for a copy of that size to end. */
export function waitCopy(source: V, target: V, semaphore: V): void {
  make(memory.waitCopy, [semaphore, source, target], [], { operandSegmentSizes: attr.array([1, 1, 1, 0, 0], 'i32') });
}

/** The value, known to the compiler as a multiple of `multiple` (an offset must be one where it cannot see it). */
export function assumeMultiple(value: V, multiple: number): V {
  return one(memory.assumeMultiple, [value], value.type, { multiple: attr.integer(multiple, 'i32') });
}
