/**
 * What a forward kernel will do, known on the host: how an attention is cut into rows of tiles, in which order a core visits them, and
 * how often each phase runs.
 */
import type { AttentionSpec } from '../attention';
import { ShapeError, shown } from '../errors';
import { type LazyMask, masksOf } from '../mask';
import { lazyMasks } from './lazy';
import { checkBlock, type ForwardChoice, headsOfStep } from './tpu-choice';
import { hostScalars, idSetsOf, spansOf } from './tpu-mask';
import { bandOf, type BandTiles, bandTiles, type Blocks, columnsOf } from './tpu-tiles';

/** Tiles that a core's copies are ahead of what reads them, in a ring of as many and one more. */
export const tilesAhead = 2;

/** How the kernel cuts an attention up: the choice, both sides padded to whole tiles, and the cores that share the work. */
export interface ForwardPlan extends ForwardChoice {
  readonly queries: number;
  readonly keys: number;
  readonly cores: number;
  /** The cores share heads, or, where those are odd, rows of tiles: each core's are this far apart. */
  readonly stride: number;
  /** Where the mask is a band that few phases serve. */
  readonly band?: BandWalk;
}

// Compile time follows the number of phases; a band that needs more takes the one dynamic shape.
const mostPhases = 8;

/** Throws ShapeError where a block is no multiple of 128, or a step cannot have so many heads. */
export function forwardPlan(spec: AttentionSpec, choice: ForwardChoice, cores: number): ForwardPlan {
  const { blockQ, blockK, heads } = choice;
  checkBlock('forward: blockQ', blockQ);
  checkBlock('forward: blockK', blockK);
  const possible = headsOfStep(spec, cores);
  if (!possible.includes(heads))
    throw new ShapeError(
      `forward: the heads of a step are one of ${possible.join(', ')}, which divide a core's and share kv heads; got ${shown(heads)}`,
    );
  const masks = lazyMasks(spec);
  const isEven = ((spec.batch * spec.heads) / heads) % cores === 0;
  const stride = isEven || spec.queries <= blockQ ? 1 : cores;
  const queries = Math.ceil(spec.queries / blockQ / stride) * stride * blockQ;
  const band = masks.length === 1 ? bandOf(masks[0]) : undefined;
  const tiles = band && bandTiles(band, { queries, keys: spec.keys, blockQ, blockK });
  const walk = tiles && bandWalk(tiles, stride);
  return {
    ...choice,
    queries,
    keys: Math.ceil(spec.keys / blockK) * blockK,
    // Scratch is a core's own, so each of a chip's cores gets its share by a leading parallel dimension.
    cores: stride > 1 || isEven ? cores : 1,
    stride,
    ...(walk && walk.transitions.length <= mostPhases ? { band: walk } : {}),
  };
}

/** A pair of tiles that follow one another somewhere in a band, by class; `leaves` where the second is the first of the next row. */
export interface Transition {
  readonly from: number;
  readonly to: number;
  readonly leaves: boolean;
  /** How often on the busiest core, in one pass over the rows. */
  readonly runs: number;
}

/** A band's tiles in the order of a core. */
export interface BandWalk extends BandTiles {
  /** By class: the phases that follow its tiles. */
  readonly transitions: readonly Transition[];
  /** The class of every core's first tile. */
  readonly first: number;
  /** By class: whether its tiles are a row's first always, never or sometimes, and whether every row has one. */
  readonly opens: readonly ('always' | 'never' | 'sometimes')[];
  readonly everywhere: readonly boolean[];
}

