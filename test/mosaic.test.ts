/** Mosaic's rows: what each operation means, what its rule refuses, and at which versions it is printed. */
import { chipOf, chips, dialectVersion } from '../lib/ir/chips';
import { interpret, interpretModule } from '../lib/ir/interpret';
import { kernelText, moduleOf, moduleText, versionsOf } from '../lib/ir/kernel';
import * as m from '../lib/ir/mosaic';
import { roundToBf16 } from '../lib/ir/mosaic/row';
import { parseModule } from '../lib/ir/parse';
import { array, frame, hbm, semaphoreOf, semaphores, smem, unary, versionCases } from './frames';

const numbers = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 10 - 5);

describe('meaning', () => {
  const x = numbers(2048);
  test.each<[string, (x: m.V) => m.V, (x: number) => number]>([
    ['add', (v) => m.add(v, 1.5), (n) => n + 1.5],
    ['sub', (v) => m.sub(v, 1.5), (n) => n - 1.5],
    ['mul', (v) => m.mul(v, v), (n) => n * n],
    ['div', (v) => m.div(v, 3), (n) => n / 3],
    ['min', (v) => m.min(v, 1), (n) => Math.min(n, 1)],
    ['max', (v) => m.max(v, 1), (n) => Math.max(n, 1)],
    ['exp2', m.exp2, (n) => 2 ** n],
    ['exp', m.exp, Math.exp],
    ['log', (v) => m.log(m.abs(v)), (n) => Math.log(Math.abs(n))],
    ['log2', (v) => m.log2(m.abs(v)), (n) => Math.log2(Math.abs(n))],
    ['tanh', m.tanh, Math.tanh],
    ['neg', m.neg, (n) => -n],
    ['reciprocal', m.reciprocal, (n) => 1 / n],
    ['select', (v) => m.select(m.gt(v, 0), v, -1), (n) => (n > 0 ? n : -1)],
    ['eq, not', (v) => m.select(m.not(m.eq(v, -5)), 0, m.constant(7, v.type)), (n) => (n === -5 ? 7 : 0)],
    ['ne', (v) => m.select(m.ne(v, -5), 0, m.constant(7, v.type)), (n) => (n === -5 ? 7 : 0)],
    ['le, ge, and', (v) => m.convert(m.convert(m.and(m.le(v, 2), m.ge(v, -1)), 'i32'), 'f32'), (n) => Number(n <= 2 && n >= -1)],
    ['lt, or', (v) => m.convert(m.convert(m.or(m.lt(v, -2), m.gt(v, 2)), 'i32'), 'f32'), (n) => Number(Math.abs(n) > 2)],
    ['to i32 and back', (v) => m.convert(m.convert(v, 'i32'), 'f32'), (n) => Math.trunc(n) + 0],
    ['to bf16 and back', (v) => m.convert(m.convert(v, 'bf16'), 'f32'), (n) => roundToBf16(Float32Array.of(n))[0]],
  ])('%s, rounded to f32', (_, of, expected) => {
    const [out] = interpret(unary(of), [x]);
    expect(out).toEqual(x.map((n) => expected(n)));
  });

  test('bf16 is rounded to nearest even, and NaN stays', () => {
    const rounded = roundToBf16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8 - 2 ** -20, 3.4e38, Number.NaN));
    expect([...rounded]).toEqual([1, 1 + 2 ** -6, -1 - 2 ** -7, Number.POSITIVE_INFINITY, Number.NaN]);
    const [out] = interpret(
      unary((v) => m.add(v, v), [16, 128], [16, 128], 'bf16'),
      [new Float32Array(2048).fill(0.3)],
    );
    expect(out[0]).toBe(roundToBf16(Float32Array.of(Math.fround(0.6)))[0]);
  });

  test('scalars: i32 wraps, division truncates, loops and branches give values', () => {
    const kernel = frame([], [array([8, 128], 'i32')], [smem([8])], (out, table) => {
      const values = [
        m.add(m.constant(2 ** 31 - 1), 1),
        m.mul(m.constant(123456789), 987654321),
        m.div(m.constant(-7), 2),
        m.rem(m.constant(-7), 2),
        m.forLoop(2, 6, [m.constant(0)], (i, sum) => [m.add(sum, i)])[0],
        m.forLoop(6, 2, [m.constant(5)], (i) => [i])[0],
        m.whileLoop(
          [m.constant(1)],
          (n) => m.lt(n, 100),
          (n) => [m.mul(n, 3)],
        )[0],
        m.cond(
          m.gt(m.constant(1), 2),
          () => [m.constant(1)],
          () => [m.constant(2)],
        )[0],
      ];
      for (const [i, value] of values.entries()) m.storeScalar(value, table, i);
      const lane = m.iota([8, 128], 1);
      const at = (i: number) => m.broadcast(m.loadScalar(table, i), [8, 128]);
      m.store(
        values.reduce((all, _, i) => m.select(m.eq(lane, i), at(i), all), m.constant(0, m.vector('i32', [8, 128]))),
        out,
      );
    });
    const [out] = interpret(kernel, []);
    expect([...out.slice(0, 8)]).toEqual([-(2 ** 31), Math.imul(123456789, 987654321), -3, -1, 14, 5, 243, 2]);
  });

  test('a mark is a constant in scalar memory', () => {
    const kernel = frame([], [array([8, 128], 'i32')], [smem([1])], (out, table) => {
      m.mark(table, 7);
      m.store(m.broadcast(m.loadScalar(table, 0), [8, 128]), out);
    });
    expect(interpret(kernel, [])[0][0]).toBe(0x6d700007);
  });

  const at = (i: number, j: number) => x[i * 128 + j];
  test.each<[string, (x: m.V) => m.V, number[], (i: number, j: number) => number]>([
    ['transpose', m.transpose, [128, 16], (i, j) => at(j, i)],
    ['part', (v) => m.part(v, [3, 5], [8, 100]), [8, 100], (i, j) => at(i + 3, j + 5)],
    ['corner', (v) => m.corner(v, [8, 100]), [8, 100], at],
    ['concat along 0', (v) => m.concat([v, m.part(v, [8, 0], [8, 128])], 0), [24, 128], (i, j) => at(i < 16 ? i : i - 8, j)],
    ['concat along 1', (v) => m.concat([m.part(v, [0, 0], [16, 5]), v], 1), [16, 133], (i, j) => at(i, j < 5 ? j : j - 5)],
    ['tile', (v) => m.tile(v, 300), [16, 300], (i, j) => at(i, j % 128)],
    ['a row, spread', (v) => m.add(v, m.part(v, [2, 0], [1, 128])), [16, 128], (i, j) => Math.fround(at(i, j) + at(2, j))],
    ['a column, spread', (v) => m.add(v, m.part(v, [0, 2], [16, 1])), [16, 128], (i, j) => Math.fround(at(i, j) + at(i, 2))],
    ['iota', () => m.convert(m.iota([16, 128], 0), 'f32'), [16, 128], (i) => i],
    ['reshape', (v) => m.reshape(v, [8, 256]), [8, 256], (i, j) => x[i * 256 + j]],
    [
      'maximum of a row',
      (v) => m.broadcastColumn(m.reduce('maximumf', v), 128),
      [16, 128],
      (i) => Math.max(...x.slice(i * 128, i * 128 + 128)),
    ],
    [
      'least of a column',
      (v) => m.broadcastRow(m.reshape(m.reduce('minimumf', v, 0), [1, 128]), 16),
      [16, 128],
      (_, j) => Math.min(...Array.from({ length: 16 }, (__, i) => at(i, j))),
    ],
    [
      'sum of a column',
      (v) => m.broadcastRow(m.reshape(m.reduce('add', v, 0), [1, 128]), 16),
      [16, 128],
      (_, j) => Math.fround(Array.from({ length: 16 }, (__, i) => at(i, j)).reduce((a, b) => a + b)),
    ],
  ])('%s', (_, of, to, expected) => {
    const [out] = interpret(unary(of, [16, 128], to), [x]);
    expect(out).toEqual(Float32Array.from({ length: to[0] * to[1] }, (__, i) => expected(Math.floor(i / to[1]), i % to[1])));
  });

  test.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('matmul, left transposed %s, right transposed %s, from an accumulator', (transposeLeft, transposeRight) => {
    const [rows, k, columns] = [13, 7, 9];
    const [a, b] = [numbers(rows * k), numbers(k * columns)];
    const kernel = frame(
      [array(transposeLeft ? [k, rows] : [rows, k]), array(transposeRight ? [columns, k] : [k, columns]), array([rows, columns])],
      [array([rows, columns])],
      [],
      (x0, x1, x2, out) => m.store(m.matmul(m.load(x0), m.load(x1), { transposeLeft, transposeRight, acc: m.load(x2) }), out),
    );
    const start = numbers(rows * columns);
    const [out] = interpret(kernel, [a, b, start]);
    const left = (i: number, d: number) => (transposeLeft ? a[d * rows + i] : a[i * k + d]);
    const right = (d: number, j: number) => (transposeRight ? b[j * k + d] : b[d * columns + j]);
    const expected = start.map((from, i) => {
      let sum = 0;
      for (let d = 0; d < k; d++) sum += left(Math.floor(i / columns), d) * right(d, i % columns);
      return from + sum;
    });
    expect(out).toEqual(expected);
  });

  test('f32 without full precision is multiplied as bf16', () => {
    const text = kernelText(unary((v) => m.matmul(v, v), [8, 8]));
    const product = (of: string) => interpretModule(parseModule(of), [{ shape: [8, 8], data: x.slice(0, 64) }], [[8, 8]])[0];
    const dot = (values: Float32Array) => Array.from({ length: 8 }, (_, d) => values[d] * values[8 * d]).reduce((a, b) => a + b);
    expect(product(text)[0]).toBe(Math.fround(dot(x)));
    expect(product(text.replace(' precision = #tpu.contract_precision<fp32>,', ''))[0]).toBe(Math.fround(dot(roundToBf16(x.slice(0, 64)))));
  });
});

