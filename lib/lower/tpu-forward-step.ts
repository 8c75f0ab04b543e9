/**
 * A grid step of the forward kernel: where it stands, the copies between HBM and vector memory, and its phases. Keys are copied in three
 * tiles before their scores, values two before their weights: all copies start, and all waits stand, at the top of a phase, where they do
 * not part its matmuls, and each has at least a whole phase beside its own.
 */
import type { Phase } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { dtypes } from '../types';
import type { ForwardSizes } from './tpu-forward';
import { pairsIn } from './tpu-mask';
import { type Next, type PhaseRefs, Phases, type Shape } from './tpu-phase';
import { lanes } from './tpu-tiles';
import { tilesAhead } from './tpu-walk';

/** A row of tiles of a core: a step over heads, a row. */
export interface Row {
  readonly head: V;
  readonly row: V;
}

export interface Tile extends Row {
  readonly column: V;
}

/** The kernel's memory by its use. */
export interface ForwardMemory {
  /** By id set: first and end columns of rows of tiles. */
  readonly tables: readonly (readonly V[])[];
  readonly lengths?: V;
  readonly sinks?: V;
  readonly q: V;
  readonly k: V;
  readonly v: V;
  readonly dOut?: V;
  /** By id set: ids of queries and of keys, and the slots that they are copied to. */
  readonly ids: readonly (readonly V[])[];
  readonly idSlots: readonly (readonly V[])[];
  readonly work: PhaseRefs;
  readonly semaphores: V;
  readonly state: V;
}

/** A tile, and the next ones on its core in order. */
export interface Sequence {
  readonly tile: Tile;
  readonly slot: V;
  readonly next: Tile;
  readonly third: Tile;
  readonly fourth: Tile;
}

type Act = (source: V, target: V, semaphore: V) => void;

export class ForwardStep {
  readonly here: Row;
  /** The core's next row. */
  readonly after: Row;
  private readonly querySlot: V;
  private readonly phases: Phases;

  constructor(
    readonly sizes: ForwardSizes,
    private readonly memory: ForwardMemory,
    private readonly at: { core: V; headStep: V; rowStep: V; row: V },
    private readonly marked: Phase[],
  ) {
    const { spec, plan, kvTogether, rowSteps } = sizes;
    this.here = { head: at.headStep, row: at.row };
    this.after = this.rowAfter(this.here);
    this.querySlot = m.and(m.add(m.mul(at.headStep, rowSteps), at.rowStep), 1);
    const { sinks } = memory;
    const { blockQ, blockK, heads } = plan;
    this.phases = new Phases(
      spec,
      { blockQ, blockK, heads, kvHeads: kvTogether },
      memory.work,
      sinks && ((head) => m.loadScalar(sinks, m.add(m.rem(this.headOf(this.here), spec.heads), head))),
    );
  }

  /** The first of a step's query heads, of all sequences'. */
  headOf({ head }: Row): V {
    const { plan, headSteps } = this.sizes;
    return m.mul(plan.stride > 1 ? head : m.add(m.mul(this.at.core, headSteps), head), plan.heads);
  }

  sequenceOf(row: Row): V {
    return m.div(this.headOf(row), this.sizes.spec.heads);
  }

  /** Which of the masks a row's heads have. */
  maskOf(row: Row): V {
    const { spec, masks } = this.sizes;
    return m.div(m.rem(this.headOf(row), spec.heads), spec.heads / masks.length);
  }

  /** The row after one, on this core; after the last, the first again: what is made for it is thrown away. */
  rowAfter({ head, row }: Row): Row {
    const { plan, rows, headSteps } = this.sizes;
    const wraps = m.ge(m.add(row, plan.stride), rows);
    const nextHead = m.add(head, 1);
    return {
      head: m.select(wraps, m.select(m.eq(nextHead, headSteps), 0, nextHead), head),
      row: m.select(wraps, plan.stride > 1 ? this.at.core : 0, m.add(row, plan.stride)),
    };
  }

  /** What is prefetched of a row of tiles: the columns that hold any of its ids, and its sequence's key length. */
  idColumns(row: Row, name: string): { start: V; end: V } {
    const { idSets, sequences, rows } = this.sizes;
    const set = idSets.findIndex((one) => one.name === name);
    const entry = sequences(idSets[set]) === 1 ? row.row : m.add(m.mul(this.sequenceOf(row), rows), row.row);
    const [starts, ends] = this.memory.tables[set];
    return { start: m.loadScalar(starts, entry), end: m.loadScalar(ends, entry) };
  }

