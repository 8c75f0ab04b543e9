/**
 * Mosaic, the TPU kernel dialect, as typed builders: scalars, vectors and memory references, and the operations on them that attention
 * needs. Operations are those of jaxlib's `tpu` dialect and MLIR's arith, math, vector, scf and memref (jax-ml/jax,
 * jaxlib/mosaic/dialect/tpu/tpu_ops.td); the frame of a kernel (grid, windows, scratch) is kernel.ts.
 *
 * Text is printed at dialect version 7, the lowest in which `tpu.wait_dma2`, `tpu.iota` and `vector.multi_reduction` have the form used here
 * (jaxlib/mosaic/dialect/tpu/transforms/serde.cc). libtpu takes every version up to its own: 0.0.21 up to 7, 0.0.30 up to 9, 0.0.52 up to 15.
 */
import { ShapeError } from '../errors';
import { attr, type Block, emit, floatText, region, shared, type Value } from './mlir';

export const version = 7;

export type Element = 'i1' | 'i32' | 'index' | 'f32' | 'bf16' | 'dma_semaphore';
/** HBM left to the compiler's choice (`any`), vector memory, scalar memory, semaphores. */
export type Space = 'any' | 'vmem' | 'smem' | 'semaphore_mem';
export interface Scalar {
  readonly kind: 'scalar';
  readonly element: Element;
}
export interface Vector {
  readonly kind: 'vector';
  readonly element: Element;
  readonly shape: readonly number[];
}
export interface Ref {
  readonly kind: 'ref';
  readonly element: Element;
  readonly shape: readonly number[];
  readonly space: Space;
}
export type MosaicType = Scalar | Vector | Ref;
/** A value of the kernel: scalar, vector or reference. */
export type V = Value<MosaicType>;

export const scalar = (element: Element): Scalar => ({ kind: 'scalar', element });
export const vector = (element: Element, shape: readonly number[]): Vector => ({ kind: 'vector', element, shape });
export const ref = (space: Space, element: Element, shape: readonly number[]): Ref => ({ kind: 'ref', element, shape, space });
const i32 = scalar('i32');
const index = scalar('index');

/** The MLIR text of a type. */
export function spell(type: MosaicType): string {
  const element = type.element === 'dma_semaphore' ? '!tpu.dma_semaphore' : type.element;
  if (type.kind === 'scalar') return element;
  const body = [...type.shape, element].join('x');
  return type.kind === 'vector' ? `vector<${body}>` : `memref<${body}, #tpu.memory_space<${type.space}>>`;
}

function op(name: string, operands: readonly V[], result: MosaicType, attributes?: Record<string, string>): V {
  return emit(`stable_mosaic.${name}`, operands, [result], attributes)[0];
}

function effect(name: string, operands: readonly V[], attributes?: Record<string, string>, regions?: readonly Block<MosaicType>[]): void {
  emit<MosaicType>(`stable_mosaic.${name}`, operands, [], attributes, regions);
}

/** A scalar, or a vector with one value in every place. */
export function constant(value: number, type: MosaicType = i32): V {
  const { element } = type;
  const text = element === 'i1' ? String(value !== 0) : element === 'f32' || element === 'bf16' ? floatText(value, element) : String(value);
  const attributes = () => ({
    value: type.kind === 'vector' ? `dense<${text}> : ${spell(type)}` : element === 'i1' ? text : `${text} : ${element}`,
  });
  return shared('stable_mosaic.arith.constant', type, `${Object.is(value, -0) ? '-0' : value} ${spell(type)}`, attributes);
}

const noOverflowFlags = { overflowFlags: '#arith.overflow<none>' };
const noFastMath = { fastmath: '#arith.fastmath<none>' };

/** Binary operations on two values of one type: the operation's name on integers and on floats. Integer division truncates. */
const binaries = {
  add: { integer: 'arith.addi', float: 'arith.addf', flags: true },
  sub: { integer: 'arith.subi', float: 'arith.subf', flags: true },
  mul: { integer: 'arith.muli', float: 'arith.mulf', flags: true },
  div: { integer: 'arith.divsi', float: 'arith.divf' },
  rem: { integer: 'arith.remsi' },
  min: { integer: 'arith.minsi', float: 'arith.minimumf' },
  max: { integer: 'arith.maxsi', float: 'arith.maximumf' },
  and: { integer: 'arith.andi' },
  or: { integer: 'arith.ori' },
} as const;

