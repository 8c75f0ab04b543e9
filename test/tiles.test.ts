/** Static tiles of a band against the meaning of its mask, pair by pair. */
import { allows, and, causal, chunkedCausal, full, local, not, or, prefix } from '../lib/mask';
import { groupsOf } from '../lib/lower/tpu-phase';
import { bandOf, type BandTiles, bandTiles, columnsOf } from '../lib/lower/tpu-tiles';

test('bands are what bounds on j - i make of one another', () => {
  expect(bandOf(full())).toEqual({ low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY });
  expect(bandOf(causal(3))).toEqual({ low: Number.NEGATIVE_INFINITY, high: 3 });
  expect(bandOf(and(causal(), local(5, 2), local(9, null, 1)))).toEqual({ low: -5, high: 0 });
  for (const mask of [prefix(3), chunkedCausal(4), or(causal(), local(1, 1)), not(causal()), and(causal(), not(local(2, 0)))])
    expect(bandOf(mask)).toBeUndefined();
});

/** The pairs that the tiles allow, as the kernel reads them: groups of queries, pieces of keys, comparisons where a piece says so. */
function pairsOf(tiles: BandTiles, queries: number, keys: number): boolean[][] {
  const { blockQ, blockK } = tiles;
  const seen = Array.from({ length: queries }, () => new Array<boolean>(keys).fill(false));
  for (let row = 0; row < tiles.rows; row++) {
    const columns: number[] = [];
    for (const [i, tile] of tiles.classes.entries()) {
      const { start, end } = columnsOf(tiles, i, row);
      for (let column = end - 1; column >= start; column--) {
        columns.push(column);
        for (const group of groupsOf(tile, { first: 0, count: blockQ }, blockK))
          for (const piece of group.pieces)
            for (let k = piece.start; k < piece.end; k++)
              for (let q = group.first; q < group.first + group.count; q++) {
                const [i, j] = [row * blockQ + q, column * blockK + k];
                if (piece.low && tile.low !== null && k - q < tile.low) continue;
                if (piece.high && tile.high !== null && k - q > tile.high) continue;
                if (piece.limit && k >= tile.keys) continue;
                if (i < queries && j < keys) seen[i][j] = true;
                // Keys of padding are never seen by a query that exists.
                else if (i < queries) throw new Error(`row ${i} sees key ${j} of ${keys}`);
              }
      }
    }
    // The walk is one run, columns descending, without a gap.
    expect(columns).toEqual(columns.map((_, at) => columns[0] - at));
    expect(columns.length).toBeGreaterThan(0);
  }
  return seen;
}

test.each([
  ['full', full(), 512, 512],
  ['full, ragged', full(), 300, 777],
  ['full, one ragged tile', full(), 100, 70],
  ['causal', causal(), 1024, 1024],
  ['causal, ragged', causal(), 1000, 1000],
  ['causal, more keys', causal(), 500, 900],
  ['causal, an offset', causal(70), 512, 640],
  ['causal, last query to last key', causal(256), 512, 768],
  ['a window of whole blocks', local(511, 0), 1536, 1536],
  ['a window that no block divides', local(299, 0), 1280, 1280],
  ['a narrow window', local(20, 0), 700, 700],
  ['a band aside of the diagonal', local(20, 10, 100), 512, 900],
  ['unbounded to the left', local(null, 60), 640, 768],
] as const)('%s', (_, mask, queries, keys) => {
  const band = bandOf(mask);
  const tiles = band && bandTiles(band, { queries, keys, blockQ: 256, blockK: 256 });
  if (!tiles) throw new Error('no tiles');
  const seen = pairsOf(tiles, queries, keys);
  for (let i = 0; i < queries; i++)
    for (let j = 0; j < keys; j++) if (seen[i][j] !== allows(mask, i, j)) throw new Error(`(${i}, ${j}) is ${seen[i][j]}`);
});

test('what no static tiles serve', () => {
  const plane = { queries: 1024, keys: 1024, blockQ: 256, blockK: 256 };
  const tilesOf = (mask: Parameters<typeof bandOf>[0], sizes = plane) => bandTiles(bandOf(mask) as never, sizes);
  // A row of tiles that sees nothing, keys that end within a tile, tiles that are not square.
  expect(tilesOf(causal(-300))).toBeUndefined();
  expect(tilesOf(local(100, 100), { ...plane, queries: 1000, keys: 1000 })).toBeUndefined();
  expect(tilesOf(causal(), { ...plane, blockQ: 128 })).toBeUndefined();
  expect(tilesOf(full(), { ...plane, blockQ: 128 })?.classes.length).toBe(1);
});

test('a window needs few classes: two thirds of its tiles are cut', () => {
  const tiles = bandTiles({ low: -1023, high: 0 }, { queries: 4096, keys: 4096, blockQ: 512, blockK: 512 });
  expect(tiles?.classes).toEqual([
    { from: 0, to: 0, low: null, high: 0, keys: 512 },
    { from: -1, to: -1, low: null, high: null, keys: 512 },
    { from: -2, to: -2, low: 1, high: null, keys: 512 },
  ]);
  const cut = groupsOf({ from: 0, to: 0, low: null, high: 0, keys: 512 }, { first: 0, count: 512 }, 512);
  // Of 4 x 4 sub-tiles of 128, the 10 on or below the diagonal.
  expect(cut.reduce((sum, { start, end, count }) => sum + ((end - start) * count) / 128 ** 2, 0)).toBe(10);
});