/** One pass over the rows of tiles. Undefined where the cores' first tiles are of different classes. */
function bandWalk(tiles: BandTiles, stride: number): BandWalk | undefined {
  const { classes, rows } = tiles;
  const all = new Map<string, Transition>();
  const [rowsWith, opening, more] = [0, 0, 0].map(() => classes.map(() => 0));
  const firsts = new Set<number>();
  for (let core = 0; core < stride; core++) {
    const own = new Map<string, { from: number; to: number; leaves: boolean; runs: number }>();
    const add = (from: number, to: number, leaves: boolean, runs: number) => {
      const key = `${from},${to},${leaves}`;
      const known = own.get(key);
      if (known) known.runs += runs;
      else own.set(key, { from, to, leaves, runs });
    };
    let last = -1;
    let first = -1;
    for (let row = core; row < rows; row += stride) {
      let isFirst = true;
      for (let i = 0; i < classes.length; i++) {
        const { start, end } = columnsOf(tiles, i, row);
        if (start >= end) continue;
        if (last >= 0) add(last, i, isFirst, 1);
        if (first < 0) first = i;
        if (end - start > 1) add(i, i, false, end - start - 1);
        if (isFirst) opening[i]++;
        if (end - start > 1) more[i]++;
        rowsWith[i]++;
        isFirst = false;
        last = i;
      }
    }
    add(last, first, true, 1);
    firsts.add(first);
    for (const [key, one] of own) if (!((all.get(key)?.runs ?? 0) >= one.runs)) all.set(key, one);
  }
  if (firsts.size > 1) return undefined;
  return {
    ...tiles,
    transitions: [...all.values()].sort((a, b) => a.from - b.from || Number(a.leaves) - Number(b.leaves) || a.to - b.to),
    first: [...firsts][0],
    opens: classes.map((_, i) => (!opening[i] ? 'never' : opening[i] === rowsWith[i] && !more[i] ? 'always' : 'sometimes')),
    everywhere: rowsWith.map((count) => count === rows),
  };
}

/** Tiles and rows of tiles that the busiest core visits, of all its heads; what only the run time knows counts as allowing. */
export function countTiles(spec: AttentionSpec, plan: ForwardPlan): { tiles: number; rows: number } {
  const { blockQ, blockK, queries, cores, stride } = plan;
  const rows = queries / blockQ;
  const masks = lazyMasks(spec);
  const steps = (spec.batch * spec.heads) / plan.heads;
  const ofRow = (mask: LazyMask, row: number) => Math.max(1, countSpans(spansOfRow(spec, mask, row, { blockQ, blockK })));
  const ofCore = (core: number) => {
    const perMask = masks.map((mask) => {
      let tiles = 0;
      for (let row = stride > 1 ? core : 0; row < rows; row += stride) tiles += ofRow(mask, row);
      return tiles;
    });
    const [first, end] = stride > 1 ? [0, steps] : [(core * steps) / cores, ((core + 1) * steps) / cores];
    let sum = 0;
    for (let step = first; step < end; step++) sum += perMask[maskIndex(spec, step * plan.heads)];
    return sum;
  };
  return { tiles: Math.max(...Array.from({ length: cores }, (_, core) => ofCore(core))), rows: (rows * steps) / cores };
}

/** Which of the masks is a head's, of all sequences' heads. */
export function maskIndex({ heads, mask }: AttentionSpec, head: number): number {
  return Math.floor(((head % heads) * masksOf(mask, heads).length) / heads);
}

/**
 * The columns of tiles that a row of tiles visits, a range of the mask each, as the kernels' walks have them; what only the run time
 * knows counts as allowing.
 */
export function spansOfRow(spec: AttentionSpec, mask: LazyMask, row: number, { blockQ, blockK }: Blocks): { start: number; end: number }[] {
  const { queries, keys } = spec;
  const columns = Math.ceil(keys / blockK);
  const firstRow = row * blockQ;
  const lastRow = Math.min(firstRow + blockQ, queries) - 1;
  const idBlocks = (name: string) => {
    const { lengths } = idSetsOf([mask]).find((set) => set.name === name) ?? {};
    return lengths ? documentColumns(lengths, { firstRow, lastRow, blockK, columns }) : { start: 0, end: columns };
  };
  return spansOf(hostScalars, mask, { firstRow, lastRow, blockK, keys, columns, idBlocks, keyLength: () => keys });
}

/** Columns that some span holds. */
export function countSpans(spans: readonly { start: number; end: number }[]): number {
  let [count, reached] = [0, 0];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    count += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return count;
}

/** The columns [start, end) that hold the documents of rows [firstRow, lastRow]. */
function documentColumns(
  lengths: readonly number[],
  { firstRow, lastRow, blockK, columns }: { firstRow: number; lastRow: number; blockK: number; columns: number },
): { start: number; end: number } {
  let [at, start, end] = [0, 0, 0];
  for (const length of lengths) {
    if (at + length > firstRow && at <= lastRow) {
      if (!end) start = at;
      end = at + length;
    }
    at += length;
  }
  return { start: Math.floor(start / blockK), end: Math.min(columns, Math.ceil(end / blockK)) };
}
