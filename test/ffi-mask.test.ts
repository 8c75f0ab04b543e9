/**
 * The masks that the addon's attention kernel takes, their planes written by hand, against plain loops and the masks' own rules. Like
 * ffi.test.ts, run again with other kernels by ffi-isa.test.ts.
 */
import type { Client } from '../lib/pjrt';
import { type Case, inputsOf, mistakes, run } from './ffi-case';
import { bandStrips, type FfiInterval, type FfiMask, type FfiStrip, part, plane } from './ffi-mask-case';
import { randomMask } from './ffi-mask-random';
import { withCpu } from './with-target';

let client: Client;
withCpu((opened) => {
  client = opened;
});

const full: FfiInterval = [0, 0, 0, 300];
const tokens = 300;
const causal: FfiStrip = [0, tokens, [0, 0, 1, 1]];
const whole: FfiStrip = [0, tokens, full];

/** A strip for each run of tokens; the last one may be cut short. */
function runs(lengths: readonly number[], interval: (start: number, end: number) => FfiInterval): FfiStrip[] {
  const ends = lengths.map((_, n) =>
    Math.min(
      tokens,
      lengths.slice(0, n + 1).reduce((a, b) => a + b),
    ),
  );
  return ends.map((end, n): FfiStrip => [ends[n - 1] ?? 0, end, interval(ends[n - 1] ?? 0, end)]);
}
const lengths = [1, 40, 1, 1, 64, 20, 65, 3, 105];
const document = lengths.flatMap((length, n) => Array.from({ length }, () => n));
const chunk = 70;
const chunks = [chunk, chunk, chunk, chunk, chunk];
const isNear = (i: number, j: number) => i - 50 <= j && j <= i;

/** Of 300 queries and keys. */
const masks: Record<string, FfiMask> = {
  causal: { planes: [plane(part(causal))], allows: ({ i, j }) => j <= i },
  'a prefix of 100 or causal': {
    planes: [plane(part([0, 100, [0, 0, 0, 100]], [100, tokens, [0, 0, 1, 1]]))],
    allows: ({ i, j }) => j < 100 || j <= i,
  },
  'causal chunks': {
    planes: [plane(part(...runs(chunks, (start) => [0, start, 1, 1])))],
    allows: ({ i, j }) => j <= i && Math.floor(i / chunk) === Math.floor(j / chunk),
  },
  documents: {
    planes: [plane(part(...runs(lengths, (start, end) => [0, start, 0, end])))],
    allows: ({ i, j }) => document[i] === document[j],
  },
  'causal documents': {
    planes: [plane(part(...runs(lengths, (start) => [0, start, 1, 1])))],
    allows: ({ i, j }) => document[i] === document[j] && j <= i,
  },
  'documents of one token': {
    planes: [plane(part(...runs(Array(tokens).fill(1), (start, end) => [0, start, 0, end])))],
    allows: ({ i, j }) => i === j,
  },
  'a window in causal chunks': {
    planes: [
      plane(
        part(
          ...runs(chunks, (start) => [0, start, 1, 1]).flatMap(([start, end, interval]): FfiStrip[] => {
            const cut = Math.min(start + 50, end);
            return [[start, cut, interval], ...(cut < end ? [[cut, end, [1, -50, 1, 1]] as const] : [])];
          }),
        ),
      ),
    ],
    allows: ({ i, j }) => isNear(i, j) && Math.floor(i / chunk) === Math.floor(j / chunk),
  },
  'global tokens or a window': {
    planes: [plane(part([0, 60, [0, 0, 1, 1]], [60, tokens, [0, 0, 0, 10], [1, -50, 1, 1]]))],
    allows: ({ i, j }) => (j < 10 && j <= i) || isNear(i, j),
  },
  'many intervals of a row': {
    planes: [plane(part([0, tokens, ...Array.from({ length: 60 }, (_, n): FfiInterval => [0, 5 * n, 0, 5 * n + 2])]))],
    allows: ({ j }) => j % 5 < 2,
  },
  'every third key back': {
    planes: [{ modulus: 3, parts: [{ residues: [0], strips: [causal] }] }],
    allows: ({ i, j }) => j <= i && (i - j) % 3 === 0,
  },
  'three diagonals of seven': {
    planes: [{ modulus: 7, parts: [{ residues: [0, 2, 6], strips: [whole] }] }],
    allows: ({ i, j }) => [0, 2, 6].includes((j - i + 700) % 7),
  },
  'two diagonals of many': {
    planes: [{ modulus: 2 ** 53, parts: [{ residues: [100, 2 ** 53 - 100], strips: [whole] }] }],
    allows: ({ i, j }) => Math.abs(i - j) === 100,
  },
  'diagonals of two parts, together everything': {
    planes: [
      {
        modulus: 3,
        parts: [
          { residues: [1], strips: [whole] },
          { residues: [0, 2], strips: [whole] },
        ],
      },
    ],
    allows: () => true,
  },
  'even diagonals causal, odd ones in a window': {
    planes: [
      {
        modulus: 2,
        parts: [
          { residues: [0], strips: [causal] },
          { residues: [1], strips: bandStrips(-50, 0, tokens, tokens) },
        ],
      },
    ],
    allows: ({ i, j }) => ((i - j) % 2 === 0 ? j <= i : isNear(i, j)),
  },
  'rows with nothing': {
    planes: [plane(part([0, 40], [40, 140, [0, 7, 0, 9]], [140, 299], [299, 300, full]))],
    allows: ({ i, j }) => (i >= 40 && i < 140 && j >= 7 && j < 9) || i === 299,
  },
  'no part': { planes: [plane()], allows: () => false },
  'a plane a head': {
    planes: [plane(part(causal)), plane(part(whole)), plane(part(...bandStrips(-50, 0, tokens, tokens))), plane()],
    headPlanes: [2, 0, 3, 1],
    allows: ({ head, i, j }) => [isNear(i, j), j <= i, false, true][head],
  },
};

