/** Builders of arithmetic on scalars and, place by place, on vectors. */
import { ShapeError } from '../../errors';
import { attr, floatText, shared } from '../mlir';
import { arith } from './arithmetic';
import { check, one, prefix, type Row } from './row';
import { broadcast } from './shapes';
import { type Element, i32, isFloat, isSame, type MosaicType, scalar, spell, type V, type Vector, vector } from './types';

/** A scalar, or a vector with one value in every place; one operation a function, before all others. */
export function constant(value: number, type: MosaicType = i32): V {
  return shared(prefix + arith.constant.name, type, `${Object.is(value, -0) ? '-0' : value} ${spell(type)}`, () => {
    const { element } = type;
    const text = element === 'i1' ? String(value !== 0) : isFloat(type) ? floatText(value, element) : String(value);
    const attributes = {
      value: type.kind === 'vector' ? `dense<${text}> : ${spell(type)}` : element === 'i1' ? text : `${text} : ${element}`,
    };
    check(arith.constant, { name: arith.constant.name, operands: [], results: [{ type } as V], attributes, regions: [] });
    return attributes;
  });
}

const noOverflowFlags = { overflowFlags: '#arith.overflow<none>' };
const noFastMath = { fastmath: '#arith.fastmath<none>' };

/**
 * Both operands in one type: a number becomes a constant, and a scalar, a row [1, n] or a column [n, 1] is spread over the other's shape.
 */
function alike(name: string, a: V, b: V | number): [V, V] {
  if (typeof b === 'number') return [a, constant(b, a.type)];
  if (isSame(a.type, b.type)) return [a, b];
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

function binary(name: string, ofIntegers: Row, ofFloats?: Row, flags?: Record<string, string>): (a: V, b: V | number) => V {
  return (a, b) => {
    const [left, right] = alike(name, a, b);
    const ofFloat = isFloat(left.type);
    const row = ofFloat ? ofFloats : ofIntegers;
    if (!row) throw new ShapeError(`mosaic ${name}: operands are integers; got ${spell(a.type)}`);
    return one(row, [left, right], left.type, ofFloat ? noFastMath : flags);
  };
}

export const add = binary('add', arith.addi, arith.addf, noOverflowFlags);
export const sub = binary('sub', arith.subi, arith.subf, noOverflowFlags);
export const mul = binary('mul', arith.muli, arith.mulf, noOverflowFlags);
/** Integer division truncates. */
export const div = binary('div', arith.divsi, arith.divf);
/** Of the sign of `a`. */
export const rem = binary('rem', arith.remsi);
export const min = binary('min', arith.minsi, arith.minimumf);
export const max = binary('max', arith.maxsi, arith.maximumf);
export const and = binary('and', arith.andi);
export const or = binary('or', arith.ori);

/** Comparisons by predicate: signed integers, ordered floats (false on NaN). */
const predicates = { eq: [0, 1], ne: [1, 6], lt: [2, 4], le: [3, 5], gt: [4, 2], ge: [5, 3] } as const;

export function compare(predicate: keyof typeof predicates, a: V, b: V | number): V {
  const [left, right] = alike('compare', a, b);
  const ofFloat = isFloat(left.type);
  const result = left.type.kind === 'vector' ? vector('i1', left.type.shape) : scalar('i1');
  const attributes = { predicate: attr.integer(predicates[predicate][ofFloat ? 1 : 0]) };
  return one(ofFloat ? arith.cmpf : arith.cmpi, [left, right], result, ofFloat ? { ...attributes, ...noFastMath } : attributes);
}

export const eq = (a: V, b: V | number): V => compare('eq', a, b);
export const ne = (a: V, b: V | number): V => compare('ne', a, b);
export const lt = (a: V, b: V | number): V => compare('lt', a, b);
export const le = (a: V, b: V | number): V => compare('le', a, b);
export const gt = (a: V, b: V | number): V => compare('gt', a, b);
export const ge = (a: V, b: V | number): V => compare('ge', a, b);

export const not = (condition: V): V => one(arith.xori, [condition, constant(1, condition.type)], condition.type);

/** `condition ? a : b`, element by element where the condition is a vector. */
export function select(condition: V, a: V | number, b: V | number): V {
  const like = typeof a === 'number' ? (typeof b === 'number' ? i32 : b.type) : a.type;
  const value = (x: V | number) => (typeof x === 'number' ? constant(x, like) : x);
  return one(arith.select, [condition, value(a), value(b)], like);
}

const unary =
  (row: Row, attributes: Record<string, string> = noFastMath) =>
  (x: V): V =>
    one(row, [x], x.type, attributes);
export const exp2 = unary(arith.exp2);
export const exp = unary(arith.exp);
export const log = unary(arith.log);
export const log2 = unary(arith.log2);
export const tanh = unary(arith.tanh);
export const abs = unary(arith.absf);
export const neg = unary(arith.negf);
/** 1 / x of an f32 vector, exact. */
export const reciprocal = unary(arith.reciprocal, { approx: 'false', full_range: 'true' });

const conversions: Record<string, Row> = {
  'f32 bf16': arith.truncf,
  'bf16 f32': arith.extf,
  'i1 i32': arith.extui,
  'i32 f32': arith.sitofp,
  'f32 i32': arith.fptosi,
};

/**
 * f32 to bf16, rounded to nearest even, bf16 to f32, i1 to i32 (0 or 1), i32 to f32, f32 to i32 (cut); the same value where the element
 * is that already.
 */
export function convert(x: V, element: Element): V {
  if (x.type.element === element) return x;
  const row = conversions[`${x.type.element} ${element}`];
  if (!row)
    throw new ShapeError(`mosaic convert: conversions are ${Object.keys(conversions).join(', ')}; got ${x.type.element} ${element}`);
  return one(row, [x], { ...x.type, element });
}

/** An i32 as an index. */
export const asIndex = (i: V | number): V =>
  typeof i === 'number' ? constant(i, scalar('index')) : one(arith.indexCast, [i], scalar('index'));