function binary(name: keyof typeof binaries): (a: V, b: V | number) => V {
  const row: { integer: string; float?: string; flags?: boolean } = binaries[name];
  return (a, b) => {
    const [left, right] = alike(name, a, b);
    const isFloat = left.type.element === 'f32' || left.type.element === 'bf16';
    const operation = isFloat ? row.float : row.integer;
    if (!operation) throw new ShapeError(`mosaic ${name}: operands are integers; got ${spell(a.type)}`);
    return op(operation, [left, right], left.type, isFloat ? noFastMath : row.flags ? noOverflowFlags : undefined);
  };
}

/** Both operands in one type: a number becomes a constant, and a scalar, a row [1, n] or a column [n, 1] is spread over the other's shape. */
function alike(name: string, a: V, b: V | number): [V, V] {
  if (typeof b === 'number') return [a, constant(b, a.type)];
  if (spell(a.type) === spell(b.type)) return [a, b];
  const fits = (small: MosaicType, large: MosaicType) =>
    large.kind === 'vector' &&
    small.element === large.element &&
    (small.kind === 'scalar' ||
      (small.kind === 'vector' &&
        small.shape.length === large.shape.length &&
        small.shape.every((n, d) => n === 1 || n === large.shape[d])));
  if (fits(b.type, a.type)) return [a, broadcast(b, (a.type as Vector).shape)];
  if (fits(a.type, b.type)) return [broadcast(a, (b.type as Vector).shape), b];
  throw new ShapeError(
    `mosaic ${name}: both operands have one type, or one is a row, column or scalar of the other; got ${spell(a.type)} and ${spell(b.type)}`,
  );
}

export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');
/** Of the sign of `a`. */
export const rem = binary('rem');
export const min = binary('min');
export const max = binary('max');
export const and = binary('and');
export const or = binary('or');

/** Comparisons by predicate: signed integers, ordered floats (false on NaN). */
const predicates = { eq: [0, 1], ne: [1, 6], lt: [2, 4], le: [3, 5], gt: [4, 2], ge: [5, 3] } as const;

export function compare(predicate: keyof typeof predicates, a: V, b: V | number): V {
  const [left, right] = alike('compare', a, b);
  const isFloat = left.type.element === 'f32';
  const result: MosaicType = left.type.kind === 'vector' ? vector('i1', left.type.shape) : scalar('i1');
  const attributes = { predicate: attr.integer(predicates[predicate][isFloat ? 1 : 0]) };
  return op(isFloat ? 'arith.cmpf' : 'arith.cmpi', [left, right], result, isFloat ? { ...attributes, ...noFastMath } : attributes);
}

export const eq = (a: V, b: V | number): V => compare('eq', a, b);
export const lt = (a: V, b: V | number): V => compare('lt', a, b);
export const le = (a: V, b: V | number): V => compare('le', a, b);
export const gt = (a: V, b: V | number): V => compare('gt', a, b);
export const ge = (a: V, b: V | number): V => compare('ge', a, b);

export function not(condition: V): V {
  return op('arith.xori', [condition, constant(1, condition.type)], condition.type);
}

/** `condition ? a : b`, element by element where the condition is a vector. */
export function select(condition: V, a: V | number, b: V | number): V {
  const like = typeof a === 'number' ? (typeof b === 'number' ? i32 : b.type) : a.type;
  const value = (x: V | number) => (typeof x === 'number' ? constant(x, like) : x);
  return op('arith.select', [condition, value(a), value(b)], like);
}

export const exp2 = (x: V): V => op('math.exp2', [x], x.type, noFastMath);
export const log = (x: V): V => op('math.log', [x], x.type, noFastMath);
export const exp = (x: V): V => op('math.exp', [x], x.type, noFastMath);
export const log2 = (x: V): V => op('math.log2', [x], x.type, noFastMath);
export const tanh = (x: V): V => op('math.tanh', [x], x.type, noFastMath);
export const abs = (x: V): V => op('math.absf', [x], x.type, noFastMath);
export const neg = (x: V): V => op('arith.negf', [x], x.type, noFastMath);
/** 1 / x of an f32 vector, exact. */
export const reciprocal = (x: V): V => op('tpu.reciprocal', [x], x.type, { approx: 'false', full_range: 'true' });