describe.each(['f32', 'bf16'] as const)('%s', (dtype) => {
  test.each(Object.entries(masks))('%s', async (_, mask) => {
    expect(await mistakes(client, { dtype, batch: 2, heads: 4, kvHeads: 2, queries: tokens, headDim: 8, mask })).toEqual([]);
  });

  const sorted = [...document, ...document.map((n) => Math.floor(n / 2))];
  const shuffled = sorted.map((_, n) => (n * n) % 5);
  const wide = sorted.map((id) => (id % 2 ? 2 ** 31 - 1 : -(2 ** 31)) + (id % 3) * (id % 2 ? -1 : 1));
  const shift = (ids: readonly number[]) => ids.map((id, n) => (n % tokens < 130 ? id : id + 1));
  const lengthsOf = [
    [0, 300],
    [170, 9999],
    [64, -5],
  ];
  describe.each([
    ['sorted', sorted, sorted],
    ['unsorted', shuffled, shuffled],
    ['of 32 bits', wide, wide],
    ['of keys far from those of the queries', sorted, sorted.map((id) => id + 100)],
    ['of keys that differ somewhat', sorted, shift(sorted)],
    ['all the same', sorted.map(() => 7), sorted.map(() => 7)],
  ])('segment ids %s', (_, qSegments, kvSegments) => {
    test.each<[string, FfiMask['planes']]>([
      ['equal', [plane({ segments: 1, strips: [whole] })]],
      ['different', [plane({ segments: 0, strips: [whole] })]],
      ['equal and causal', [plane({ segments: 1, strips: [causal] })]],
      [
        'equal and causal, or the first five keys',
        [
          plane(
            {
              segments: 1,
              strips: [
                [0, 5, [0, 0, 0, 5]],
                [5, 300, [0, 0, 1, 1]],
              ],
            },
            { segments: 0, strips: [[0, 300, [0, 0, 0, 5]]] },
          ),
        ],
      ],
      ['either', [plane({ segments: 1, strips: [whole] }, { segments: 0, strips: [whole] })]],
    ])('%s', async (_, planes) => {
      const mask = { planes, qSegments, kvSegments };
      expect(await mistakes(client, { dtype, batch: 2, heads: 2, kvHeads: 1, queries: tokens, headDim: 8, mask })).toEqual([]);
    });

    test.each(lengthsOf)('with lengths, diagonals and a plane a head: %i, %i', async (...keyLengths) => {
      const near = bandStrips(-50, 10, tokens, tokens);
      const planes = [
        {
          modulus: 3,
          parts: [
            { residues: [0, 2], segments: 1, lengths: 1, strips: [causal] },
            { residues: [1], segments: 1, lengths: 1, strips: near },
            { segments: 0, lengths: 1, strips: near },
            { lengths: 0, strips: [[0, tokens, [1, 0, 1, 1]]] },
          ],
        },
        plane({ segments: 1, strips: [causal] }),
      ] as const;
      const mask = { planes, headPlanes: [0, 1], qSegments, kvSegments, keyLengths };
      expect(await mistakes(client, { dtype, batch: 2, heads: 2, queries: tokens, headDim: 8, mask })).toEqual([]);
    });
  });

  test.each(lengthsOf)('key lengths %i, %i', async (...keyLengths) => {
    for (const strip of [causal, whole])
      for (const isBelow of [0, 1] as const) {
        const mask = { planes: [plane({ lengths: isBelow, strips: [strip] })], keyLengths };
        expect(await mistakes(client, { dtype, batch: 2, heads: 2, queries: tokens, headDim: 8, mask })).toEqual([]);
      }
  });

  test('forty masks of random shape', async () => {
    let state = dtype === 'f32' ? 5 : 6;
    const whole = (low: number, high: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return low + Math.floor((state / 2 ** 32) * (high - low + 1));
    };
    for (let n = 0; n < 40; n++) {
      const shape = { batch: whole(1, 2), heads: 2 * whole(1, 2), kvHeads: 2, queries: whole(1, 260), keys: whole(1, 260) };
      const options: Case = { ...shape, dtype, headDim: whole(1, 12), mask: randomMask(shape, whole) };
      expect(await mistakes(client, options)).toEqual([]);
    }
  });
});

