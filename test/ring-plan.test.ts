/** The schedule of a ring, from the mask alone: every pair once, all devices alike, no more steps and kernels than it takes. */
import fc from 'fast-check';
import { type AttentionOptions, attention, unmaskedPairs } from '../lib/attention';
import { chunksOf, type Placement, zigzagOrder } from '../lib/lower/placement';
import { criticalPath, headGroups, imbalance, type RingPlan, ringPlan } from '../lib/lower/ring-plan';
import { shardsOf } from '../lib/lower/mesh';
import {
  allows,
  causal,
  type Dense,
  documents,
  full,
  hasKind,
  headMask,
  type LazyMask,
  local,
  type Mask,
  parseMask,
  perHead,
} from '../lib/mask';
import { fuzz } from './fuzz/budget';
import { processorMs } from './helpers';
import { anyMask } from './masks';

const of = (mask: Mask, tokens: number, others: Partial<AttentionOptions> = {}) =>
  attention({ heads: 2, headDim: 8, queries: tokens, mask, ...others });

// Ids and chunks of tokens that two of the masks' own sizes do not divide.
const ids = Array.from({ length: 64 }, (_, i) => Math.floor(i / 5) % 3);

/** Pairs (head, query, key) that the plan computes another number of times than the mask allows: 0 or 1. */
function wrongPairs(
  mask: Mask,
  {
    tokens,
    heads = 2,
    shares,
    placement,
  }: { tokens: number; heads?: number; shares: { heads: number; sequence: number }; placement: Placement },
) {
  const spec = of(mask, tokens, { heads });
  const plan = ringPlan(spec, shares, placement);
  const groups = headGroups(spec, shares.heads);
  const chunks = chunksOf(placement, shares.sequence);
  const size = tokens / shares.sequence / plan.chunks;
  const tokensOf = (device: number, [start, end]: readonly [number, number]) =>
    chunks[device].slice(start, end).flatMap((chunk) => Array.from({ length: size }, (_, i) => chunk * size + i));
  const seen = new Map<string, number>();
  for (let group = 0; group < shares.heads; group++)
    for (let device = 0; device < shares.sequence; device++)
      for (const shift of plan.shifts)
        for (const call of plan.classes[plan.table[(groups === 1 ? 0 : group) * shares.sequence + device][shift]]) {
          const rows = tokensOf(device, call.rows);
          const columns = tokensOf((device - shift + shares.sequence) % shares.sequence, call.columns);
          const own = heads / shares.heads;
          const given = { qSegments: rows.map((i) => ids[i]), kvSegments: columns.map((j) => ids[j]) };
          for (let head = 0; head < own; head++)
            for (const [i, row] of rows.entries())
              for (const [j, column] of columns.entries())
                if (allows(headMask(call.mask, head, own) as LazyMask, i, j, given)) {
                  const key = `${group * own + head}: ${row}, ${column}`;
                  seen.set(key, (seen.get(key) ?? 0) + 1);
                }
        }
  const wrong: string[] = [];
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < tokens; i++)
      for (let j = 0; j < tokens; j++) {
        const wanted = allows(headMask(mask, head, heads) as LazyMask | Dense, i, j, { qSegments: ids, kvSegments: ids });
        if ((seen.get(`${head}: ${i}, ${j}`) ?? 0) !== Number(wanted)) wrong.push(`${head}: ${i}, ${j}`);
      }
  return wrong;
}

const lazy = anyMask.filter((mask) => !hasKind(mask, 'keyLengths'));
const masks = fc.oneof(
  { weight: 3, arbitrary: lazy as fc.Arbitrary<Mask> },
  { weight: 1, arbitrary: fc.tuple(lazy, lazy).map((list) => perHead(list) as Mask) },
);