const conversions: Record<string, string> = {
  'f32 bf16': 'arith.truncf',
  'bf16 f32': 'arith.extf',
  'i1 i32': 'arith.extui',
  'i32 f32': 'arith.sitofp',
  'f32 i32': 'arith.fptosi',
};

/** f32 to bf16, rounded to nearest even, bf16 to f32, i1 to i32 (0 or 1), i32 to f32, f32 to i32 (cut); the same value where the element is that already. */
export function convert(x: V, element: 'f32' | 'bf16' | 'i32'): V {
  if (x.type.element === element) return x;
  const operation = conversions[`${x.type.element} ${element}`];
  if (!operation)
    throw new ShapeError(`mosaic convert: conversions are ${Object.keys(conversions).join(', ')}; got ${x.type.element} ${element}`);
  return op(operation, [x], { ...x.type, element });
}

/** A scalar in every place of a vector, or a row [1, n] or column [n, 1] along the dimension that it has 1 of. */
export function broadcast(x: V, shape: readonly number[]): V {
  return op('vector.broadcast', [x], vector(x.type.element, shape));
}

/** [rows] as [rows, columns], each row's value in all of its columns. */
export function broadcastColumn(x: V, columns: number): V {
  const [rows] = vectorShape(x, 1);
  return op('vector.broadcast', [reshape(x, [rows, 1])], vector(x.type.element, [rows, columns]));
}

/** [1, columns] as [rows, columns], each column's value in all of its rows. */
export function broadcastRow(x: V, rows: number): V {
  const [, columns] = vectorShape(x, 2);
  return op('vector.broadcast', [x], vector(x.type.element, [rows, columns]));
}

/** i32 vector that holds each place's index in `dimension`. */
export function iota(shape: readonly number[], dimension: number): V {
  return op('tpu.iota', [], vector('i32', shape), { dimensions: attr.array([dimension], 'i32') });
}

export function reshape(x: V, shape: readonly number[]): V {
  return op('vector.shape_cast', [x], vector(x.type.element, shape));
}

export function transpose(x: V): V {
  const [rows, columns] = vectorShape(x, 2);
  return op('tpu.transpose', [x], vector(x.type.element, [columns, rows]), { permutation: attr.array([1, 0]) });
}

/** Maximum or sum of [rows, columns] along `axis`, its last or its first: f32 [rows] or [columns]. */
export function reduce(kind: 'maximumf' | 'minimumf' | 'add', x: V, axis: 0 | 1 = 1): V {
  const result = vector('f32', [vectorShape(x, 2)[1 - axis]]);
  const start = constant({ add: 0, maximumf: Number.NEGATIVE_INFINITY, minimumf: Number.POSITIVE_INFINITY }[kind], result);
  return op('vector.multi_reduction', [x, start], result, {
    kind: `#vector.kind<${kind}>`,
    reduction_dims: attr.array([axis]),
  });
}

/** Vectors one after the other along `axis`. */
export function concat(parts: readonly V[], axis: number): V {
  if (parts.length === 1) return parts[0];
  const [first] = parts.map((part) => part.type as Vector);
  for (const { type } of parts)
    if (type.kind !== 'vector' || type.element !== first.element || type.shape.some((n, d) => d !== axis && n !== first.shape[d]))
      throw new ShapeError(`mosaic concat: parts are alike but for axis ${axis}; got ${parts.map((part) => spell(part.type)).join(', ')}`);
  const total = parts.reduce((sum, { type }) => sum + (type as Vector).shape[axis], 0);
  const shape = first.shape.map((n, d) => (d === axis ? total : n));
  return op('tpu.concatenate', parts, vector(first.element, shape), { dimension: attr.integer(axis, 'i32') });
}

/** [rows, n] repeated along its columns to [rows, columns]; the last repetition is cut. */
export function tile(x: V, columns: number): V {
  const [rows, n] = vectorShape(x, 2);
  const times = Math.ceil(columns / n);
  const repeated =
    times === 1
      ? x
      : op('tpu.concatenate', Array<V>(times).fill(x), vector(x.type.element, [rows, times * n]), { dimension: attr.integer(1, 'i32') });
  return times * n === columns ? repeated : corner(repeated, [rows, columns]);
}

