/** Rows of arithmetic on scalars and, place by place, on vectors: constants, MLIR's arith and math, and Mosaic's reciprocal. */
import { allocate, type Data, type Held, type Op, type Row, roundToBf16, type Tile } from './row';
import { countOf, isFloat, isSame, shapeOf } from './types';

/**
 * What an operation makes of the places a, b and c of its operands, as an expression. It is compiled to a loop of its own: 2.6 ns a sum,
 * against 16 where several operations share a loop that calls a function a place, which V8 then cannot inline.
 */
type Expression = string;
type Loop = (out: Data, a: Data, b: Data, c: Data) => void;

const compiled = new Map<Expression, Loop>();

function loopOf(expression: Expression): Loop {
  let loop = compiled.get(expression);
  if (!loop) {
    const places = expression.replace(/\b[abc]\b/g, '$&[i]');
    loop = new Function('out', 'a', 'b', 'c', `for (let i = 0; i < out.length; i++) out[i] = ${places};`) as Loop;
    compiled.set(expression, loop);
  }
  return loop;
}

function elementwise(name: string, rule: Row['rule'], means: Expression | ((op: Op) => Expression)): Row {
  return { name, since: 1, rule, meaning: (op) => spread(op, loopOf(typeof means === 'string' ? means : means(op))) };
}

const none = new Int32Array(0);

function spread({ operands, results: [{ type }] }: Op, loop: Loop): (args: readonly Held[]) => Held {
  if (type.kind === 'scalar') {
    const cells = operands.map((operand) => allocate(operand.type.element, 1));
    const out = allocate(type.element, 1);
    return (args) => {
      for (let i = 0; i < cells.length; i++) cells[i][0] = args[i] as number;
      loop(out, cells[0], cells[1] ?? none, cells[2] ?? none);
      if (type.element === 'bf16') roundToBf16(out as Float32Array);
      return out[0];
    };
  }
  const shape = shapeOf(type);
  const places = operands.map((operand) => operand.type.kind === 'scalar');
  return (args) => {
    const data = allocate(type.element, countOf(shape));
    const [a, b = none, c = none] = args.map((arg, i) =>
      places[i] ? allocate(operands[i].type.element, data.length).fill(arg as number) : (arg as Tile).data,
    );
    loop(data, a, b, c);
    if (type.element === 'bf16') roundToBf16(data as Float32Array);
    return { shape, data };
  };
}

const oneType = ({ operands, results: [result] }: Op) =>
  !operands.every(({ type }) => type.kind !== 'ref' && isSame(type, result.type)) && 'operands and result have one type';
const integer = (op: Op) => oneType(op) || (isFloat(op.results[0].type) && 'operands are integers');
const float = (op: Op) => oneType(op) || (!isFloat(op.results[0].type) && 'operands are floats');
const sized = ({ operands: [a], results: [result] }: Op) =>
  (a.type.kind !== result.type.kind || String(shapeOf(a.type)) !== String(shapeOf(result.type))) && 'operand and result have one shape';
const cast =
  (...pairs: string[]) =>
  (op: Op) =>
    sized(op) || (!pairs.includes(`${op.operands[0].type.element} ${op.results[0].type.element}`) && `elements are ${pairs.join(' or ')}`);
const copy = 'a';
const bytes = 'a & 255';
const signedBytes = '(a << 24) >> 24';
const negated = '-a';
const lowBit = 'a & 1';

const integerComparisons = ['+(a === b)', '+(a !== b)', '+(a < b)', '+(a <= b)', '+(a > b)', '+(a >= b)'];
// Ordered float predicates 1 to 6 are eq, gt, ge, lt, le, ne; ne is false on NaN.
const floatComparisons = [...[0, 4, 5, 2, 3].map((i) => integerComparisons[i]), '+(a < b || a > b)'];
const comparisonOf = ({ attributes }: Op, ofFloats: boolean) =>
  (ofFloats ? floatComparisons : integerComparisons)[Number.parseInt(attributes.predicate, 10) - (ofFloats ? 1 : 0)];
function comparison(ofFloats: boolean): Row['rule'] {
  return (op) => {
    const {
      operands: [a, b],
      results: [{ type }],
    } = op;
    if (!isSame(a.type, b.type) || isFloat(a.type) !== ofFloats) return `both operands are ${ofFloats ? 'floats' : 'integers'} of one type`;
    if (type.element !== 'i1') return 'the result is i1';
    return (
      sized(op) ||
      (!comparisonOf(op, ofFloats) && `the predicate is 0 to 5 of integers and 1 to 6 of floats, not ${op.attributes.predicate}`)
    );
  };
}