test('every pair that a mask allows is computed once, by whichever devices and in whichever order', () => {
  const shares = fc.record({ heads: fc.constantFrom(1, 2), sequence: fc.constantFrom(2, 3, 4) });
  const placement = fc.constantFrom<Placement>('contiguous', 'zigzag');
  fc.assert(
    fc.property(masks, shares, placement, fc.integer({ min: 1, max: 2 }), (mask, split, order, size) => {
      const tokens = 2 * split.sequence * size;
      expect(wrongPairs(mask, { tokens, shares: split, placement: order })).toEqual([]);
    }),
    fuzz(300),
  );
});

test('zig-zag order is a permutation that mirrors each chunk, and none of a chunk is moved', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5 }), (shards, size) => {
      const tokens = 2 * shards * size;
      const order = zigzagOrder(tokens, shards);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: tokens }, (_, i) => i));
      const back = new Int32Array(tokens);
      for (const [place, token] of order.entries()) back[token] = place;
      expect(Int32Array.from(back, (place) => order[place])).toEqual(Int32Array.from({ length: tokens }, (_, i) => i));
      for (let place = 0; place < tokens; place += size) {
        expect(order[place + size - 1]).toBe(order[place] + size - 1);
        const [shard, isSecond] = [Math.floor(place / (2 * size)), Math.floor(place / size) % 2];
        expect(order[place]).toBe(size * (isSecond ? 2 * shards - 1 - shard : shard));
      }
    }),
    fuzz(100),
  );
  expect([...zigzagOrder(8, 2)]).toEqual([0, 1, 6, 7, 2, 3, 4, 5]);
  expect(() => zigzagOrder(6, 2)).toThrow('zigzagOrder: tokens are a multiple of twice the shards; got 6 tokens and 2 shards');
});

const loads = ({ work }: RingPlan) => work.map((row) => row.reduce((sum, n) => sum + n, 0));
describe('a causal mask', () => {
  test.each([2, 4, 8, 64])('over %d devices: zig-zag has all work alike, at every step', (sequence) => {
    const spec = of(causal(), 128 * sequence);
    const zigzag = ringPlan(spec, { heads: 1, sequence }, 'zigzag');
    const contiguous = ringPlan(spec, { heads: 1, sequence }, 'contiguous');
    for (const plan of [zigzag, contiguous]) expect(loads(plan).reduce((sum, n) => sum + n, 0)).toBe(unmaskedPairs(spec));
    expect(imbalance(zigzag)).toBe(1);
    for (const shift of zigzag.shifts) expect(new Set(zigzag.work.map((row) => row[shift])).size).toBe(1);
    expect(imbalance(contiguous)).toBeGreaterThan(1.45);
    // Steps wait for their busiest device: in zig-zag half as long.
    expect(criticalPath(contiguous) / criticalPath(zigzag)).toBeCloseTo((2 * sequence - 1) / sequence, 1);
    expect(shardsOf(spec, { mesh: { sequence } }).plan?.placement).toBe('zigzag');
  });

  test('has three kinds of step: its own keys, all queries of a front chunk’s, its back chunk’s of both', () => {
    const { classes, shifts } = ringPlan(of(causal(), 1024), { heads: 1, sequence: 4 }, 'zigzag');
    expect(shifts).toEqual([0, 1, 2, 3]);
    expect(classes).toEqual([
      [{ rows: [0, 2], columns: [0, 2], mask: causal() }],
      [{ rows: [1, 2], columns: [0, 2], mask: full() }],
      [{ rows: [0, 2], columns: [0, 1], mask: full() }],
    ]);
  });
});

