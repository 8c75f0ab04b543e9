/** The TPU's backward kernel, run by the meaning of its operations and compared with the plain loops; every form of it compiles for v5p. */
import fc from 'fast-check';
import { type AttentionOptions, attention } from '../lib/attention';
import { chips } from '../lib/ir/chips';
import { kernelText } from '../lib/ir/kernel';
import { lower } from '../lib/lower';
import { backwardKernel } from '../lib/lower/tpu-backward';
import { type BackwardChoice, backwardChoice, backwardPlan, tilesOf } from '../lib/lower/tpu-backward-plan';
import { stripsOf } from '../lib/lower/tpu-backward-tile';
import { allows, causal, type LazyMask, local, parseMask } from '../lib/mask';
import { Topology } from '../lib/pjrt';
import { backwardErrors } from './backward-case';
import { fuzz } from './fuzz/budget';
import { describeTpu } from './helpers';
import { anyMask, kernelMaskTexts, maskTexts } from './masks';

/** Of a gradient's largest value: f32 sums in another order; bf16 rounds weights, their gradients and the results to 8 bits. */
const tolerance = { f32: 1e-5, bf16: 1.5e-2 };

function check(options: AttentionOptions, choice: BackwardChoice, more: Parameters<typeof backwardErrors>[2] = {}) {
  for (const [name, error] of Object.entries(backwardErrors(options, choice, more)))
    expect([name, error < tolerance[options.dtype ?? 'f32'], error]).toEqual([name, true, error]);
}

describe.each(['vmem', 'hbm'] as const)('dq in %s', (dq) => {
  test.each(maskTexts)('%s, sizes that no block divides, of more keys and of more queries', (text) => {
    check({ heads: 2, headDim: 16, queries: 300, keys: 420, mask: parseMask(text, 300, 420) }, { block: 128, dq });
    check({ heads: 4, kvHeads: 2, headDim: 16, queries: 420, keys: 300, mask: parseMask(text, 420, 300) }, { block: 128, dq });
  });

  test.each([
    ['causal', 600, 256],
    ['local(255, 0)', 768, 256],
    ['local(200, 30)', 700, 256],
    ['full', 600, 256],
    ['causal & documents(100, 300)', 600, 256],
    ['segments & local(200, 10)', 600, 256],
    ['chunkedCausal(200)', 600, 256],
  ] as const)('%s, %i tokens in blocks of %i: strips of a tile', (text, queries, block) => {
    check({ heads: 2, headDim: 16, queries, mask: parseMask(text, queries, queries) }, { block, dq });
  });

  test.each([1, 2, 3])('causal, %i blocks: the same row twice, and the row written last', (blocks) => {
    check({ heads: 2, headDim: 16, queries: blocks * 128, mask: causal() }, { block: 128, dq });
    check({ heads: 4, kvHeads: 2, headDim: 16, queries: blocks * 128, mask: causal() }, { block: 128, dq }, { transfers: 'early' });
    check({ heads: 2, headDim: 16, queries: blocks * 128, mask: causal() }, { block: 128, dq }, { cores: 1 });
  });

  test.each([
    ['one kv head: the cores share its query heads', { heads: 4, kvHeads: 1, headDim: 16, queries: 300, mask: causal() }],
    [
      'masks of heads, a kv head for each two',
      { heads: 4, kvHeads: 2, headDim: 16, queries: 260, mask: parseMask('perHead(causal, local(12, 3))', 260, 260) },
    ],
    [
      'masks of heads, one kv head',
      { heads: 4, kvHeads: 1, headDim: 16, queries: 260, mask: parseMask('perHead(causal, prefix(20))', 260, 260) },
    ],
    ['three heads of one kv head: one core', { heads: 3, kvHeads: 1, headDim: 16, queries: 300, mask: causal() }],
    [
      'batches of odd kv heads',
      { batch: 2, heads: 3, kvHeads: 3, headDim: 16, queries: 140, mask: parseMask('keyLengths & causal', 140, 140) },
    ],
    [
      'batches of segments, one kv head',
      { batch: 2, heads: 2, kvHeads: 1, headDim: 16, queries: 300, mask: parseMask('segments & causal', 300, 300) },
    ],
    ['a value size of its own', { heads: 2, headDim: 24, valueDim: 160, queries: 300, mask: local(20, 0) }],
    ['a soft cap', { heads: 2, headDim: 16, queries: 300, mask: causal(), softCap: 2 }],
    [
      'a soft cap on a mask that is no band',
      { heads: 2, headDim: 16, queries: 200, mask: parseMask('prefix(70)', 200, 200), softCap: 1.5, scale: 0.7 },
    ],
    ['sinks, and rows that see nothing', { heads: 2, headDim: 16, queries: 300, mask: causal(-40), sinks: true }],
    ['one query', { heads: 2, headDim: 16, queries: 1, keys: 300 }],
    ['one row of tiles, whole columns', { heads: 2, headDim: 16, queries: 100, keys: 256 }],
    ['one column of tiles', { heads: 2, headDim: 16, queries: 300, keys: 128 }],
    ['a causal band that ends before the queries do', { heads: 2, headDim: 16, queries: 400, keys: 128, mask: causal() }],
  ] as [string, AttentionOptions][])('%s', (_, options) => {
    check(options, { block: 128, dq });
  });

  test.each([
    ['causal', 300, 300, 2],
    ['causal', 128, 128, 2],
    ['causal', 200, 420, 2],
    ['full', 300, 300, 4],
    ['local(100, 20)', 420, 300, 2],
    ['segments & causal', 300, 300, 2],
    ['documents(60, 10, 130)', 300, 420, 3],
    ['perHead(causal, prefix(70))', 200, 200, 2],
  ] as const)('%s, %i x %i, a head of the group of %i after the other', (text, queries, keys, group) => {
    const mask = parseMask(text, queries, keys);
    check({ heads: 2 * group, kvHeads: 2, headDim: 16, valueDim: 24, queries, keys, mask }, { block: 128, dq, order: 'heads' });
    if (group === 4)
      check({ heads: 4, kvHeads: 1, headDim: 16, queries, keys, mask }, { block: 128, dq, order: 'heads' }, { transfers: 'early' });
  });

  test.each(['full', 'causal', 'local(40, 0)', 'segments & causal'])('bf16, %s', (text) => {
    check({ heads: 2, headDim: 64, queries: 300, dtype: 'bf16', mask: parseMask(text, 300, 300) }, { block: 128, dq });
  });
});