const constantRow: Row = {
  name: 'arith.constant',
  since: 1,
  rule: ({ attributes, results: [{ type }] }) =>
    (type.kind === 'ref' && 'a constant is a scalar or a vector') ||
    (constantValue(attributes.value ?? '') === undefined &&
      `the value is one number, in all places of a vector; this is ${attributes.value}`),
  meaning: ({ attributes, results: [{ type }] }) => {
    const value = constantValue(attributes.value) as number;
    const held =
      type.kind === 'scalar' ? value : { shape: shapeOf(type), data: allocate(type.element, countOf(shapeOf(type))).fill(value) };
    return () => held;
  },
};

function constantValue(text: string): number | undefined {
  const body = text.replace(/^dense<(.*)> : .*$/, '$1').replace(/ : (\w+)$/, '');
  if (body === 'true' || body === 'false') return Number(body === 'true');
  if (!/^0x/i.test(body)) return body && Number.isFinite(Number(body)) ? Number(body) : undefined;
  const bits = body.length === 6 ? Number(body) * 2 ** 16 : Number(body);
  return new Float32Array(new Uint32Array([bits]).buffer)[0];
}

export const arith = {
  constant: constantRow,
  addi: elementwise('arith.addi', integer, 'a + b'),
  subi: elementwise('arith.subi', integer, 'a - b'),
  muli: elementwise('arith.muli', integer, 'Math.imul(a, b)'),
  divsi: elementwise('arith.divsi', integer, 'a / b'),
  remsi: elementwise('arith.remsi', integer, 'a % b'),
  minsi: elementwise('arith.minsi', integer, 'a < b ? a : b'),
  maxsi: elementwise('arith.maxsi', integer, 'a > b ? a : b'),
  andi: elementwise('arith.andi', integer, 'a & b'),
  ori: elementwise('arith.ori', integer, 'a | b'),
  xori: elementwise('arith.xori', integer, 'a ^ b'),
  shli: elementwise('arith.shli', integer, 'a << b'),
  shrsi: elementwise('arith.shrsi', integer, 'a >> b'),
  addf: elementwise('arith.addf', float, 'a + b'),
  subf: elementwise('arith.subf', float, 'a - b'),
  mulf: elementwise('arith.mulf', float, 'a * b'),
  divf: elementwise('arith.divf', float, 'a / b'),
  minimumf: elementwise('arith.minimumf', float, 'Math.min(a, b)'),
  maximumf: elementwise('arith.maximumf', float, 'Math.max(a, b)'),
  negf: elementwise('arith.negf', float, '-a'),
  absf: elementwise('math.absf', float, 'Math.abs(a)'),
  exp: elementwise('math.exp', float, 'Math.exp(a)'),
  exp2: elementwise('math.exp2', float, '2 ** a'),
  log: elementwise('math.log', float, 'Math.log(a)'),
  log2: elementwise('math.log2', float, 'Math.log2(a)'),
  tanh: elementwise('math.tanh', float, 'Math.tanh(a)'),
  reciprocal: elementwise(
    'tpu.reciprocal',
    (op) =>
      oneType(op) || ((op.results[0].type.kind !== 'vector' || op.results[0].type.element !== 'f32') && 'the operand is an f32 vector'),
    '1 / a',
  ),
  cmpi: elementwise('arith.cmpi', comparison(false), (op) => comparisonOf(op, false)),
  cmpf: elementwise('arith.cmpf', comparison(true), (op) => comparisonOf(op, true)),
  select: elementwise(
    'arith.select',
    ({ operands: [condition, a, b], results: [{ type }] }) =>
      (condition.type.element !== 'i1' && 'the condition is i1') ||
      ((!isSame(a.type, b.type) || !isSame(a.type, type)) && 'both values and the result have one type') ||
      (condition.type.kind === 'vector' &&
        String(shapeOf(condition.type)) !== String(shapeOf(type)) &&
        'condition and values have one shape'),
    'a ? b : c',
  ),
  truncf: elementwise('arith.truncf', cast('f32 bf16'), copy),
  extf: elementwise('arith.extf', cast('bf16 f32'), copy),
  extui: elementwise('arith.extui', cast('i1 i32', 'i1 i8', 'i8 i32'), (op) => (op.operands[0].type.element === 'i8' ? bytes : copy)),
  extsi: elementwise('arith.extsi', cast('i8 i32', 'i1 i32'), (op) => (op.operands[0].type.element === 'i1' ? negated : copy)),
  trunci: elementwise('arith.trunci', cast('i32 i8', 'i32 i1', 'i8 i1'), (op) =>
    op.results[0].type.element === 'i1' ? lowBit : signedBytes,
  ),
  sitofp: elementwise('arith.sitofp', cast('i32 f32'), copy),
  fptosi: elementwise('arith.fptosi', cast('f32 i32'), copy),
  indexCast: elementwise('arith.index_cast', cast('i32 index', 'index i32'), copy),
};

export const arithmetic: readonly Row[] = Object.values(arith);
