/**
 * The Mosaic kernel of attention's backward pass: dQ, dK and dV in one walk of the tiles that the mask's closed form says are not empty, by columns of keys, five products a tile
 * (FlashAttention-2, Dao 2023, has them in two kernels of seven). A grid step is a column of tiles of one query head; heads of a group follow one another and
 * add to the column's dK and dV. Queries, output gradients and statistics stay in HBM and are copied in one tile ahead, across columns and heads too. Nothing in the kernel depends on T but
 * constants and the memory that unfinished dQ takes (tpu-backward-dq.ts).
 */
import type { AttentionSpec } from '../attention';
import type { Kernel, Operand, Phase } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { hasKind } from '../mask';
import { lazyMasks } from './lazy';
import { type CurrentTile, dqWords, Ring, type RowTile, Slab, type Unfinished } from './tpu-backward-dq';
import { type BackwardPlan, rowsOf, tileName, tilesOf } from './tpu-backward-plan';
import { type Tile, TileProducts } from './tpu-backward-tile';
import { nextRow, type Plane, rowVisits } from './tpu-backward-walk';
import { allowed, idSetsOf } from './tpu-mask';
import { type BandTiles, lanes } from './tpu-tiles';

/** A grid step of a core: a column of tiles of one head. */
interface Step {
  readonly kv: V;
  readonly column: V;
  readonly g: V;
}

/** Words of the scalar state: the phase, for who reads the schedule; the slot of the next tile; its row, where the mask is no band; dQ's. */
const word = { slot: 1, row: 2, dq: 3 } as const;

/**
 * The kernel. Prefetched, of each id set [sequences x rows or columns] i32: the first and end column of each row of tiles, the first and end row of each column; then the key
 * lengths [batch]. Operands: k, v, q, dOut as [heads of all sequences, padded tokens, size]; log-sum-exp (natural, -Infinity where a row
 * sees nothing) and delta, f32 [heads of all sequences, 1, padded tokens]; then each id set's ids of queries and of keys, i32 [sequences, 1, padded tokens]. Results: dk and dv, f32
 * [cores, kv heads, ...] parts where the cores share kv heads; dq; where it stands in HBM, its memory.
 */
