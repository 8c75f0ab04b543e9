/**
 * A grid step of the backward kernel, a column of tiles of one query head: what columns of bands (tpu-backward-band.ts) and of other
 * masks (tpu-backward-dynamic.ts) have in common.
 */
import type { AttentionSpec } from '../attention';
import type { Phase } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { type CurrentTile, Ring, type RowTile, Slab, type Unfinished } from './tpu-backward-dq';
import { Parts, partWords } from './tpu-backward-parts';
import type { BackwardPlan } from './tpu-backward-plan';
import { type Tile, TileProducts } from './tpu-backward-tile';
import { elementOf } from './tpu-choice';
import type { IdSet } from './tpu-mask';

/** Steps of a core: its kv heads, or all, and its query heads of each. */
export interface Shares {
  readonly kvSteps: number;
  readonly group: number;
}

export function sharesOfCore({ batch, heads, kvHeads }: AttentionSpec, { cores, split }: BackwardPlan): Shares {
  const group = heads / kvHeads;
  return split === 'kv' ? { kvSteps: (batch * kvHeads) / cores, group } : { kvSteps: batch * kvHeads, group: group / cores };
}

/** A place of the grid of a core. */
export interface Step {
  readonly kv: V;
  readonly column: V;
  readonly g: V;
}

/** The kernel's memory, by what it is for. Slots are of tiles: [2, block, size]. */
export interface StepRefs {
  /** Of each id set: first and end column of rows of tiles, first and end row of columns. */
  readonly tables: readonly (readonly V[])[];
  readonly lengths: V;
  /** Windows of the column. */
  readonly k: V;
  readonly v: V;
  /** In HBM. */
  readonly q: V;
  readonly dOut: V;
  readonly logSumExp: V;
  readonly delta: V;
  /** Of each id set: of the queries, in HBM, and of the keys, a window. */
  readonly ids: readonly (readonly V[])[];
  readonly dk: V;
  readonly dv: V;
  readonly dq: V;
  readonly dqMemory?: V;
  /** Where each head has the plane for itself: what Parts works on, but for the core's own memory. */
  readonly parts?: { readonly slots: readonly V[]; readonly memory: readonly V[]; readonly semaphores: V };
  readonly qSlots: V;
  readonly dOutSlots: V;
  readonly sumSlots: V;
  readonly deltaSlots: V;
  readonly idSlots: readonly V[];
  readonly dKeys: V;
  readonly dValues: V;
  readonly sums: V;
  readonly stages: V;
  readonly loadSemaphores: V;
  readonly dqSemaphores: V;
  readonly stageSemaphores: V;
  readonly state: V;
}

/**
 * Words of the scalar state: the phase, for who reads the schedule; the slot of the next tile; its row, and the row's first and last
 * column, where the mask is no band; dQ's.
 */
export const word = { slot: 1, row: 2, parts: 5, dq: 5 + partWords } as const;

/** HBM traffic of a tile, and of the loads that begin a core. */
export interface Traffic {
  readonly loads: number;
  readonly ofTile: Pick<Phase, 'readBytes' | 'aheadBytes' | 'writtenBytes'>;
}

/** A tile as the step sees it, and the one after it. */
export type StepTile = CurrentTile & { readonly slot: V };
export type NextTile = RowTile & { readonly head: V };

const other = (slot: V) => m.sub(m.constant(1), slot);

export class ColumnStep {
  readonly here: Step;
  /** The step's query head, of all sequences. */
  readonly head: V;
  readonly isFirst: V;
  readonly isLast: V;
  readonly unfinished: Unfinished;
  private readonly products: TileProducts;
  private readonly parts?: Parts;

