/** The algebra against the meaning, pair by pair, for random masks, compositions, planes and blocks. */
import fc from 'fast-check';
import * as m from '../lib/mask';
import type { LazyMask } from '../lib/mask';
import { fuzz } from './fuzz/budget';
import { anyMask } from './masks';

const small = (most: number) => fc.integer({ min: 0, max: most });
const size = fc.integer({ min: 1, max: 12 });
const blocking = fc.record({ queries: fc.integer({ min: 1, max: 24 }), keys: fc.integer({ min: 1, max: 24 }), blockQ: size, blockK: size });

/** Whether a pair is allowed under some run-time answers, and under all. */
function under(one: LazyMask, i: number, j: number): { some: boolean; all: boolean } {
  const answers = [];
  for (const same of [0, 1])
    for (const within of [0, 1])
      answers.push(
        m.allows(one, i, j, { qSegments: { length: 99, [i]: 0 }, kvSegments: { length: 99, [j]: same }, keyLength: within ? j + 1 : 0 }),
      );
  return { some: answers.some(Boolean), all: answers.every(Boolean) };
}

test('block classes, visits both ways, counts, pairs and empty rows', () => {
  fc.assert(
    fc.property(anyMask, blocking, (one, plane) => {
      const { queries, keys, blockQ, blockK } = plane;
      const cover = m.cover(one, plane);
      const pair = Array.from({ length: queries }, (_, i) => Array.from({ length: keys }, (_, j) => under(one, i, j)));
      const classes = Array.from({ length: cover.rows }, (_, row) =>
        Array.from({ length: cover.columns }, (_, column) => {
          const block = pair.slice(row * blockQ, (row + 1) * blockQ).flatMap((line) => line.slice(column * blockK, (column + 1) * blockK));
          return !block.some(({ some }) => some) ? 'empty' : block.every(({ all }) => all) ? 'full' : 'partial';
        }),
      );
      expect(classes.map((line, row) => line.map((_, column) => cover.classOf(row, column)))).toEqual(classes);
      const listed = (ranges: readonly m.Range[]) =>
        ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, k) => start + k));
      const active = (line: string[]) => line.flatMap((kind, place) => (kind === 'empty' ? [] : [place]));
      expect(classes.map((_, row) => listed(cover.visits(row)))).toEqual(classes.map(active));
      expect(classes[0].map((_, column) => listed(cover.visitedBy(column)))).toEqual(
        classes[0].map((_, column) => active(classes.map((line) => line[column]))),
      );
      const all = classes.flat();
      const full = all.filter((kind) => kind === 'full').length;
      const some = all.filter((kind) => kind !== 'empty').length;
      expect(cover.counts()).toEqual({ active: some, full, partial: some - full, total: all.length });
      expect(m.pairs(one, queries, keys)).toBe(pair.flat().filter((answer) => answer.some).length);
      const middle = queries >> 1;
      expect(m.pairs(one, queries, keys, { start: middle, end: queries })).toBe(
        pair
          .slice(middle)
          .flat()
          .filter((answer) => answer.some).length,
      );
      expect(m.emptyRows(one, queries, keys)).toBe(pair.filter((line) => !line.some((answer) => answer.some)).length);
    }),
    fuzz(4000),
  );
});

test('the words for the CPU kernel say what the mask means', () => {
  fc.assert(
    fc.property(anyMask, small(20), small(20), (one, q, k) => {
      const [queries, keys] = [q + 1, k + 1];
      const words = m.planeWords(m.planeOf(one, queries, keys));
      for (let i = 0; i < queries; i++)
        for (let j = 0; j < keys; j++)
          for (const same of [0, 1])
            for (const within of [0, 1]) {
              const given = { qSegments: { length: 99, [i]: 0 }, kvSegments: { length: 99, [j]: 1 - same }, keyLength: within ? j + 1 : 0 };
              if (read(words, i, j, same, within) !== m.allows(one, i, j, given)) throw new Error(`(${i}, ${j}) of ${m.maskText(one)}`);
            }
    }),
    fuzz(300),
  );
});

/** A plane's words by their specification in plane.ts. */
function read(words: readonly number[], i: number, j: number, same: number, within: number): boolean {
  let at = 0;
  const next = () => words[at++];
  const [modulus, parts] = [next(), next()];
  let allowed = false;
  for (let part = 0; part < parts; part++) {
    const residues = Array.from({ length: next() }, next);
    const [segments, lengths, strips] = [next(), next(), next()];
    const mine =
      residues.includes((((j - i) % modulus) + modulus) % modulus) &&
      (segments < 0 || segments === same) &&
      (lengths < 0 || lengths === within);
    for (let strip = 0; strip < strips; strip++) {
      const [start, end, intervals] = [next(), next(), next()];
      for (let k = 0; k < intervals; k++) {
        const [lowSlope, lowBase, highSlope, highBase] = [next(), next(), next(), next()];
        if (mine && start <= i && i < end && lowSlope * i + lowBase <= j && j < highSlope * i + highBase) allowed = true;
      }
    }
  }
  expect(at).toBe(words.length);
  return allowed;
}

test('text is read as it was written', () => {
  fc.assert(
    fc.property(anyMask, (one) => void expect(m.maskText(m.parseMask(m.maskText(one), 8, 8))).toBe(m.maskText(one))),
    fuzz(1000),
  );
});

test('materialized bits', () => {
  fc.assert(
    fc.property(anyMask, small(40), small(40), (one, queries, keys) => {
      if (m.hasKind(one, 'segments') || m.hasKind(one, 'keyLengths')) return;
      const bits = m.materialize(one, queries, keys);
      for (let i = 0; i < queries; i++)
        for (let j = 0; j < keys; j++)
          if (m.allows(bits, i, j) !== m.allows(one, i, j)) throw new Error(`(${i}, ${j}) of ${m.maskText(one)}`);
    }),
    fuzz(1000),
  );
});