/** The first places of each dimension. */
export const corner = (x: V, sizes: readonly number[]): V =>
  part(
    x,
    sizes.map(() => 0),
    sizes,
  );

/** `sizes` places of a vector from `offsets` on. */
export function part(x: V, offsets: readonly number[], sizes: readonly number[]): V {
  const shape = vectorShape(x, sizes.length);
  if (sizes.some((n, d) => offsets[d] < 0 || offsets[d] + n > shape[d]))
    throw new ShapeError(`mosaic part: a part lies within ${spell(x.type)}; got offsets [${offsets}] and sizes [${sizes}]`);
  return op('vector.extract_strided_slice', [x], vector(x.type.element, sizes), {
    offsets: attr.list(offsets.map((n) => attr.integer(n))),
    sizes: attr.list(sizes.map((n) => attr.integer(n))),
    strides: attr.list(sizes.map(() => attr.integer(1))),
  });
}

/**
 * [m, k] by [k, n] as f32 [m, n]; a transposed left side is [k, m], a transposed right side [n, k]. Accumulates in f32 from `acc`, or zero. f32
 * operands are multiplied at full precision (the MXU alone would round them to bf16).
 */
export function matmul(
  a: V,
  b: V,
  options: boolean | { readonly transposeLeft?: boolean; readonly transposeRight?: boolean; readonly acc?: V } = {},
): V {
  const { transposeLeft = false, transposeRight = false, acc } = typeof options === 'boolean' ? { transposeRight: options } : options;
  const [left, right] = [vectorShape(a, 2), vectorShape(b, 2)];
  const [k, inner] = [transposeLeft ? 0 : 1, transposeRight ? 1 : 0];
  if (left[k] !== right[inner] || a.type.element !== b.type.element)
    throw new ShapeError(
      `mosaic matmul: contracting sizes and elements agree; got ${spell(a.type)} and ${spell(b.type)}, contracted along ${k} and ${inner}`,
    );
  const result = vector('f32', [left[1 - k], right[1 - inner]]);
  if (acc && spell(acc.type) !== spell(result)) throw new ShapeError(`mosaic matmul: acc is ${spell(result)}; got ${spell(acc.type)}`);
  return op('tpu.matmul', [a, b, acc ?? constant(0, result)], result, {
    dimension_numbers: `#tpu.dot_dimension_numbers<[${k}], [${inner}], [${1 - k}], [${1 - inner}], [0, ${1 - k}, 1, ${1 - inner}], [], []>`,
    ...(a.type.element === 'f32' ? { precision: '#tpu.contract_precision<fp32>' } : {}),
    transpose_lhs: 'false',
    transpose_rhs: 'false',
  });
}

/** A window of a reference; `sizes` in elements, offsets in elements. */
export function slice(source: V, offsets: readonly (V | number)[], sizes: readonly number[]): V {
  const type = source.type as Ref;
  const operands = offsets.map((offset) => (typeof offset === 'number' ? constant(offset) : offset));
  return op('tpu.memref_slice', [source, ...operands], ref(type.space, type.element, sizes), {
    operandSegmentSizes: attr.array([1, offsets.length, 0], 'i32'),
  });
}

/** Drops leading dimensions of size 1 until `shape` is left. */
export function squeeze(source: V, shape: readonly number[]): V {
  const type = source.type as Ref;
  return op('tpu.memref_squeeze', [source], ref(type.space, type.element, shape));
}

const asIndex = (i: V | number): V => (typeof i === 'number' ? constant(i, index) : op('arith.index_cast', [i], index));

/** Part of a reference in vector memory: `shape` places from `at` on (zeros by default), as a vector of that shape. */
export function load(
  source: V,
  shape: readonly number[] = (source.type as Ref).shape,
  at: readonly (V | number)[] = shape.map(() => 0),
): V {
  return op('vector.load', [source, ...at.map(asIndex)], vector(source.type.element, shape));
}

export function store(value: V, target: V, at: readonly (V | number)[] = (target.type as Ref).shape.map(() => 0)): void {
  effect('tpu.vector_store', [value, target, ...at.map(asIndex)], {
    operandSegmentSizes: attr.array([1, 1, at.length, 0], 'i32'),
    strides: attr.array([], 'i32'),
  });
}

