/**
 * A ring's schedule, from the mask alone: what each device has to do with each block of keys that comes by. Blocks of which it needs
 * nothing are skipped, blocks that are alike share a kernel, and a mask that reaches a few blocks back has a ring of a few steps.
 */
import type { AttentionSpec } from '../attention';
import { hasKind, headMask, type LazyMask, type Mask, masksOf, not, pairs, perHead, full, shifted } from '../mask';
import { chunksOf, type Placement } from './placement';

/** One kernel's part of a step: chunks [start, end) of the device's own queries, and of the keys that are at hand. */
export interface Call {
  readonly rows: readonly [start: number, end: number];
  readonly columns: readonly [start: number, end: number];
  readonly mask: Mask;
}

export interface RingPlan {
  readonly placement: Placement;
  /** Chunks that a device holds: 1, or 2 in zig-zag. */
  readonly chunks: number;
  /** How far from home keys are when a device needs them, in devices: 0, and others in ascending order. */
  readonly shifts: readonly number[];
  /** The kinds of step that there are; one with no calls is a step that has nothing to do. */
  readonly classes: readonly (readonly Call[])[];
  /** For each device (of a group of heads, then of the sequence), the class of each shift from 0 on to the last. */
  readonly table: readonly (readonly number[])[];
  /** Unmasked pairs of each of those, over its heads and all sequences. */
  readonly work: readonly (readonly number[])[];
}

/** The shares of a spec: devices along heads and along the sequence. */
export interface Shares {
  readonly heads: number;
  readonly sequence: number;
}

/** The mask of the query heads of one of `shares` groups. */
export function groupMask({ mask, heads }: Pick<AttentionSpec, 'mask' | 'heads'>, group: number, shares: number): Mask {
  if (mask.kind !== 'perHead') return mask;
  const own = heads / shares;
  return ofHeads(Array.from({ length: own }, (_, head) => headMask(mask, group * own + head, heads) as LazyMask));
}

/** One mask where all are the same, else a mask for each of as many equal groups of heads as it takes. */
function ofHeads(masks: readonly LazyMask[]): Mask {
  const texts = masks.map((one) => JSON.stringify(one));
  const alike = (size: number) => texts.every((text, i) => text === texts[i - (i % size)]);
  let size = masks.length;
  while (masks.length % size !== 0 || !alike(size)) size--;
  return size === masks.length ? masks[0] : perHead(masks.filter((_, i) => i % size === 0));
}

/** Groups of heads that have masks of their own. */
export function headGroups(spec: AttentionSpec, shares: number): number {
  if (spec.mask.kind !== 'perHead') return 1;
  const texts = Array.from({ length: shares }, (_, group) => JSON.stringify(groupMask(spec, group, shares)));
  return new Set(texts).size > 1 ? shares : 1;
}

/** Throws ShapeError for a mask that cannot be cut: of key lengths, or whose heads share no groups. */
export function ringPlan(spec: AttentionSpec, shares: Shares, placement: Placement): RingPlan {
  const shards = shares.sequence;
  const chunks = chunksOf(placement, shards);
  const planner = new Planner(spec, shares, chunks[0].length);
  const groups = headGroups(spec, shares.heads);
  const table: number[][] = [];
  const work: number[][] = [];
  for (let group = 0; group < groups; group++)
    for (let device = 0; device < shards; device++) {
      const steps = chunks.map((_, shift) => planner.step(group, chunks[device], chunks[(device - shift + shards) % shards]));
      table.push(steps.map((step) => step.class));
      work.push(steps.map((step) => step.work));
    }
  const shifts = chunks.map((_, shift) => shift).filter((shift) => !shift || table.some((row) => planner.classes[row[shift]].length));
  const end = (shifts.at(-1) as number) + 1;
  const cut = (rows: number[][]) => rows.map((row) => row.slice(0, end));
  return { placement, chunks: chunks[0].length, shifts, classes: planner.classes, table: cut(table), work: cut(work) };
}

/** How long the ring's devices work one after the other: each step takes as long as its busiest device. In pairs. */
export function criticalPath({ work }: RingPlan): number {
  return work[0].reduce((sum, _, shift) => sum + Math.max(...work.map((row) => row[shift])), 0);
}

/** The busiest device's work over the mean: 1 where all have the same. */
export function imbalance({ work }: RingPlan): number {
  const loads = work.map((row) => row.reduce((sum, pairs) => sum + pairs, 0));
  const total = loads.reduce((sum, pairs) => sum + pairs, 0);
  return total ? (Math.max(...loads) * loads.length) / total : 1;
}

interface Cell {
  readonly id: number;
  readonly mask: Mask | undefined;
  readonly pairs: number;
}

class Planner {
  readonly classes: Call[][] = [];
  readonly #known = new Map<string, { class: number; work: number }>();
  readonly #cells = new Map<string, Cell>();
  readonly #ids = new Map<string, number>();
  readonly #masks: readonly Mask[];
  readonly #isDiagonal: boolean;
  readonly #size: { readonly queries: number; readonly columns: number };