  keyLength(row: Row): V {
    return m.loadScalar(this.memory.lengths as V, this.sequenceOf(row));
  }

  slotAfter(slot: V): V {
    return m.select(m.eq(slot, tilesAhead), 0, m.add(slot, 1));
  }

  /** The slot of the row's first tile. */
  firstSlot(): V {
    return m.loadScalar(this.memory.state, 1);
  }

  /** Opens the step; the first one of a core makes the first scores. `mayOpen`: only the run time knows which tile is its row's first. */
  begin(shape: Shape, { tile, next, third }: Omit<Sequence, 'slot' | 'fourth'>, mayOpen: boolean): void {
    const { spec, plan } = this.sizes;
    const { work, state } = this.memory;
    const [slot, second, last] = [0, 1, 2].map((n) => m.constant(n));
    m.when(m.and(m.eq(this.at.headStep, 0), m.eq(this.at.rowStep, 0)), () => {
      this.mark('start', () => 1, false);
      m.storeScalar(slot, state, 1);
      this.queryCopies(m.startCopy, this.here, slot);
      this.keyCopies(m.startCopy, tile, slot);
      this.valueCopies(m.startCopy, tile, slot);
      this.keyCopies(m.startCopy, next, second);
      this.valueCopies(m.startCopy, next, second);
      this.keyCopies(m.startCopy, third, last);
      this.queryCopies(m.waitCopy, this.here, slot);
      this.keyCopies(m.waitCopy, tile, slot);
      // What a row's first tile reads and drops, where only the run time tells it from the others.
      if (mayOpen) {
        m.store(m.constant(0, m.vector('f32', [plan.heads, spec.valueDim, plan.blockQ])), work.accumulator);
        for (const line of [work.decay, work.total]) m.store(m.constant(0, m.vector('f32', [plan.heads, 1, plan.blockQ])), line);
      }
      const pairs = shape === 'dynamic' ? this.pairsOf(tile, slot, slot) : undefined;
      this.phases.start({ shape, slot, first: true, querySlot: slot, pairs });
    });
    // The next row's queries have the whole row's time to come.
    this.queryCopies(m.startCopy, this.after, m.sub(m.constant(1), this.querySlot));
  }

  /** A phase on the first two tiles of a sequence. `first`: whether the tile is its row's first; `leaves`: whether it is the last. */
  phase(
    name: string,
    runs: () => number,
    { tile, slot, next, third, fourth }: Sequence,
    of: { shapes: readonly [Shape, Shape]; first: boolean | V; leaves: boolean },
  ): void {
    const { shapes, first, leaves } = of;
    this.mark(name, runs, leaves);
    const nextSlot = this.slotAfter(slot);
    this.keyCopies(m.startCopy, fourth, slot);
    this.valueCopies(m.startCopy, third, this.slotAfter(nextSlot));
    this.keyCopies(m.waitCopy, next, nextSlot);
    this.valueCopies(m.waitCopy, tile, slot);
    const querySlot = leaves ? m.sub(m.constant(1), this.querySlot) : this.querySlot;
    if (leaves) this.queryCopies(m.waitCopy, this.after, querySlot);
    const pairs = shapes[1] === 'dynamic' ? this.pairsOf(next, nextSlot, querySlot) : undefined;
    this.phases.run(
      { shape: shapes[0], slot, first },
      { shape: shapes[1], slot: nextSlot, first: leaves, querySlot, pairs },
      leaves ? { querySlot: this.querySlot } : undefined,
    );
  }

  /** Closes the step; the last one of a core waits for what was copied ahead. `next` is the tile after the row's last. */
  finish(next: Tile, slot: V): void {
    const { headSteps, rowSteps } = this.sizes;
    m.storeScalar(slot, this.memory.state, 1);
    m.when(m.and(m.eq(m.add(this.at.headStep, 1), headSteps), m.eq(m.add(this.at.rowStep, 1), rowSteps)), () => {
      const second = this.slotAfter(slot);
      // Copies of one kind are of one size, which is all that a wait asks for.
      this.keyCopies(m.waitCopy, next, second);
      this.keyCopies(m.waitCopy, next, this.slotAfter(second));
      this.valueCopies(m.waitCopy, next, slot);
      this.valueCopies(m.waitCopy, next, second);
    });
  }