/** A scalar in scalar memory; `at` is its index, or one a dimension. */
export function loadScalar(source: V, at: V | number | readonly (V | number)[]): V {
  return op('memref.load', [source, ...places(at)], scalar(source.type.element));
}

export function storeScalar(value: V | number, target: V, at: V | number | readonly (V | number)[]): void {
  effect('memref.store', [typeof value === 'number' ? constant(value, scalar(target.type.element)) : value, target, ...places(at)]);
}

const places = (at: V | number | readonly (V | number)[]) => (Array.isArray(at) ? at : [at as V | number]).map(asIndex);

/** Marks are stores of this number and their own: constants that no other part of a kernel has. */
export const firstMark = 0x6d700000;

/** Stores a constant in scalar memory, to tell the parts of a kernel in the compiler's schedule. `target` is i32 [1] or longer. */
export const mark = (target: V, k: number): void => storeScalar(firstMark + k, target, 0);

/** Starts a copy; `semaphore` counts its end. */
export function startCopy(source: V, target: V, semaphore: V): void {
  effect('tpu.enqueue_dma', [source, target, semaphore], {
    operandSegmentSizes: attr.array([1, 0, 1, 1, 0, 0], 'i32'),
    priority: attr.integer(0, 'i32'),
  });
}

/** Waits for a copy of that size to end. */
export function waitCopy(source: V, target: V, semaphore: V): void {
  effect('tpu.wait_dma2', [semaphore, source, target], { operandSegmentSizes: attr.array([1, 1, 1, 0, 0], 'i32') });
}

/** Runs `body` where `condition` holds. */
export function when(condition: V, body: () => void): void {
  const then = region<MosaicType>([], () => {
    body();
    effect('scf.yield', []);
  });
  effect('scf.if', [condition], {}, [then, region<MosaicType>([], () => effect('scf.yield', []))]);
}

/** Runs `body` on the state as long as `condition` of it holds; returns the last state. */
export function whileLoop(state: readonly V[], condition: (...state: V[]) => V, body: (...state: V[]) => readonly V[]): V[] {
  const types = state.map(({ type }) => type);
  const before = region<MosaicType>(types, (...values) => effect('scf.condition', [condition(...values), ...values]));
  const after = region<MosaicType>(types, (...values) => effect('scf.yield', body(...values)));
  return emit<MosaicType>('stable_mosaic.scf.while', state, types, {}, [before, after]);
}

/** Runs `body` on i = from, from + 1, ... below `to` and the state; returns the last state. */
export function forLoop(
  from: V | number,
  to: V | number,
  state: readonly V[],
  body: (i: V, ...state: V[]) => readonly V[] | undefined,
): V[] {
  const types = state.map(({ type }) => type);
  const inner = region<MosaicType>([i32, ...types], (i, ...values) => yields(types, body(i, ...values) ?? []));
  const bound = (n: V | number) => (typeof n === 'number' ? constant(n) : n);
  return emit<MosaicType>('stable_mosaic.scf.for', [bound(from), bound(to), constant(1), ...state], types, {}, [inner]);
}

/** Values of one branch or the other; only that branch runs. */
export function cond(condition: V, then: () => readonly V[], otherwise: () => readonly V[]): V[] {
  let types: MosaicType[] = [];
  const first = region<MosaicType>([], () => {
    const values = then();
    types = values.map(({ type }) => type);
    effect('scf.yield', values);
  });
  const second = region<MosaicType>([], () => yields(types, otherwise()));
  return emit<MosaicType>('stable_mosaic.scf.if', [condition], types, {}, [first, second]);
}

function yields(types: readonly MosaicType[], values: readonly V[]): void {
  const list = (all: readonly MosaicType[]) => all.map(spell).join(', ') || 'none';
  const got = values.map(({ type }) => type);
  if (list(types) !== list(got)) throw new ShapeError(`mosaic: a region yields ${list(types)}; got ${list(got)}`);
  effect('scf.yield', values);
}

function vectorShape(x: V, rank: number): readonly number[] {
  if (x.type.kind !== 'vector' || x.type.shape.length !== rank)
    throw new ShapeError(`mosaic: the operand is a vector of rank ${rank}; got ${spell(x.type)}`);
  return x.type.shape;
}
