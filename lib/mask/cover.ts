/**
 * What a mask does to blocks of (queries x keys): the class of a block, the key blocks a query block visits and the other way round, counts. Exact for
 * every kind and composition, in closed form (plane.ts) for all but the dense mask, which is looked at bit by bit.
 */
import { ShapeError, shown } from '../errors';
import { allows, type Dense, dense, type LazyMask, type PerHead, rowBytes } from './mask';
import {
  complement,
  countBlocks,
  countEmptyRows,
  countFullBlocks,
  countPairs,
  modulo,
  type Plane,
  planeOf,
  possible,
  touches,
  visitedBlocks,
} from './plane';
import { at } from './strips';

/** `partial` is also what only the run time decides. */
export type BlockClass = 'empty' | 'partial' | 'full';

/** Sizes in tokens. The last block of a side is cut where the block does not divide it. */
export interface Blocking {
  readonly queries: number;
  readonly keys: number;
  readonly blockQ: number;
  readonly blockK: number;
}

/** Blocks [start, end). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Counts {
  readonly active: number;
  readonly full: number;
  readonly partial: number;
  readonly total: number;
}

export interface Cover extends Blocking {
  /** Rows and columns of blocks. */
  readonly rows: number;
  readonly columns: number;
  classOf(row: number, column: number): BlockClass;
  /** The key blocks that a row of query blocks visits: exactly those that are not empty, as ordered ranges. */
  visits(row: number): Range[];
  /** The query blocks that a column of key blocks is visited by. */
  visitedBy(column: number): Range[];
  /** Blocks by class; `active` are those that are not empty. */
  counts(): Counts;
}

type OneMask = LazyMask | Dense;

/** Of a mask per head, ask each head's own. Throws ShapeError for sizes that are no whole numbers, or blocks below 1. */
export function cover(mask: OneMask, blocking: Blocking): Cover {
  return coverOf(lookAt(mask, blocking.queries, blocking.keys), blocking);
}

function coverOf(look: Look, blocking: Blocking): Cover {
  const { queries, keys, blockQ, blockK } = blocking;
  for (const [name, value] of Object.entries({ queries, keys }))
    if (!Number.isSafeInteger(value) || value < 0) throw new ShapeError(`cover: ${name} is a whole number, 0 or more; got ${shown(value)}`);
  for (const [name, value] of Object.entries({ blockQ, blockK }))
    if (!Number.isSafeInteger(value) || value < 1) throw new ShapeError(`cover: ${name} is a whole number, 1 or more; got ${shown(value)}`);
  const rows = Math.ceil(queries / blockQ);
  const columns = Math.ceil(keys / blockK);
  const span = (block: number, size: number, end: number) => [block * size, Math.min((block + 1) * size, end)] as const;
  const check = (block: number, blocks: number) => {
    if (!(Number.isInteger(block) && block >= 0 && block < blocks))
      throw new ShapeError(`cover: a block is one of ${rows} x ${columns}; got ${shown(block)}`);
  };
  const classOf = (row: number, column: number): BlockClass => {
    check(row, rows);
    check(column, columns);
    const block = [...span(row, blockQ, queries), ...span(column, blockK, keys)] as const;
    return !look.some(...block) ? 'empty' : look.all(...block) ? 'full' : 'partial';
  };
  const visits = (row: number) => {
    check(row, rows);
    return look.visits(...span(row, blockQ, queries), blockK).map(([start, end]) => ({ start, end }));
  };
  const visitedBy = (column: number) => {
    check(column, columns);
    const ranges: { start: number; end: number }[] = [];
    for (let row = 0; row < rows; row++) {
      if (!look.some(...span(row, blockQ, queries), ...span(column, blockK, keys))) continue;
      const last = ranges.at(-1);
      if (last?.end === row) last.end++;
      else ranges.push({ start: row, end: row + 1 });
    }
    return ranges;
  };
  const counts = () => {
    const total = rows * columns;
    const active = look.touched(blockQ, blockK);
    const full = look.full(blockQ, blockK);
    return { active, full, partial: active - full, total };
  };
  return { ...blocking, rows, columns, classOf, visits, visitedBy, counts };
}

