/** A row of tiles of the forward kernel: which phases run on which tiles, and in which order. */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import type { ForwardStep, Row, Sequence, Tile } from './tpu-forward-step';
import { kernelScalars, nextIn, ofMask, spansOf } from './tpu-mask';
import type { Shape } from './tpu-phase';
import { type BandWalk, countTiles, tilesAhead, type Transition } from './tpu-walk';

/** A tile's values as a loop carries them, and back. */
const valuesOf = ({ head, row, column }: Tile): V[] => [head, row, column];
const tileOf = ([head, row, column]: readonly V[]): Tile => ({ head, row, column });

/**
 * A row of a band: columns descending, a piece of code for each pair of classes that follow one another somewhere. Scalars are made
 * before the phase that needs them, under the matmuls of the one before.
 */
export function bandRow(step: ForwardStep, walk: BandWalk): void {
  const { classes, columns, tail, transitions, opens, everywhere } = walk;
  const { here, after, sizes } = step;
  const least = Math.min(...classes.map(({ from }) => from));
  const most = Math.max(...classes.map(({ to }) => to));
  const low = ({ row }: Row) => (tail ? m.constant(0) : m.max(m.add(row, least), 0));
  const high = ({ row }: Row) => (tail ? m.constant(columns - 1) : m.min(m.add(row, most), columns - 1));
  const following = (tile: Tile): Tile => {
    const ends = m.le(tile.column, low(tile));
    const then = step.rowAfter(tile);
    return {
      head: m.select(ends, then.head, tile.head),
      row: m.select(ends, then.row, tile.row),
      column: m.select(ends, high(then), m.sub(tile.column, 1)),
    };
  };
  /** The columns [start, end) of a class in a row. */
  const spanOf = (i: number, { row }: Row) => {
    if (tail && i === 0) return { start: m.constant(columns - 1), end: m.constant(columns) };
    if (tail) return { start: m.constant(0), end: m.constant(columns - 1) };
    return { start: m.max(m.add(row, classes[i].from), 0), end: m.min(m.add(row, classes[i].to + 1), columns) };
  };
  const has = (i: number, row: Row) => {
    const { start, end } = spanOf(i, row);
    return m.lt(start, end);
  };
  const sequenceAt = (column: V, slot: V): Sequence => {
    const tile = { ...here, column };
    const next = following(tile);
    const third = following(next);
    return { tile, slot, next, third, fourth: following(third) };
  };

  const firstColumn = high(here);
  step.begin(classes[walk.first], sequenceAt(firstColumn, m.constant(0)), opens.includes('sometimes'));
  const firstSlot = step.firstSlot();
  const slotOf = (column: V) => m.rem(m.add(firstSlot, m.sub(firstColumn, column)), tilesAhead + 1);
  const nameOf = (i: number) => (classes[i].from === classes[i].to ? `tile ${classes[i].from}` : 'full tile');
  const run = ({ from, to, leaves, runs }: Transition, sequence: Sequence) => {
    const name = `${nameOf(from)}, then ${leaves ? "the next row's " : ''}${nameOf(to)}`;
    const first = opens[from] === 'sometimes' ? m.eq(sequence.tile.column, firstColumn) : opens[from] === 'always';
    step.phase(name, () => runs * sizes.headSteps, sequence, { shapes: [classes[from], classes[to]], first, leaves });
  };

  const spans = classes.map((_, i) => spanOf(i, here));
  const isThere = spans.map(({ start, end }) => m.lt(start, end));
  const lasts = spans.map(({ start }) => sequenceAt(start, slotOf(start)));
  for (const i of classes.keys()) {
    const own = transitions.filter(({ from }) => from === i);
    const again = own.find(({ to, leaves }) => to === i && !leaves);
    const ends = own.filter((one) => one !== again);
    /** When a transition is the one from the class's last tile: what is between is not there. */
    const conditionOf = ({ to, leaves }: Transition): V | undefined => {
      if (ends.length === 1) return undefined;
      const later = [...classes.keys()].filter((j) => j > i && (leaves || j < to));
      const conditions = later.map((j) => m.not(isThere[j]));
      if (!leaves) conditions.push(isThere[to]);
      else if (ends.filter((one) => one.leaves).length > 1)
        conditions.push(has(to, after), ...[...classes.keys()].filter((j) => j < to).map((j) => m.not(has(j, after))));
      return conditions.reduce(m.and);
    };
    const visit = () => {
      const { start, end } = spans[i];
      if (again) {
        const first = sequenceAt(m.sub(end, 1), slotOf(m.sub(end, 1)));
        const carried = [first.tile.column, first.slot, ...valuesOf(first.third), ...valuesOf(first.fourth)];
        m.forLoop(0, m.sub(m.sub(end, start), 1), carried, (_, column, slot, ...rest) => {
          const [third, fourth] = [tileOf(rest.slice(0, 3)), tileOf(rest.slice(3))];
          const next = { ...here, column: m.sub(column, 1) };
          run(again, { tile: { ...here, column }, slot, next, third, fourth });
          return [next.column, step.slotAfter(slot), ...valuesOf(fourth), ...valuesOf(following(fourth))];
        });
      }
      for (const transition of ends) {
        const condition = conditionOf(transition);
        if (condition) m.when(condition, () => run(transition, lasts[i]));
        else run(transition, lasts[i]);
      }
    };
    if (everywhere[i]) visit();
    else m.when(isThere[i], visit);
  }
  step.finish({ ...after, column: high(after) }, step.slotAfter(slotOf(low(here))));
}

