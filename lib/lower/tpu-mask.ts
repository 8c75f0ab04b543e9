/**
 * A mask in the TPU kernel: the walk of the key blocks that a query block visits, in scalars, and the predicate of a block's pairs, in vectors.
 * Both are printed from the mask's own closed form; only ids (documents, segments) come with arrays.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { type LazyMask, predicate, ranges } from '../mask';

/** Token ids whose equality a mask asks for: those of static documents, the same for every sequence, or the run time's segments. */
export interface IdSet {
  readonly name: string;
  readonly lengths?: readonly number[];
}

const documentsName = (lengths: readonly number[]) => `documents(${lengths.join()})`;

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

/** Where a query block is, and what is known of it: all scalars. */
export interface Place {
  readonly firstRow: V;
  readonly lastRow: V;
  readonly blockK: number;
  readonly keys: number;
  /** Key blocks. */
  readonly columns: number;
  /** The key blocks [start, end) that hold any of the query block's ids. */
  readonly idBlocks: (name: string) => { start: V; end: V };
  readonly keyLength: () => V;
}

const limit = 2 ** 30;
const bounded = (value: number) => Math.max(-limit, Math.min(limit, value));

/** The first key block from `from` on that the query block visits, or `columns`. */
export function walk(mask: LazyMask, place: Place): (from: V) => V {
  const { firstRow, lastRow, blockK, keys, columns } = place;
  const spans = ranges(mask).map((bounds) => {
    let first = m.constant(0);
    let last = m.constant(keys - 1);
    const conditions: V[] = [];
    const blocks: { start: V; end: V }[] = [];
    for (const bound of bounds)
      switch (bound.kind) {
        case 'diagonals':
          if (bound.low !== null) first = m.max(first, m.add(firstRow, bounded(bound.low)));
          if (bound.high !== null) last = m.min(last, m.add(lastRow, bounded(bound.high)));
          break;
        case 'keys':
          first = m.max(first, bounded(bound.start));
          if (bound.end !== null) last = m.min(last, bounded(bound.end) - 1);
          break;
        case 'rows':
          conditions.push(m.ge(lastRow, bounded(bound.start)));
          if (bound.end !== null) conditions.push(m.lt(firstRow, bounded(bound.end)));
          break;
        case 'chunk': {
          const size = bounded(bound.size);
          first = m.max(first, m.sub(firstRow, m.rem(firstRow, size)));
          last = m.min(last, m.add(m.sub(lastRow, m.rem(lastRow, size)), size - 1));
          break;
        }
        case 'document':
          blocks.push(place.idBlocks(documentsName(bound.lengths)));
          break;
        case 'segment':
          blocks.push(place.idBlocks('segments'));
          break;
        case 'length':
          last = m.min(last, m.sub(place.keyLength(), 1));
          break;
      }
    const sees = [m.le(first, last), ...conditions].reduce(m.and);
    let start = m.div(first, blockK);
    let end = m.select(sees, m.add(m.div(m.max(last, 0), blockK), 1), 0);
    for (const range of blocks) {
      start = m.max(start, range.start);
      end = m.min(end, range.end);
    }
    return { start, end };
  });
  return (from) =>
    spans
      .map(({ start, end }) => {
        const next = m.max(from, start);
        return m.select(m.lt(next, end), next, columns);
      })
      .reduce(m.min, m.constant(columns));
}

/** A block of pairs: where it is (scalars), and what is known of its tokens. */
export interface Block {
  readonly shape: readonly [blockQ: number, blockK: number];
  readonly firstRow: V;
  readonly firstKey: V;
  /** Tokens, padding not among them. */
  readonly queries: number;
  readonly keys: number;
  /** Ids of the block's queries [blockQ, 128], equal in each row, and of its keys [1, blockK]. */
  readonly ids: (name: string) => { q: V; kv: V };
  readonly keyLength: () => V;
}

/** The pairs that a mask allows, i1 [blockQ, blockK]; true or false where that is known of every pair of every block. */
export function allowed(mask: LazyMask, block: Block): V | boolean {
  const { shape, firstRow, firstKey, queries, keys } = block;
  const row = () => m.iota(shape, 0);
  const column = () => m.iota(shape, 1);
  const everywhere = (x: V) => m.broadcast(x, shape);
  const both = (a: V | boolean, b: V | boolean): V | boolean =>
    typeof a === 'boolean' ? (a ? b : false) : typeof b === 'boolean' ? (b ? a : false) : m.and(a, b);
  const not = (a: V | boolean): V | boolean => (typeof a === 'boolean' ? !a : m.not(a));
  const either = (a: V | boolean, b: V | boolean): V | boolean =>
    typeof a === 'boolean' ? (a ? true : b) : typeof b === 'boolean' ? (b ? true : a) : m.or(a, b);
  const same = (name: string) => {
    const { q, kv } = block.ids(name);
    return m.eq(m.tile(q, shape[1]), m.broadcastRow(kv, shape[0]));
  };
  return predicate<V | boolean>(mask, {
    always: (value) => value,
    diagonals: (low, high) => {
      // A bound that no pair of the plane is beyond is none.
      const diagonal = () => m.sub(column(), row());
      const shift = () => m.sub(firstRow, firstKey);
      const above = low === null || low <= 1 - queries ? true : low > keys - 1 ? false : m.ge(diagonal(), everywhere(m.add(shift(), low)));
      const below =
        high === null || high >= keys - 1 ? true : high < 1 - queries ? false : m.le(diagonal(), everywhere(m.add(shift(), high)));
      return both(above, below);
    },
    keyBelow: (length) => (length >= keys ? true : length <= 0 ? false : m.lt(column(), everywhere(m.sub(m.constant(length), firstKey)))),
    rowBelow: (length) => (length >= queries ? true : length <= 0 ? false : m.lt(row(), everywhere(m.sub(m.constant(length), firstRow)))),
    sameChunk: (size) => {
      if (size >= Math.max(queries, keys)) return true;
      // Keys from the start of the row's chunk on, counted in the block.
      const rows = m.add(row(), everywhere(firstRow));
      const start = m.sub(m.sub(rows, m.rem(rows, size)), everywhere(firstKey));
      return m.and(m.ge(column(), start), m.lt(column(), m.add(start, size)));
    },
    strided: (stride, offset) => {
      if (stride === 1) return true;
      // Moved up by a multiple of the stride, since a remainder has the sign of what is divided.
      const up = Math.ceil((limit / 2 + Math.abs(offset % stride)) / stride) * stride - (offset % stride);
      const difference = m.add(m.sub(column(), row()), everywhere(m.add(m.sub(firstKey, firstRow), up)));
      return m.eq(m.rem(difference, stride), 0);
    },
    sameDocument: (lengths) => same(documentsName(lengths)),
    sameSegment: () => same('segments'),
    withinLength: () => m.lt(column(), everywhere(m.sub(block.keyLength(), firstKey))),
    and: both,
    or: either,
    not,
  });
}