  constructor(
    readonly spec: AttentionSpec,
    readonly plan: BackwardPlan,
    readonly shares: Shares,
    readonly idSets: readonly IdSet[],
    readonly traffic: Traffic,
    readonly refs: StepRefs,
    private readonly phases: Phase[],
    private readonly core: V,
    here: Step,
  ) {
    const { block, rows, columns, dq } = plan;
    const { kvSteps, group } = shares;
    const { headDim, scale } = spec;
    this.here = here;
    this.head = this.headOf(here);
    this.isFirst = [here.kv, here.column, here.g].map((i) => m.eq(i, 0)).reduce(m.and);
    this.isLast = [m.eq(here.kv, kvSteps - 1), m.eq(here.column, columns - 1), m.eq(here.g, group - 1)].reduce(m.and);
    this.products = new TileProducts(spec, block, {
      keys: refs.k,
      values: refs.v,
      queries: refs.qSlots,
      dOut: refs.dOutSlots,
      logSumExp: refs.sumSlots,
      delta: refs.deltaSlots,
      dKeys: refs.dKeys,
      dValues: refs.dValues,
    });
    const shared = [
      { block, headDim, dtype: elementOf(spec), scale },
      refs.sums,
      { stages: refs.stages, out: refs.dq, semaphores: refs.stageSemaphores },
      { memory: refs.state, at: word.dq },
    ] as const;
    if (dq.kind === 'vmem') this.unfinished = new Slab({ group: dqGroup(plan, group), tiles: dq.tiles, rows }, ...shared);
    else {
      const shape = [dqGroup(plan, group), rows, block, headDim];
      const sums = m.squeeze(m.slice(refs.dqMemory as V, [core, 0, 0, 0, 0], [1, ...shape]), shape);
      this.unfinished = new Ring({ sums, rows, semaphores: refs.dqSemaphores }, ...shared);
    }
    if (refs.parts) {
      const memory = refs.parts.memory.map((all) => {
        const [, ...shape] = (all.type as m.Ref).shape;
        return m.squeeze(m.slice(all, [core, 0, 0, 0], [1, ...shape]), shape);
      });
      const own = { ...refs.parts, memory, sums: [refs.dKeys, refs.dValues], state: refs.state, at: word.parts };
      this.parts = new Parts(own, { columns, group }, here);
    }
  }

  /** The query head, of all sequences, of a place of the core's grid. */
  headOf({ kv, g }: { kv: V; g: V }): V {
    const { kvSteps, group } = this.shares;
    const wholeGroup = this.spec.heads / this.spec.kvHeads;
    return this.plan.split === 'kv'
      ? m.add(m.mul(m.add(m.mul(this.core, kvSteps), kv), wholeGroup), g)
      : m.add(m.mul(kv, wholeGroup), m.add(m.mul(this.core, group), g));
  }

  /** The step after this one, among columns [first, last]; after the last, the first again. */
  after(first: number, last: number): Step {
    const { kv, column, g } = this.here;
    const { kvSteps, group } = this.shares;
    const isApart = this.plan.order === 'heads';
    const columnIsLast = m.eq(column, last);
    const headIsLast = m.eq(g, group - 1);
    const allEnd = m.and(headIsLast, columnIsLast);
    const nextKv = m.select(m.eq(kv, kvSteps - 1), 0, m.add(kv, 1));
    const nextColumn = m.select(columnIsLast, first, m.add(column, 1));
    const nextHead = m.select(headIsLast, 0, m.add(g, 1));
    return {
      g: isApart ? m.select(columnIsLast, nextHead, g) : nextHead,
      column: isApart ? nextColumn : m.select(headIsLast, nextColumn, column),
      kv: m.select(allEnd, nextKv, kv),
    };
  }

  mark(phase: Phase): void {
    m.mark(this.refs.state, this.phases.length);
    this.phases.push(phase);
  }

  isShared(set: number): boolean {
    return this.idSets[set].lengths !== undefined || this.spec.batch === 1;
  }

