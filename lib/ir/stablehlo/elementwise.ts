/** Operations that work on each element by itself. Most are a row: StableHLO's name, and which kinds of element type it takes. */
import { ShapeError } from '../../errors';
import { type DType, type TensorType, bitsOf, sameType, tensor, typeText } from '../../types';
import { lift } from './constant';
import { type Kind, type Operand, type Tensor, broken, isTensor, kindOf, op, scalarOf, types } from './core';

const integer: readonly Kind[] = ['signed', 'unsigned'];
const logical: readonly Kind[] = ['boolean', ...integer];
const float: readonly Kind[] = ['float'];
const signed: readonly Kind[] = ['signed', 'float'];
const number: readonly Kind[] = [...integer, 'float'];
const any: readonly Kind[] = ['boolean', ...number];

/** A row of one operand; `result` is the result's dtype where it is not the operand's. */
function unary(name: string, kinds: readonly Kind[], result?: DType) {
  return (operand: Tensor): Tensor => {
    checkKind(name, 'operand', operand, kinds);
    return op(name, [operand], result ? tensor(result, operand.type.shape) : operand.type);
  };
}

/** A row of two operands of one type, which is also the result's. A number stands for a constant of the other operand's type. */
function binary(name: string, kinds: readonly Kind[]) {
  return (lhs: Operand, rhs: Operand): Tensor => {
    const [a, b] = pair(name, lhs, rhs);
    checkKind(name, 'lhs', a, kinds);
    if (!sameType(a.type, b.type)) broken(name, 'C1', 'lhs and rhs have the same type', types([a, b]));
    return op(name, [a, b], a.type);
  };
}

export const abs = unary('abs', signed);
export const cbrt = unary('cbrt', float);
export const ceil = unary('ceil', float);
export const cosine = unary('cosine', float);
export const countLeadingZeros = unary('count_leading_zeros', integer);
export const exponential = unary('exponential', float);
export const exponentialMinusOne = unary('exponential_minus_one', float);
export const floor = unary('floor', float);
// biome-ignore lint/suspicious/noShadowRestrictedNames: it has StableHLO's name.
export const isFinite = unary('is_finite', float, 'i1');
export const log = unary('log', float);
export const logPlusOne = unary('log_plus_one', float);
export const logistic = unary('logistic', float);
export const negate = unary('negate', number);
export const not = unary('not', logical);
export const popcnt = unary('popcnt', integer);
export const roundNearestAfz = unary('round_nearest_afz', float);
export const roundNearestEven = unary('round_nearest_even', float);
export const rsqrt = unary('rsqrt', float);
export const sign = unary('sign', signed);
export const sine = unary('sine', float);
export const sqrt = unary('sqrt', float);
export const tan = unary('tan', float);
export const tanh = unary('tanh', float);

export const add = binary('add', any);
export const and = binary('and', logical);
export const atan2 = binary('atan2', float);
export const divide = binary('divide', number);
export const maximum = binary('maximum', any);
export const minimum = binary('minimum', any);
export const multiply = binary('multiply', any);
export const or = binary('or', logical);
export const power = binary('power', number);
export const remainder = binary('remainder', number);
export const shiftLeft = binary('shift_left', integer);
export const shiftRightArithmetic = binary('shift_right_arithmetic', integer);
export const shiftRightLogical = binary('shift_right_logical', integer);
export const subtract = binary('subtract', number);
export const xor = binary('xor', logical);

export type Comparison = 'EQ' | 'NE' | 'GE' | 'GT' | 'LE' | 'LT';

const compareTypes: Record<Kind, string> = {
  boolean: 'UNSIGNED',
  signed: 'SIGNED',
  unsigned: 'UNSIGNED',
  float: 'FLOAT',
  complex: 'FLOAT',
};

/** An i1 for each pair of elements. `totalOrder` compares floats by IEEE's total order, where -0 < +0 < NaN. */
export function compare(lhs: Operand, rhs: Operand, direction: Comparison, options: { totalOrder?: boolean } = {}): Tensor {
  const [a, b] = pair('compare', lhs, rhs);
  if (a.type.dtype !== b.type.dtype) broken('compare', 'C1', 'lhs and rhs have the same element type', types([a, b]));
  if (!sameType(a.type, b.type)) broken('compare', 'C2', 'lhs and rhs have the same shape', types([a, b]));
  const kind = kindOf(a.type.dtype);
  if (options.totalOrder && kind !== 'float') broken('compare', 'C3', 'the total order is one of floats', typeText(a.type));
  return op('compare', [a, b], tensor('i1', a.type.shape), {
    comparison_direction: `#stablehlo<comparison_direction ${direction}>`,
    compare_type: `#stablehlo<comparison_type ${options.totalOrder ? 'TOTALORDER' : compareTypes[kind]}>`,
  });
}

