/** Masks in the terms of other systems: each compared element by element with what that system's own definition says. */
import { ShapeError } from '../lib/errors';
import * as m from '../lib/mask';

const { allows, fromHuggingFace, fromMaskMod, fromSplash, toMaskMod, toSplash } = m;

type OneMask = Exclude<m.Mask, m.PerHead>;

/** Two sequences' run-time inputs, of ids that are not sorted. */
const given: m.RunTime = { qSegments: [0, 0, 1, 1, 5, 5, 1, 0, 0], kvSegments: [1, 0, 0, 1, 5, 5, 5, 0, 2, 1, 1], keyLength: 7 };
const [queries, keys] = [9, 11];

function expectPairs(mask: m.Mask, wanted: (q: number, kv: number) => boolean) {
  const rows = (is: (q: number, kv: number) => boolean) =>
    Array.from({ length: queries }, (_, q) => Array.from({ length: keys }, (_, kv) => (is(q, kv) ? 'x' : '.')).join(''));
  expect(rows((q, kv) => allows(mask as OneMask, q, kv, given))).toEqual(rows(wanted));
}

const floor = (a: number, b: number) => Math.floor(a / b);
const modulo = (a: number, b: number) => ((a % b) + b) % b;

/** Every kind, and compositions. */
const masks: m.LazyMask[] = [
  m.full(),
  m.not(m.full()),
  m.causal(),
  m.causal(2),
  m.causal(-3),
  m.local(3, 0),
  m.local(2, null),
  m.local(null, 2),
  m.local(null, null),
  m.local(2, 1, -1),
  m.local(1, null, 2),
  m.local(0, 0, 3),
  m.chunkedCausal(4),
  m.prefix(3),
  m.keyLimit(4),
  m.keyLimit(0),
  m.documents([3, 1, 4]),
  m.documents([]),
  m.strided(3),
  m.strided(4, -1),
  m.globalTokens(2),
  m.segments(),
  m.keyLengths(),
  m.not(m.chunkedCausal(3)),
  m.not(m.local(1, 1)),
  m.and(m.causal(), m.segments(), m.not(m.strided(2))),
  m.or(m.local(1, 0), m.and(m.globalTokens(1), m.causal())),
  m.not(m.or(m.documents([4, 4]), m.not(m.keyLengths()))),
];

