/**
 * The tiles that the backward kernel visits, by columns of keys, where the mask is no band. That a tile is visited is said once, by its
 * row (spansOf of tpu-mask.ts): a column bounds its rows and asks each of them, so that a row's first and last tile, where its dQ begins
 * and leaves, are visited too.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { type Bound, type LazyMask, ranges } from '../mask';
import { bounded, documentsName, kernelScalars, nextIn, ofMask, type Row, spansOf } from './tpu-mask';

/** Columns that row tiles visit for an id set, [start, end), and what makes them that of columns: rows that visit a column. */
export interface IdTables {
  readonly ofRow: (row: V) => { start: V; end: V };
  readonly ofColumn: (column: V) => { start: V; end: V };
}

/** The plane of a head. */
export interface Plane {
  readonly block: number;
  readonly queries: number;
  readonly keys: number;
  readonly rows: number;
  readonly columns: number;
  /** One mask, or one a group of heads; `own` is the head's number among them. */
  readonly masks: readonly LazyMask[];
  readonly own: V;
  readonly tables: (name: string) => IdTables;
  readonly keyLength: () => V;
}

/** What a row of tiles visits: whether a column, its first column and its last one; `columns` and -1 where it visits none. */
export function rowVisits(plane: Plane, row: V): { holds: (column: V) => V; first: V; last: V } {
  const { block, queries, keys, rows, columns } = plane;
  const inside = m.min(row, rows - 1);
  const firstRow = m.mul(inside, block);
  const place: Row<V> = {
    firstRow,
    lastRow: m.min(m.add(firstRow, block - 1), queries - 1),
    blockK: block,
    keys,
    columns,
    idBlocks: (name) => plane.tables(name).ofRow(inside),
    keyLength: plane.keyLength,
  };
  const spans = plane.masks.map((mask) => spansOf(kernelScalars, mask, place));
  const none = [{ start: m.constant(columns), end: m.constant(0) }];
  const each = spans.map((own) => {
    const all = own.length ? own : none;
    const isThere = all.map(({ start, end }) => m.lt(start, end));
    return {
      holds: (column: V) => all.map(({ start, end }) => m.and(m.le(start, column), m.lt(column, end))).reduce(m.or),
      first: all.map(({ start }, i) => m.select(isThere[i], start, columns)).reduce(m.min),
      last: all.map(({ end }, i) => m.select(isThere[i], m.sub(end, 1), -1)).reduce(m.max),
    };
  });
  const pick = (values: V[]) => ofMask(values, plane.own);
  return {
    holds: (column) => pick(each.map(({ holds }) => m.select(holds(column), 1, 0))),
    first: pick(each.map(({ first }) => first)),
    last: pick(each.map(({ last }) => last)),
  };
}

/** A row of tiles, `rows` where there is none, and the first and last column that it visits. */
export interface VisitedRow {
  readonly row: V;
  readonly first: V;
  readonly last: V;
}

/** The first row from `from` on that visits the column; none, without a search, where `skip` holds. `mark` is for the search's loop. */
export function nextRow(plane: Plane, column: V, from: V, mark: () => void, skip?: V): VisitedRow {
  const { masks, rows } = plane;
  const walks = masks.map((mask) => nextIn(kernelScalars, columnSpans(plane, mask, column), rows));
  const before = m.sub(from, 1);
  const none = m.constant(0);
  const [row, first, last] = m.whileLoop(
    [skip ? m.select(skip, rows, before) : before, none, none, skip ? m.select(skip, 1, 0) : none],
    (_row, _first, _last, found) => m.eq(found, 0),
    (before) => {
      mark();
      const after = m.add(before, 1);
      const row = ofMask(
        walks.map((walk) => walk(after)),
        plane.own,
      );
      const visits = rowVisits(plane, row);
      const found = m.or(m.ge(row, rows), m.eq(visits.holds(column), 1));
      return [row, visits.first, visits.last, m.select(found, 1, 0)];
    },
  );
  return { row, first, last };
}

/**
 * Rows [start, end) of tiles that hold all that visit a column, one a range of the mask: each bound in whole tiles, so that none is
 * missed.
 */
function columnSpans(plane: Plane, mask: LazyMask, column: V): { start: V; end: V }[] {
  const { block, keys, rows } = plane;
  const firstKey = m.mul(column, block);
  const lastKey = m.min(m.add(firstKey, block - 1), keys - 1);
  const tileOf = (token: V) => m.div(m.max(token, 0), block);
  const after = (token: V) => m.select(m.lt(token, 0), 0, m.add(tileOf(token), 1));
  return ranges(mask).map((bounds) => {
    const starts = [m.constant(0)];
    const ends = [m.constant(rows)];
    const conditions: V[] = [];
    for (const bound of bounds) addBound(bound);
    const end = ends.reduce(m.min);
    return { start: starts.reduce(m.max), end: conditions.length ? m.select(conditions.reduce(m.and), end, 0) : end };

    function addBound(bound: Bound) {
      switch (bound.kind) {
        case 'diagonals':
          if (bound.high !== null) starts.push(tileOf(m.sub(firstKey, bounded(bound.high))));
          if (bound.low !== null) ends.push(after(m.sub(lastKey, bounded(bound.low))));
          break;
        case 'keys':
          conditions.push(m.le(m.constant(bounded(bound.start)), lastKey));
          if (bound.end !== null) conditions.push(m.lt(firstKey, bounded(bound.end)));
          break;
        case 'rows':
          starts.push(tileOf(m.constant(bounded(bound.start))));
          if (bound.end !== null) ends.push(after(m.constant(bounded(bound.end - 1))));
          break;
        case 'chunk': {
          const size = bounded(bound.size);
          starts.push(tileOf(m.sub(firstKey, m.rem(firstKey, size))));
          ends.push(after(m.add(m.sub(lastKey, m.rem(lastKey, size)), size - 1)));
          break;
        }
        case 'document':
        case 'segment': {
          const { start, end: last } = plane.tables(bound.kind === 'segment' ? 'segments' : documentsName(bound.lengths)).ofColumn(column);
          starts.push(start);
          ends.push(last);
          break;
        }
        case 'length':
          conditions.push(m.lt(firstKey, plane.keyLength()));
      }
    }
  });
}
