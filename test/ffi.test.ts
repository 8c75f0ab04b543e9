/**
 * The addon's forward kernel as the CPU plugin runs it, against plain loops. ffi-isa.test.ts runs this file again with the kernels that
 * this machine would not choose by itself.
 */
import { attentionDTypes } from '../lib/attention';
import type { Client } from '../lib/pjrt';
import { type Case, causal, everything, inputsOf, mistakes, run, runs } from './ffi-case';
import { testData } from '../lib/timing/check';
import { maxError } from './helpers';
import { withCpu } from './with-target';

let client: Client;
withCpu((opened) => {
  client = opened;
});

async function check(options: Case, rows?: readonly number[]): Promise<void> {
  expect(await mistakes(client, options, rows)).toEqual([]);
}

describe.each(attentionDTypes)('%s', (dtype) => {
  // On both sides of a vector, a register tile, a block of keys (64) and a block of queries (128).
  test.each([1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 200, 257])('causal, %i tokens', async (queries) => {
    await check({ dtype, heads: 2, queries, band: causal });
  });

  test.each([
    [1, 1],
    [8, 8],
    [16, 5],
    [40, 40],
    [64, 80],
    [80, 3],
    [128, 128],
    [256, 256],
    [7, 256],
    [300, 13],
  ])('head dim %i, value dim %i', async (headDim, valueDim) => {
    await check({ dtype, queries: 70, keys: 75, headDim, valueDim });
    await check({ dtype, queries: 70, headDim, valueDim, band: causal });
  });

  test.each([
    [4, 4],
    [4, 2],
    [4, 1],
    [6, 3],
  ])('%i heads on %i kv heads, two sequences', async (heads, kvHeads) => {
    await check({ dtype, batch: 2, heads, kvHeads, queries: 67, band: causal });
  });
});

const bands: [name: string, low: number, high: number][] = [
  ['causal', ...causal],
  ['causal, 40 keys earlier', -Infinity, -40],
  ['causal, 70 keys later', -Infinity, 70],
  ['from the diagonal on', 0, Infinity],
  ['window of the diagonal alone', 0, 0],
  ['window of 20 before', -20, 0],
  ['window of 64 before', -64, 0],
  ['window of 9 before and 100 after', -9, 100],
  ['window past the diagonal', 5, 30],
  ['window of which some rows see nothing', -130, -100],
  ['nothing: beyond the keys', 1000, 2000],
  ['nothing: low above high', 3, 2],
];
const shapes: [queries: number, keys: number][] = [
  [150, 150],
  [40, 200],
  [200, 40],
  [1, 130],
];
describe.each(shapes)('%i queries, %i keys', (queries, keys) => {
  test.each(bands)('%s', async (_, low, high) => {
    await check({ heads: 2, kvHeads: 1, queries, keys, headDim: 8, band: [low, high] });
  });
});

test('a scale of either sign, and none', async () => {
  for (const scale of [2.5, -0.5, 0]) await check({ queries: 50, scale, band: causal });
});

test('no queries, no keys, no batch', async () => {
  await check({ queries: 0, keys: 5 });
  await check({ queries: 5, keys: 0 });
  await check({ batch: 0, queries: 5 });
});

test('131072 tokens with a window: no array of tokens x tokens, which would be 64 GiB', async () => {
  const queries = 2 ** 17;
  const rows = [0, 1, 62, 63, 64, 65, 100_000, queries - 1];
  await check({ queries, headDim: 2, band: [-64, 0] }, rows);
});

test('large scores: the largest takes all, nothing overflows', async () => {
  const keys = 200;
  const q = new Float32Array([100]);
  const k = Float32Array.from({ length: keys }, (_, j) => (j === 77 ? 100 : (j % 90) - 80));
  const v = Float32Array.from({ length: keys }, (_, j) => j);
  const { out, logSumExp } = await run(client, { queries: 1, keys, headDim: 1, scale: 1 }, { q, k, v });
  expect(out[0]).toBe(77);
  expect(logSumExp[0]).toBeCloseTo(1e4, 2);
});