describe('rules', () => {
  const f32 = (shape: readonly number[]) => m.constant(0, m.vector('f32', shape));
  const sem = { scratch: [semaphores(2)] };
  test.each<[string, (x: m.V, out: m.V, ...scratch: m.V[]) => unknown, string, { scratch?: m.Ref[] }?]>([
    [
      'types differ',
      () => m.add(f32([8, 128]), m.constant(1)),
      'mosaic add: both operands have one type, or one is a row, column or scalar of the other; got vector<8x128xf32> and i32',
    ],
    ['remainder of floats', () => m.rem(f32([8, 128]), 2), 'mosaic rem: operands are integers'],
    ['exp2 of integers', () => m.exp2(m.constant(1)), 'mosaic math.exp2: operands are floats; got i32 to i32'],
    ['reciprocal of bf16', () => m.reciprocal(m.constant(1, m.vector('bf16', [16, 128]))), 'the operand is an f32 vector'],
    ['select by an integer', () => m.select(m.constant(1), 1, 2), 'the condition is i1'],
    [
      'no such conversion',
      () => m.convert(m.constant(1), 'bf16'),
      'mosaic convert: conversions are f32 bf16, bf16 f32, i1 i32, i32 f32, f32 i32; got i32 bf16',
    ],
    [
      'reshape',
      () => m.reshape(f32([8, 128]), [8, 127]),
      'operand and result have as many places; got vector<8x128xf32> to vector<8x127xf32>',
    ],
    ['broadcast', () => m.broadcast(f32([8, 2]), [8, 128]), 'each dimension of the operand is 1 or the last ones of the result'],
    ['part', () => m.part(f32([8, 128]), [4, 0], [8, 128]), 'a part lies within the operand, not at [4,0] of [8,128]'],
    ['concat', () => m.concat([f32([8, 128]), f32([4, 128])], 1), 'parts are alike but for dimension 1'],
    ['transpose of rank 3', () => m.transpose(f32([1, 8, 128])), 'the operand is a vector of rank 2; got vector<1x8x128xf32>'],
    ['iota of rank 1', () => m.iota([128], 0), 'the result has rank 2 or more'],
    [
      'matmul sizes',
      () => m.matmul(f32([8, 16]), f32([8, 16])),
      'contracting sizes and elements (bf16 or f32) agree, along 1 and 0; got vector<8x16xf32>, vector<8x16xf32>',
    ],
    [
      'matmul accumulator',
      () => m.matmul(f32([8, 16]), f32([16, 8]), { acc: f32([8, 16]) }),
      'the accumulator and the result are f32 [8,8]',
    ],
    ['a load from HBM', (x) => m.load(x, [8, 128]), 'vectors are loaded from vector memory (copy there first)'],
    [
      'a store of another element',
      (_, out) => m.store(m.constant(1, m.vector('i32', [8, 128])), out),
      'the value is a vector of the element of the reference',
    ],
    ['a load past a size', (_, out) => m.load(out, [16, 128]), 'what is accessed has the rank of the reference and fits in it'],
    ['a scalar from vector memory', (_, out) => m.loadScalar(out, [0, 0]), 'scalars are loaded from scalar memory'],
    [
      'booleans in memory',
      (_, __, bits) => m.store(m.constant(1, m.vector('i1', [8, 128])), bits),
      'booleans are not stored',
      { scratch: [m.ref('vmem', 'i1', [8, 128])] },
    ],
    [
      'a copy between shapes',
      (x, out, all) => m.startCopy(m.slice(x, [0, 0], [4, 128]), out, semaphoreOf(all, 0)),
      'source and target are references of one shape and element',
      sem,
    ],
    ['many semaphores', (x, out, all) => m.startCopy(x, out, all), 'the semaphore is one: a reference of rank 0', sem],
    ['squeezing what is not 1', (x) => m.squeeze(x, [128]), 'only dimensions of 1 are dropped'],
    [
      'branches of two types',
      () =>
        m.cond(
          m.constant(1, m.scalar('i1')),
          () => [m.constant(1)],
          () => [],
        ),
      'mosaic: a region yields i32; got none',
    ],
    ['a loop that changes its state', () => m.forLoop(0, 2, [m.constant(1)], () => []), 'mosaic: a region yields i32; got none'],
  ])('%s', (_, body, message, { scratch = [] } = {}) => {
    const kernel = frame([hbm([8, 128])], [array([8, 128])], scratch, (...refs) => void body(refs[0], refs[1], ...refs.slice(2)));
    expect(() => moduleOf(kernel)).toThrow(message);
  });

  test('every row has a name of its own, and a meaning unless it ends a block', () => {
    for (const [name, row] of m.rows) expect(row.name).toBe(name);
    const without = [...m.rows.values()].filter(({ meaning }) => !meaning).map(({ name }) => name);
    expect(without).toEqual(['scf.yield', 'scf.condition', 'func.return']);
  });
});

