/** The elementwise StableHLO builders: a row each, with its meaning and the numbers it is asked about. */
import * as s from '../lib/ir/stablehlo';
import { type DType, fromBits, tensor, type TensorType, toBits } from '../lib/types';
import { type Case, given } from './stablehlo-case';

type Unary = [op: string, build: (x: s.Tensor) => s.Tensor, meaning: (x: number) => number];
type Binary = [op: string, build: (x: s.Operand, y: s.Operand) => s.Tensor, meaning: (x: number, y: number) => number];
const anywhere = [-2.5, -1.5, -0.75, 0, 0.5, 1, 1.5, 3];
const positive = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 8];
const roundEven = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const roundAway = (x: number) => Math.sign(x) * Math.round(Math.abs(x));

const floatUnary: [...Unary, values: number[]][] = [
  ['abs', s.abs, Math.abs, anywhere],
  ['cbrt', s.cbrt, Math.cbrt, positive],
  ['ceil', s.ceil, Math.ceil, anywhere],
  ['cosine', s.cosine, Math.cos, anywhere],
  ['exponential', s.exponential, Math.exp, anywhere],
  ['exponentialMinusOne', s.exponentialMinusOne, Math.expm1, anywhere],
  ['floor', s.floor, Math.floor, anywhere],
  ['log', s.log, Math.log, positive],
  ['logPlusOne', s.logPlusOne, Math.log1p, positive],
  ['logistic', s.logistic, (x) => 1 / (1 + Math.exp(-x)), anywhere],
  ['negate', s.negate, (x) => -x, anywhere],
  ['roundNearestAfz', s.roundNearestAfz, roundAway, anywhere],
  ['roundNearestEven', s.roundNearestEven, roundEven, anywhere],
  ['rsqrt', s.rsqrt, (x) => 1 / Math.sqrt(x), positive],
  ['sign', s.sign, Math.sign, anywhere],
  ['sine', s.sine, Math.sin, anywhere],
  ['sqrt', s.sqrt, Math.sqrt, positive],
  ['tan', s.tan, Math.tan, [-1, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]],
  ['tanh', s.tanh, Math.tanh, anywhere],
];
const floatBinary: Binary[] = [
  ['add', s.add, (x, y) => x + y],
  ['atan2', s.atan2, Math.atan2],
  ['divide', s.divide, (x, y) => x / y],
  ['maximum', s.maximum, Math.max],
  ['minimum', s.minimum, Math.min],
  ['multiply', s.multiply, (x, y) => x * y],
  ['power', s.power, (x, y) => x ** y],
  ['remainder', s.remainder, (x, y) => x % y],
  ['subtract', s.subtract, (x, y) => x - y],
];
const integerUnary: Unary[] = [
  ['abs', s.abs, Math.abs],
  ['countLeadingZeros', s.countLeadingZeros, Math.clz32],
  ['negate', s.negate, (x) => -x],
  ['not', s.not, (x) => ~x],
  ['popcnt', s.popcnt, (x) => (x >>> 0).toString(2).replaceAll('0', '').length],
  ['sign', s.sign, Math.sign],
];
const integerBinary: Binary[] = [
  ['add', s.add, (x, y) => x + y],
  ['and', s.and, (x, y) => x & y],
  ['divide', s.divide, (x, y) => Math.trunc(x / y)],
  ['maximum', s.maximum, Math.max],
  ['minimum', s.minimum, Math.min],
  ['multiply', s.multiply, Math.imul],
  ['or', s.or, (x, y) => x | y],
  ['power', s.power, (x, y) => x ** y],
  ['remainder', s.remainder, (x, y) => x % y],
  ['shiftLeft', s.shiftLeft, (x, y) => x << y],
  ['shiftRightArithmetic', s.shiftRightArithmetic, (x, y) => x >> y],
  ['shiftRightLogical', s.shiftRightLogical, (x, y) => (x >>> y) | 0],
  ['subtract', s.subtract, (x, y) => x - y],
  ['xor', s.xor, (x, y) => x ^ y],
];
const integers = [-7, -1, 0, 1, 2, 5, 100, 65537];

const seconds = [1, 2, 3, 1, 2, 3, 2, 1];
const comparisons: [s.Comparison, (x: number, y: number) => boolean][] = [
  ['EQ', (x, y) => x === y],
  ['NE', (x, y) => x !== y],
  ['GE', (x, y) => x >= y],
  ['GT', (x, y) => x > y],
  ['LE', (x, y) => x <= y],
  ['LT', (x, y) => x < y],
];
const odd = [Number.NaN, -0, 0, 1, Number.POSITIVE_INFINITY, -1];

const f32 = (n: number) => tensor('f32', [n]);
const i32 = (n: number) => tensor('i32', [n]);
const floats: DType[] = ['f32', 'bf16', 'f16', 'f64'];
const each = <V>(of: (dtype: DType) => V): Record<string, V> => Object.fromEntries(floats.map((dtype) => [dtype, of(dtype)]));
const tagged = <V>(tag: string, record: Record<string, V>) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [`${tag}_${key}`, value]));