/** A row of any mask: the columns of its ranges ascending, all tiles by one piece of code but the last, which has another. */
export function dynamicRow(step: ForwardStep): void {
  const { here, after, sizes } = step;
  const { spec, plan, masks, columns } = sizes;
  const { blockQ, blockK } = plan;
  const shapes: readonly [Shape, Shape] = ['dynamic', 'dynamic'];
  const visitsOf = (row: Row) => {
    const firstRow = m.mul(row.row, blockQ);
    const place = {
      firstRow,
      // Rows of padding see no more than the last row.
      lastRow: m.min(m.add(firstRow, blockQ - 1), spec.queries - 1),
      blockK,
      keys: spec.keys,
      columns,
      idBlocks: (name: string) => step.idColumns(row, name),
      keyLength: () => step.keyLength(row),
    };
    const walks = masks.map((mask) => nextIn(kernelScalars, spansOf(kernelScalars, mask, place), columns));
    const next = (from: V) =>
      ofMask(
        walks.map((walk) => walk(from)),
        step.maskOf(row),
      );
    // A row that sees nothing visits one tile all the same, whose pairs are all masked.
    return { next, first: m.min(next(m.constant(0)), columns - 1) };
  };
  const following = (tile: Tile): Tile => {
    const column = visitsOf(tile).next(m.add(tile.column, 1));
    const isHere = m.lt(column, columns);
    const then = step.rowAfter(tile);
    return {
      head: m.select(isHere, tile.head, then.head),
      row: m.select(isHere, tile.row, then.row),
      column: m.select(isHere, column, visitsOf(then).first),
    };
  };
  let visited: ReturnType<typeof countTiles> | undefined;
  const counted = () => {
    visited ??= countTiles(spec, plan);
    return visited;
  };

  const own = visitsOf(here);
  const tile = { ...here, column: own.first };
  const next = following(tile);
  const third = following(next);
  step.begin('dynamic', { tile, next, third }, true);
  const columnAfter = (column: V) => own.next(m.add(column, 1));
  const [last, , slot, ...rest] = m.whileLoop(
    [own.first, columnAfter(own.first), step.firstSlot(), ...valuesOf(third), ...valuesOf(following(third))],
    (_, column) => m.lt(column, columns),
    (column, nextColumn, slot, ...rest) => {
      const [third, fourth] = [tileOf(rest.slice(0, 3)), tileOf(rest.slice(3))];
      const sequence = { tile: { ...here, column }, slot, next: { ...here, column: nextColumn }, third, fourth };
      const first = m.eq(column, own.first);
      step.phase('tile, then tile', () => counted().tiles - counted().rows, sequence, { shapes, first, leaves: false });
      return [nextColumn, columnAfter(nextColumn), step.slotAfter(slot), ...valuesOf(fourth), ...valuesOf(following(fourth))];
    },
  );
  const nextRow = { ...after, column: visitsOf(after).first };
  const sequence = { tile: { ...here, column: last }, slot, next: nextRow, third: tileOf(rest.slice(0, 3)), fourth: tileOf(rest.slice(3)) };
  step.phase("tile, then the next row's tile", () => counted().rows, sequence, { shapes, first: m.eq(last, own.first), leaves: true });
  step.finish(nextRow, step.slotAfter(slot));
}