  private mark(name: string, runs: () => number, leaves: boolean): void {
    const { spec, plan, idSets, kvTogether, withDelta } = this.sizes;
    const { headDim, valueDim } = spec;
    const { bytes } = dtypes[spec.dtype];
    const tileBytes = kvTogether * plan.blockK * (headDim + valueDim) * bytes + 4 * plan.blockK * idSets.length;
    const lines = [spec.logSumExp, withDelta].filter(Boolean).length;
    const rowReads = plan.heads * plan.blockQ * (headDim + (withDelta ? valueDim : 0)) * bytes;
    const rowWrites = plan.heads * plan.blockQ * (valueDim * bytes + 4 * lines);
    m.mark(this.memory.state, this.marked.length);
    this.marked.push({
      name,
      // Counted for who asks: a program is built without.
      get runs() {
        return runs();
      },
      readBytes: tileBytes + (leaves ? rowReads : 0),
      writtenBytes: leaves ? rowWrites : 0,
      aheadBytes: leaves ? rowReads : 0,
      phasesAhead: tilesAhead,
    });
  }

  /** Copies of some heads' tokens, or of ids, between a source in HBM and its slot. */
  private copy(
    act: Act,
    which: number,
    [source, slots]: readonly V[],
    at: readonly (V | number)[],
    sizes: readonly number[],
    slot: V,
  ): void {
    const whole = (slots.type as m.Ref).shape.slice(1);
    act(
      m.squeeze(m.slice(source, at, sizes), whole),
      m.squeeze(m.slice(slots, [slot, ...whole.map(() => 0)], [1, ...whole]), whole),
      m.squeeze(m.slice(this.memory.semaphores, [which, slot], [1, 1]), []),
    );
  }

  private queryCopies(act: Act, row: Row, slot: V): void {
    const { spec, plan } = this.sizes;
    const first = m.mul(row.row, plan.blockQ);
    this.copy(
      act,
      0,
      [this.memory.q, this.memory.work.queries],
      [this.headOf(row), first, 0],
      [plan.heads, plan.blockQ, spec.headDim],
      slot,
    );
    const { dOut, work } = this.memory;
    if (dOut && work.gradients)
      this.copy(act, 3, [dOut, work.gradients], [this.headOf(row), first, 0], [plan.heads, plan.blockQ, spec.valueDim], slot);
    this.idCopies(act, 0, row, first, slot);
  }

  private keyCopies(act: Act, tile: Tile, slot: V): void {
    const { spec, plan, group, kvTogether } = this.sizes;
    const first = m.mul(tile.column, plan.blockK);
    const kvHead = m.div(this.headOf(tile), group);
    this.copy(act, 1, [this.memory.k, this.memory.work.keys], [kvHead, first, 0], [kvTogether, plan.blockK, spec.headDim], slot);
    this.idCopies(act, 1, tile, first, slot);
  }

  private valueCopies(act: Act, tile: Tile, slot: V): void {
    const { spec, plan, group, kvTogether } = this.sizes;
    const at = [m.div(this.headOf(tile), group), m.mul(tile.column, plan.blockK), 0];
    this.copy(act, 2, [this.memory.v, this.memory.work.values], at, [kvTogether, plan.blockK, spec.valueDim], slot);
  }

  /** Ids of queries (side 0) or keys (side 1). */
  private idCopies(act: Act, side: 0 | 1, row: Row, first: V, slot: V): void {
    const { idSets, sequences, plan } = this.sizes;
    for (const [i, set] of idSets.entries()) {
      const sequence = sequences(set) === 1 ? 0 : this.sequenceOf(row);
      const size = side ? plan.blockK : plan.blockQ;
      this.copy(act, 4 + 2 * i + side, [this.memory.ids[i][side], this.memory.idSlots[i][side]], [sequence, 0, first], [1, 1, size], slot);
    }
  }

  /** Pairs of a tile of a dynamic shape. */
  private pairsOf(tile: Tile, slot: V, querySlot: V): Next['pairs'] {
    const { spec, plan, masks, idSets } = this.sizes;
    const { idSlots } = this.memory;
    const { blockQ, blockK } = plan;
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
          const [ofQueries, ofKeys] = idSlots[idSets.findIndex((set) => set.name === name)];
          const line = m.reshape(m.load(ofKeys, [1, 1, blockK], [slot, 0, 0]), [1, blockK]);
          return {
            q: m.reshape(m.load(ofQueries, [1, 1, count], [querySlot, 0, first]), [1, count]),
            kv: m.transpose(m.broadcastRow(line, lanes)),
          };
        },
        keyLength: () => this.keyLength(tile),
      };
      return pairsIn(masks, place, { own: () => this.maskOf(tile), paddedKeys: plan.keys });
    };
  }
}
