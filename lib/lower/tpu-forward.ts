/**
 * The Mosaic kernel of attention's forward pass. A grid step is a row of tiles (a block of queries) of some heads; K and V stay in HBM and each step walks exactly the tiles that the
 * mask's closed form says are not empty, in phases (tpu-phase.ts) that multiply one tile's weights while the next one's scores are made, across rows and heads too. Keys are
 * copied in two tiles ahead and values one; all copies start, and all waits stand, at the top of a phase. Nothing in the kernel depends on T but constants: its code
 * size and compile time are the same at 4096 tokens and at a million.
 */
import type { AttentionSpec } from '../attention';
import type { Kernel, Phase } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { hasKind } from '../mask';
import { lazyMasks } from './lazy';
import { allowed, idSetsOf, kernelScalars, nextIn, type Row, spansOf } from './tpu-mask';
import { type Current, type Next, Phases, type Shape } from './tpu-phase';
import { lanes } from './tpu-tiles';
import { type BandWalk, countTiles, type ForwardPlan, type Transition } from './tpu-walk';

/** Keys and values of a core: a step over heads, a column of tiles. */
interface Source {
  readonly head: V;
  readonly column: V;
}

/** A tile of a core. */
interface Tile extends Source {
  readonly row: V;
}

/**
 * The kernel. Prefetched: for each id set the first and end column of each row of tiles [sequences x rows], then the key lengths [batch], then the sinks in base 2, f32 [heads].
 * Operands: q, k, v as [heads of all sequences, padded tokens, size], then each id set's ids of queries and of keys [sequences, 1, padded tokens].
 */