/** `onTrue` where `pred` holds, else `onFalse`. `pred` has their shape, or is one i1 for all. */
export function select(pred: Tensor, onTrue: Operand, onFalse: Operand): Tensor {
  const [a, b] = pair('select', onTrue, onFalse);
  if (pred.type.dtype !== 'i1') broken('select', 'I1', 'pred is of type i1', typeText(pred.type));
  if (!isScalarOr(pred, a.type)) broken('select', 'C1', 'pred is one i1 or has the shape of onTrue', types([pred, a]));
  if (!sameType(a.type, b.type)) broken('select', 'C2', 'onTrue and onFalse have the same type', types([a, b]));
  return op('select', [pred, a, b], a.type);
}

/** `operand`, but not below `min` and not above `max`; each of these has its shape, or is one value for all. */
export function clamp(min: Operand, operand: Tensor, max: Operand): Tensor {
  const { dtype } = operand.type;
  const [low, high] = [min, max].map((bound) => lift(bound, scalarOf(dtype)));
  if (!isScalarOr(low, operand.type)) broken('clamp', 'C1', 'min is a scalar or has the shape of operand', types([low, operand]));
  if (!isScalarOr(high, operand.type)) broken('clamp', 'C2', 'max is a scalar or has the shape of operand', types([high, operand]));
  if (low.type.dtype !== dtype || high.type.dtype !== dtype)
    broken('clamp', 'C3', 'min, operand and max have the same element type', types([low, operand, high]));
  return op('clamp', [low, operand, high], operand.type);
}

/** The same numbers in another dtype: floats lose places, floats to integers lose the fraction, to i1 is "not zero". */
export function convert(operand: Tensor, dtype: DType): Tensor {
  return op('convert', [operand], tensor(dtype, operand.type.shape));
}

/**
 * The same bits as another dtype. To a dtype k times narrower the result has one more axis of k at the end; to one k times wider, the
 * last axis must be of k, and goes.
 */
export function bitcastConvert(operand: Tensor, dtype: DType): Tensor {
  const { shape } = operand.type;
  const result = tensor(dtype, shape);
  const [from, to] = [operand.type.dtype, dtype].map(bitsOf);
  if ((operand.type.dtype === 'i1') !== (dtype === 'i1'))
    broken('bitcast_convert', 'C1', 'an i1 is one bit and stays i1', `${typeText(operand.type)} to ${dtype}`);
  if (to === from) return op('bitcast_convert', [operand], result);
  if (to < from) return op('bitcast_convert', [operand], tensor(dtype, [...shape, from / to]));
  if (shape.at(-1) !== to / from)
    broken('bitcast_convert', 'C1', `to ${dtype}, the last dimension is ${to / from}`, typeText(operand.type));
  return op('bitcast_convert', [operand], tensor(dtype, shape.slice(0, -1)));
}

function pair(name: string, lhs: Operand, rhs: Operand): [Tensor, Tensor] {
  if (isTensor(lhs)) return [lhs, lift(rhs, lhs.type)];
  if (isTensor(rhs)) return [lift(lhs, rhs.type), rhs];
  throw new ShapeError(`${name}: one of the operands is a tensor; got ${lhs} and ${rhs}`);
}

const kindNames: Record<Kind, string> = {
  boolean: 'i1',
  signed: 'signed integer',
  unsigned: 'unsigned integer',
  float: 'float',
  complex: 'complex',
};

function checkKind(name: string, what: string, value: Tensor, kinds: readonly Kind[]): void {
  if (!kinds.includes(kindOf(value.type.dtype)))
    broken(name, 'I1', `${what} is of ${kinds.map((kind) => kindNames[kind]).join(' or ')} type`, typeText(value.type));
}

function isScalarOr(value: Tensor, type: TensorType): boolean {
  const { shape } = value.type;
  return shape.length === 0 || (shape.length === type.shape.length && shape.every((n, i) => n === type.shape[i]));
}
