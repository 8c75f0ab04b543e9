/** Masks: their meaning as other libraries' own tests have it, and as text. Closed forms are tested in mask-algebra.test.ts. */
import { allows, causal, cover, dense, full, type LazyMask, local, maskText, materialize, pairs, parseMask, shardLoads } from '../lib/mask';

const picture = (mask: LazyMask, queries: number, keys: number) =>
  Array.from({ length: queries }, (_, i) => Array.from({ length: keys }, (_, j) => (allows(mask, i, j) ? 'x' : '.')).join(''));

const classes = { empty: 0, partial: 1, full: 2 };
const classMap = (mask: LazyMask, queries: number, keys: number, blockQ: number, blockK: number) => {
  const blocks = cover(mask, { queries, keys, blockQ, blockK });
  return Array.from({ length: blocks.rows }, (_, r) => Array.from({ length: blocks.columns }, (_, c) => classes[blocks.classOf(r, c)]));
};

test('causal, top-left aligned, on square, wide and tall planes', () => {
  expect(picture(causal(), 1, 1)).toEqual(['x']);
  expect(picture(causal(), 4, 6)).toEqual(['x.....', 'xx....', 'xxx...', 'xxxx..']);
  expect(picture(causal(), 6, 4)).toEqual(['x...', 'xx..', 'xxx.', 'xxxx', 'xxxx', 'xxxx']);
  expect(picture(causal(-1), 3, 3)).toEqual(['...', 'x..', 'xx.']);
  expect(picture(causal(1), 3, 3)).toEqual(['xx.', 'xxx', 'xxx']);
});

test('local by left and right context', () => {
  expect(picture(local(1, null), 4, 4)).toEqual(['xxxx', 'xxxx', '.xxx', '..xx']);
  expect(picture(local(null, 2), 4, 4)).toEqual(['xxx.', 'xxxx', 'xxxx', 'xxxx']);
  expect(picture(local(1, 1), 4, 6)).toEqual(['xx....', 'xxx...', '.xxx..', '..xxx.']);
  expect(picture(local(1, 0), 6, 4)).toEqual(['x...', 'xx..', '.xx.', '..xx', '...x', '....']);
});

test('block classes of other libraries (0 empty, 1 partial, 2 full)', () => {
  expect(classMap(causal(), 64, 64, 16, 16)).toEqual([
    [1, 0, 0, 0],
    [2, 1, 0, 0],
    [2, 2, 1, 0],
    [2, 2, 2, 1],
  ]);
  expect(classMap(local(8, 8), 64, 64, 16, 16)).toEqual([
    [1, 1, 0, 0],
    [1, 1, 1, 0],
    [0, 1, 1, 1],
    [0, 0, 1, 1],
  ]);
  expect(cover(local(8, 0), { queries: 64, keys: 64, blockQ: 16, blockK: 16 }).counts().active).toBe(7);
});

test('a million tokens: exact counts', () => {
  const T = 1048576;
  expect(pairs(causal(), T, T)).toBe((T * (T + 1)) / 2);
  expect(pairs(local(1023, 0), T, T)).toBe(1024 * T - (1023 * 1024) / 2);
  expect(cover(causal(), { queries: T, keys: T, blockQ: 512, blockK: 512 }).counts()).toEqual({
    active: 2098176,
    full: 2096128,
    partial: 2048,
    total: 4194304,
  });
});

test('masks as text', () => {
  for (const text of [
    'full',
    'causal(-3)',
    'local(null, 8, 2)',
    'documents(4, 5)',
    '~(causal | prefix(3)) & strided(2, 1)',
    'perHead(causal, full)',
  ])
    expect(maskText(parseMask(text, 8, 8))).toBe(text);
  expect(maskText(parseMask(' ( causal)&full |~ keyLimit( 3 ) ', 8, 8))).toBe('causal & full | ~keyLimit(3)');
  expect(maskText(parseMask('windowOfTokens(8) | windowOfContext(8)', 8, 8))).toBe('local(7, 0) | local(8, 0)');
  expect(parseMask('dense(causal)', 2, 2)).toEqual(dense({ queries: 2, keys: 2, bits: Uint8Array.of(1, 3) }));
  for (const [text, expected] of [
    ['', 'a mask at column 1'],
    ['caus', 'a mask at column 1'],
    ['causal(', 'a whole number at column 8'],
    ['causal(x)', 'a whole number at column 8'],
    ['causal(1, 2)', 'causal(offset) with 0 to 1 arguments'],
    ['local(1)', 'local(left, right, offset) with 2 to 3 arguments'],
    ['local(1.5, 2)', '")" at column 8'],
    ['causal & ', 'a mask at column 10'],
    ['(causal', '")" at column 8'],
    ['causal causal', 'the end at column 8'],
    ['dense', '"(" at column 6'],
    ['not(causal)', 'a mask at column 1'],
  ])
    expect(() => parseMask(text, 8, 8)).toThrow(`expected ${expected}`);
});

test('load of shards', () => {
  expect(shardLoads(causal(), 8, 8, 2)).toEqual([10, 26]);
  expect(shardLoads(local(0, 0), 8, 8, 4)).toEqual([2, 2, 2, 2]);
  expect(() => shardLoads(causal(), 8, 8, 3)).toThrow('shards divide the queries; got 8 queries and 3 shards');
});

test('bad masks name the rule and what came', () => {
  expect(() => local(-1, 0)).toThrow('local: left is a whole number of tokens, 0 or more, or null for no bound; got -1');
  expect(() => local(0, 1.5)).toThrow('right is a whole number of tokens');
  expect(() => causal(Number.NaN)).toThrow('causal: offset is a whole number; got NaN');
  expect(() => dense({ queries: 4, keys: 9, bits: new Uint8Array(4) })).toThrow('dense: 4 x 9 pairs are 8 bytes of bits; got 4');
  expect(() => materialize(causal(), 1048576, 1048576)).toThrow('use a lazy mask');
  expect(() => cover(full(), { queries: 8, keys: 8, blockQ: 0, blockK: 8 })).toThrow('blockQ is a whole number, 1 or more; got 0');
});