  constructor(
    readonly spec: AttentionSpec,
    readonly shares: Shares,
    readonly chunks: number,
  ) {
    const parts = shares.sequence * chunks;
    this.#size = { queries: spec.queries / parts, columns: spec.keys / parts };
    this.#masks = Array.from({ length: shares.heads }, (_, group) => groupMask(spec, group, shares.heads));
    const others = ['chunkedCausal', 'prefix', 'keyLimit', 'documents', 'globalTokens'] as const;
    this.#isDiagonal = !others.some((kind) => hasKind(spec.mask, kind));
  }

  /** Of a device that has the chunks `rows` of queries, with the chunks `columns` of keys. */
  step(group: number, rows: readonly number[], columns: readonly number[]): { class: number; work: number } {
    const cells = rows.map((row) => columns.map((column) => this.#cell(group, row, column)));
    const key = cells.map((line) => line.map(({ id }) => id).join()).join(';');
    let step = this.#known.get(key);
    if (!step) {
      const calls = this.#calls(cells, group, rows[0], columns[0]);
      const same = this.classes.findIndex((one) => JSON.stringify(one) === JSON.stringify(calls));
      const work = cells.flat().reduce((sum, cell) => sum + cell.pairs, 0);
      step = { class: same < 0 ? this.classes.push(calls) - 1 : same, work };
      this.#known.set(key, step);
    }
    return step;
  }

  #cell(group: number, row: number, column: number): Cell {
    const at = { rows: row * this.#size.queries, keys: column * this.#size.columns };
    // Most masks look at the distance alone: 2 x chunks cells instead of chunks x chunks.
    const place = `${group}:${this.#isDiagonal ? at.rows - at.keys : `${row},${column}`}`;
    let cell = this.#cells.get(place);
    if (!cell) {
      const mask = shiftedMask(this.#masks[group], this.#heads, { ...at, ...this.#size });
      const text = JSON.stringify(mask) ?? '';
      if (!this.#ids.has(text)) this.#ids.set(text, this.#ids.size);
      cell = { id: this.#ids.get(text) as number, mask, pairs: this.#pairs(mask) };
      this.#cells.set(place, cell);
    }
    return cell;
  }

  get #heads(): number {
    return this.spec.heads / this.shares.heads;
  }

  #pairs(mask: Mask | undefined): number {
    if (!mask) return 0;
    const masks = masksOf(mask, this.#heads);
    const sum = masks.reduce((total, one) => total + pairs(one, this.#size.queries, this.#size.columns), 0);
    return (sum * this.#heads * this.spec.batch) / masks.length;
  }

  /** As few calls as there can be: the whole, where the chunks lie as in a sequence of their own; runs of full ones; else one by one. */
  #calls(cells: readonly (readonly Cell[])[], group: number, row: number, column: number): Call[] {
    const n = this.chunks;
    if (cells.flat().every(({ mask }) => !mask)) return [];
    const { queries, columns } = this.#size;
    const all = { queries: n * queries, columns: n * columns };
    const whole = shiftedMask(this.#masks[group], this.#heads, { rows: row * queries, keys: column * columns, ...all });
    const isWhole = cells.every((line, i) =>
      line.every(({ id }, j) => {
        const part = whole && shiftedMask(whole, this.#heads, { rows: i * queries, keys: j * columns, queries, columns });
        return this.#ids.get(JSON.stringify(part) ?? '') === id;
      }),
    );
    if (whole && isWhole) return [{ rows: [0, n], columns: [0, n], mask: whole }];
    if (cells.flat().every(({ mask }) => mask?.kind === 'full')) return [{ rows: [0, n], columns: [0, n], mask: full() }];
    return this.#parts(cells);
  }

  #parts(cells: readonly (readonly Cell[])[]): Call[] {
    const n = this.chunks;
    const isFull = (i: number, j: number) => cells[i][j].mask?.kind === 'full';
    const each = Array.from({ length: n }, (_, i) => i);
    const calls: Call[] = [];
    const isTaken = (i: number, j: number) => calls.some(({ rows, columns }) => within(i, rows) && within(j, columns));
    for (const i of each) if (each.every((j) => isFull(i, j))) calls.push({ rows: [i, i + 1], columns: [0, n], mask: full() });
    for (const j of each)
      if (each.every((i) => isFull(i, j) && !isTaken(i, j))) calls.push({ rows: [0, n], columns: [j, j + 1], mask: full() });
    for (const i of each)
      for (const j of each) {
        const { mask } = cells[i][j];
        if (mask && !isTaken(i, j)) calls.push({ rows: [i, i + 1], columns: [j, j + 1], mask });
      }
    return calls;
  }
}

const within = (i: number, [start, end]: readonly [number, number]) => i >= start && i < end;

const nothing = not(full());

/** The part of a mask of `heads` heads; undefined where it allows no pair. */
function shiftedMask(mask: Mask, heads: number, part: Parameters<typeof shifted>[1]): Mask | undefined {
  const masks = masksOf(mask, heads).map((one) => shifted(one as LazyMask, part));
  if (masks.every((one) => one === undefined)) return undefined;
  return ofHeads(masks.map((one) => one ?? nothing));
}
