/**
 * A mask in a TPU kernel, where it is no band (tpu-tiles.ts): the walk of the tiles that a row of tiles visits, in scalars, and the
 * predicate of a tile's pairs, in vectors. Both are printed from the mask's own closed form; only ids (documents, segments) come with
 * arrays.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { type Bound, type LazyMask, predicate, ranges } from '../mask';

/** Token ids whose equality a mask asks for: those of static documents, the same for every sequence, or the run time's segments. */
export interface IdSet {
  readonly name: string;
  readonly lengths?: readonly number[];
}

export const documentsName = (lengths: readonly number[]) => `documents(${lengths.join()})`;

export function idSetsOf(masks: readonly LazyMask[]): IdSet[] {
  const sets = new Map<string, IdSet>();
  const collect = (mask: LazyMask) => {
    if (mask.kind === 'documents') sets.set(documentsName(mask.lengths), { name: documentsName(mask.lengths), lengths: mask.lengths });
    else if (mask.kind === 'segments') sets.set('segments', { name: 'segments' });
    else if (mask.kind === 'not') collect(mask.mask);
    else if ('masks' in mask) mask.masks.forEach(collect);
  };
  masks.forEach(collect);
  return [...sets.values()];
}

/** Whole numbers and what the walks need of them: the kernel's scalars, or the host's numbers, which count what the kernel will do. */
export interface Scalars<S, C> {
  number(value: number): S;
  add(a: S, b: S): S;
  sub(a: S, b: S): S;
  /** Towards zero, of numbers that are not negative. */
  div(a: S, b: S): S;
  rem(a: S, b: S): S;
  min(a: S, b: S): S;
  max(a: S, b: S): S;
  le(a: S, b: S): C;
  lt(a: S, b: S): C;
  and(a: C, b: C): C;
  or(a: C, b: C): C;
  select(condition: C, a: S, b: S): S;
}

export const kernelScalars: Scalars<V, V> = { ...m, number: (value) => m.constant(value) };

export const hostScalars: Scalars<number, boolean> = {
  number: (value) => value,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  div: (a, b) => Math.trunc(a / b),
  rem: (a, b) => a % b,
  min: Math.min,
  max: Math.max,
  le: (a, b) => a <= b,
  lt: (a, b) => a < b,
  and: (a, b) => a && b,
  or: (a, b) => a || b,
  select: (condition, a, b) => (condition ? a : b),
};

/** A row of tiles: where it is, and what is known of it. */
export interface Row<S> {
  readonly firstRow: S;
  readonly lastRow: S;
  readonly blockK: number;
  readonly keys: number;
  /** Columns of tiles. */
  readonly columns: number;
  /** The columns [start, end) that hold any of the row's ids. */
  readonly idBlocks: (name: string) => { start: S; end: S };
  readonly keyLength: () => S;
}

const limit = 2 ** 30;
/** A mask's number as the kernels' i32 hold it, with room for a sum. */
export const bounded = (value: number) => Math.max(-limit, Math.min(limit, value));

/**
 * Columns [start, end) of tiles that together cover what a row of tiles may attend to, one a range of the mask; empty where start >= end.
 */
export function spansOf<S, C>(s: Scalars<S, C>, mask: LazyMask, row: Row<S>): { start: S; end: S }[] {
  const { blockK, keys } = row;
  const n = s.number;
  return ranges(mask).map((bounds) => {
    let first = n(0);
    let last = n(keys - 1);
    const conditions: C[] = [];
    const blocks: { start: S; end: S }[] = [];
    for (const bound of bounds) {
      const at = boundOf(s, bound, row);
      if (at.first !== undefined) first = s.max(first, at.first);
      if (at.last !== undefined) last = s.min(last, at.last);
      conditions.push(...(at.conditions ?? []));
      if (at.blocks) blocks.push(at.blocks);
    }
    const sees = [s.le(first, last), ...conditions].reduce(s.and);
    let start = s.div(first, n(blockK));
    let end = s.select(sees, s.add(s.div(s.max(last, n(0)), n(blockK)), n(1)), n(0));
    for (const range of blocks) {
      start = s.max(start, range.start);
      end = s.min(end, range.end);
    }
    return { start, end };
  });
}

interface AtRow<S, C> {
  readonly first?: S;
  readonly last?: S;
  readonly conditions?: C[];
  readonly blocks?: { start: S; end: S };
}

/** What a bound says of a row of tiles: its first and last key, conditions on the row, columns. */
function boundOf<S, C>(s: Scalars<S, C>, bound: Bound, { firstRow, lastRow, idBlocks, keyLength }: Row<S>): AtRow<S, C> {
  const n = (value: number) => s.number(bounded(value));
  switch (bound.kind) {
    case 'diagonals':
      return {
        first: bound.low === null ? undefined : s.add(firstRow, n(bound.low)),
        last: bound.high === null ? undefined : s.add(lastRow, n(bound.high)),
      };
    case 'keys':
      return { first: n(bound.start), last: bound.end === null ? undefined : n(bound.end - 1) };
    case 'rows':
      return { conditions: [s.le(n(bound.start), lastRow), ...(bound.end === null ? [] : [s.lt(firstRow, n(bound.end))])] };
    case 'chunk': {
      const size = n(bound.size);
      const ofLast = s.sub(lastRow, s.rem(lastRow, size));
      return { first: s.sub(firstRow, s.rem(firstRow, size)), last: s.add(ofLast, n(bound.size - 1)) };
    }
    case 'document':
      return { blocks: idBlocks(documentsName(bound.lengths)) };
    case 'segment':
      return { blocks: idBlocks('segments') };
    case 'length':
      return { last: s.sub(keyLength(), n(1)) };
  }
}

