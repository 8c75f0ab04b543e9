/** Masks: their meaning as other libraries' own tests have it, and every closed form against the plain loops. */
import { ShapeError } from '../lib/errors';
import {
  allows,
  bandOf,
  causal,
  cover,
  dense,
  emptyRows,
  full,
  type LazyMask,
  local,
  type Mask,
  maskText,
  materialize,
  pairs,
  parseMask,
} from '../lib/mask';

const picture = (mask: Mask, queries: number, keys: number) =>
  Array.from({ length: queries }, (_, i) => Array.from({ length: keys }, (_, j) => (allows(mask, i, j) ? 'x' : '.')).join(''));

/** The meaning, pair by pair. */
function plain(mask: Mask, queries: number, keys: number): Mask {
  const stride = Math.ceil(keys / 8);
  const bits = new Uint8Array(queries * stride);
  for (let i = 0; i < queries; i++) for (let j = 0; j < keys; j++) if (allows(mask, i, j)) bits[i * stride + (j >> 3)] |= 1 << (j & 7);
  return dense({ queries, keys, bits });
}

const classes = { empty: 0, partial: 1, full: 2 };
const classMap = (mask: Mask, queries: number, keys: number, blockQ: number, blockK: number) => {
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

const masks: LazyMask[] = [
  full(),
  ...[-70, -8, -1, 0, 1, 5, 70].map(causal),
  ...[0, 1, 7, 8, 9, null].flatMap((left) => [0, 3, 8, null].flatMap((right) => [-9, 0, 6].map((offset) => local(left, right, offset)))),
];

test.each([
  [40, 40, 8, 8],
  [40, 40, 8, 16],
  [33, 57, 8, 16],
  [57, 33, 16, 8],
  [5, 64, 8, 8],
])('every closed form equals the plain loops: %d x %d by %d x %d', (queries, keys, blockQ, blockK) => {
  for (const mask of masks) {
    const blocks = cover(mask, { queries, keys, blockQ, blockK });
    const bits = plain(mask, queries, keys);
    const expected = cover(bits, { queries, keys, blockQ, blockK });
    const where = maskText(mask);
    for (let r = 0; r < blocks.rows; r++) {
      const active = [];
      for (let c = 0; c < blocks.columns; c++) {
        expect([where, r, c, blocks.classOf(r, c)]).toEqual([where, r, c, expected.classOf(r, c)]);
        if (expected.classOf(r, c) !== 'empty') active.push(c);
      }
      const { start, end } = blocks.visits(r);
      expect([where, Array.from({ length: end - start }, (_, c) => start + c)]).toEqual([where, active]);
    }
    expect([where, blocks.counts()]).toEqual([where, expected.counts()]);
    expect([where, pairs(mask, queries, keys)]).toEqual([where, pairs(bits, queries, keys)]);
    expect([where, materialize(mask, queries, keys)]).toEqual([where, bits]);
    expect([where, emptyRows(mask, queries, keys)]).toEqual([where, emptyRows(bits, queries, keys)]);
  }
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
  expect(bandOf(causal())).toEqual({ low: Number.NEGATIVE_INFINITY, high: 0 });
});

test('masks as text', () => {
  for (const text of ['full', 'causal', 'causal(-3)', 'local(1023, 0)', 'local(null, 8, 2)'])
    expect(maskText(parseMask(text, 8, 8))).toBe(text);
  expect(parseMask('dense(causal)', 9, 9)).toEqual(plain(causal(), 9, 9));
  for (const text of ['', 'caus', 'causal(', 'causal(x)', 'causal(1, 2)', 'local(1)', 'local(1.5, 2)', 'dense', 'full(1)', 'causal(null)'])
    expect(() => parseMask(text, 8, 8)).toThrow(ShapeError);
});

test('bad masks name the rule and what came', () => {
  expect(() => local(-1, 0)).toThrow('local: left is a whole number of tokens, 0 or more, or null for no bound; got -1');
  expect(() => local(0, 1.5)).toThrow('right is a whole number of tokens');
  expect(() => causal(Number.NaN)).toThrow('causal: offset is a whole number; got NaN');
  expect(() => dense({ queries: 4, keys: 9, bits: new Uint8Array(4) })).toThrow('dense: 4 x 9 pairs are 8 bytes of bits; got 4');
  expect(() => materialize(causal(), 1048576, 1048576)).toThrow('use a lazy mask');
  expect(() => cover(full(), { queries: 8, keys: 8, blockQ: 0, blockK: 8 })).toThrow('blockQ is a whole number, 1 or more; got 0');
});
