/** Operations that take axes away: reductions, and the product of tensors. */
import { type DType, rangeOf, tensor } from '../../types';
import { attr, emit } from '../mlir';
import { lift } from './constant';
import {
  type Bundle,
  type Operand,
  type Scalar,
  type Tensor,
  broken,
  checkAxes,
  checkReturn,
  checkUnique,
  closed,
  flatten,
  flattenLike,
  isTensor,
  kindOf,
  list,
  rebuild,
  scalarOf,
  types,
} from './core';
import { add, maximum, minimum } from './elementwise';

/** A start value for each tensor of a bundle. */
export type Initial<B extends Bundle> = B extends Tensor ? Operand : { readonly [K in keyof B]: Operand };

/**
 * Combines all elements along `dimensions` with `body`, starting from `initial`, in any order and grouping: `body` is associative and
 * `initial` its neutral element. Several tensors of one shape are reduced together, as values and their indices are for an argmax. The
 * body is a function of its own: it sees its arguments, and none of the values around it.
 */
export function reduce<B extends Bundle>(operands: B, initial: Initial<B>, dimensions: readonly number[], body: (lhs: B, rhs: B) => B): B {
  const inputs = flatten(operands);
  if (!inputs.length) broken('reduce', 'C3', 'there is at least one input', 'none');
  const { shape } = inputs[0].type;
  if (!inputs.every(({ type }) => list(type.shape) === list(shape))) broken('reduce', 'C1', 'inputs have one shape', types(inputs));
  const scalars = inputs.map(({ type }) => scalarOf(type.dtype));
  const starts = initials('reduce', operands, initial).map((value, i) => lift(value, scalars[i]));
  if (!starts.every(({ type }, i) => type.shape.length === 0 && type.dtype === scalars[i].dtype))
    broken('reduce', 'C2', "an initial value is a scalar of its input's element type", `${types(starts)} for ${types(inputs)}`);
  checkAxes('reduce', 'C4', 'dimensions', dimensions, shape.length);
  checkUnique('reduce', 'C5', 'dimensions', dimensions);
  const region = closed([...scalars, ...scalars], (...args) => {
    const returned = body(rebuild(operands, args.slice(0, inputs.length)), rebuild(operands, args.slice(inputs.length)));
    const results = flattenLike('reduce', 'C6', 'body', returned, operands);
    checkReturn('reduce', 'C6', 'body', results, scalars);
    return results;
  });
  const kept = shape.filter((_, i) => !dimensions.includes(i));
  const results = inputs.map(({ type }) => tensor(type.dtype, kept));
  return rebuild(operands, emit('stablehlo.reduce', [...inputs, ...starts], results, { dimensions: attr.array(dimensions) }, [region]));
}

function initials(name: string, operands: Bundle, initial: Operand | Readonly<Record<string, Operand>>): Operand[] {
  if (isTensor(operands)) return [initial as Operand];
  const given = initial as Readonly<Record<string, Operand>>;
  const names = Object.keys(operands);
  if (!names.every((each) => Object.hasOwn(given, each)))
    broken(name, 'C3', `there is an initial value for each of ${names.join(', ')}`, Object.keys(given).join(', '));
  return names.map((each) => given[each]);
}

function reducer(body: (lhs: Tensor, rhs: Tensor) => Tensor, neutral: (dtype: DType) => Scalar) {
  return (operand: Tensor, dimensions: readonly number[]): Tensor => reduce<Tensor>(operand, neutral(operand.type.dtype), dimensions, body);
}

/** The least (-1) or greatest (1) value of a dtype; complex numbers have no order. */
function extreme(dtype: DType, sign: 1 | -1): Scalar {
  const kind = kindOf(dtype);
  if (kind === 'float') return sign * Number.POSITIVE_INFINITY;
  if (kind === 'boolean') return sign > 0;
  if (kind === 'complex') broken('reduce', 'I1', 'a least or greatest element is one of numbers with an order', dtype);
  const [low, high] = rangeOf(dtype);
  return sign > 0 ? high : low;
}

