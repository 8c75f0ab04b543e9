/** Masks as JSON: what is written is read as the same value, and anything else is refused by its path. */
import { ShapeError } from '../lib/errors';
import * as m from '../lib/mask';

const { maskFromJson, maskHash, maskToJson, sameMask } = m;

const masks: m.Mask[] = [
  m.full(),
  m.causal(),
  m.causal(-3),
  m.local(3, null),
  m.local(null, 2, -1),
  m.chunkedCausal(4),
  m.prefix(5),
  m.keyLimit(0),
  m.documents([]),
  m.documents([3, 1, 4]),
  m.strided(4),
  m.strided(4, -1),
  m.globalTokens(2),
  m.segments(),
  m.keyLengths(),
  m.and(m.causal(), m.not(m.documents([2, 2]))),
  m.or(m.prefix(1), m.and(m.local(1, 0), m.segments(), m.or(m.full()))),
  m.not(m.not(m.keyLengths())),
  m.perHead([m.causal(), m.and(m.causal(), m.local(3, 0))]),
  m.dense({ queries: 2, keys: 9, bits: Uint8Array.of(255, 1, 0, 1) }),
];

test.each(masks.map((mask) => [m.maskText(mask), mask] as const))('%s', (_, mask) => {
  const json = JSON.stringify(maskToJson(mask));
  const read = maskFromJson(JSON.parse(json));
  expect(read).toEqual(mask);
  expect(Object.isFrozen(read)).toBe(true);
  expect(sameMask(read, mask)).toBe(true);
  expect(maskHash(read)).toBe(maskHash(mask));
  // No other mask of the list is the same.
  expect(masks.filter((other) => sameMask(other, mask))).toEqual([mask]);
  expect(masks.filter((other) => maskHash(other) === maskHash(mask))).toEqual([mask]);
});

test('the list has every kind', () => {
  const kinds = new Set(JSON.stringify(masks.map(maskToJson)).match(/(?<="kind":")\w+/g));
  expect([...kinds].sort()).toEqual(
    'and causal chunkedCausal dense documents full globalTokens keyLengths keyLimit local not or perHead prefix segments strided'.split(
      ' ',
    ),
  );
});

test('the schema is what it was', () => {
  expect(maskToJson(m.and(m.local(1023, null), m.not(m.documents([4, 28]))))).toEqual({
    nodePjrtMask: 1,
    mask: {
      kind: 'and',
      masks: [
        { kind: 'local', left: 1023, right: null, offset: 0 },
        { kind: 'not', mask: { kind: 'documents', lengths: [4, 28] } },
      ],
    },
  });
  expect(maskToJson(m.dense({ queries: 1, keys: 3, bits: Uint8Array.of(5) })).mask).toEqual({
    kind: 'dense',
    queries: 1,
    keys: 3,
    bits: 'BQ==',
  });
  expect(maskHash(m.causal())).toBe('6a60257e980a6be0dcd474ea9d48d1f098ac430a51f46e4e9a97a04a992a2f88');
});

test('the order of fields is no difference; structure is one', () => {
  expect(sameMask({ right: 0, offset: 0, left: 3, kind: 'local' }, m.local(3, 0))).toBe(true);
  expect(maskHash({ right: 0, offset: 0, left: 3, kind: 'local' })).toBe(maskHash(m.local(3, 0)));
  expect(sameMask(m.causal(), m.local(null, 0))).toBe(false);
  const bits = (value: number) => m.dense({ queries: 1, keys: 3, bits: Uint8Array.of(value) });
  expect([sameMask(bits(5), bits(5)), sameMask(bits(5), bits(4))]).toEqual([true, false]);
});

test.each<[unknown, string]>([
  [undefined, 'a mask in JSON is an object; got undefined'],
  [[], 'a mask in JSON is an object; got []'],
  [{ kind: 'full' }, 'a mask in JSON has the fields nodePjrtMask, mask and no others; nodePjrtMask is missing'],
  [{ nodePjrtMask: 2, mask: { kind: 'full' } }, 'nodePjrtMask is 1, the version of the schema; got 2'],
  [{ nodePjrtMask: 1, mask: { kind: 'full' }, more: 0 }, 'a mask in JSON has the fields nodePjrtMask, mask and no others; got more too'],
])('%j is refused', (value, message) => {
  expect(() => maskFromJson(value)).toThrow(new ShapeError(message));
});

test.each<[unknown, string]>([
  [null, 'mask is an object; got null'],
  [{ kind: 'caus' }, 'mask.kind is one of full, causal, '],
  [{ kind: 'toString' }, 'mask.kind is one of '],
  [{ kind: 'causal' }, 'mask has the fields kind, offset and no others; offset is missing'],
  [{ kind: 'causal', offset: 0, left: 1 }, 'mask has the fields kind, offset and no others; got left too'],
  [{ kind: 'causal', offset: '0' }, 'mask.offset is a number; got "0"'],
  [{ kind: 'causal', offset: 0.5 }, 'mask: causal: offset is a whole number; got 0.5'],
  [
    { kind: 'and', masks: [{ kind: 'full' }, { kind: 'local', left: '3', right: 0, offset: 0 }] },
    'mask.masks[1].left is a number or null; got "3"',
  ],
  [
    { kind: 'or', masks: [{ kind: 'not', mask: { kind: 'local', left: -1, right: 0, offset: 0 } }] },
    'mask.masks[0].mask: local: left is a whole number',
  ],
  [{ kind: 'and', masks: {} }, 'mask.masks is a list; got {}'],
  [{ kind: 'and', masks: [] }, 'mask: and: there is at least one mask; got none'],
  [{ kind: 'perHead', masks: [{ kind: 'perHead', masks: [{ kind: 'full' }] }] }, 'mask: perHead: its masks are lazy ones'],
  [{ kind: 'documents', lengths: [1, null] }, 'mask.lengths[1] is a number; got null'],
  [{ kind: 'documents', lengths: [1, 0] }, 'mask: documents: a length is a whole number, 1 or more; got 0'],
  [{ kind: 'dense', queries: 1, keys: 3, bits: 'B' }, 'mask.bits is a string in base64; got "B"'],
  [{ kind: 'dense', queries: 1, keys: 3, bits: [5] }, 'mask.bits is a string in base64; got [5]'],
  [{ kind: 'dense', queries: 2, keys: 3, bits: 'BQ==' }, 'mask: dense: 2 x 3 pairs are 2 bytes of bits; got 1'],
])('%j is refused', (mask, message) => {
  const read = () => maskFromJson({ nodePjrtMask: 1, mask });
  expect(read).toThrow(ShapeError);
  expect(read).toThrow(message);
});