describe('FlexAttention', () => {
  test.each(masks.map((mask) => [m.maskText(mask), mask] as const))('%s goes there and back', (_, mask) => {
    expectPairs(fromMaskMod(toMaskMod(mask), { queries, keys }), (q, kv) => allows(mask, q, kv, given));
  });

  test.each<[string, m.LazyMask, (q: number, kv: number) => boolean]>([
    ['q_idx >= kv_idx', m.causal(), (q, kv) => q >= kv],
    ['kv < q', m.causal(-1), (q, kv) => kv < q],
    ['q + 2 >= kv', m.causal(2), (q, kv) => q + 2 >= kv],
    ['q - kv <= 3', m.local(3, null), (q, kv) => q - kv <= 3],
    ['q - kv < 3', m.local(2, null), (q, kv) => q - kv < 3],
    ['kv > q', m.local(0, null, 1), (q, kv) => kv > q],
    ['kv == q', m.local(0, 0), (q, kv) => kv === q],
    ['kv != q + 1', m.not(m.local(0, 0, 1)), (q, kv) => kv !== q + 1],
    ['(q >= kv) & (q - kv <= 3)', m.local(3, 0), (q, kv) => q >= kv && q - kv <= 3],
    ['q >= kv and q - kv <= 3', m.local(3, 0), (q, kv) => q >= kv && q - kv <= 3],
    ['0 <= q - kv < 4', m.local(3, 0), (q, kv) => q - kv >= 0 && q - kv < 4],
    ['abs(q - kv) <= 2', m.local(2, 2), (q, kv) => Math.abs(q - kv) <= 2],
    ['abs(q - kv) > 2', m.not(m.local(2, 2)), (q, kv) => Math.abs(q - kv) > 2],
    ['2 * kv <= 2 * q + 3', m.causal(1), (q, kv) => 2 * kv <= 2 * q + 3],
    ['-kv >= -(q + 1)', m.causal(1), (q, kv) => kv <= q + 1],
    ['kv < 4', m.keyLimit(4), (_, kv) => kv < 4],
    ['kv >= 4', m.not(m.keyLimit(4)), (_, kv) => kv >= 4],
    ['(kv < 4) | (q >= kv)', m.prefix(4), (q, kv) => kv < 4 || q >= kv],
    ['(q < 2) | (kv < 2)', m.globalTokens(2), (q, kv) => q < 2 || kv < 2],
    ['q // 4 == kv // 4 and q >= kv', m.chunkedCausal(4), (q, kv) => floor(q, 4) === floor(kv, 4) && q >= kv],
    ['q // 4 == kv // 4', m.documents([4, 4, 4]), (q, kv) => floor(q, 4) === floor(kv, 4)],
    ['q // 4 >= kv // 4', m.or(m.causal(), m.documents([4, 4, 4])), (q, kv) => floor(q, 4) >= floor(kv, 4)],
    ['(q - kv) % 3 == 0', m.strided(3), (q, kv) => modulo(q - kv, 3) === 0],
    ['(q - kv) % 3 == 1', m.strided(3, 2), (q, kv) => modulo(q - kv, 3) === 1],
    ['(kv - q) % 3 == 1', m.strided(3, 1), (q, kv) => modulo(kv - q, 3) === 1],
    ['q % 3 == kv % 3', m.strided(3), (q, kv) => q % 3 === kv % 3],
    ['(q - kv) % 3 == 3', m.not(m.full()), () => false],
    ['doc[q] == doc[kv]', m.segments(), (q, kv) => given.qSegments?.[q] === given.kvSegments?.[kv]],
    ['doc[b, kv] == doc[b][q]', m.segments(), (q, kv) => given.qSegments?.[q] === given.kvSegments?.[kv]],
    ['kv < lengths[b]', m.keyLengths(), (_, kv) => kv < 7],
    ['lengths[b] <= kv', m.not(m.keyLengths()), (_, kv) => kv >= 7],
    ['not (kv < 4 or q == kv)', m.not(m.or(m.keyLimit(4), m.local(0, 0))), (q, kv) => !(kv < 4 || q === kv)],
    ['lambda batch, head, i, j: i >= j', m.causal(), (q, kv) => q >= kv],
  ])('%s', (text, mask, wanted) => {
    expect(fromMaskMod(text, { queries, keys })).toEqual(mask);
    expectPairs(mask, wanted);
  });

  // Parts with no kind of their own, which others make.
  test.each<[string, (q: number, kv: number) => boolean]>([
    ['q < 4', (q) => q < 4],
    ['~(q < 4)', (q) => q >= 4],
    ['q == 3', (q) => q === 3],
    ['q >= 0', () => true],
    ['(q >= kv) & ~(q // 3 == kv // 3)', (q, kv) => q >= kv && floor(q, 3) !== floor(kv, 3)],
    ['kv // 3 < q // 3', (q, kv) => floor(kv, 3) < floor(q, 3)],
    ['(q >= kv) & ((q // 3 == kv // 3) | (kv < 2))', (q, kv) => q >= kv && (floor(q, 3) === floor(kv, 3) || kv < 2)],
    ['~((q < kv) | (q // 3 != kv // 3)) & (kv <= q)', (q, kv) => kv <= q && floor(q, 3) === floor(kv, 3)],
    ['(q >= kv) & (q - kv <= -1)', () => false],
  ])('%s is made of other kinds', (text, wanted) => {
    expectPairs(fromMaskMod(text), wanted);
  });

  test.each<[string, string]>([
    ['q + kv < 3', '"q + kv < 3" has no lazy kind'],
    ['(q >= kv) & (h == 0)', '"h" is the head: masks that differ by head are perHead(...)'],
    ['b < 2', '"b" is the sequence: '],
    ['q // 4 == kv // 5', '"q // 4 == kv // 5" has no lazy kind'],
    ['(q >= 0) & (q // 4 == kv // 4)', '"q // 4 == kv // 4" has a lazy kind beside q >= kv, and otherwise where the sizes are given'],
    ['kv % 2 == 0', '"kv % 2 == 0" has no lazy kind'],
    ['q * kv < 2', '"q * kv" has no lazy kind'],
    ['q // 0 == kv // 0', '"q // 0" divides by what is no number, 1 or more'],
    ['q < lengths[b]', '"q < lengths[b]" has no lazy kind'],
    ['doc[q] < doc[kv]', '"doc[q] < doc[kv]" has no lazy kind'],
    [
      '(doc[q] == doc[kv]) & (page[q] == page[kv])',
      '"page[q] == page[kv]" takes the ids of queries from a second array; doc has them already',
    ],
    ['q - kv <= WINDOW', '"WINDOW" is not known: numbers are written out'],
    ['constructor < 3', '"constructor" is not known'],
    ['q >= kv & q - kv <= 3', '"kv & q - kv" has no lazy kind'],
    ['q', '"q" is no test (& and | bind tighter than comparisons, which stand in parentheses)'],
    ['torch.where(q, kv)', '"torch.where(q, kv)" is no test'],
  ])('%s is refused by its part', (text, message) => {
    expect(() => fromMaskMod(text)).toThrow(ShapeError);
    expect(() => fromMaskMod(text)).toThrow(`a mask_mod is made of q, kv or q - kv compared with a number`);
    expect(() => fromMaskMod(text)).toThrow(message);
  });

  test.each<[string, string]>([
    ['q >=', 'expected a name, a whole number or "(" at column 5 of "q >="'],
    ['(q >= kv', 'expected "," at column 9 of "(q >= kv"'],
    ['q >= kv kv', 'expected the end at column 9'],
    ['q >= 1.5', 'expected '],
  ])('%s does not parse', (text, message) => {
    expect(() => fromMaskMod(text)).toThrow(`a mask_mod is an expression of Python; ${message}`);
  });
});