test('random masks, and compositions of them', () => {
  fc.assert(
    fc.property(anyMask, fc.boolean(), (mask, inMemory) => {
      // As small masks with numbers 13 times as large: boundaries in every tile.
      const wide = JSON.parse(JSON.stringify(mask), (key, value) => (typeof value === 'number' && key !== 'stride' ? 13 * value : value));
      const options = { heads: 2, headDim: 8, queries: 270, keys: 300, mask: wide as LazyMask };
      check(options, { block: 128, dq: inMemory ? 'vmem' : 'hbm' });
    }),
    fuzz(15),
  );
});

test('strips hold every pair of a tile, and a group of 128 queries at their ends holds one', () => {
  for (const [low, high] of [
    [null, 0],
    [0, null],
    [-100, 30],
    [200, null],
    [null, -300],
    [-5, 5],
  ] as const) {
    const block = 512;
    const strips = stripsOf({ from: 0, to: 0, low, high, keys: block }, block);
    const inside = (i: number, j: number) => (low === null || j - i >= low) && (high === null || j - i <= high);
    const holds = (strip: (typeof strips)[number], first: number) =>
      Array.from({ length: 128 * 128 }, (_, at) => inside(first + (at >> 7), strip.first + (at & 127))).some(Boolean);
    let pairs = 0;
    for (let i = 0; i < block; i++) for (let j = 0; j < block; j++) pairs += Number(inside(i, j));
    let held = 0;
    for (const strip of strips) {
      expect([holds(strip, strip.start), holds(strip, strip.end - 128)]).toEqual([true, true]);
      for (let j = strip.first; j < strip.first + strip.count; j++)
        for (let i = strip.start; i < strip.end; i++) held += Number(inside(i, j));
    }
    expect(held).toBe(pairs);
  }
});

test('the tiles of a band are those that hold a pair', () => {
  for (const [text, queries, keys] of [
    ['causal', 1000, 1000],
    ['local(200, 30)', 900, 1300],
    ['causal(-40)', 700, 384],
  ] as const) {
    const mask = parseMask(text, queries, keys);
    const plan = backwardPlan(attention({ heads: 2, headDim: 16, queries, keys, mask }), { block: 128 }, chips.v5p);
    let expected = 0;
    for (let row = 0; row < plan.rows; row++)
      for (let column = 0; column < plan.columns; column++)
        expected += Number(
          Array.from({ length: 128 * 128 }, (_, at) => [row * 128 + (at >> 7), column * 128 + (at & 127)]).some(([i, j]) =>
            allows(mask as ReturnType<typeof causal>, i, j),
          ),
        );
    expect(plan.band?.classes.reduce((sum, _, i) => sum + (plan.band ? tilesOf(plan.band, i) : 0), 0)).toBe(expected);
  }
});