export function forwardKernel(spec: AttentionSpec, plan: ForwardPlan): Kernel {
  const { batch, heads, kvHeads, headDim, valueDim, dtype } = spec;
  const { blockQ, blockK, queries, keys, cores, stride, band } = plan;
  const together = plan.heads;
  const masks = lazyMasks(spec);
  const idSets = band ? [] : idSetsOf(masks);
  const hasLengths = hasKind(spec.mask, 'keyLengths');
  const all = batch * heads;
  const group = heads / kvHeads;
  // Of one kv group the step's heads share keys and values; without groups each has its own.
  const kvTogether = group === 1 ? together : 1;
  const headSteps = all / together / (cores / stride);
  const [rows, columns] = [queries / blockQ, keys / blockK];
  const rowSteps = rows / stride;
  const sequences = (set: { lengths?: readonly number[] }) => (set.lengths ? 1 : batch);
  const phases: Phase[] = [];
  let visited: ReturnType<typeof countTiles> | undefined;
  const counted = () => (visited ??= countTiles(spec, plan));
  const tileBytes = kvTogether * blockK * (headDim + valueDim) * (dtype === 'bf16' ? 2 : 4) + 4 * blockK * idSets.length;
  const rowReads = together * blockQ * headDim * (dtype === 'bf16' ? 2 : 4);
  const rowWrites = together * blockQ * (valueDim * (dtype === 'bf16' ? 2 : 4) + (spec.logSumExp ? 4 : 0));

  const stepOf = (core: V, headStep: V) => (stride > 1 ? headStep : m.add(m.mul(core, headSteps), headStep));
  const headOf = (core: V, headStep: V) => m.mul(stepOf(core, headStep), together);
  const firstRowOf = (core: V) => (stride > 1 ? core : m.constant(0));
  const rowOf = (core: V, rowStep: V) => (stride > 1 ? m.add(m.mul(rowStep, stride), core) : rowStep);
  const maskOf = (head: V) => m.div(m.rem(head, heads), heads / masks.length);

  const body: Kernel['body'] = ([core, headStep, rowStep], refs) => {
    const row = rowOf(core, rowStep);
    const rest = [...refs];
    const take = (count: number) => rest.splice(0, count);
    const tables = idSets.map(() => take(2));
    const [lengths] = take(hasLengths ? 1 : 0);
    const [sinks] = take(spec.sinks ? 1 : 0);
    const [q, k, v] = take(3);
    const ids = idSets.map(() => take(2));
    const [out, logSumExp] = take(spec.logSumExp ? 2 : 1);
    const [qSlots, kSlots, vSlots, scores, accumulator, greatest, decay, total, semaphores, state] = take(10);
    const idSlots = idSets.map(() => take(2));
    const indexOf = (name: string) => idSets.findIndex((set) => set.name === name);

    const parity = (x: V) => m.and(x, 1);
    const other = (slot: V) => m.sub(m.constant(1), slot);
    type Act = (source: V, target: V, semaphore: V) => void;
    const semaphore = (which: number, slot: V) => m.squeeze(m.slice(semaphores, [which, slot], [1, 1]), []);
    /** Tokens of the kv heads, or of the query heads, of a step. */
    const tokens = (
      act: Act,
      which: number,
      [source, slots]: readonly [V, V],
      at: { head: V; first: V; slot: V },
      sizes: readonly number[],
    ) =>
      act(
        m.slice(source, [at.head, at.first, 0], sizes),
        m.squeeze(m.slice(slots, [at.slot, 0, 0, 0], [1, ...sizes]), sizes),
        semaphore(which, at.slot),
      );
    const idTokens = (act: Act, which: number, [source, slots]: readonly [V, V], at: { sequence: V; first: V; slot: V }, size: number) =>
      act(
        m.squeeze(m.slice(source, [at.sequence, 0, at.first], [1, 1, size]), [1, size]),
        m.squeeze(m.slice(slots, [at.slot, 0, 0], [1, 1, size]), [1, size]),
        semaphore(which, at.slot),
      );
    const sequenceOf = (set: { lengths?: readonly number[] }, head: V) => (sequences(set) === 1 ? m.constant(0) : m.div(head, heads));
    const queryCopies = (act: Act, at: { head: V; row: V }, slot: V) => {
      const head = headOf(core, at.head);
      const first = m.mul(at.row, blockQ);
      tokens(act, 0, [q, qSlots], { head, first, slot }, [together, blockQ, headDim]);
      for (const [i, set] of idSets.entries())
        idTokens(act, 3 + 2 * i, [ids[i][0], idSlots[i][0]], { sequence: sequenceOf(set, head), first, slot }, blockQ);
    };
    const keyCopies = (act: Act, at: Source, slot: V) => {
      const head = headOf(core, at.head);
      const first = m.mul(at.column, blockK);
      tokens(act, 1, [k, kSlots], { head: m.div(head, group), first, slot }, [kvTogether, blockK, headDim]);
      for (const [i, set] of idSets.entries())
        idTokens(act, 4 + 2 * i, [ids[i][1], idSlots[i][1]], { sequence: sequenceOf(set, head), first, slot }, blockK);
    };
    const valueCopies = (act: Act, at: Source, slot: V) => {
      const head = m.div(headOf(core, at.head), group);
      tokens(act, 2, [v, vSlots], { head, first: m.mul(at.column, blockK), slot }, [kvTogether, blockK, valueDim]);
    };

    /** The row after one, on this core; after the last, the first again: what is made for it is thrown away. */
    const rowAfter = ({ head, row: at }: { head: V; row: V }) => {
      const wraps = m.ge(m.add(at, stride), rows);
      const nextHead = m.add(head, 1);
      return {
        head: m.select(wraps, m.select(m.eq(nextHead, headSteps), 0, nextHead), head),
        row: m.select(wraps, firstRowOf(core), m.add(at, stride)),
      };
    };
    const here = { head: headStep, row };
    const after = rowAfter(here);
    const querySlot = parity(m.add(m.mul(headStep, rowSteps), rowStep));
    const isFirstStep = m.and(m.eq(headStep, 0), m.eq(rowStep, 0));
    const isLastStep = m.and(m.eq(m.add(headStep, 1), headSteps), m.eq(m.add(rowStep, 1), rowSteps));

    const work = new Phases(
      spec,
      { blockQ, blockK, heads: together, kvHeads: kvTogether },
      { queries: qSlots, keys: kSlots, values: vSlots, scores, accumulator, greatest, decay, total, out, logSumExp },
      sinks && ((head) => m.loadScalar(sinks, m.add(m.rem(headOf(core, headStep), heads), head))),
    );
    /** Pairs of a tile of a dynamic shape. */
    const pairsOf = (tile: Tile, slot: V, queriesAt: V): Next['pairs'] => {
      const head = headOf(core, tile.head);
      return ({ first, count }) => {
        const shape = [blockK, count] as const;
        const firstKey = m.mul(tile.column, blockK);
        const place = {
          shape,
          firstRow: m.add(m.mul(tile.row, blockQ), first),
          firstKey,
          queries: spec.queries,
          keys: spec.keys,
          ids: (name: string) => {
            const set = indexOf(name);
            const line = m.reshape(m.load(idSlots[set][1], [1, 1, blockK], [slot, 0, 0]), [1, blockK]);
            return {
              q: m.reshape(m.load(idSlots[set][0], [1, 1, count], [queriesAt, 0, first]), [1, count]),
              kv: m.transpose(m.broadcastRow(line, lanes)),
            };
          },
          keyLength: () => m.loadScalar(lengths, m.div(head, heads)),
        };
        const each = masks.map((mask) => allowed(mask, place));
        const limits: V[] = [];
        if (each.length === 1) {
          if (each[0] !== true) limits.push(vectorOf(each[0], shape));
        } else {
          const own = m.broadcast(maskOf(head), shape);
          limits.push(each.map((pairs, i) => m.and(m.eq(own, i), vectorOf(pairs, shape))).reduce(m.or));
        }
        if (keys > spec.keys) limits.push(m.lt(m.iota(shape, 0), m.broadcast(m.sub(m.constant(spec.keys), firstKey), shape)));
        return limits.length ? limits.reduce(m.and) : undefined;
      };
    };

    const mark = (name: string, runs: () => number, leaves: boolean) => {
      m.mark(state, phases.length);
      const bytes = { readBytes: tileBytes + (leaves ? rowReads : 0), writtenBytes: leaves ? rowWrites : 0 };
      // Counted for who asks: a program is built without.
      phases.push({
        name,
        get runs() {
          return runs();
        },
        ...bytes,
      });
    };
    /** What a phase reads ahead and waits for, and the phase. `third` is the tile after `next`. */
    const phase = (current: Current & { tile: Tile }, next: { shape: Shape; tile: Tile; third: Source }, leaves: boolean) => {
      const { slot } = current;
      keyCopies(m.startCopy, next.third, slot);
      valueCopies(m.startCopy, next.tile, other(slot));
      keyCopies(m.waitCopy, next.tile, other(slot));
      valueCopies(m.waitCopy, current.tile, slot);
      if (leaves) queryCopies(m.waitCopy, after, other(querySlot));
      const queriesAt = leaves ? other(querySlot) : querySlot;
      const pairs = next.shape === 'dynamic' ? pairsOf(next.tile, other(slot), queriesAt) : undefined;
      work.run(current, { shape: next.shape, slot: other(slot), first: leaves, querySlot: queriesAt, pairs }, leaves);
    };
    const mayOpen = !band || band.opens.includes('sometimes');
    /** The first scores of a core. */
    const begin = (shape: Shape, tile: Tile, second: Source) => {
      const slot = m.constant(0);
      m.when(isFirstStep, () => {
        mark('start', () => 1, false);
        m.storeScalar(slot, state, 1);
        queryCopies(m.startCopy, here, slot);
        keyCopies(m.startCopy, tile, slot);
        valueCopies(m.startCopy, tile, slot);
        keyCopies(m.startCopy, second, other(slot));
        queryCopies(m.waitCopy, here, slot);
        keyCopies(m.waitCopy, tile, slot);
        // What a row's first tile reads and drops, where only the run time tells it from the others.
        if (mayOpen) {
          m.store(m.constant(0, m.vector('f32', [together, valueDim, blockQ])), accumulator);
          for (const line of [decay, total]) m.store(m.constant(0, m.vector('f32', [together, 1, blockQ])), line);
        }
        const pairs = shape === 'dynamic' ? pairsOf(tile, slot, slot) : undefined;
        work.start({ shape, slot, first: true, querySlot: slot, pairs });
      });
      // The next row's queries have the whole row's time to come.
      queryCopies(m.startCopy, after, other(querySlot));
    };
    const finish = (tile: Tile, slot: V) => {
      m.storeScalar(slot, state, 1);
      m.when(isLastStep, () => {
        keyCopies(m.waitCopy, tile, other(slot));
        valueCopies(m.waitCopy, tile, slot);
      });
    };

    if (band) bandRow(band);
    else dynamicRow();

    function bandRow({ classes, tail, transitions, first, opens: openings, everywhere }: BandWalk) {
      const least = Math.min(...classes.map(({ from }) => from));
      const most = Math.max(...classes.map(({ to }) => to));
      const low = (at: V) => (tail ? m.constant(0) : m.max(m.add(at, least), 0));
      const high = (at: V) => (tail ? m.constant(columns - 1) : m.min(m.add(at, most), columns - 1));
      const following = (tile: Tile): Tile => {
        const ends = m.le(tile.column, low(tile.row));
        const then = rowAfter(tile);
        return {
          head: m.select(ends, then.head, tile.head),
          row: m.select(ends, then.row, tile.row),
          column: m.select(ends, high(then.row), m.sub(tile.column, 1)),
        };
      };
      /** Columns [start, end) of a class in a row; as constants, whether that is never or always empty. */
      const spanOf = (i: number, at: V) => {
        if (tail)
          return i === 0
            ? { start: m.constant(columns - 1), end: m.constant(columns) }
            : { start: m.constant(0), end: m.constant(columns - 1) };
        const { from, to } = classes[i];
        return { start: m.max(m.add(at, from), 0), end: m.min(m.add(at, to + 1), columns) };
      };
      const rowFirst = high(row);
      const opening = { ...here, column: rowFirst };
      begin(classes[first], opening, following(opening));
      const slotOfRow = m.loadScalar(state, 1);
      const slotOf = (column: V) => parity(m.add(slotOfRow, m.sub(rowFirst, column)));
      const nameOf = (i: number) => (classes[i].from === classes[i].to ? `tile ${classes[i].from}` : 'full tile');
      /** Whether a class is its row's first always, never, or as its column says. */
      const opens = (i: number, column: V): boolean | V => {
        const opening = openings[i];
        return opening === 'sometimes' ? m.eq(column, rowFirst) : opening === 'always';
      };
      /** Where a phase stands in the row, in scalars; made before they are needed, under the phases before. */
      const placeOf = (column: V) => {
        const tile = { ...here, column };
        const next = following(tile);
        return { tile, next, third: following(next), slot: slotOf(column) };
      };
      const run = ({ from, to, leaves, runs }: Transition, { tile, next, third, slot }: ReturnType<typeof placeOf>) => {
        mark(`${nameOf(from)}, then ${leaves ? "the next row's " : ''}${nameOf(to)}`, () => runs * headSteps, leaves);
        const current = { shape: classes[from], slot, first: opens(from, tile.column), tile };
        phase(current, { shape: classes[to], tile: next, third }, leaves);
      };
      const spans = classes.map((_, i) => spanOf(i, row));
      const isThere = spans.map(({ start, end }) => m.lt(start, end));
      const lasts = spans.map(({ start }) => placeOf(start));
      for (const i of classes.keys()) {
        const own = transitions.filter(({ from }) => from === i);
        if (!own.length) continue;
        const visit = () => {
          const { start, end } = spans[i];
          const again = own.find(({ to, leaves }) => to === i && !leaves);
          if (again) {
            const first = placeOf(m.sub(end, 1));
            const state = [first.tile.column, first.slot, first.third.head, first.third.row, first.third.column];
            m.forLoop(m.constant(0), m.sub(m.sub(end, start), 1), state, (_, column, slot, ...third) => {
              const [thirdHead, thirdRow, thirdColumn] = third;
              const ahead = { head: thirdHead, row: thirdRow, column: thirdColumn };
              const nextColumn = m.sub(column, 1);
              run(again, { tile: { ...here, column }, next: { ...here, column: nextColumn }, third: ahead, slot });
              const after = following(ahead);
              return [nextColumn, other(slot), after.head, after.row, after.column];
            });
          }
          const ends = own.filter((one) => one !== again);
          const later = [...classes.keys()].filter((j) => j > i);
          for (const transition of ends) {
            const { to, leaves } = transition;
            const conditions: V[] = [];
            if (ends.length > 1) {
              const skipped = leaves ? later : later.filter((j) => j < to);
              conditions.push(...skipped.map((j) => m.not(isThere[j])));
              if (!leaves) conditions.push(isThere[to]);
              else if (ends.filter((one) => one.leaves).length > 1) {
                const isNext = (j: number) => {
                  const span = spanOf(j, after.row);
                  return m.lt(span.start, span.end);
                };
                const before = [...classes.keys()].filter((j) => j < to);
                conditions.push(isNext(to), ...before.map((j) => m.not(isNext(j))));
              }
            }
            if (conditions.length) m.when(conditions.reduce(m.and), () => run(transition, lasts[i]));
            else run(transition, lasts[i]);
          }
        };
        if (everywhere[i]) visit();
        else m.when(isThere[i], visit);
      }
      const ended = low(row);
      finish({ ...after, column: high(after.row) }, other(slotOf(ended)));
    }

    function dynamicRow() {
      const visitsOf = ({ head, row: at }: { head: V; row: V }) => {
        const first = headOf(core, head);
        const sequence = m.div(first, heads);
        const firstRow = m.mul(at, blockQ);
        const place: Row<V> = {
          firstRow,
          // Rows of padding see no more than the last row.
          lastRow: m.min(m.add(firstRow, blockQ - 1), spec.queries - 1),
          blockK,
          keys: spec.keys,
          columns,
          idBlocks: (name) => {
            const set = indexOf(name);
            const entry = sequences(idSets[set]) === 1 ? at : m.add(m.mul(sequence, rows), at);
            return { start: m.loadScalar(tables[set][0], entry), end: m.loadScalar(tables[set][1], entry) };
          },
          keyLength: () => m.loadScalar(lengths, sequence),
        };
        const walks = masks.map((mask) => nextIn(kernelScalars, spansOf(kernelScalars, mask, place), columns));
        const next = (from: V) =>
          walks.map((walk) => walk(from)).reduce((chosen, value, i) => m.select(m.eq(maskOf(first), i), value, chosen));
        // A row that sees nothing visits one tile all the same, whose pairs are all masked.
        return { next, first: m.min(next(m.constant(0)), columns - 1) };
      };
      const own = visitsOf(here);
      const then = visitsOf(after);
      const later = rowAfter(after);
      const second = (visits: typeof own) => visits.next(m.add(visits.first, 1));
      const isTile = (column: V) => m.lt(column, columns);
      const tileAt = (at: { head: V; row: V }, column: V, otherwise: Tile): Tile => {
        const is = isTile(column);
        return {
          head: m.select(is, at.head, otherwise.head),
          row: m.select(is, at.row, otherwise.row),
          column: m.select(is, column, otherwise.column),
        };
      };
      const nextRow = { ...after, column: then.first };
      const afterNext = tileAt(after, second(then), { ...later, column: visitsOf(later).first });
      const ownSecond = second(own);
      begin('dynamic', { ...here, column: own.first }, tileAt(here, ownSecond, nextRow));
      const beyond = (column: V) => m.select(isTile(column), own.next(m.add(column, 1)), columns);
      const ahead = beyond(ownSecond);
      const firstThird = tileAt(here, ahead, nextRow);
      const [last, , , , , lastSlot] = m.whileLoop(
        [own.first, ownSecond, ahead, firstThird.head, firstThird.column, m.loadScalar(state, 1)],
        (_, next) => isTile(next),
        (column, next, third, thirdHead, thirdColumn, slot) => {
          mark('tile, then tile', () => counted().tiles - counted().rows, false);
          const current = { shape: 'dynamic' as const, slot, first: m.eq(column, own.first), tile: { ...here, column } };
          const source = { head: thirdHead, column: thirdColumn };
          phase(current, { shape: 'dynamic', tile: { ...here, column: next }, third: source }, false);
          const fourth = beyond(third);
          const after = tileAt(here, fourth, nextRow);
          return [next, third, fourth, after.head, after.column, other(slot)];
        },
      );
      mark("tile, then the next row's tile", () => counted().rows, true);
      const current = { shape: 'dynamic' as const, slot: lastSlot, first: m.eq(last, own.first), tile: { ...here, column: last } };
      phase(current, { shape: 'dynamic', tile: nextRow, third: afterNext }, true);
      finish(nextRow, other(lastSlot));
    }
  };

  return {
    grid: [
      { steps: cores, semantics: 'parallel' },
      { steps: headSteps, semantics: 'arbitrary' },
      { steps: rowSteps, semantics: 'arbitrary' },
    ],
    prefetch: [
      ...idSets.flatMap((set) => [0, 1].map(() => ({ shape: [sequences(set) * rows] }))),
      ...(hasLengths ? [{ shape: [batch] }] : []),
      ...(spec.sinks ? [{ shape: [heads], element: 'f32' as const }] : []),
    ],
    inputs: [
      { element: dtype, shape: [all, queries, headDim] },
      { element: dtype, shape: [batch * kvHeads, keys, headDim] },
      { element: dtype, shape: [batch * kvHeads, keys, valueDim] },
      ...idSets.flatMap((set): Kernel['inputs'] => [queries, keys].map((size) => ({ element: 'i32', shape: [sequences(set), 1, size] }))),
    ],
    outputs: [
      {
        element: dtype,
        shape: [all, queries, valueDim],
        window: {
          block: [together, blockQ, valueDim],
          at: (core: V, headStep: V, rowStep: V) => [stepOf(core, headStep), rowOf(core, rowStep), m.constant(0)],
        },
      },
      ...(spec.logSumExp
        ? [
            {
              element: 'f32' as const,
              shape: [all, 1, queries],
              window: {
                block: [together, 1, blockQ],
                at: (core: V, headStep: V, rowStep: V) => [stepOf(core, headStep), m.constant(0), rowOf(core, rowStep)],
              },
            },
          ]
        : []),
    ],
    scratch: [
      m.ref('vmem', dtype, [2, together, blockQ, headDim]),
      m.ref('vmem', dtype, [2, kvTogether, blockK, headDim]),
      m.ref('vmem', dtype, [2, kvTogether, blockK, valueDim]),
      m.ref('vmem', 'f32', [together, blockK, blockQ]),
      m.ref('vmem', 'f32', [together, valueDim, blockQ]),
      ...[0, 1, 2].map(() => m.ref('vmem', 'f32', [together, 1, blockQ])),
      m.ref('semaphore_mem', 'dma_semaphore', [3 + 2 * idSets.length, 2]),
      // The phase, for who reads the schedule, and the slot of the next tile.
      m.ref('smem', 'i32', [2]),
      ...idSets.flatMap(() => [blockQ, blockK].map((size) => m.ref('vmem', 'i32', [2, 1, size]))),
    ],
    body,
    phases,
  };
}

function vectorOf(pairs: V | boolean, shape: readonly number[]): V {
  return typeof pairs === 'boolean' ? m.constant(Number(pairs), m.vector('i1', shape)) : pairs;
}