  loads(head: V, row: V, slot: V, act: (source: V, target: V, semaphore: V) => void): void {
    const { refs, spec } = this;
    const { block } = this.plan;
    const semaphore = (i: number) => m.squeeze(m.slice(refs.loadSemaphores, [i, slot], [1, 1]), []);
    const first = m.mul(row, block);
    const tiles = [
      { source: refs.q, slots: refs.qSlots, size: spec.headDim },
      { source: refs.dOut, slots: refs.dOutSlots, size: spec.valueDim },
    ];
    for (const [i, { source, slots, size }] of tiles.entries())
      act(
        m.squeeze(m.slice(source, [head, first, 0], [1, block, size]), [block, size]),
        m.squeeze(m.slice(slots, [slot, 0, 0], [1, block, size]), [block, size]),
        semaphore(i),
      );
    const lines = [
      { source: refs.logSumExp, slots: refs.sumSlots, line: head },
      { source: refs.delta, slots: refs.deltaSlots, line: head },
      ...refs.idSlots.map((slots, i) => ({ source: refs.ids[i][0], slots, line: this.isShared(i) ? 0 : m.div(head, spec.heads) })),
    ];
    for (const [i, { source, slots, line }] of lines.entries())
      act(
        m.squeeze(m.slice(source, [line, 0, first], [1, 1, block]), [1, block]),
        m.squeeze(m.slice(slots, [slot, 0, 0], [1, 1, block]), [1, block]),
        semaphore(tiles.length + i),
      );
  }

  /** The first step of a core: its first tile is loaded, where `more` holds. */
  start(first: { head: V; row: V }, more?: V): void {
    m.when(this.isFirst, () => {
      this.mark({ name: 'start', runs: 1, readBytes: this.traffic.loads, writtenBytes: 0 });
      const slot = m.constant(0);
      m.storeScalar(slot, this.refs.state, word.slot);
      this.loadAhead(first, slot, more);
      this.unfinished.start();
      this.parts?.start();
    });
  }

  private loadAhead({ head, row }: { head: V; row: V }, slot: V, more?: V): void {
    const ahead = () => this.loads(head, row, slot, m.startCopy);
    if (more) m.when(more, ahead);
    else ahead();
  }

  /**
   * A tile: what it reads ahead and waits for, its products, which `multiply` makes, and where its dQ goes. `next` is loaded where `more`
   * holds.
   */
  tile(current: StepTile, next: NextTile, multiply: () => void, more?: V): void {
    this.loadAhead(next, other(current.slot), more);
    const own = <T extends RowTile>(tile: T): T => (this.parts ? { ...tile, g: m.constant(0) } : tile);
    this.unfinished.begin(own(current), own(next));
    this.loads(current.head, current.row, current.slot, m.waitCopy);
    multiply();
    this.unfinished.end();
  }

  multiply(tile: Tile): void {
    this.products.run(tile, (queries, product) => this.unfinished.add(queries, product));
  }

  /** Sums of a column begin: at zero where its first tile does not begin them. */
  open(isOpened: boolean): void {
    this.parts?.begin();
    if (isOpened) return;
    const clear = () => {
      for (const sums of [this.refs.dKeys, this.refs.dValues]) m.store(m.constant(0, m.vector('f32', (sums.type as m.Ref).shape)), sums);
    };
    if (this.parts) clear();
    else m.when(m.eq(this.here.g, 0), clear);
  }

  /** At the end of a core. */
  finish(): void {
    this.unfinished.finish();
    this.parts?.finish();
  }

  /** With the last head of a group the column's sums leave. */
  leave(): void {
    const { refs, spec, plan } = this;
    const { kvSteps, group } = this.shares;
    const out = (sums: V, target: V, size: number, factor?: number) => {
      const value = m.load(sums);
      const { element } = target.type as m.Ref;
      const scaled = factor === undefined ? value : m.mul(value, factor);
      m.store(m.reshape(m.convert(scaled, element as 'f32' | 'bf16'), [1, plan.block, size]), target);
    };
    const all = () => {
      this.mark({ name: 'column ends', runs: kvSteps * plan.columns, readBytes: 0, writtenBytes: 0 });
      out(refs.dKeys, refs.dk, spec.headDim, spec.scale);
      out(refs.dValues, refs.dv, spec.valueDim);
    };
    this.parts?.end();
    if (group === 1) all();
    else m.when(m.eq(this.here.g, group - 1), all);
  }
}

/** Heads whose dQ is in the making at once. */
export function dqGroup({ order }: BackwardPlan, group: number): number {
  return order === 'heads' ? 1 : group;
}
