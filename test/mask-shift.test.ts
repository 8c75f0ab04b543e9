/** A mask as a part of its plane has it, against its meaning. */
import fc from 'fast-check';
import { allows, causal, hasKind, type LazyMask, parseMask, segments, shifted } from '../lib/mask';
import { fuzz } from './fuzz/budget';
import { anyMask, maskTexts } from './masks';

const part = fc.record({
  rows: fc.integer({ min: 0, max: 24 }),
  keys: fc.integer({ min: 0, max: 24 }),
  queries: fc.integer({ min: 1, max: 10 }),
  columns: fc.integer({ min: 1, max: 10 }),
});
const ids = Array.from({ length: 400 }, (_, i) => Math.floor(i / 7) % 3);

function wrongPairs(mask: LazyMask, { rows, keys, queries, columns }: { rows: number; keys: number; queries: number; columns: number }) {
  const moved = shifted(mask, { rows, keys, queries, columns });
  const all = { qSegments: ids, kvSegments: ids };
  const own = { qSegments: ids.slice(rows), kvSegments: ids.slice(keys) };
  const wrong: string[] = [];
  for (let i = 0; i < queries; i++)
    for (let j = 0; j < columns; j++)
      if (allows(mask, i + rows, j + keys, all) !== (moved !== undefined && allows(moved, i, j, own))) wrong.push(`${i}, ${j}`);
  return wrong;
}

const movable = anyMask.filter((mask) => !hasKind(mask, 'keyLengths'));

test('of every kind and composition', () => {
  fc.assert(
    fc.property(movable, part, (mask, of) => expect(wrongPairs(mask, of)).toEqual([])),
    fuzz(2000),
  );
});

const lazyTexts = maskTexts.filter((text) => !/keyLengths|perHead/.test(text));

test.each(lazyTexts)('%s, of 300 tokens in parts of 75', (text) => {
  const mask = parseMask(text, 300, 300) as LazyMask;
  for (const rows of [0, 75, 150, 225])
    for (const keys of [0, 75, 150, 225]) expect(wrongPairs(mask, { rows, keys, queries: 75, columns: 75 })).toEqual([]);
});

test('parts that are alike have equal masks', () => {
  const at = (rows: number, keys: number, mask: LazyMask = causal()) => shifted(mask, { rows, keys, queries: 64, columns: 64 });
  expect(at(64, 0)).toEqual({ kind: 'full' });
  expect(at(128, 0)).toEqual({ kind: 'full' });
  expect(at(0, 64)).toBeUndefined();
  expect(at(64, 64)).toEqual(causal());
  const both = parseMask('causal & segments', 1, 1) as LazyMask;
  expect(at(128, 64, both)).toEqual(segments());
  expect(at(64, 64, both)).toEqual(both);
});

test('key lengths do not move', () => {
  expect(() => shifted(parseMask('keyLengths', 1, 1) as LazyMask, { rows: 0, keys: 0, queries: 1, columns: 1 })).toThrow(
    'key lengths count from the first key',
  );
});