test('where unfinished dq lives', () => {
  const place = (options: Partial<AttentionOptions>, block = 512) =>
    backwardPlan(attention({ heads: 16, headDim: 256, queries: 4096, dtype: 'bf16', mask: causal(), ...options }), { block }, chips.v5p).dq;
  expect(place({})).toEqual({ kind: 'vmem', tiles: 8 });
  expect(place({ queries: 32768 })).toEqual({ kind: 'vmem', tiles: 64 });
  expect(place({ queries: 131072 })).toEqual({ kind: 'hbm' });
  expect(place({ queries: 32768, kvHeads: 2 })).toEqual({ kind: 'vmem', tiles: 64 });
  expect(place({ queries: 32768, kvHeads: 1, heads: 3 })).toEqual({ kind: 'vmem', tiles: 64 });
  expect(place({ queries: 131072, kvHeads: 2 })).toEqual({ kind: 'hbm' });
  expect(place({ queries: 1048576, mask: local(1023, 0) })).toEqual({ kind: 'vmem', tiles: 3 });
  const spec = attention({ heads: 16, headDim: 256, queries: 131072, dtype: 'bf16', mask: causal() });
  expect(() => backwardPlan(spec, { block: 512, dq: 'vmem' }, chips.v5p)).toThrow('got 134217728: keep it in hbm');
  expect(() => backwardPlan(spec, { block: 500 }, chips.v5p)).toThrow('a block is a multiple of 128 tokens; got 500');
});

test('the text of the kernel is as long at a million tokens as at 131072, but for the digits of T', () => {
  const text = (queries: number) => {
    const spec = attention({ heads: 16, headDim: 256, queries, dtype: 'bf16', mask: causal() });
    return kernelText(backwardKernel(spec, backwardPlan(spec, { block: 512 }, chips.v5p)));
  };
  expect(text(1048576).replace(/\d+/g, 'n')).toBe(text(131072).replace(/\d+/g, 'n'));
});

describeTpu('ahead of time for v5p', () => {
  let v5p: Topology;
  beforeAll(async () => {
    v5p = await Topology.open('tpu', 'v5p:2x2x1');
  });
  afterAll(() => v5p.dispose());

  const shape = { heads: 4, kvHeads: 2, headDim: 128, queries: 1024, dtype: 'bf16', mask: causal(), pass: 'backward' } as const;
  const compile = async (options: AttentionOptions, choice?: BackwardChoice) => {
    const spec = attention(options);
    using compiled = await v5p.compile(lower(spec, v5p.target, { backward: choice ?? backwardChoice(spec, 'lean', chips.v5p) }));
    return { codeBytes: compiled.codeBytes, tempBytes: compiled.memory.tempBytes };
  };

  test.each([
    ['causal bf16', shape],
    ['f32', { ...shape, dtype: 'f32' }],
    ...[...kernelMaskTexts, '~segments & local(40, 40)'].map(
      (text) => [text, { ...shape, mask: parseMask(text, 1024, 1024) }] as [string, AttentionOptions],
    ),
    ['head_dim 64', { ...shape, headDim: 64 }],
    ['head_dim 192, value 128', { ...shape, headDim: 192, valueDim: 128 }],
    ['head_dim 1024', { ...shape, headDim: 1024 }],
    ['T that no block divides', { ...shape, queries: 777 }],
    ['one kv head', { ...shape, kvHeads: 1 }],
    ['an odd number of kv heads, batches', { ...shape, batch: 3, heads: 5, kvHeads: 1 }],
    ['one query', { ...shape, queries: 1, keys: 5000 }],
    ['a soft cap and sinks', { ...shape, softCap: 30, sinks: true }],
  ] as [string, AttentionOptions][])('%s', async (_, options) => {
    expect((await compile(options)).codeBytes).toBeGreaterThan(10000);
  });

  test.each(['causal', 'segments & causal', 'full'])('dq in HBM: %s', async (text) => {
    const options = { ...shape, mask: parseMask(text, 1024, 1024) };
    expect((await compile(options, { block: 512, dq: 'hbm' })).tempBytes).toBeGreaterThan(2 * 2 * 1024 * 128 * 4);
  });

  test.each(['causal', 'segments & causal', 'local(300, 4)'])('a head of a group after the other: %s', async (text) => {
    const options = { ...shape, mask: parseMask(text, 1024, 1024) };
    expect((await compile(options, { block: 512, order: 'heads' })).tempBytes).toBeGreaterThan(2 * 2 * 1024 * 128 * 4);
  });

  test('temporary memory: a window has none of dq, causal at 131072 tokens 0.3 GB', async () => {
    const long = { ...shape, heads: 16, kvHeads: 16, headDim: 256, queries: 131072 };
    // Log-sum-exp and delta in the kernel's layout.
    const statistics = 2 * 4 * 16 * 131072;
    expect((await compile({ ...long, mask: local(1023, 0) })).tempBytes).toBeLessThan(1.1 * statistics);
    expect((await compile(long)).tempBytes).toBeLessThan(0.3e9);
  });
});