describe('splash', () => {
  const shape = '(9, 11)';
  test.each<[string, m.Mask, (q: number, kv: number) => boolean]>([
    [`FullMask(${shape})`, m.full(), () => true],
    [`CausalMask(${shape}, 0)`, m.causal(), (q, kv) => q >= kv],
    [`CausalMask(${shape}, -2)`, m.causal(-2), (q, kv) => q - 2 >= kv],
    [`LocalMask(${shape}, (3, 2), 0)`, m.local(3, 2), (q, kv) => q - 3 <= kv && q + 2 >= kv],
    [`LocalMask(${shape}, (3, None), 1)`, m.local(3, null, 1), (q, kv) => q + 1 - 3 <= kv],
    [`LocalMask(${shape}, (None, 2), -1)`, m.local(null, 2, -1), (q, kv) => q - 1 + 2 >= kv],
    [`LocalMask(${shape}, (None, None), 0)`, m.local(null, null), () => true],
    [`ChunkedCausalMask(${shape}, 4)`, m.chunkedCausal(4), (q, kv) => floor(q, 4) === floor(kv, 4) && q >= kv],
    [
      `CausalMask(${shape}, 0) & (LocalMask(${shape}, (3, 0), 0) | ChunkedCausalMask(${shape}, 4)) & FullMask(${shape})`,
      m.and(m.causal(), m.or(m.local(3, 0), m.chunkedCausal(4)), m.full()),
      (q, kv) => q >= kv && (q - 3 <= kv || floor(q, 4) === floor(kv, 4)),
    ],
  ])('%s', (text, mask, wanted) => {
    const read = fromSplash(text);
    expect(read).toEqual({ mask, queries, keys });
    expectPairs(read.mask, wanted);
    expect(toSplash(read.mask, queries, keys).replace(/[()]/g, '')).toBe(text.replace(/[()]/g, ''));
    expect(fromSplash(toSplash(read.mask, queries, keys))).toEqual(read);
  });

  test('as JAX users write it', () => {
    expect(fromSplash('mask_lib.CausalMask(shape=(8, 8))').mask).toEqual(m.causal());
    expect(fromSplash('mask_lib.LocalMask((8, 8), window_size=(3, 0), offset=0, shard_count=2)').mask).toEqual(m.local(3, 0));
    expect(fromSplash('MultiHeadMask([CausalMask((8, 8)), FullMask((8, 8))])')).toEqual({
      mask: m.perHead([m.causal(), m.full()]),
      queries: 8,
      keys: 8,
    });
    const array = fromSplash('NumpyMask(np.array([[True, False, 1], [0, 1, 1]], dtype=bool))');
    expect(array).toEqual({ mask: m.dense({ queries: 2, keys: 3, bits: Uint8Array.of(5, 6) }), queries: 2, keys: 3 });
    expect(fromSplash(toSplash(array.mask, 2, 3))).toEqual(array);
  });

  test('what is negated is what splash has', () => {
    for (const mask of [
      m.not(m.causal(1)),
      m.not(m.local(2, 1)),
      m.not(m.and(m.local(2, null), m.not(m.chunkedCausal(3)))),
      m.not(m.not(m.full())),
    ])
      expectPairs(fromSplash(toSplash(mask, queries, keys)).mask, (q, kv) => allows(mask, q, kv));
  });

  test.each<[m.Mask, string]>([
    [m.prefix(3), 'prefix(3) has no lazy mask there'],
    [m.and(m.causal(), m.segments()), 'segments has no lazy mask there'],
    [m.not(m.chunkedCausal(3)), '~chunkedCausal(3) has no lazy mask there'],
    [m.not(m.local(null, null)), '~local(null, null) has no lazy mask there'],
    [m.dense({ queries: 1, keys: 1, bits: Uint8Array.of(1) }), 'toSplash: a dense mask has its own sizes, 1 x 1; got 9 x 11'],
  ])('%j is refused', (mask, message) => {
    expect(() => toSplash(mask, queries, keys)).toThrow(ShapeError);
    expect(() => toSplash(mask, queries, keys)).toThrow(message);
  });

  test.each<[string, string]>([
    ['PrefixMask((8, 8), 2)', '"PrefixMask((8, 8), 2)" is none of them'],
    ['~CausalMask((8, 8), 0)', '"~CausalMask((8, 8), 0)" is none of them'],
    ['CausalMask((8, 8), 0) & CausalMask((8, 9), 0)', 'has masks of two shapes: (8, 8) and (8, 9)'],
    ['CausalMask(8, 8)', '"8" is no pair'],
    ['CausalMask((8, T), 0)', '"T" is no whole number'],
    ['LocalMask((8, 8), (3, 0))', 'lacks offset'],
    ['CausalMask((8, 8), 0, offset=1)', 'takes shape, offset, shard_count, each once'],
    ['NumpyMask(mask)', '"mask" is no array with its rows written out'],
    ['NumpyMask(np.array([[1, 0], [1]]))', '"[1]" has 1 values, and the first row 2'],
    ['NumpyMask([[2]])', '"2" is neither True nor False'],
    ['NumpyMask([[1]]) & FullMask((1, 1))', 'and: its masks are lazy ones'],
    ['ChunkedCausalMask((8, 8), 0)', 'chunkedCausal: size is a whole number, 1 or more; got 0'],
    ['MultiHeadMask([])', '"MultiHeadMask([])" has no masks'],
  ])('%s is refused', (text, message) => {
    expect(() => fromSplash(text)).toThrow(ShapeError);
    expect(() => fromSplash(text)).toThrow(message);
  });
});

