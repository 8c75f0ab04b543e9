/**
 * A column of a mask that is no band in the backward kernel: the rows that visit it are searched (tpu-backward-walk.ts) and a tile's
 * pairs asked for. Tiles that the band around the mask cuts have code of their own, which skips what lies outside of it.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { lazyMasks } from './lazy';
import { tileName } from './tpu-backward-plan';
import { type ColumnStep, word } from './tpu-backward-step';
import type { Tile } from './tpu-backward-tile';
import { nextRow, type Plane, rowVisits, type VisitedRow } from './tpu-backward-walk';
import { pairsIn, type TilePlace } from './tpu-mask';
import { lanes } from './tpu-tiles';

export function dynamicColumn(step: ColumnStep): void {
  const { spec, plan, refs, here, head, idSets } = step;
  const { heads } = spec;
  const { block, rows, columns } = plan;
  const { kvSteps, group } = step.shares;
  const { column, g } = here;
  const masks = lazyMasks(spec);
  const setOf = (name: string) => idSets.findIndex((set) => set.name === name);
  /** Which of the masks is a head's. */
  const maskOf = (head: V) => m.div(m.rem(head, heads), heads / masks.length);
  const lengthOf = (head: V) => m.loadScalar(refs.lengths, m.div(head, heads));
  const planeOf = (head: V): Plane => ({
    block,
    queries: spec.queries,
    keys: spec.keys,
    rows,
    columns,
    masks,
    own: maskOf(head),
    tables: (name) => {
      const set = setOf(name);
      const sequence = step.isShared(set) ? m.constant(0) : m.div(head, heads);
      const pair = (first: number, count: number) => (at: V) => {
        const entry = m.add(m.mul(sequence, count), at);
        return { start: m.loadScalar(refs.tables[set][first], entry), end: m.loadScalar(refs.tables[set][first + 1], entry) };
      };
      return { ofRow: pair(0, rows), ofColumn: pair(2, columns) };
    },
    keyLength: () => lengthOf(head),
  });
  const plane = planeOf(head);
  const after = step.after(0, columns - 1);
  const nextHead = step.headOf(after);
  const nextPlane = planeOf(nextHead);
  const isRow = (row: V) => m.lt(row, rows);
  const zero = m.constant(0);
  // Rows that a search asks: most often the one it finds.
  const search = (name: string, runs: number) => () => step.mark({ name, runs, readBytes: 0, writtenBytes: 0 });

  const keep = (visited: VisitedRow) => {
    for (const [i, value] of [visited.row, visited.first, visited.last].entries()) m.storeScalar(value, refs.state, word.row + i);
  };

  const opening = nextRow(plane, column, zero, search('first row', 1), m.not(step.isFirst));
  step.start({ head, row: opening.row }, isRow(opening.row));
  m.when(step.isFirst, () => keep(opening));
  m.when(m.eq(column, 0), () => {
    step.mark({ name: 'rows', runs: kvSteps * group, readBytes: 0, writtenBytes: 0 });
    m.forLoop(0, rows, [], (row) => {
      m.when(m.lt(rowVisits(plane, row).last, 0), () => step.unfinished.leaveZeros(head, row));
      return [];
    });
  });
  step.open(false);
  const [first, ...columnsOfFirst] = [0, 1, 2].map((i) => m.loadScalar(refs.state, word.row + i));
  m.when(m.not(isRow(first)), () => {
    const found = nextRow(nextPlane, after.column, zero, search('first row after none', 0), step.isLast);
    keep(found);
    m.when(isRow(found.row), () => step.loads(nextHead, found.row, m.loadScalar(refs.state, word.slot), m.startCopy));
  });
  const [, , , lastSlot] = m.whileLoop(
    [first, ...columnsOfFirst, m.loadScalar(refs.state, word.slot)],
    (row) => isRow(row),
    (row, first, last, slot) => {
      const down = visit({ row, first, last }, slot);
      return [down.row, down.first, down.last, m.sub(m.constant(1), slot)];
    },
  );
  m.storeScalar(lastSlot, refs.state, word.slot);
  step.leave();
  m.when(step.isLast, () => step.finish());

  /** The tile; returns the row of the column's next one. */
  function visit({ row, first, last }: VisitedRow, slot: V): VisitedRow {
    step.mark({ name: 'tile', runs: plan.tiles, readBytes: 0, writtenBytes: 0 });
    const down = nextRow(plane, column, m.add(row, 1), search('next row', plan.tiles));
    const ends = m.not(isRow(down.row));
    const steps = kvSteps * columns * group;
    const isWithin = m.or(m.not(ends), step.isLast);
    const later = nextRow(nextPlane, after.column, zero, search('first row of the next column', steps), isWithin);
    m.when(ends, () => keep(later));
    const nextRowOf = m.select(ends, later.row, down.row);
    const more = isRow(nextRowOf);
    const touched = m.gt(m.select(ends, after.column, column), m.select(ends, later.first, down.first));
    const next = { head: m.select(ends, nextHead, head), g: m.select(ends, after.g, g), row: nextRowOf, touched: m.and(more, touched) };
    const multiply = () => {
      const pairs = pairsOf(row, slot);
      const cut = plan.cut.map(({ shape }) => m.eq(m.sub(column, row), shape.from));
      const whole = () => {
        const runs = plan.tiles - plan.cut.reduce((sum, { tiles }) => sum + tiles, 0);
        step.mark({ name: 'whole tile', runs, ...step.traffic.ofTile });
        step.multiply({ shape: 'dynamic', slot, opens: false, pairs });
      };
      for (const [i, { shape, tiles }] of plan.cut.entries())
        m.when(cut[i], () => {
          step.mark({ name: tileName(shape), runs: tiles, ...step.traffic.ofTile });
          step.multiply({ shape, slot, opens: false, pairs });
        });
      if (cut.length) m.when(m.not(cut.reduce(m.or)), whole);
      else whole();
    };
    const mark = (part: string) => step.mark({ name: `row ${part}`, runs: rows * kvSteps * group, readBytes: 0, writtenBytes: 0 });
    const current = { head, g, row, touched: m.gt(column, first), completes: m.eq(column, last), mark, slot };
    step.tile(current, next, multiply, more);
    return down;
  }

  function pairsOf(row: V, slot: V): Tile['pairs'] {
    return (strip) => {
      const count = strip.end - strip.start;
      const shape = [strip.count, count] as const;
      const firstKey = m.add(m.mul(column, block), strip.first);
      const place: TilePlace = {
        shape,
        firstRow: m.add(m.mul(row, block), strip.start),
        firstKey,
        queries: spec.queries,
        keys: spec.keys,
        ids: (name) => {
          const set = setOf(name);
          const line = m.reshape(m.load(refs.ids[set][1], [1, 1, strip.count], [0, 0, strip.first]), [1, strip.count]);
          return {
            q: m.reshape(m.load(refs.idSlots[set], [1, 1, count], [slot, 0, strip.start]), [1, count]),
            kv: m.transpose(m.broadcastRow(line, lanes)),
          };
        },
        keyLength: () => lengthOf(head),
      };
      return pairsIn(masks, place, { own: () => maskOf(head), paddedKeys: columns * block });
    };
  }
}