/** What there is to ask of a mask on a plane, of rows [start, end) and keys [low, high). */
interface Look {
  pairs(start: number, end: number): number;
  emptyRows(): number;
  some(start: number, end: number, low: number, high: number): boolean;
  all(start: number, end: number, low: number, high: number): boolean;
  /** Ranges of blocks with some allowed pair. */
  visits(start: number, end: number, size: number): [number, number][];
  /** Blocks with some allowed pair, and with no other. */
  touched(blockQ: number, blockK: number): number;
  full(blockQ: number, blockK: number): number;
}

function lookAt(mask: OneMask, queries: number, keys: number): Look {
  return mask.kind === 'dense' ? lookAtBits(mask) : lookAtPlane(planeOf(mask, queries, keys));
}

function lookAtPlane(plane: Plane): Look {
  // A block is full where the other pairs do not touch it.
  let others: Plane | undefined;
  const rest = () => {
    others ??= complement(plane);
    return others;
  };
  const known = possible(plane);
  return {
    pairs: (start, end) => countPairs(known, start, end),
    emptyRows: () => countEmptyRows(known),
    some: (...block) => touches(plane, ...block),
    all: (...block) => !touches(rest(), ...block),
    visits: (...rows) => visitedBlocks(plane, ...rows),
    touched: (...block) => countBlocks(plane, ...block),
    full: (...block) => countFullBlocks(plane, rest, ...block),
  };
}

function lookAtBits(mask: Dense): Look {
  const has = (wanted: boolean, start: number, end: number, low: number, high: number) => {
    for (let i = start; i < end; i++) for (let j = low; j < high; j++) if (allows(mask, i, j) === wanted) return true;
    return false;
  };
  const blocksWith = (wanted: boolean, start: number, end: number, size: number) => {
    const blocks = Array.from({ length: Math.ceil(mask.keys / size) }, (_, block) => block);
    return blocks.filter((block) => has(wanted, start, end, block * size, Math.min((block + 1) * size, mask.keys)));
  };
  const countWith = (wanted: boolean, blockQ: number, blockK: number) => {
    let count = 0;
    for (let start = 0; start < mask.queries; start += blockQ)
      count += blocksWith(wanted, start, Math.min(start + blockQ, mask.queries), blockK).length;
    return count;
  };
  const rows = Array.from({ length: mask.queries }, (_, row) => row);
  return {
    pairs: (start, end) => {
      let count = 0;
      for (let i = start; i < end; i++) for (let j = 0; j < mask.keys; j++) if (allows(mask, i, j)) count++;
      return count;
    },
    emptyRows: () => rows.filter((row) => !has(true, row, row + 1, 0, mask.keys)).length,
    some: (...block) => has(true, ...block),
    all: (...block) => !has(false, ...block),
    visits: (...rows) => joined(blocksWith(true, ...rows)),
    touched: (...block) => countWith(true, ...block),
    full: (blockQ, blockK) => Math.ceil(mask.queries / blockQ) * Math.ceil(mask.keys / blockK) - countWith(false, blockQ, blockK),
  };
}

function joined(blocks: readonly number[]): [number, number][] {
  const result: [number, number][] = [];
  for (const block of blocks) {
    const last = result.at(-1);
    if (last?.[1] === block) last[1]++;
    else result.push([block, block + 1]);
  }
  return result;
}

/** Unmasked (query, key) pairs, exact up to 2^53, of all rows or of rows [start, end); with run-time parts, those that may be. */
export function pairs(mask: OneMask, queries: number, keys: number, rows: Range = { start: 0, end: queries }): number {
  return lookAt(mask, queries, keys).pairs(rows.start, rows.end);
}