/** Sum along `dimensions`, added in the operand's own dtype. Of i1 it is "any". */
export const sum = reducer(add, (dtype) => (dtype === 'i1' ? false : 0));
/** Greatest element along `dimensions`; NaN where there is one; the dtype's least value (floats: -Infinity) where there is none. */
export const max = reducer(maximum, (dtype) => extreme(dtype, -1));
/** Least element along `dimensions`; NaN where there is one; the dtype's greatest value (floats: Infinity) where there is none. */
export const min = reducer(minimum, (dtype) => extreme(dtype, 1));

export interface DotOptions {
  /** Axes of lhs and of rhs that the product keeps and pairs up. */
  readonly batchingDims?: readonly [lhs: readonly number[], rhs: readonly number[]];
  /** Axes of lhs and of rhs that are multiplied and summed. */
  readonly contractingDims: readonly [lhs: readonly number[], rhs: readonly number[]];
  /** How exactly a TPU multiplies f32: by one bf16 pass, by three, or by six. */
  readonly precision?: 'DEFAULT' | 'HIGH' | 'HIGHEST';
  /** The result's dtype: the operands' own unless given. bf16 operands with an f32 result are summed in f32. */
  readonly dtype?: DType;
}

/** Product of tensors. The result's axes: the batching ones, then the rest of lhs, then the rest of rhs. */
export function dotGeneral(lhs: Tensor, rhs: Tensor, options: DotOptions): Tensor {
  const {
    batchingDims: [lb, rb] = [[], []],
    contractingDims: [lc, rc],
    precision = 'DEFAULT',
    dtype = lhs.type.dtype,
  } = options;
  const [a, b] = [lhs.type.shape, rhs.type.shape];
  const sizes = (shape: readonly number[], dims: readonly number[]) => dims.map((d) => shape[d]);
  const check = (label: string, what: string, got: string) => broken('dot_general', label, what, got);
  if (lb.length !== rb.length) check('C1', 'lhs and rhs have as many batching dimensions', `${list(lb)} and ${list(rb)}`);
  if (lc.length !== rc.length) check('C2', 'lhs and rhs have as many contracting dimensions', `${list(lc)} and ${list(rc)}`);
  checkUnique('dot_general', 'C3', 'dimensions of lhs', [...lb, ...lc]);
  checkUnique('dot_general', 'C4', 'dimensions of rhs', [...rb, ...rc]);
  checkAxes('dot_general', 'C5', 'batching dimensions of lhs', lb, a.length);
  checkAxes('dot_general', 'C6', 'contracting dimensions of lhs', lc, a.length);
  checkAxes('dot_general', 'C7', 'batching dimensions of rhs', rb, b.length);
  checkAxes('dot_general', 'C8', 'contracting dimensions of rhs', rc, b.length);
  if (list(sizes(a, lb)) !== list(sizes(b, rb)))
    check('C9', 'batching dimensions have equal sizes', `${sizes(a, lb).join(', ')} and ${sizes(b, rb).join(', ')}`);
  if (list(sizes(a, lc)) !== list(sizes(b, rc)))
    check('C10', 'contracting dimensions have equal sizes', `${sizes(a, lc).join(', ')} and ${sizes(b, rc).join(', ')}`);
  if (lhs.type.dtype !== rhs.type.dtype) check('C13', 'lhs and rhs have the same element type', types([lhs, rhs]));
  const rest = (shape: readonly number[], used: readonly number[]) => shape.filter((_, i) => !used.includes(i));
  const result = tensor(dtype, [...sizes(a, lb), ...rest(a, [...lb, ...lc]), ...rest(b, [...rb, ...rc])]);
  const numbers = Object.entries({ lhs_batching: lb, rhs_batching: rb, lhs_contracting: lc, rhs_contracting: rc });
  const each = `#stablehlo<precision ${precision}>`;
  return emit('stablehlo.dot_general', [lhs, rhs], [result], {
    dot_dimension_numbers: `#stablehlo.dot<${numbers.map(([what, dims]) => `${what}_dimensions = ${list(dims)}`).join(', ')}>`,
    precision_config: attr.list([each, each]),
  })[0];
}