export const elementwise: Case[] = [
  ...floatUnary.map(([op, build, meaning, values]) =>
    given(
      op,
      each((dtype): [TensorType, number[]] => [tensor(dtype, [8]), values]),
      (x) => each((dtype) => build(x[dtype])),
      each(() => values.map(meaning)),
      true,
    ),
  ),
  ...floatBinary.flatMap(([op, build, meaning]) => {
    const [x, y]: [number[], number[]] = [positive, [2, -1.5, 3, 1, 0.5, 2, -2, 1.5]];
    const halves = (values: number[]) => each((dtype): [TensorType, number[]] => [tensor(dtype, [8]), values]);
    return [
      given(
        op,
        { ...tagged('x', halves(x)), ...tagged('y', halves(y)) },
        (args) => each((dtype) => build(args[`x_${dtype}`], args[`y_${dtype}`])),
        each(() => x.map((value, i) => meaning(value, y[i]))),
        true,
      ),
      given(
        `${op} a number`,
        halves(x),
        (args) => each((dtype) => build(args[dtype], 1.5)),
        each(() => x.map((value) => meaning(value, 1.5))),
        true,
      ),
      given(
        `${op} to a number`,
        halves(y),
        (args) => each((dtype) => build(0.75, args[dtype])),
        each(() => y.map((value) => meaning(0.75, value))),
        true,
      ),
    ];
  }),
  ...integerUnary.map(([op, build, meaning]) => given(`${op} i32`, { x: [i32(8), integers] }, ({ x }) => build(x), integers.map(meaning))),
  ...integerBinary.map(([op, build, meaning]) =>
    given(
      `${op} i32`,
      { x: [i32(8), integers], y: [i32(8), seconds] },
      ({ x, y }) => build(x, y),
      integers.map((x, i) => meaning(x, seconds[i])),
    ),
  ),
  given(
    'unsigned',
    { x: [tensor('ui32', [2]), [2 ** 32 - 1, 6]] },
    ({ x }) => ({ half: s.shiftRightLogical(x, 1), third: s.divide(x, 3), less: s.convert(s.compare(x, 7, 'LT'), 'i32') }),
    {
      half: [2 ** 31 - 1, 3],
      third: [1431655765, 2],
      less: [0, 1],
    },
  ),
  given(
    'logic',
    { x: [tensor('i1', [4]), [0, 0, 1, 1]], y: [tensor('i1', [4]), [0, 1, 0, 1]] },
    ({ x, y }) => ({ and: s.and(x, y), or: s.or(x, y), xor: s.xor(x, y), not: s.not(x), any: s.sum(y, [0]), greatest: s.max(x, [0]) }),
    { and: [0, 0, 0, 1], or: [0, 1, 1, 1], xor: [0, 1, 1, 0], not: [1, 1, 0, 0], any: [1], greatest: [1] },
  ),
  given('isFinite', { x: [f32(6), odd] }, ({ x }) => s.isFinite(x), [0, 1, 1, 1, 0, 1]),
  ...comparisons.map(([direction, meaning]) =>
    given(
      `compare ${direction}`,
      { x: [f32(6), odd], n: [i32(3), [-1, 0, 1]] },
      ({ x, n }) => ({ floats: s.compare(x, 0, direction), integers: s.compare(n, 0, direction) }),
      { floats: odd.map((x) => Number(meaning(x, 0))), integers: [-1, 0, 1].map((x) => Number(meaning(x, 0))) },
    ),
  ),
  given('total order', { x: [f32(6), odd] }, ({ x }) => s.compare(x, 0, 'LT', { totalOrder: true }), [0, 1, 0, 0, 0, 1]),
  given(
    'select clamp',
    { x: [f32(4), [-2, 0.5, 1, 3]], p: [tensor('i1', []), [1]] },
    ({ x, p }) => ({
      one: s.select(p, x, 9),
      each: s.select(s.compare(x, 0, 'GT'), x, 0),
      clamp: s.clamp(-1, x, 2),
      mixed: s.clamp(x, s.multiply(x, 0), 1),
    }),
    { one: [-2, 0.5, 1, 3], each: [0, 0.5, 1, 3], clamp: [-1, 0.5, 1, 2], mixed: [0, 0.5, 1, 1] },
  ),
  given(
    'convert',
    { x: [f32(4), [-1.75, 0, 0.3, 200]] },
    ({ x }) => ({
      i: s.convert(x, 'i32'),
      p: s.convert(x, 'i1'),
      b: s.convert(x, 'bf16'),
      l: s.convert(s.convert(x, 'i64'), 'f64'),
      bits: s.bitcastConvert(x, 'i32'),
      bytes: s.bitcastConvert(x, 'ui8'),
    }),
    {
      i: [-1, 0, 0, 200],
      p: [1, 0, 1, 1],
      b: Array.from(fromBits('bf16', toBits('bf16', [-1.75, 0, 0.3, 200]))),
      l: [-1, 0, 0, 200],
      bits: Array.from(new Int32Array(Float32Array.of(-1.75, 0, 0.3, 200).buffer)),
      bytes: Array.from(new Uint8Array(Float32Array.of(-1.75, 0, 0.3, 200).buffer)),
    },
  ),
  given('bitcast wider', { x: [tensor('ui8', [2, 4]), [0, 0, 128, 63, 0, 0, 0, 192]] }, ({ x }) => s.bitcastConvert(x, 'f32'), [1, -2]),
];
