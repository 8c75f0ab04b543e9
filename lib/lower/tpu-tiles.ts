/**
 * How the TPU kernels see a mask: as classes of tiles of queries x keys. In a band (`low <= j - i <= high`: full, causal, local and what
 * `and` makes of them) a square tile `delta` columns right of its row's own has one shape wherever it stands, so its boundary is cut out
 * statically: matmuls skip what lies outside by steps of 128 tokens, and a comparison is made only where the boundary crosses. Every
 * other mask has one class, whose pairs are asked for at run time (tpu-mask.ts).
 */
import { type LazyMask, predicate } from '../mask';

/** `low <= j - i <= high`, infinite where unbounded. */
export interface Band {
  readonly low: number;
  readonly high: number;
}

/** The band that a mask is, or undefined. */
export function bandOf(mask: LazyMask): Band | undefined {
  const none = () => undefined;
  return predicate<Band | undefined>(mask, {
    always: (value) => (value ? { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY } : undefined),
    diagonals: (low, high) => ({ low: low ?? Number.NEGATIVE_INFINITY, high: high ?? Number.POSITIVE_INFINITY }),
    and: (a, b) => a && b && { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) },
    or: none,
    not: none,
    keyBelow: none,
    rowBelow: none,
    sameChunk: none,
    strided: none,
    sameDocument: none,
    sameSegment: none,
    withinLength: none,
  });
}

/** A band that holds all that a mask allows. */
export function hullOf(mask: LazyMask): Band {
  const all: Band = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const any = () => all;
  return predicate<Band>(mask, {
    always: any,
    diagonals: (low, high) => ({ low: low ?? all.low, high: high ?? all.high }),
    sameChunk: (size) => ({ low: 1 - size, high: size - 1 }),
    and: (a, b) => ({ low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) }),
    or: (a, b) => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) }),
    not: any,
    keyBelow: any,
    rowBelow: any,
    strided: any,
    sameDocument: any,
    sameSegment: any,
    withinLength: any,
  });
}

/** Tiles of one shape: those at block offsets [from, to] of their row's own column; several only where all their pairs are allowed. */
export interface TileClass {
  readonly from: number;
  readonly to: number;
  /** Bounds on `key - query` counted in the tile, null where the tile holds no pair beyond one. */
  readonly low: number | null;
  readonly high: number | null;
  /** Keys of the tile that exist: fewer than a block in the last column of sizes that no block divides. */
  readonly keys: number;
}

/** Tokens a tile, and how many tiles there are. */
export interface Blocks {
  readonly blockQ: number;
  readonly blockK: number;
}

/**
 * A band's tiles: of each row of tiles the columns [row + classes' least `from`, row + greatest `to`] within the plane, in `classes`'
 * order, columns descending.
 */
export interface BandTiles extends Blocks {
  readonly rows: number;
  readonly columns: number;
  /** Columns descending; a class with `tail` is the last column's alone. */
  readonly classes: readonly TileClass[];
  /** Whether the first class is the last column of keys, whatever the row: of a mask without bounds, where no block divides the keys. */
  readonly tail: boolean;
}

const mostClasses = 4;

/**
 * The tiles of a band on a plane of `queries` x `keys`, or undefined where the dynamic class serves it: a row of tiles without any, keys
 * that end in the midst of a tile that the band does not cut before, tiles that are not square, or more than four classes.
 */