export function backwardKernel(spec: AttentionSpec, plan: BackwardPlan): Kernel {
  const { batch, heads, kvHeads, headDim, valueDim, dtype, scale } = spec;
  const { block, rows, columns, cores, band, split, dq: place } = plan;
  const masks = lazyMasks(spec);
  const idSets = band ? [] : idSetsOf(masks);
  const hasLengths = hasKind(spec.mask, 'keyLengths');
  const allKv = batch * kvHeads;
  const kvSteps = split === 'kv' ? allKv / cores : allKv;
  const wholeGroup = heads / kvHeads;
  const group = split === 'kv' ? wholeGroup : wholeGroup / cores;
  const [queries, keys] = [rows * block, columns * block];
  const sequences = (set: { lengths?: readonly number[] }) => (set.lengths ? 1 : batch);
  const phases: Phase[] = [];
  const traffic = trafficOf(spec, plan, { kvSteps, group });

  const kvOf = (core: V, kv: V) => (split === 'kv' ? m.add(m.mul(core, kvSteps), kv) : kv);
  const headOf = (core: V, { kv, g }: { kv: V; g: V }) =>
    split === 'kv' ? m.add(m.mul(kvOf(core, kv), wholeGroup), g) : m.add(m.mul(kv, wholeGroup), m.add(m.mul(core, group), g));

  const body: Kernel['body'] = ([core, kv, column, g], refs) => {
    phases.length = 0;
    const rest = [...refs];
    const take = (count: number) => rest.splice(0, count);
    const tables = idSets.map(() => take(4));
    const [lengths] = take(hasLengths ? 1 : 0);
    const [k, v, q, dOut, logSumExp, delta] = take(6);
    const ids = idSets.map(() => take(2));
    const [dk, dv, dqOut] = take(3);
    const [dqMemory] = take(place.kind === 'hbm' ? 1 : 0);
    const [qSlots, dOutSlots, sumSlots, deltaSlots, dKeys, dValues] = take(6);
    const [sums, stages, loadSemaphores, dqSemaphores, stageSemaphores, state] = take(6);
    const idSlots = rest;

    const mark = (phase: Phase) => {
      m.mark(state, phases.length);
      phases.push(phase);
    };
    const other = (slot: V) => m.sub(m.constant(1), slot);
    const loads = (head: V, row: V, slot: V, act: (source: V, target: V, semaphore: V) => void) => {
      const semaphore = (i: number) => m.squeeze(m.slice(loadSemaphores, [i, slot], [1, 1]), []);
      const first = m.mul(row, block);
      const lineOf = (set: number) => (set < 0 ? head : sequences(idSets[set]) === 1 ? 0 : m.div(head, heads));
      for (const [i, [source, slots, size]] of (
        [
          [q, qSlots, headDim],
          [dOut, dOutSlots, valueDim],
        ] as const
      ).entries())
        act(
          m.squeeze(m.slice(source, [head, first, 0], [1, block, size]), [block, size]),
          m.squeeze(m.slice(slots, [slot, 0, 0], [1, block, size]), [block, size]),
          semaphore(i),
        );
      for (const [i, [source, slots]] of [
        [logSumExp, sumSlots],
        [delta, deltaSlots],
        ...ids.map(([own], i) => [own, idSlots[i]]),
      ].entries())
        act(
          m.squeeze(m.slice(source, [lineOf(i - 2), 0, first], [1, 1, block]), [1, block]),
          m.squeeze(m.slice(slots, [slot, 0, 0], [1, 1, block]), [1, block]),
          semaphore(2 + i),
        );
    };

    const products = new TileProducts(spec, block, {
      keys: k,
      values: v,
      queries: qSlots,
      dOut: dOutSlots,
      logSumExp: sumSlots,
      delta: deltaSlots,
      dKeys,
      dValues,
    });
    const shared = [
      { block, headDim, dtype, scale },
      sums,
      { stages, out: dqOut, semaphores: stageSemaphores },
      { memory: state, at: word.dq },
    ] as const;
    const unfinished: Unfinished & { leaveZeros(head: V, row: V): void } =
      place.kind === 'vmem'
        ? new Slab({ group, tiles: place.tiles, rows }, ...shared)
        : new Ring(
            {
              sums: m.squeeze(m.slice(dqMemory, [core, 0, 0, 0, 0], [1, group, rows, block, headDim]), [group, rows, block, headDim]),
              rows,
              semaphores: dqSemaphores,
            },
            ...shared,
          );

    const here: Step = { kv, column, g };
    const head = headOf(core, here);
    const isFirstStep = [kv, column, g].map((i) => m.eq(i, 0)).reduce(m.and);
    const isLastStep = [m.eq(kv, kvSteps - 1), m.eq(column, columns - 1), m.eq(g, group - 1)].reduce(m.and);
    /** The step after one, among columns [first, last]; after the last, the first again. */
    const stepAfter = (step: Step, first: number, last: number): Step => {
      const groupEnds = m.eq(step.g, group - 1);
      const columnsEnd = m.and(groupEnds, m.eq(step.column, last));
      const nextKv = m.select(m.eq(step.kv, kvSteps - 1), 0, m.add(step.kv, 1));
      return {
        g: m.select(groupEnds, 0, m.add(step.g, 1)),
        column: m.select(columnsEnd, first, m.select(groupEnds, m.add(step.column, 1), step.column)),
        kv: m.select(columnsEnd, nextKv, step.kv),
      };
    };

    /** What a tile waits for and reads ahead, and its products. `next` is loaded where `more` holds. */
    const tile = (
      current: CurrentTile & Omit<Tile, 'pairs'> & { pairs?: (slot: V) => Tile['pairs'] },
      next: RowTile & { head: V },
      more?: V,
    ) => {
      const { slot } = current;
      const ahead = () => loads(next.head, next.row, other(slot), m.startCopy);
      if (more) m.when(more, ahead);
      else ahead();
      unfinished.begin(current, next);
      loads(current.head, current.row, slot, m.waitCopy);
      products.run({ ...current, pairs: current.pairs?.(slot) }, (at, product) => unfinished.add(at, product));
      unfinished.end();
    };

    const clear = () => {
      for (const target of [dKeys, dValues])
        m.store(m.constant(0, target.type.kind === 'ref' ? m.vector('f32', target.type.shape) : target.type), target);
    };
    const start = (first: { head: V; row: V }, more?: V) =>
      m.when(isFirstStep, () => {
        mark({ name: 'start', runs: 1, readBytes: traffic.loads, writtenBytes: 0 });
        const slot = m.constant(0);
        m.storeScalar(slot, state, word.slot);
        const ahead = () => loads(first.head, first.row, slot, m.startCopy);
        if (more) m.when(more, ahead);
        else ahead();
        unfinished.start();
      });
    const leave = () => {
      mark({ name: 'column ends', runs: kvSteps * columns, readBytes: 0, writtenBytes: 0 });
      const out = (sum: V, target: V, size: number, factor?: number) => {
        const value = m.load(sum);
        const element = (target.type as m.Ref).element as 'f32' | 'bf16';
        m.store(m.reshape(m.convert(factor === undefined ? value : m.mul(value, factor), element), [1, block, size]), target);
      };
      out(dKeys, dk, headDim, scale);
      out(dValues, dv, valueDim);
    };
    const ends = () => {
      if (group === 1) leave();
      else m.when(m.eq(g, group - 1), leave);
    };

    if (band) bandColumn(band);
    else dynamicColumn();

    function bandColumn(tiles: BandTiles) {
      const { classes, tail } = tiles;
      const least = Math.min(...classes.map(({ from }) => from));
      const most = Math.max(...classes.map(({ to }) => to));
      // Columns that some row visits.
      const [firstColumn, lastColumn] = [Math.max(0, least), Math.min(columns - 1, rows - 1 + most)];
      const firstRow = (at: V) => (tail ? m.constant(0) : m.max(m.sub(at, most), 0));
      const endRow = (at: V) => (tail ? m.constant(rows) : m.min(m.sub(at, least - 1), rows));
      const touched = (row: V, at: V) => m.gt(at, m.max(m.add(row, least), 0));
      const after = stepAfter(here, firstColumn, lastColumn);
      const next: RowTile & { head: V } = {
        g: after.g,
        row: firstRow(after.column),
        touched: m.constant(0, m.scalar('i1')),
        head: headOf(core, after),
      };
      const nextTouched = touched(next.row, after.column);
      const opening = { kv: m.constant(0), column: m.constant(firstColumn), g: m.constant(0) };
      start({ head: headOf(core, opening), row: firstRow(opening.column) });
      const perColumn = classes.map((_, i) => Array.from({ length: columns }, (_, at) => rowsOf(tiles, i, at)));
      // The class of a column's first tile, where it is the same in every column, once each, and no other.
      const opener = perColumn.findIndex((all) => all.every(({ start, end }) => start < end));
      const opensAlways =
        group === 1 &&
        opener >= 0 &&
        perColumn[opener].every(({ start, end }) => end === start + 1) &&
        perColumn.slice(0, opener).every((all) => all.every(({ start, end }) => start >= end));
      const isInside =
        firstColumn === 0 && lastColumn === columns - 1 ? undefined : m.and(m.ge(column, firstColumn), m.le(column, lastColumn));
      if (!opensAlways) m.when(m.eq(g, 0), clear);
      const slotOfColumn = m.loadScalar(state, word.slot);
      const from = firstRow(column);
      const end = endRow(column);
      const work = () => {
        for (const [i, shape] of classes.entries()) {
          if (!tilesOf(tiles, i)) continue;
          const span = spanOf(i);
          // A row's last column is `most` right of its own, or the plane's last.
          const alwaysLast = !tail && shape.from === most && shape.to === most;
          const lateRows = Math.max(0, rows - Math.max(0, columns - 1 - most));
          const sometimes = tail ? i === 0 : lateRows > 1 && most !== Number.POSITIVE_INFINITY;
          const visit = (row: V) => {
            mark({ name: tileName(shape), runs: tilesOf(tiles, i) * kvSteps * group, ...traffic.ofTile });
            const isLast = m.eq(m.add(row, 1), end);
            const completes = alwaysLast || (tail ? i === 0 : sometimes && m.eq(column, m.min(m.add(row, most), columns - 1)));
            const down = m.add(row, 1);
            tile(
              {
                shape,
                head,
                g,
                row,
                touched: touched(row, column),
                completes,
                slot: m.and(m.add(slotOfColumn, m.sub(row, from)), 1),
                opens: opensAlways && i === opener,
              },
              {
                head: m.select(isLast, next.head, head),
                g: m.select(isLast, next.g, g),
                row: m.select(isLast, next.row, down),
                touched: m.or(m.and(isLast, nextTouched), m.and(m.not(isLast), touched(down, column))),
              },
            );
          };
          if (perColumn[i].slice(firstColumn, lastColumn + 1).every(({ start, end }) => end === start + 1)) visit(span.start);
          else
            m.forLoop(span.start, span.end, [], (row) => {
              visit(row);
              return [];
            });
        }
        m.storeScalar(m.and(m.add(slotOfColumn, m.sub(end, from)), 1), state, word.slot);
      };
      if (isInside) m.when(isInside, work);
      else work();
      ends();
      m.when(isLastStep, () => {
        loads(m.constant(0), m.constant(0), m.loadScalar(state, word.slot), m.waitCopy);
        unfinished.finish();
      });

      /** Rows [start, end) of a class in this column. */
      function spanOf(i: number): { start: V; end: V } {
        if (tail) {
          const isEnd = m.eq(column, columns - 1);
          const [own, otherwise] = i === 0 ? [rows, 0] : [0, rows];
          return { start: m.constant(0), end: m.select(isEnd, own, otherwise) };
        }
        const { from: low, to: high } = classes[i];
        return {
          start: m.max(m.sub(column, high), 0),
          end: m.min(m.sub(column, low - 1), rows),
        };
      }
    }

    function dynamicColumn() {
      const planeOf = (head: V): Plane => ({
        block,
        queries: spec.queries,
        keys: spec.keys,
        rows,
        columns,
        masks,
        own: m.div(m.rem(head, heads), heads / masks.length),
        tables: (name) => {
          const set = idSets.findIndex((one) => one.name === name);
          const sequence = sequences(idSets[set]) === 1 ? m.constant(0) : m.div(head, heads);
          const pair = (first: number, count: number) => (at: V) => {
            const entry = m.add(m.mul(sequence, count), at);
            return { start: m.loadScalar(tables[set][first], entry), end: m.loadScalar(tables[set][first + 1], entry) };
          };
          return { ofRow: pair(0, rows), ofColumn: pair(2, columns) };
        },
        keyLength: () => m.loadScalar(lengths, m.div(head, heads)),
      });
      const plane = planeOf(head);
      const steps = kvSteps * columns * group;
      // Rows that a search asks: most often the one it finds.
      const search = (name: string, runs: number) => () => mark({ name, runs, readBytes: 0, writtenBytes: 0 });
      const after = stepAfter(here, 0, columns - 1);
      const nextHead = headOf(core, after);
      const nextPlane = planeOf(nextHead);
      const isRow = (row: V) => m.lt(row, rows);
      const opening = nextRow(plane, column, m.constant(0), search('first row', 1), m.not(isFirstStep));
      start({ head, row: opening }, isRow(opening));
      m.when(isFirstStep, () => m.storeScalar(opening, state, word.row));
      m.when(m.eq(column, 0), () => {
        mark({ name: 'rows', runs: kvSteps * group, readBytes: 0, writtenBytes: 0 });
        m.forLoop(0, rows, [], (row) => {
          m.when(m.lt(rowVisits(plane, row).last, 0), () => unfinished.leaveZeros(head, row));
          return [];
        });
      });
      m.when(m.eq(g, 0), clear);
      const first = m.loadScalar(state, word.row);
      m.when(m.not(isRow(first)), () => {
        const row = nextRow(nextPlane, after.column, m.constant(0), search('row after none', 0), isLastStep);
        m.storeScalar(row, state, word.row);
        m.when(isRow(row), () => loads(nextHead, row, m.loadScalar(state, word.slot), m.startCopy));
      });
      const [, slot] = m.whileLoop(
        [first, m.loadScalar(state, word.slot)],
        (row) => isRow(row),
        (row, slot) => {
          mark({ name: 'tile', runs: plan.tiles, ...traffic.ofTile });
          const down = nextRow(plane, column, m.add(row, 1), search('next row', plan.tiles));
          const isLast = m.not(isRow(down));
          const isWithin = m.or(m.not(isLast), isLastStep);
          const later = nextRow(nextPlane, after.column, m.constant(0), search('first row of the next column', steps), isWithin);
          m.when(isLast, () => m.storeScalar(later, state, word.row));
          const next = { head: m.select(isLast, nextHead, head), g: m.select(isLast, after.g, g), row: m.select(isLast, later, down) };
          const nextColumn = m.select(isLast, after.column, column);
          const more = isRow(next.row);
          const own = rowVisits(plane, row);
          // Asked in the plane of whichever head is next.
          const nextFirst = place.kind === 'hbm' ? rowVisits(planeOf(next.head), next.row).first : m.constant(columns);
          tile(
            {
              shape: 'dynamic',
              head,
              g,
              row,
              touched: m.gt(column, own.first),
              completes: m.eq(column, own.last),
              slot,
              opens: false,
              pairs: (at) => pairsOf(row, at),
            },
            { ...next, touched: m.and(more, m.gt(nextColumn, nextFirst)) },
            more,
          );
          return [down, other(slot)];
        },
      );
      m.storeScalar(slot, state, word.slot);
      ends();
      m.when(isLastStep, () => unfinished.finish());
    }

    function pairsOf(row: V, slot: V): Tile['pairs'] {
      const lines = new Map<string, { q: V; kv: V }>();
      return ({ first, count }) => {
        const shape = [count, block] as const;
        const firstKey = m.add(m.mul(column, block), first);
        const at = {
          shape,
          firstRow: m.mul(row, block),
          firstKey,
          queries: spec.queries,
          keys: spec.keys,
          ids: (name: string) => {
            const set = idSets.findIndex((one) => one.name === name);
            const known = lines.get(name) ?? {
              q: m.reshape(m.load(idSlots[set], [1, 1, block], [slot, 0, 0]), [1, block]),
              kv: m.transpose(m.broadcastRow(m.reshape(m.load(ids[set][1]), [1, block]), lanes)),
            };
            lines.set(name, known);
            return { q: known.q, kv: m.part(known.kv, [first, 0], [count, lanes]) };
          },
          keyLength: () => m.loadScalar(lengths, m.div(head, heads)),
        };
        const vectorOf = (pairs: V | boolean) => (typeof pairs === 'boolean' ? m.constant(Number(pairs), m.vector('i1', shape)) : pairs);
        const each = masks.map((mask) => allowed(mask, at));
        const limits: V[] = [];
        if (each.length === 1) {
          if (each[0] !== true) limits.push(vectorOf(each[0]));
        } else {
          const own = m.broadcast(m.div(m.rem(head, heads), heads / masks.length), shape);
          limits.push(each.map((pairs, i) => m.and(m.eq(own, i), vectorOf(pairs))).reduce(m.or));
        }
        if (keys > spec.keys) limits.push(m.lt(m.iota(shape, 0), m.broadcast(m.sub(m.constant(spec.keys), firstKey), shape)));
        return limits.length ? limits.reduce(m.and) : undefined;
      };
    }
  };

  const columnWindow = (size: number): Operand['window'] => ({
    block: [1, block, size],
    at: (core, kv, column) => [kvOf(core, kv), column, m.constant(0)],
  });
  const sumOf = (size: number): Operand =>
    split === 'kv'
      ? { element: dtype, shape: [allKv, keys, size], window: columnWindow(size) }
      : {
          element: 'f32',
          shape: [cores * allKv, keys, size],
          window: { block: [1, block, size], at: (core, kv, column) => [m.add(m.mul(core, allKv), kv), column, m.constant(0)] },
        };
  return {
    grid: [
      { steps: cores, semantics: 'parallel' },
      ...[kvSteps, columns, group].map((steps) => ({ steps, semantics: 'arbitrary' as const })),
    ],
    prefetch: [
      ...idSets.flatMap((set) => [rows, rows, columns, columns].map((count) => ({ shape: [sequences(set) * count] }))),
      ...(hasLengths ? [{ shape: [batch] }] : []),
    ],
    inputs: [
      { element: dtype, shape: [allKv, keys, headDim], window: columnWindow(headDim) },
      { element: dtype, shape: [allKv, keys, valueDim], window: columnWindow(valueDim) },
      { element: dtype, shape: [batch * heads, queries, headDim] },
      { element: dtype, shape: [batch * heads, queries, valueDim] },
      ...[0, 1].map((): Operand => ({ element: 'f32', shape: [batch * heads, 1, queries] })),
      ...idSets.flatMap((set): Operand[] => [
        { element: 'i32', shape: [sequences(set), 1, queries] },
        {
          element: 'i32',
          shape: [sequences(set), 1, keys],
          window: {
            block: [1, 1, block],
            at: (core, kv, column) => [sequences(set) === 1 ? m.constant(0) : m.div(kvOf(core, kv), kvHeads), m.constant(0), column],
          },
        },
      ]),
    ],
    outputs: [
      sumOf(headDim),
      sumOf(valueDim),
      { element: dtype, shape: [batch * heads, queries, headDim] },
      ...(place.kind === 'hbm' ? [{ element: 'f32' as const, shape: [cores, group, rows, block, headDim] }] : []),
    ],
    scratch: [
      m.ref('vmem', dtype, [2, block, headDim]),
      m.ref('vmem', dtype, [2, block, valueDim]),
      ...[0, 1].map(() => m.ref('vmem', 'f32', [2, 1, block])),
      m.ref('vmem', 'f32', [block, headDim]),
      m.ref('vmem', 'f32', [block, valueDim]),
      m.ref('vmem', 'f32', [place.kind === 'hbm' ? 3 : group * place.tiles, block, headDim]),
      m.ref('vmem', dtype, [2, block, headDim]),
      m.ref('semaphore_mem', 'dma_semaphore', [4 + idSets.length, 2]),
      m.ref('semaphore_mem', 'dma_semaphore', [6]),
      m.ref('semaphore_mem', 'dma_semaphore', [2]),
      m.ref('smem', 'i32', [word.dq + dqWords]),
      ...idSets.map(() => m.ref('vmem', 'i32', [2, 1, block])),
    ],
    body,
    phases,
  };
}

