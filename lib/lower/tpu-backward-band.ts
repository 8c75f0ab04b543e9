/**
 * A column of a band in the backward kernel: rows of each class of tiles in turn, known in closed form, so that each class has its own
 * code with a static boundary.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { rowsOf, tileName, tilesOf } from './tpu-backward-plan';
import { type ColumnStep, type NextTile, word } from './tpu-backward-step';
import { type BandTiles, columnsOf } from './tpu-tiles';

export function bandColumn(step: ColumnStep, tiles: BandTiles): void {
  const { classes, tail, rows, columns } = tiles;
  const { head, here, shares, refs } = step;
  const { column, g } = here;
  const { kvSteps, group } = shares;
  const least = Math.min(...classes.map(({ from }) => from));
  const most = Math.max(...classes.map(({ to }) => to));
  const firstRow = (at: V) => (tail ? m.constant(0) : m.max(m.sub(at, most), 0));
  const endRow = (at: V) => (tail ? m.constant(rows) : m.min(m.sub(at, least - 1), rows));
  const touched = (row: V, at: V) => m.gt(at, m.max(m.add(row, least), 0));

  // Columns that some row visits: only they have tiles.
  const [firstColumn, lastColumn] = [Math.max(0, least), Math.min(columns - 1, rows - 1 + most)];
  const perColumn = classes.map((_, i) => Array.from({ length: columns }, (_, at) => rowsOf(tiles, i, at)));
  const isOnce = (all: readonly { start: number; end: number }[]) => all.every(({ start, end }) => end === start + 1);
  const isNever = (all: readonly { start: number; end: number }[]) => all.every(({ start, end }) => start >= end);
  // The class of every column's first tile, where it is one tile: its products are the first terms of the column's sums.
  const opener =
    group === 1 || step.plan.order === 'heads' ? perColumn.findIndex((all, i) => isOnce(all) && perColumn.slice(0, i).every(isNever)) : -1;

  const after = step.after(firstColumn, lastColumn);
  const opening = { kv: m.constant(0), column: m.constant(firstColumn), g: m.constant(0) };
  step.start({ head: step.headOf(opening), row: firstRow(opening.column) });
  step.open(opener >= 0);
  const next = { head: step.headOf(after), g: after.g, row: firstRow(after.column) };
  const nextTouched = touched(next.row, after.column);
  const slotOfColumn = m.loadScalar(refs.state, word.slot);
  const first = firstRow(column);
  const end = endRow(column);
  if (firstColumn === 0 && lastColumn === columns - 1) visitAll();
  else m.when(m.and(m.ge(column, firstColumn), m.le(column, lastColumn)), visitAll);
  step.leave();
  m.when(step.isLast, () => {
    step.loads(m.constant(0), m.constant(0), m.loadScalar(refs.state, word.slot), m.waitCopy);
    step.finish();
  });

  function visitAll(): void {
    for (const i of classes.keys()) {
      if (!tilesOf(tiles, i)) continue;
      const span = spanOf(i);
      if (isOnce(perColumn[i].slice(firstColumn, lastColumn + 1))) visit(i, span.start);
      else
        m.forLoop(span.start, span.end, [], (row) => {
          visit(i, row);
          return [];
        });
    }
    m.storeScalar(m.and(m.add(slotOfColumn, m.sub(end, first)), 1), refs.state, word.slot);
  }

  /** Rows [start, end) of a class in this column. */
  function spanOf(i: number): { start: V; end: V } {
    if (tail) {
      const [own, otherwise] = i === 0 ? [rows, 0] : [0, rows];
      return { start: m.constant(0), end: m.select(m.eq(column, columns - 1), own, otherwise) };
    }
    const { from, to } = classes[i];
    return { start: m.max(m.sub(column, to), 0), end: m.min(m.sub(column, from - 1), rows) };
  }

  function visit(i: number, row: V): void {
    const shape = classes[i];
    step.mark({ name: tileName(shape), runs: tilesOf(tiles, i) * kvSteps * group, ...step.traffic.ofTile });
    const ends = m.eq(m.add(row, 1), end);
    const down = m.add(row, 1);
    const slot = m.and(m.add(slotOfColumn, m.sub(row, first)), 1);
    const mark = (part: 'begins' | 'leaves') => {
      const runs = rowsThat(part, i) * kvSteps * group;
      step.mark({ name: `row of ${tileName(shape)} ${part}`, runs, readBytes: 0, writtenBytes: 0 });
    };
    const current = { head, g, row, touched: touched(row, column), completes: completes(i, row), mark, slot };
    const following: NextTile = {
      head: m.select(ends, next.head, head),
      g: m.select(ends, next.g, g),
      row: m.select(ends, next.row, down),
      touched: m.or(m.and(ends, nextTouched), m.and(m.not(ends), touched(down, column))),
    };
    step.tile(current, following, () => step.multiply({ shape, slot, opens: i === opener }));
  }

  /** Whether a tile is its row's last: `most` columns right of the row's own, or in the plane's last column. */
  function completes(i: number, row: V): boolean | V {
    if (tail) return i === 0;
    const { from, to } = classes[i];
    if (from === most && to === most) return true;
    // Other classes' rows complete where the plane ends before the band does.
    return (to === most || rows - 1 > columns - 1 - most) && m.eq(column, m.min(m.add(row, most), columns - 1));
  }

  /** Tiles of a class that are their row's first column, or its last one: one pass over the rows, of which a plane may have 2^19. */
  function rowsThat(part: 'begins' | 'leaves', i: number): number {
    let count = 0;
    for (let row = 0; row < rows; row++) {
      const [first, last] = tail ? [0, columns - 1] : [Math.max(0, row + least), Math.min(columns - 1, row + most)];
      const { start, end } = columnsOf(tiles, i, row);
      const at = part === 'begins' ? first : last;
      if (start <= at && at < end) count++;
    }
    return count;
  }
}
