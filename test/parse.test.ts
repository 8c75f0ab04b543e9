/**
 * The parser and, by the kernels of others, the interpreter's reading of Mosaic: kernels that JAX printed (test/kernels) run and agree
 * with plain loops in double precision.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { interpretModule, type Transfers } from '../lib/ir/interpret';
import { moduleText, versionsOf } from '../lib/ir/kernel';
import { roundToBf16 } from '../lib/ir/mosaic/row';
import { parseModule } from '../lib/ir/parse';

const textOf = (name: string) => readFileSync(path.join(__dirname, 'kernels', `${name}.mlir`), 'utf8');

/** Numbers in [-1, 1) that bf16 holds, the same each time. */
function numbers(length: number, seed: number): Float32Array {
  let state = seed;
  return roundToBf16(
    Float32Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state / 2 ** 31;
    }),
  );
}

interface Case {
  readonly heads: number;
  readonly tokens: number;
  readonly size: number;
  /** Of the scores, natural. */
  readonly scale: number;
}

/**
 * Causal attention and, where there is a dOut, its gradients in double precision: [heads, tokens, size], or [heads, tokens] of the
 * statistics.
 */
function plain({ heads, tokens, size, scale }: Case, [q, k, v, dOut]: readonly Float32Array[]) {
  const zeros = () => new Float64Array(heads * tokens * size);
  const [out, dq, dk, dv] = [zeros(), zeros(), zeros(), zeros()];
  const [logSumExp, delta] = [new Float64Array(heads * tokens), new Float64Array(heads * tokens)];
  const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number) => {
    let sum = 0;
    for (let d = 0; d < size; d++) sum += a[i * size + d] * b[j * size + d];
    return sum;
  };
  const addTo = (to: Float64Array, i: number, factor: number, from: ArrayLike<number>, j: number) => {
    for (let d = 0; d < size; d++) to[i * size + d] += factor * from[j * size + d];
  };
  for (let h = 0; h < heads; h++)
    for (let t = 0; t < tokens; t++) {
      const row = h * tokens + t;
      const scores = Float64Array.from({ length: t + 1 }, (_, s) => scale * dot(q, row, k, h * tokens + s));
      const greatest = scores.reduce((a, b) => Math.max(a, b));
      logSumExp[row] = greatest + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - greatest), 0));
      for (let s = 0; s <= t; s++) addTo(out, row, Math.exp(scores[s] - logSumExp[row]), v, h * tokens + s);
      if (!dOut) continue;
      delta[row] = dot(out, row, dOut, row);
      for (let s = 0; s <= t; s++) {
        const key = h * tokens + s;
        const p = Math.exp(scores[s] - logSumExp[row]);
        const ds = p * (dot(dOut, row, v, key) - delta[row]);
        addTo(dv, key, p, dOut, row);
        addTo(dq, row, ds * scale, k, key);
        addTo(dk, key, ds * scale, q, row);
      }
    }
  return { out, logSumExp, delta, dq, dk, dv };
}