/** HBM traffic. Windows of keys, values and their gradients have a column's time to move, and a row's dQ that of a column to leave: it is counted into all tiles alike. */
function trafficOf(spec: AttentionSpec, plan: BackwardPlan, { kvSteps, group }: { kvSteps: number; group: number }) {
  const { headDim, valueDim } = spec;
  const { block, rows, columns } = plan;
  const bytes = spec.dtype === 'bf16' ? 2 : 4;
  const sets = plan.band ? 0 : idSetsOf(lazyMasks(spec)).length;
  const loads = block * ((headDim + valueDim) * bytes + 8 + 4 * sets);
  const ring = plan.dq.kind === 'hbm' ? block * headDim * 4 : 0;
  const { band } = plan;
  const visited = band ? kvSteps * group * band.classes.reduce((sum, _, i) => sum + tilesOf(band, i), 0) : plan.tiles;
  const ofColumns = (kvSteps * columns * block * (headDim + valueDim)) / Math.max(1, visited);
  const ofRows = (kvSteps * group * rows * block * headDim * bytes) / Math.max(1, visited);
  return {
    loads,
    ofTile: {
      readBytes: loads + ring + ofColumns * bytes,
      aheadBytes: ofColumns * bytes,
      writtenBytes: ring + ofRows + ofColumns * (plan.split === 'kv' ? bytes : 4),
    },
  };
}
