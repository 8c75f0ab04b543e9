/**
 * What a mask does to blocks of (queries x keys), in closed form: the class of a block, the key blocks a query block visits, counts. A
 * lazy mask here is a band, `low <= j - i <= high`; no question about it costs more than a loop over the rows of blocks.
 */
import { ShapeError } from '../errors';
import { allows, dense, type Dense, type LazyMask, type Mask, rowBytes } from './mask';

/** Diagonals `low <= j - i <= high` of the (queries x keys) plane; infinite where unbounded. */
export interface Band {
  readonly low: number;
  readonly high: number;
}

export function bandOf(mask: LazyMask): Band {
  switch (mask.kind) {
    case 'full':
      return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
    case 'causal':
      return { low: Number.NEGATIVE_INFINITY, high: mask.offset };
    case 'local':
      return {
        low: mask.left === null ? Number.NEGATIVE_INFINITY : mask.offset - mask.left,
        high: mask.right === null ? Number.POSITIVE_INFINITY : mask.offset + mask.right,
      };
  }
}

export type BlockClass = 'empty' | 'partial' | 'full';

/** Sizes in tokens. The last block of a side is cut where the block does not divide it. */
export interface Blocking {
  readonly queries: number;
  readonly keys: number;
  readonly blockQ: number;
  readonly blockK: number;
}

export interface Cover extends Blocking {
  readonly rows: number;
  readonly columns: number;
  classOf(row: number, column: number): BlockClass;
  /** Key blocks [start, end) that a row of query blocks visits, for a lazy mask exactly the blocks that are not empty. */
  visits(row: number): { start: number; end: number };
  /** Blocks by class, and those that are not empty. */
  counts(): { active: number; full: number; partial: number; total: number };
}

/** Throws ShapeError for sizes that are no whole numbers, or blocks below 1. */
export function cover(mask: Mask, blocking: Blocking): Cover {
  const { queries, keys, blockQ, blockK } = blocking;
  for (const [name, value] of Object.entries({ queries, keys }))
    if (!Number.isSafeInteger(value) || value < 0) throw new ShapeError(`cover: ${name} is a whole number, 0 or more; got ${value}`);
  for (const [name, value] of Object.entries({ blockQ, blockK }))
    if (!Number.isSafeInteger(value) || value < 1) throw new ShapeError(`cover: ${name} is a whole number, 1 or more; got ${value}`);
  const rows = Math.ceil(queries / blockQ);
  const columns = Math.ceil(keys / blockK);
  const edges = (row: number, column: number) => {
    if (!(row >= 0 && row < rows && column >= 0 && column < columns))
      throw new ShapeError(`cover: a block is one of ${rows} x ${columns}; got (${row}, ${column})`);
    return {
      i0: row * blockQ,
      i1: Math.min((row + 1) * blockQ, queries) - 1,
      j0: column * blockK,
      j1: Math.min((column + 1) * blockK, keys) - 1,
    };
  };
  if (mask.kind === 'dense') {
    const classOf = (row: number, column: number): BlockClass => {
      const { i0, i1, j0, j1 } = edges(row, column);
      let allowed = 0;
      for (let i = i0; i <= i1; i++) for (let j = j0; j <= j1; j++) if (allows(mask, i, j)) allowed++;
      return allowed === 0 ? 'empty' : allowed === (i1 - i0 + 1) * (j1 - j0 + 1) ? 'full' : 'partial';
    };
    const visits = () => ({ start: 0, end: columns });
    return { ...blocking, rows, columns, classOf, visits, counts: () => tally(rows, visits, classOf, rows * columns) };
  }
  const { low, high } = bandOf(mask);
  const classOf = (row: number, column: number): BlockClass => {
    // In a block, j - i takes every value from its lower left to its upper right corner.
    const { i0, i1, j0, j1 } = edges(row, column);
    const least = j0 - i1;
    const most = j1 - i0;
    if (most < low || least > high) return 'empty';
    return least >= low && most <= high ? 'full' : 'partial';
  };
  const visits = (row: number) => {
    const i0 = row * blockQ;
    const i1 = Math.min(i0 + blockQ, queries) - 1;
    const firstKey = Math.max(i0 + low, 0);
    const lastKey = Math.min(i1 + high, keys - 1);
    return firstKey <= lastKey ? { start: Math.floor(firstKey / blockK), end: Math.floor(lastKey / blockK) + 1 } : { start: 0, end: 0 };
  };
  const counts = () => {
    let active = 0;
    let fullBlocks = 0;
    for (let row = 0; row < rows; row++) {
      const { start, end } = visits(row);
      active += end - start;
      fullBlocks += fullSpan(row, start, end);
    }
    return { active, full: fullBlocks, partial: active - fullBlocks, total: rows * columns };
  };
  // Full blocks of a row: whole blocks that start at or after the last row's first key and end by the first row's last key.
  const fullSpan = (row: number, start: number, end: number) => {
    const i0 = row * blockQ;
    const i1 = Math.min(i0 + blockQ, queries) - 1;
    const first = Math.max(start, Math.ceil(Math.max(i1 + low, 0) / blockK));
    const lastKey = i0 + high;
    const last = lastKey >= keys - 1 ? end : Math.min(end, Math.floor((lastKey + 1) / blockK));
    return Math.max(0, last - first);
  };
  return { ...blocking, rows, columns, classOf, visits, counts };
}