export function bandTiles({ low, high }: Band, plane: Blocks & { queries: number; keys: number }): BandTiles | undefined {
  const { queries, keys, blockQ, blockK } = plane;
  const [rows, columns] = [Math.ceil(queries / blockQ), Math.ceil(keys / blockK)];
  // Bounds that no pair is beyond are none.
  if (low <= 1 - queries) low = Number.NEGATIVE_INFINITY;
  if (high >= keys - 1) high = Number.POSITIVE_INFINITY;
  const free = !Number.isFinite(low) && !Number.isFinite(high);
  if (!free && blockQ !== blockK) return undefined;
  const block = blockK;
  const least = Math.max(1 - rows, Math.ceil((low - block + 1) / block));
  const most = Math.min(columns - 1, Math.floor((high + block - 1) / block));
  const last = rows - 1;
  if (most < 0 || least > columns - 1 || last + least > columns - 1 || least > most) return undefined;
  const ragged = keys % block !== 0 && high > keys - queries;
  if (ragged && !free) return undefined;
  const whole = { low: null, high: null, keys: block };
  if (free) {
    const inner = { from: 1 - rows, to: columns - 1, ...whole };
    if (!ragged) return { blockQ, blockK, rows, columns, classes: [inner], tail: false };
    const end = { ...inner, keys: keys % block };
    return { blockQ, blockK, rows, columns, classes: columns === 1 ? [end] : [end, inner], tail: true };
  }
  const classes: TileClass[] = [];
  // Deltas of full tiles: all of their pairs are within the bounds.
  const fullFrom = Math.max(least, Math.ceil((low + block - 1) / block));
  const fullTo = Math.min(most, Math.floor((high - block + 1) / block));
  const partial = (delta: number): TileClass => ({
    from: delta,
    to: delta,
    low: low > delta * block - block + 1 ? low - delta * block : null,
    high: high < delta * block + block - 1 ? high - delta * block : null,
    keys: block,
  });
  for (let delta = most; delta >= least; delta--) {
    if (delta > fullTo || delta < fullFrom) classes.push(partial(delta));
    else {
      classes.push({ from: fullFrom, to: fullTo, ...whole });
      delta = fullFrom;
    }
    if (classes.length > mostClasses) return undefined;
  }
  return { blockQ, blockK, rows, columns, classes, tail: false };
}

/** The columns [start, end) of a class in a row of tiles. */
export function columnsOf(tiles: BandTiles, which: number, row: number): { start: number; end: number } {
  const { columns, classes, tail } = tiles;
  if (tail) return which === 0 ? { start: columns - 1, end: columns } : { start: 0, end: columns - 1 };
  const { from, to } = classes[which];
  return { start: Math.max(0, row + from), end: Math.min(columns, row + to + 1) };
}

/** Keys [start, end) of a tile that a group of its queries [first, first + count) sees, to whole steps of 128; empty where start >= end. */
export function liveKeys(
  { low, high, keys }: TileClass,
  group: { first: number; count: number },
  block: number,
): { start: number; end: number } {
  const { first, count } = group;
  const start = low === null ? 0 : Math.max(0, Math.floor((first + low) / lanes) * lanes);
  const end = Math.min(keys, high === null ? block : first + count + high);
  return { start, end: Math.min(block, Math.ceil(end / lanes) * lanes) };
}

/** A run of a group's keys, and which bounds cross it. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly low: boolean;
  readonly high: boolean;
  /** Whether some of its keys are past the last. */
  readonly limit: boolean;
}

/** A group's live keys cut where a comparison begins or ends, in steps of 8 keys. */
export function piecesOf(tile: TileClass, group: { first: number; count: number; start: number; end: number }): Piece[] {
  const { first, count, start, end } = group;
  const up = (n: number) => Math.min(end, Math.max(start, Math.ceil(n / sublanes) * sublanes));
  const down = (n: number) => Math.min(end, Math.max(start, Math.floor(n / sublanes) * sublanes));
  // Below `lowEnd` some query is too far on for the key, from `highStart` on some is too early.
  const lowEnd = tile.low === null ? start : up(first + count - 1 + tile.low);
  const highStart = tile.high === null ? end : down(first + tile.high + 1);
  const limitStart = tile.keys < end ? down(tile.keys) : end;
  const cuts = [...new Set([start, lowEnd, highStart, limitStart, end])].sort((a, b) => a - b);
  return cuts.slice(1).map((to, i) => ({
    start: cuts[i],
    end: to,
    low: cuts[i] < lowEnd,
    high: cuts[i] >= highStart,
    limit: cuts[i] >= limitStart,
  }));
}

export const lanes = 128;
const sublanes = 8;