/** Query rows that may attend to no key: their output is zeros, their log-sum-exp -infinity. Run-time parts may make more. */
export function emptyRows(mask: OneMask, queries: number, keys: number): number {
  return lookAt(mask, queries, keys).emptyRows();
}

/** Pairs of each of `shards` equal ranges of rows: how even the load is when queries are split over devices. */
export function shardLoads(mask: OneMask, queries: number, keys: number, shards: number): number[] {
  if (!Number.isSafeInteger(shards) || shards < 1 || queries % shards !== 0)
    throw new ShapeError(`shardLoads: shards divide the queries; got ${queries} queries and ${shards} shards`);
  const size = queries / shards;
  return Array.from({ length: shards }, (_, shard) => pairs(mask, queries, keys, { start: shard * size, end: (shard + 1) * size }));
}

/** Bytes of the mask as bits: what a lazy mask does not need. */
export function denseBytes(queries: number, keys: number): number {
  return queries * rowBytes(keys);
}

export interface Analysis {
  readonly blocks: Counts;
  readonly pairs: number;
  /** Masked pairs of all. */
  readonly sparsity: number;
  readonly emptyRows: number;
  readonly denseBytes: number;
  /** Wall-clock milliseconds that this took. */
  readonly analysisMs: number;
}

/** All of the above; of a mask per head, the sum over its masks. */
export function analyze(mask: OneMask | PerHead, blocking: Blocking): Analysis {
  const begin = performance.now();
  const { queries, keys } = blocking;
  const masks = mask.kind === 'perHead' ? mask.masks : [mask];
  const blocks = { active: 0, full: 0, partial: 0, total: 0 };
  let [allowed, empty] = [0, 0];
  for (const one of masks) {
    const look = lookAt(one, queries, keys);
    const counts = coverOf(look, blocking).counts();
    for (const name of Object.keys(blocks) as (keyof Counts)[]) blocks[name] += counts[name];
    allowed += look.pairs(0, queries);
    empty += look.emptyRows();
  }
  const all = masks.length * queries * keys;
  return {
    blocks,
    pairs: allowed,
    sparsity: all ? 1 - allowed / all : 0,
    emptyRows: empty,
    denseBytes: masks.length * denseBytes(queries, keys),
    analysisMs: performance.now() - begin,
  };
}

/** The mask as a dense one: the baseline that a lazy mask is compared with. Costs queries x keys / 8 bytes; throws ShapeError past 4 GiB. */
export function materialize(mask: LazyMask, queries: number, keys: number): Dense {
  const stride = rowBytes(keys);
  const gib = (queries * stride) / 2 ** 30;
  if (gib > 4)
    throw new ShapeError(`a dense mask has at most 4 GiB; ${queries} x ${keys} pairs need ${gib.toFixed(0)} GiB: use a lazy mask`);
  const { modulus, parts } = planeOf(mask, queries, keys);
  if (parts.some((part) => part.sameSegment !== undefined || part.withinLength !== undefined))
    throw new ShapeError('materialize: the mask is known before run time; segments and key lengths are not');
  const bits = new Uint8Array(queries * stride);
  for (const part of parts)
    for (const strip of part.strips)
      for (let i = strip.start; i < strip.end; i++)
        for (const [low, high] of strip.intervals) {
          const row = bits.subarray(i * stride, (i + 1) * stride);
          if (part.residues.length === modulus) fill(row, at(low, i), at(high, i));
          else
            for (let j = at(low, i); j < at(high, i); j++) if (part.residues.includes(modulo(j - i, modulus))) row[j >> 3] |= 1 << (j & 7);
        }
  return dense({ queries, keys, bits });
}

/** Sets bits [start, end). */
function fill(row: Uint8Array, start: number, end: number): void {
  const [first, last] = [start >> 3, end >> 3];
  if (first === last) row[first] |= (255 << (start & 7)) & ~(255 << (end & 7));
  else {
    row[first] |= 255 << (start & 7);
    row.fill(255, first + 1, last);
    if (end & 7) row[last] |= ~(255 << (end & 7));
  }
}