describe('1048576 tokens, in work that follows the mask', () => {
  const queries = 2 ** 20;
  const rows = [0, 65, 256, 700_001, queries - 1];
  const check = async (mask: FfiMask) => expect(await mistakes(client, { queries, headDim: 1, mask }, rows)).toEqual([]);
  const ids = Array.from({ length: queries }, (_, n) => n >> 8);

  test('100000 documents', async () => {
    const ends = Array.from({ length: 100_000 }, (_, n) => (n === 99_999 ? queries : (n + 1) * 10));
    const short = ends.map((end, n): FfiStrip => [ends[n - 1] ?? 0, end, [0, ends[n - 1] ?? 0, 1, 1]]);
    const last = short.pop() as FfiStrip;
    const halves: FfiStrip[] = [
      [last[0], last[0] + 64, [0, last[0], 1, 1]],
      [last[0] + 64, queries, [1, -64, 1, 1]],
    ];
    const document = (token: number) => Math.min(Math.floor(token / 10), 99_999);
    const allows: FfiMask['allows'] = ({ i, j }) => j <= i && document(i) === document(j) && (i < last[0] + 64 || j >= i - 64);
    await check({ planes: [plane(part(...short, ...halves))], allows });
  });
  test('diagonals far apart', async () => {
    const strips: FfiStrip[] = [[0, queries, [0, 0, 0, queries]]];
    await check({ planes: [{ modulus: 2 ** 17, parts: [{ residues: [0, 5], strips }] }] });
  });
  test('segments of 256', async () => {
    const strips: FfiStrip[] = [[0, queries, [0, 0, 0, queries]]];
    await check({ planes: [plane({ segments: 1, strips })], qSegments: ids, kvSegments: ids });
  });
  test('few keys of a sequence', async () => {
    const strips: FfiStrip[] = [[0, queries, [0, 0, 0, queries]]];
    await check({ planes: [plane({ lengths: 1, strips })], keyLengths: [70] });
  });
});

test.each<[string, FfiMask]>([
  ['diagonals', masks['every third key back']],
  ['segments', { planes: [plane({ segments: 1, strips: [causal] })], qSegments: document, kvSegments: document }],
  ['documents', masks['causal documents']],
])('a value of NaN reaches the rows that attend to it, and no other: %s', async (_, mask) => {
  const shape: Case = { queries: tokens, headDim: 8, valueDim: 1, mask };
  const inputs = inputsOf(shape);
  inputs.v[200] = Number.NaN;
  const attends = masks[mask.planes[0].modulus === 3 ? 'every third key back' : 'causal documents'].allows;
  const { out } = await run(client, shape, inputs);
  expect(Array.from(out, Number.isNaN)).toEqual(
    Array.from(out, (_, i) => attends?.({ batch: 0, head: 0, i, j: 200, queries: tokens, keys: tokens })),
  );
});