/** The first column from `from` on that some span holds, or `columns`. */
export function nextIn<S, C>(s: Scalars<S, C>, spans: readonly { start: S; end: S }[], columns: number): (from: S) => S {
  const none = s.number(columns);
  return (from) =>
    spans
      .map(({ start, end }) => {
        const next = s.max(from, start);
        return s.select(s.lt(next, end), next, none);
      })
      .reduce(s.min, none);
}

/** A tile of pairs, keys along its rows and queries along its columns: where it is (scalars), and what is known of its tokens. */
export interface TilePlace {
  readonly shape: readonly [keys: number, queries: number];
  readonly firstRow: V;
  readonly firstKey: V;
  /** Tokens, padding not among them. */
  readonly queries: number;
  readonly keys: number;
  /** Ids of the tile's queries [1, queries], and of its keys [keys, 128], equal in each row. */
  readonly ids: (name: string) => { q: V; kv: V };
  readonly keyLength: () => V;
}

/** The pairs that a mask allows, i1 [keys, queries]; true or false where that is known of every pair of every tile. */
export function allowed(mask: LazyMask, tile: TilePlace): V | boolean {
  const { shape, firstRow, firstKey, queries, keys } = tile;
  const [tall, wide] = shape;
  const key = () => m.iota(shape, 0);
  const query = () => m.iota(shape, 1);
  const everywhere = (x: V) => m.broadcast(x, shape);
  /** Query row numbers [1, queries]. */
  const rows = () => m.add(m.iota([1, wide], 1), m.broadcast(firstRow, [1, wide]));
  const both = (a: V | boolean, b: V | boolean): V | boolean =>
    typeof a === 'boolean' ? (a ? b : false) : typeof b === 'boolean' ? (b ? a : false) : m.and(a, b);
  const not = (a: V | boolean): V | boolean => (typeof a === 'boolean' ? !a : m.not(a));
  const either = (a: V | boolean, b: V | boolean): V | boolean =>
    typeof a === 'boolean' ? (a ? true : b) : typeof b === 'boolean' ? (b ? true : a) : m.or(a, b);
  const same = (name: string) => {
    const { q, kv } = tile.ids(name);
    return m.eq(m.broadcastRow(q, tall), m.tile(kv, wide));
  };
  return predicate<V | boolean>(mask, {
    always: (value) => value,
    diagonals: (low, high) => {
      // A bound that no pair of the plane is beyond is none.
      const diagonal = () => m.sub(key(), query());
      const shift = () => m.sub(firstRow, firstKey);
      const above = low === null || low <= 1 - queries ? true : low > keys - 1 ? false : m.ge(diagonal(), everywhere(m.add(shift(), low)));
      const below =
        high === null || high >= keys - 1 ? true : high < 1 - queries ? false : m.le(diagonal(), everywhere(m.add(shift(), high)));
      return both(above, below);
    },
    keyBelow: (length) => (length >= keys ? true : length <= 0 ? false : m.lt(key(), everywhere(m.sub(m.constant(length), firstKey)))),
    rowBelow: (length) => (length >= queries ? true : length <= 0 ? false : m.lt(query(), everywhere(m.sub(m.constant(length), firstRow)))),
    sameChunk: (size) => {
      if (size >= Math.max(queries, keys)) return true;
      // The query's chunk in keys counted in the tile: division is slow, and done once a query.
      const first = m.sub(m.sub(rows(), m.rem(rows(), size)), m.broadcast(firstKey, [1, wide]));
      return m.and(m.ge(key(), m.broadcastRow(first, tall)), m.lt(key(), m.broadcastRow(m.add(first, size), tall)));
    },
    strided: (stride, offset) => {
      if (stride === 1) return true;
      // Remainders of each query and of each key, which agree where the difference is a multiple.
      const own = m.rem(m.add(rows(), ((offset % stride) + stride) % stride), stride);
      const places = m.rem(m.add(m.iota([tall, 128], 0), m.broadcast(firstKey, [tall, 128])), stride);
      return m.eq(m.tile(places, wide), m.broadcastRow(own, tall));
    },
    sameDocument: (lengths) => same(documentsName(lengths)),
    sameSegment: () => same('segments'),
    withinLength: () => m.lt(key(), everywhere(m.sub(tile.keyLength(), firstKey))),
    and: both,
    or: either,
    not,
  });
}

/**
 * The pairs of a tile that a head may see, i1 [keys, queries]: of the masks' `own`th (a scalar), of keys that exist among `paddedKeys`.
 * Undefined where it sees all, whatever the tile.
 */
export function pairsIn(
  masks: readonly LazyMask[],
  tile: TilePlace,
  { own, paddedKeys }: { own: () => V; paddedKeys: number },
): V | undefined {
  const { shape, firstKey, keys } = tile;
  const vectorOf = (pairs: V | boolean) => (typeof pairs === 'boolean' ? m.constant(Number(pairs), m.vector('i1', shape)) : pairs);
  const each = masks.map((mask) => allowed(mask, tile));
  const limits: V[] = [];
  if (each.length > 1) limits.push(ofMask(each.map(vectorOf), own()));
  else if (each[0] !== true) limits.push(vectorOf(each[0]));
  if (paddedKeys > keys) limits.push(m.lt(m.iota(shape, 0), m.broadcast(m.sub(m.constant(keys), firstKey), shape)));
  return limits.length ? limits.reduce(m.and) : undefined;
}

/** Of a value a mask, the `own`th. */
export function ofMask(values: readonly V[], own: V): V {
  return values.reduce((chosen, value, i) => m.select(m.eq(own, i), value, chosen));
}