describe('Hugging Face', () => {
  test('a sliding window of W keeps W tokens; axlearn keeps W + 1', () => {
    const mask = fromHuggingFace({ sliding_window: 4 });
    expect(mask).toEqual(m.local(3, 0));
    expectPairs(mask, (q, kv) => kv <= q && kv > q - 4);
    expectPairs(m.windowOfTokens(4), (q, kv) => kv <= q && kv > q - 4);
    expectPairs(m.windowOfContext(4), (q, kv) => kv <= q && q - kv <= 4);
    const tokens = (window: m.LazyMask) => Array.from({ length: keys }, (_, kv) => allows(window, 8, kv)).filter(Boolean).length;
    expect([tokens(m.windowOfTokens(4)), tokens(m.windowOfContext(4))]).toEqual([4, 5]);
  });

  test('chunks', () => {
    const mask = fromHuggingFace({ attention_chunk_size: 4 });
    expect(mask).toEqual(m.chunkedCausal(4));
    expectPairs(mask, (q, kv) => kv <= q && floor(kv, 4) === floor(q, 4));
  });

  test('layer types say which layer has what', () => {
    const config = {
      sliding_window: 4,
      attention_chunk_size: 8,
      layer_types: ['full_attention', 'sliding_attention', 'chunked_attention', 'linear_attention'],
      hidden_size: 64,
    };
    expect([0, 1, 2].map((layer) => fromHuggingFace(config, layer))).toEqual([m.causal(), m.local(3, 0), m.chunkedCausal(8)]);
    for (const layer of [undefined, -1, 4, 0.5])
      expect(() => fromHuggingFace(config, layer)).toThrow(`where layers differ, layer is one of them, 0 to 3; got ${layer}`);
    expect(() => fromHuggingFace(config, 3)).toThrow(
      'a layer type is full_attention, sliding_attention or chunked_attention; got "linear_attention"',
    );
    expect(() => fromHuggingFace({ layer_types: ['sliding_attention'] }, 0)).toThrow(
      'sliding_attention needs sliding_window; the configuration has none',
    );
  });

  test('fields that are off, and Qwen', () => {
    expect(fromHuggingFace({})).toEqual(m.causal());
    expect(fromHuggingFace({ sliding_window: null, attention_chunk_size: null, layer_types: null })).toEqual(m.causal());
    expect(fromHuggingFace({ sliding_window: 4, use_sliding_window: false })).toEqual(m.causal());
    const qwen = { sliding_window: 4, use_sliding_window: true, max_window_layers: 2 };
    expect([1, 2].map((layer) => fromHuggingFace(qwen, layer))).toEqual([m.causal(), m.local(3, 0)]);
    expect(() => fromHuggingFace(qwen)).toThrow('where layers differ, layer is one of them; got undefined');
    expect(() => fromHuggingFace({ sliding_window: 4, attention_chunk_size: 8 })).toThrow('got both without');
    expect(() => fromHuggingFace({ sliding_window: 0 })).toThrow('windowOfTokens: tokens is a whole number, 1 or more; got 0');
  });
});