test('a window has as many steps as it reaches, and stays where it is', () => {
  const plan = (mask: Mask, sequence = 8) => shardsOf(of(mask, 128 * sequence), { mesh: { sequence } }).plan as RingPlan;
  expect(plan(local(63, 0))).toMatchObject({ placement: 'contiguous', shifts: [0, 1] });
  expect(plan(local(128, 0)).shifts).toEqual([0, 1]);
  expect(plan(local(129, 0)).shifts).toEqual([0, 1, 2]);
  expect(plan(local(20, 20)).shifts).toEqual([0, 1, 7]);
  expect(plan(parseMask('documents(128, 128, 128, 128, 128, 128, 128, 128)', 1024, 1024) as Mask).shifts).toEqual([0]);
  expect(plan(full()).placement).toBe('contiguous');
  // By 2 %, but for the first device, which has no keys before its own.
  expect(imbalance(plan(local(63, 0), 32))).toBeLessThan(1.02);
});

test('masks of heads are those of the device’s heads', () => {
  const spec = of(perHead([causal(), local(31, 0)]), 256, { heads: 4 });
  expect(headGroups(spec, 1)).toBe(1);
  expect(headGroups(spec, 2)).toBe(2);
  const { table, classes } = ringPlan(spec, { heads: 2, sequence: 4 }, 'contiguous');
  expect(table.length).toBe(8);
  expect(classes.flat().every(({ mask }) => mask.kind !== 'perHead')).toBe(true);
  const whole = ringPlan(spec, { heads: 1, sequence: 2 }, 'contiguous');
  expect(whole.classes[whole.table[0][0]][0].mask).toEqual(perHead([causal(), local(31, 0)]));
});

test('1024 devices: planned in a second', () => {
  const begin = processorMs();
  const { plan } = shardsOf(of(causal(), 2 ** 20), { mesh: { sequence: 1024 } });
  expect(plan?.classes.length).toBe(3);
  expect(processorMs() - begin).toBeLessThan(10_000);
});

test.each<[string, () => unknown]>([
  ['lower: a mesh has the axes data, heads, sequence; got model', () => shardsOf(of(causal(), 64), { mesh: { model: 2 } as never })],
  ['mesh: an axis has a whole number of devices, 1 or more; data has 1.5', () => shardsOf(of(causal(), 64), { mesh: { data: 1.5 } })],
  ["lower: the mesh's axis data divides batch; got data 2 and batch 1", () => shardsOf(of(causal(), 64), { mesh: { data: 2 } })],
  [
    "lower: the mesh's axis heads divides kvHeads, or is a multiple of them; got heads 2 and kvHeads 3",
    () => shardsOf(of(causal(), 64, { heads: 6, kvHeads: 3 }), { mesh: { heads: 2 } }),
  ],
  [
    "lower: the mesh's axis sequence divides queries; got sequence 3 and queries 64",
    () => shardsOf(of(causal(), 64), { mesh: { sequence: 3 } }),
  ],
  [
    "lower: the mesh's axis sequence divides keys; got sequence 4 and keys 30",
    () => shardsOf(of(causal(), 64, { keys: 30 }), { mesh: { sequence: 4 } }),
  ],
  [
    'lower: order is one of natural, zigzag; got random',
    () => shardsOf(of(causal(), 64), { mesh: { sequence: 2 }, order: 'random' as never }),
  ],
  [
    'zigzagOrder: tokens are a multiple of twice the shards; got 12 tokens and 4 shards',
    () => shardsOf(of(causal(), 12), { mesh: { sequence: 4 }, order: 'zigzag' }),
  ],
  [
    'lower: over a sequence axis a mask is a lazy one; got a dense one',
    () => shardsOf(of(parseMask('dense(causal)', 64, 64), 64), { mesh: { sequence: 2 } }),
  ],
  [
    'lower: a ring has up to 64 kinds of step, each with kernels of its own; this mask makes 191: use segments, which are one',
    () => shardsOf(of(documents(Array.from({ length: 100 }, (_, i) => 20 + i)), 6400), { mesh: { sequence: 64 } }),
  ],
  ['key lengths count from the first key of all', () => shardsOf(of(parseMask('keyLengths', 64, 64), 64), { mesh: { sequence: 2 } })],
])('%s', (message, build) => {
  expect(build).toThrow(message);
});