describe('NaN and infinity reach the rows that attend to them, and no other', () => {
  const shape: Case = { queries: 100, headDim: 8, valueDim: 3, band: causal };

  test.each([40, 64, 99])('a value of NaN at key %i', async (key) => {
    const inputs = inputsOf(shape);
    const clean = await run(client, shape, inputs);
    inputs.v[key * 3 + 1] = Number.NaN;
    const { out, logSumExp } = await run(client, shape, inputs);
    expect(Array.from(out, Number.isNaN)).toEqual(Array.from(out, (_, i) => i % 3 === 1 && i >= key * 3));
    expect(out.subarray(0, key * 3)).toEqual(clean.out.subarray(0, key * 3));
    expect(logSumExp).toEqual(clean.logSumExp);
  });

  test('a value of infinity', async () => {
    const inputs = inputsOf(shape);
    inputs.v[40 * 3 + 2] = Number.NEGATIVE_INFINITY;
    const { out } = await run(client, shape, inputs);
    expect(Array.from(out, (value) => value === Number.NEGATIVE_INFINITY)).toEqual(Array.from(out, (_, i) => i % 3 === 2 && i >= 120));
  });

  test('a key of NaN', async () => {
    const inputs = inputsOf(shape);
    inputs.k[40 * 8 + 5] = Number.NaN;
    const { out, logSumExp } = await run(client, shape, inputs);
    expect(Array.from(out, Number.isNaN)).toEqual(Array.from(out, (_, i) => i >= 120));
    expect(Array.from(logSumExp, Number.isNaN)).toEqual(Array.from(logSumExp, (_, i) => i >= 40));
  });

  test('a key of infinity: NaN where its score is infinity, no weight where it is -infinity', async () => {
    const inputs = inputsOf(shape);
    inputs.k[40 * 8] = Number.POSITIVE_INFINITY;
    const { out } = await run(client, shape, inputs);
    const isNan = (row: number) => row >= 40 && inputs.q[row * 8] > 0;
    expect(Array.from(out, Number.isNaN)).toEqual(Array.from(out, (_, i) => isNan(Math.floor(i / 3))));
  });

  // Of 8 rows or fewer, each lies over several lanes of a vector where the value dim is whole vectors.
  test.each(
    attentionDTypes.flatMap((dtype) =>
      [
        [100, 8, 3],
        [100, 7, 3],
        [5, 8, 16],
        [5, 7, 16],
        [70, 7, 256],
      ].map(([queries, headDim, valueDim]) => ({ dtype, queries, headDim, valueDim })),
    ),
  )('a query of NaN: $dtype, $queries queries, dims $headDim and $valueDim', async (shape) => {
    const last = shape.queries - 1;
    const inputs = inputsOf(shape);
    inputs.q[last * shape.headDim] = Number.NaN;
    const { out } = await run(client, shape, inputs);
    expect(Array.from(out, Number.isNaN)).toEqual(Array.from(out, (_, i) => Math.floor(i / shape.valueDim) === last));
  });

  test('bf16 keeps NaN and infinity, and rounds to nearest even', async () => {
    const one = { dtype: 'bf16', queries: 1, keys: 1, headDim: 1, valueDim: 3 } as const;
    const zero = new Float32Array(1);
    const special = await run(client, one, {
      q: zero,
      k: zero,
      v: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 3.3895313892515355e38),
    });
    expect(special.out).toEqual(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 3.3895313892515355e38));
    // The mean of two neighbours is a tie.
    const tie = await run(
      client,
      { ...one, keys: 2 },
      { q: zero, k: new Float32Array(2), v: Float32Array.of(1, 1.0078125, -256, 1.0078125, 1.015625, -258) },
    );
    expect(tie.out).toEqual(Float32Array.of(1, 1.015625, -256));
  });
});

test('a run is the same to the bit however many threads it gets, alone and among others', async () => {
  const options: Case = { batch: 2, heads: 4, kvHeads: 2, queries: 300, headDim: 32, band: causal };
  const inputs = inputsOf(options);
  const alone = await run(client, options, inputs);
  for (const { out, logSumExp } of await runs(client, options, inputs, 12)) {
    expect(maxError(out, alone.out)).toBe(0);
    expect(maxError(logSumExp, alone.logSumExp)).toBe(0);
  }
});

test('fifty attentions of random shape', async () => {
  const random = testData({ dtype: 'f32', shape: [1000] }, 5).map((x) => (x + 4) / 8);
  let next = 0;
  const whole = (low: number, high: number) => low + Math.floor(random[next++] * (high - low + 1));
  for (let n = 0; n < 50; n++) {
    const kvHeads = whole(1, 3);
    const low = whole(-150, 150);
    const options: Case = {
      dtype: attentionDTypes[whole(0, 2)],
      batch: whole(1, 2),
      heads: kvHeads * whole(1, 3),
      kvHeads,
      queries: whole(1, 180),
      keys: whole(1, 180),
      headDim: whole(1, 40),
      valueDim: whole(1, 40),
      band: ([everything, causal, [low, low + whole(0, 150)]] as const)[whole(0, 2)],
    };
    await check(options);
  }
});