function tally(rows: number, visits: (row: number) => { start: number; end: number }, classOf: Cover['classOf'], total: number) {
  let active = 0;
  let fullBlocks = 0;
  for (let row = 0; row < rows; row++)
    for (let { start, end } = visits(row); start < end; start++) {
      const kind = classOf(row, start);
      if (kind !== 'empty') active++;
      if (kind === 'full') fullBlocks++;
    }
  return { active, full: fullBlocks, partial: active - fullBlocks, total };
}

/** Unmasked (query, key) pairs; exact up to 2^53. In closed form for a lazy mask. */
export function pairs(mask: Mask, queries: number, keys: number): number {
  if (mask.kind === 'dense') {
    let count = 0;
    for (let i = 0; i < queries; i++) for (let j = 0; j < keys; j++) if (allows(mask, i, j)) count++;
    return count;
  }
  const { low, high } = bandOf(mask);
  return below(high + 1, queries, keys) - below(low, queries, keys);
}

/** Pairs with `j - i < diagonal`: the sum over rows of i + diagonal held to [0, keys]. */
function below(diagonal: number, queries: number, keys: number): number {
  const hold = (row: number) => Math.min(Math.max(row, 0), queries);
  const first = hold(-diagonal);
  const saturated = hold(keys - diagonal);
  const rising = saturated - first;
  const ramp = rising > 0 ? (rising * (2 * (first + diagonal) + rising - 1)) / 2 : 0;
  return ramp + (queries - Math.max(saturated, first)) * keys;
}

/** Query rows that may attend to no key: their output is zeros, their log-sum-exp -infinity. */
export function emptyRows(mask: Mask, queries: number, keys: number): number {
  if (mask.kind === 'dense') {
    let count = 0;
    for (let i = 0; i < queries; i++) {
      let j = 0;
      while (j < keys && !allows(mask, i, j)) j++;
      if (j === keys) count++;
    }
    return count;
  }
  if (keys === 0) return queries;
  const { low, high } = bandOf(mask);
  const before = Math.min(Math.max(-high, 0), queries);
  const after = Math.min(Math.max(queries - Math.max(keys - low, 0), 0), queries);
  return Math.min(before + after, queries);
}

/** The mask as a dense one: the baseline that a lazy mask is compared with. Costs queries x keys / 8 bytes; throws ShapeError past 4 GiB. */
export function materialize(mask: LazyMask, queries: number, keys: number): Dense {
  const stride = rowBytes(keys);
  const gib = (queries * stride) / 2 ** 30;
  if (gib > 4)
    throw new ShapeError(`a dense mask has at most 4 GiB; ${queries} x ${keys} pairs need ${gib.toFixed(0)} GiB: use a lazy mask`);
  const bits = new Uint8Array(queries * stride);
  const { low, high } = bandOf(mask);
  for (let i = 0; i < queries; i++) {
    const start = Math.min(Math.max(i + low, 0), keys);
    const end = Math.min(Math.max(i + high + 1, start), keys);
    const row = bits.subarray(i * stride, (i + 1) * stride);
    row.fill(255, start >> 3, end >> 3);
    if (end & 7) row[end >> 3] = (1 << (end & 7)) - 1;
    row[start >> 3] &= 255 << (start & 7);
  }
  return dense({ queries, keys, bits });
}