/** Relative l2 distance. */
function distance(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) {
    difference += (got[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

// Of values rounded to bf16 the relative l2 error is 2^-9 / sqrt(3) = 0.0011 a rounding, of which weights, gradients and results have up
// to three.
const tolerance = 4e-3;

const names = ['pallas-forward', 'pallas-fused-backward', 'splash-forward', 'splash-forward-residuals', 'splash-dq', 'splash-dkv'];
test.each(names)('%s is parsed, verified operation by operation, and printed as what is parsed the same', (name) => {
  const module = parseModule(textOf(name));
  expect(module.version).toBe(15);
  expect(versionsOf(module)).toEqual({ since: name.startsWith('pallas') ? 14 : 13, before: Number.POSITIVE_INFINITY });
  const printed = moduleText(module, module.version);
  expect(printed.match(/"stable_mosaic\.[^"]*"/g)).toEqual(textOf(name).match(/"stable_mosaic\.[^"]*"/g));
  expect(moduleText(parseModule(printed), module.version)).toBe(printed);
});

const splash = { heads: 2, tokens: 512, size: 128, scale: 1 };
const array = (shape: readonly number[], data: ArrayLike<number>) => ({ shape, data });
const whole = [2, 512, 128];
const inputs = [1, 2, 3, 4].map((seed) => numbers(2 * 512 * 128, seed).map((x) => x / 4));
const expected = plain(splash, inputs);
const [q, k, v, dOut] = inputs.map((data) => array(whole, data));
/** Which block to fetch next, and which blocks are masked (1), whole (2) or left out (0), of 4 x 4 blocks. */
const next = (of: (row: number, column: number) => number) =>
  array(
    [1, 4, 4],
    Array.from({ length: 16 }, (_, i) => (i % 4 > i >> 2 ? 0 : of(i >> 2, i % 4))),
  );
const blocks = next((row, column) => (row === column ? 1 : 2));
/** The number of each token along `axis` of two. */
const tokenNumbers = (shape: readonly number[], axis: number) =>
  array(
    shape,
    Array.from({ length: shape[0] * shape[1] }, (_, i) => (axis ? i % shape[1] : Math.floor(i / shape[1]))),
  );
const rowsOf = (statistic: Float64Array, copies: number) =>
  array(
    [2, copies, 512],
    Array.from({ length: 2 * copies * 512 }, (_, i) => statistic[Math.floor(i / (copies * 512)) * 512 + (i % 512)]),
  );
// Splash keeps its statistics in outputs that it throws away, and both cores write the same block of them.
const statistics = [0, 1, 2].map(() => [128, 128]);

/** The Pallas forward for 2 heads and 1024 tokens. */
const cut = () =>
  textOf('pallas-forward')
    .replaceAll('32768', '1024')
    .replaceAll('value = 64 : i32', 'value = 2 : i32')
    .replaceAll('value = 63 : i32', 'value = 1 : i32')
    .replaceAll('value = 15 : i32', 'value = 1 : i32')
    .replaceAll('value = 8 : i32', 'value = 1 : i32')
    .replace('array<i64: 16, 64>', 'array<i64: 2, 2>');

describe.each<Transfers>(['late', 'early'])('data that moves %s', (transfers) => {
  test("JAX's splash forward", () => {
    const tables = [next((_, column) => column), blocks];
    const outputs = interpretModule(
      parseModule(textOf('splash-forward')),
      [...tables, q, k, v, tokenNumbers([512, 128], 0)],
      [...statistics, whole],
      { transfers, discarded: [0, 1, 2] },
    );
    expect(distance(outputs[3], expected.out)).toBeLessThan(tolerance);
  });

  test('a Pallas forward that copies K and V itself, in base 2, its shapes cut by text', () => {
    const text = cut();
    const shape = [2, 1024, 256];
    const [a, b, c] = [5, 6, 7].map((seed) => numbers(2 * 1024 * 256, seed).map((x) => x / 4));
    const [out] = interpretModule(
      parseModule(text),
      [a, b, c].map((data) => array(shape, data)),
      [shape],
      { transfers },
    );
    const { out: wanted } = plain({ heads: 2, tokens: 1024, size: 256, scale: Math.LN2 }, [a, b, c]);
    expect(distance(out, wanted)).toBeLessThan(tolerance);
  });

  test('a Pallas fused backward that copies Q, dO and statistics itself, a step ahead', () => {
    const scale = 128 ** -0.5;
    const of = plain({ ...splash, scale }, inputs);
    const stats = Array.from({ length: 2 * 4 * 2 * 128 }, (_, i) => {
      const row = (i >> 10) * 512 + ((i >> 8) & 3) * 128 + (i & 127);
      return (i >> 7) & 1 ? of.delta[row] : of.logSumExp[row] * Math.LOG2E;
    });
    const [dk, dv, dq] = interpretModule(
      parseModule(textOf('pallas-fused-backward')),
      [k, v, q, dOut, array([2, 4, 2, 128], stats)],
      [whole, whole, whole],
      { transfers },
    );
    expect(distance(dq, of.dq)).toBeLessThan(tolerance);
    expect(distance(dk, of.dk)).toBeLessThan(tolerance);
    expect(distance(dv, of.dv)).toBeLessThan(tolerance);
  });
});

test('that Pallas forward with any one of its waits taken out', () => {
  const wait = /^.*"stable_mosaic.tpu.wait_dma2".*$/gm;
  const data = array([2, 1024, 256], numbers(2 * 1024 * 256, 8));
  // Of its four loops the second and the last are what is left of unrolled ones, and have no steps: their pairs of waits are never met.
  expect(cut().match(wait)).toHaveLength(8);
  for (const taken of [0, 1, 4, 5]) {
    let seen = 0;
    const text = cut().replace(wait, (line) => (seen++ === taken ? '' : line));
    expect(() => interpretModule(parseModule(text), [data, data, data], [[2, 1024, 256]])).toThrow('while a copy into it is in flight');
  }
});

test("JAX's splash forward with log-sum-exp", () => {
  const outputs = interpretModule(
    parseModule(textOf('splash-forward-residuals')),
    [next((_, column) => column), blocks, q, k, v, tokenNumbers([512, 128], 0)],
    [...statistics, whole, whole],
    { discarded: [0, 1, 2] },
  );
  expect(distance(outputs[3], expected.out)).toBeLessThan(tolerance);
  const firstLane = Array.from({ length: 1024 }, (_, row) => outputs[4][row * 128]);
  expect(distance(firstLane, expected.logSumExp)).toBeLessThan(1e-5);
});

test("JAX's splash dq", () => {
  const [, dq] = interpretModule(
    parseModule(textOf('splash-dq')),
    [
      next((_, column) => column),
      blocks,
      q,
      k,
      v,
      rowsOf(expected.logSumExp, 1),
      dOut,
      rowsOf(expected.delta, 1),
      tokenNumbers([512, 128], 0),
    ],
    [[128, 128], whole],
  );
  expect(distance(dq, expected.dq)).toBeLessThan(tolerance);
});

test("JAX's splash dk and dv", () => {
  const [, , dk, dv] = interpretModule(
    parseModule(textOf('splash-dkv')),
    [next((row) => row), blocks, q, k, v, rowsOf(expected.logSumExp, 8), dOut, rowsOf(expected.delta, 8), tokenNumbers([8, 512], 1)],
    [[128, 128], [128, 128], whole, whole],
  );
  expect(distance(dk, expected.dk)).toBeLessThan(tolerance);
  expect(distance(dv, expected.dv)).toBeLessThan(tolerance);
});

test('two cores of splash write one block of what it throws away, and that is told', () => {
  const run = () =>
    interpretModule(
      parseModule(textOf('splash-forward')),
      [next((_, column) => column), blocks, q, k, v, tokenNumbers([512, 128], 0)],
      [...statistics, whole],
    );
  expect(run).toThrow('a block of output 0 is written by one core; block [0,0] is by two');
});

test('text of another form names the line, the rule and what is there', () => {
  const text = textOf('splash-dq');
  const broken = (from: string | RegExp, to: string) => () => parseModule(text.replace(from, to));
  expect(broken('"stable_mosaic.tpu.matmul"', '"stable_mosaic.tpu.conv"')).toThrow(
    /^mosaic text, line \d+: operations are those of lib\/ir\/mosaic, named stable_mosaic\.<operation>; stable_mosaic.tpu.conv is none of them; got \(%/,
  );
  expect(broken('"stable_mosaic.tpu.matmul"(%', '"stable_mosaic.tpu.matmul"(%none')).toThrow(
    'an operand is a value of this region or one around it; %none',
  );
  expect(broken('#tpu.dot_dimension_numbers<[1]', '#tpu.dot_dimension_numbers<[2]')).toThrow(
    'the operation before this keeps its rule, but mosaic tpu.matmul: one dimension of each side is contracted and none is a batch, not #tpu',
  );
  expect(broken('stable_mosaic.version = 15', 'stable_mosaic.version = 12')).toThrow(
    'mosaic: the forms of these operations are those of versions 13 or later; got 12',
  );
  expect(broken('@transform_3', '@missing')).toThrow("a window's transform_indices is a function of the module; got @missing");
  expect(broken(/}\s*\)\s*{stable_mosaic/, ') {stable_mosaic')).toThrow(
    /^mosaic text, line \d+: "stable_mosaic.func.func" comes here; got \)/,
  );
  expect(broken(/f32, #tpu.memory_space<vmem>/, 'f32, #tpu.memory_space<cmem>')).toThrow(
    'memory spaces are any, hbm, vmem, smem and semaphore_mem, not cmem',
  );
  expect(() => parseModule('module {}')).toThrow('a module has a stable_mosaic.version; got {}');
});

test('locations and comments are passed over', () => {
  const text = textOf('splash-dq');
  const located = `#loc1 = loc("a.py":1:2)\n${text.replace(/^( *%\d+ = .*)$/gm, '$1 loc(fused["b"(#loc1), unknown]) // here')}`;
  const [a, b] = [text, located].map(parseModule);
  expect(moduleText(b, b.version)).toBe(moduleText(a, a.version));
});