describe('versions', () => {
  test.each(versionCases)('%s', (_, kernel, since, before) => {
    expect(versionsOf(moduleOf(kernel))).toEqual({ since, before });
    expect(kernelText(kernel)).toMatch(new RegExp(`^module attributes {stable_mosaic.version = ${since} : i64}`));
    expect(() => moduleText(moduleOf(kernel), since - 1)).toThrow(`got ${since - 1}`);
  });
  test('what a libtpu takes', () => {
    const all = ['0.0.21', '0.0.29', '0.0.30', '0.0.42.1', '0.0.52', '0.1.0'].map(dialectVersion);
    expect(all).toEqual([7, 7, 9, 14, 20, 20]);
    expect(() => dialectVersion('0.0.20')).toThrow('is 0.0.21 or later; got 0.0.20');
  });
});

describe('chips', () => {
  test('by name and topology', () => {
    expect(chipOf('v5p:8x8x16')).toBe(chips.v5p);
    for (const name of ['v9', '', 'toString', 'constructor:2x2x1', '__proto__'])
      expect(() => chipOf(name)).toThrow(`a TPU generation is one of v4, v5e, v5p, v6e, tpu7x; got ${name}`);
  });
  test.each(Object.values(chips))(
    '$name: the peak is what its MXUs do at its clock',
    ({ cores, mxus, mxuSize, rowsPerCycle, hertz, flopsPerSecond }) => {
      expect((cores * mxus * mxuSize ** 2 * 2 * rowsPerCycle * hertz) / flopsPerSecond).toBeCloseTo(1, 1.7);
    },
  );
});
