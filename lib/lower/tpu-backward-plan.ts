/** How the backward kernel cuts an attention up, and what it will do, known on the host. */
import type { AttentionSpec } from '../attention';
import { checkOneOf, ShapeError } from '../errors';
import type { Chip } from '../ir/chips';
import type { LazyMask } from '../mask';
import { lazyMasks } from './lazy';
import { checkBlock, evenBlock, type Preset } from './tpu-choice';
import { bandOf, type BandTiles, bandTiles, hullOf, lanes, type TileClass } from './tpu-tiles';
import { countSpans, maskIndex, spansOfRow } from './tpu-walk';

/** What can be chosen freely: tokens a tile, square, and whether dQ in the making lives in vector memory or in HBM. */
export interface BackwardChoice {
  readonly block: number;
  /** `vmem` wherever it fits by default. */
  readonly dq?: 'vmem' | 'hbm';
  /**
   * Whether the heads of a group take turns in a column (`columns`) or each has the plane for itself; the former wherever their dQ fits
   * by default.
   */
  readonly order?: 'columns' | 'heads';
}

export interface BackwardPlan {
  readonly block: number;
  readonly rows: number;
  readonly columns: number;
  readonly cores: number;
  /**
   * What the cores share: kv heads, or, where those are odd, the query heads of each kv head; then each core has its own part of dK and
   * dV.
   */
  readonly split: 'kv' | 'heads';
  readonly band?: BandTiles;
  /**
   * Whether the heads of a group take turns in a column, or each has the plane for itself, and sums of dK and dV wait in HBM for the
   * next.
   */
  readonly order: 'columns' | 'heads';
  /** In vector memory, tiles a head of the group. */
  readonly dq: { readonly kind: 'vmem'; readonly tiles: number } | { readonly kind: 'hbm' };
  /** Where the mask is no band: tiles that the busiest core visits. */
  readonly tiles: number;
  /** And those of them that the band around the mask cuts, which hold pairs in a part known before: a shape, and how many. */
  readonly cut: readonly { readonly shape: TileClass; readonly tiles: number }[];
}

/** Vector memory that unfinished dQ may take; the rest holds windows, slots and what the compiler spills. */
const slabBytes = ({ vmemBytes }: Chip) => vmemBytes - 20 * 2 ** 20;

/**
 * `lean` takes blocks of 512, `fast` of 1024 where they stay within what the compiler keeps in registers and a band's boundary is cut at
 * 128 all the same (v5p, bf16, causal, T 4096, schedule of libtpu 0.0.52: head_dim 256 95 % of the MXU's limit and 0.8 s of compile time
 * against 98 % and 3 s, 128 89 % and 0.5 s against 96 % and 1.5 s; where unfinished dQ is in HBM they halve its traffic). A product of
 * f32 is six of bf16: blocks of 256 are as long, and compile in an eighth of the time.
 */
export function backwardChoice(spec: AttentionSpec, preset: Preset, { cores }: Chip): BackwardChoice {
  const { queries, keys, headDim, valueDim, dtype } = spec;
  const size = Math.max(headDim, valueDim);
  const largest = dtype === 'f32' || size > 512 ? (size > 512 && dtype === 'f32' ? 128 : 256) : 512;
  const block = evenBlock(Math.max(queries, keys), largest);
  const isWide = preset === 'fast' && dtype === 'bf16' && size <= 256 && sharesOf(spec, 1024, cores).band;
  return { block: isWide ? evenBlock(Math.max(queries, keys), 1024) : block };
}

/** How the cores share the work, and what unfinished dQ of a core takes in vector memory: tiles a head of its group, and bytes. */
function sharesOf(spec: AttentionSpec, block: number, cores: number) {
  const { batch, heads, kvHeads, queries, keys, headDim } = spec;
  const masks = lazyMasks(spec);
  const rows = Math.ceil(queries / block);
  const band = masks.length === 1 ? bandOf(masks[0]) : undefined;
  const tiles = band && bandTiles(band, { queries, keys, blockQ: block, blockK: block });
  const byKv = (batch * kvHeads) % cores === 0;
  const byHeads = !byKv && (heads / kvHeads) % cores === 0;
  const group = heads / kvHeads / (byHeads ? cores : 1);
  // A row of a band is in the making while the columns pass that it sees.
  const alive =
    tiles && !tiles.tail ? Math.max(...tiles.classes.map(({ to }) => to)) - Math.min(...tiles.classes.map(({ from }) => from)) + 1 : rows;
  const slabTiles = Math.min(rows, alive);
  return {
    band: tiles,
    cores: byKv || byHeads ? cores : 1,
    split: byHeads ? ('heads' as const) : ('kv' as const),
    slabTiles,
    group,
    slab: group * slabTiles * block * Math.ceil(headDim / lanes) * lanes * 4,
  };
}

/** Throws ShapeError where a block is no multiple of 128, or unfinished dQ is to live in vector memory and does not fit. */
export function backwardPlan(spec: AttentionSpec, { block, dq, order }: BackwardChoice, chip: Chip): BackwardPlan {
  checkBlock('backward: a block', block);
  if (dq !== undefined) checkOneOf('backward: dq', ['vmem', 'hbm'], dq);
  if (order !== undefined) checkOneOf('backward: order', ['columns', 'heads'], order);
  const { band, cores, split, slabTiles, group, ...shares } = sharesOf(spec, block, chip.cores);
  const most = slabBytes(chip);
  // dQ of a whole group is in the making at once, or of one head, while dK and dV wait: the less memory from four heads on.
  const isLess = shares.slab > most && (shares.slab / group <= most || group > 3) && dq === undefined;
  const isApart = group > 1 && (order ?? (isLess ? 'heads' : 'columns')) === 'heads';
  const slab = isApart ? shares.slab / group : shares.slab;
  if (dq === 'vmem' && slab > most)
    throw new ShapeError(`backward: dQ in the making takes up to ${most} bytes of vector memory; got ${slab}: keep it in hbm`);
  const plan = {
    block,
    rows: Math.ceil(spec.queries / block),
    columns: Math.ceil(spec.keys / block),
    cores,
    split,
    order: isApart ? ('heads' as const) : ('columns' as const),
    dq: (dq ?? (slab <= most ? 'vmem' : 'hbm')) === 'vmem' ? { kind: 'vmem' as const, tiles: slabTiles } : { kind: 'hbm' as const },
  };
  return band ? { ...plan, band, tiles: 0, cut: [] } : { ...plan, ...countTiles(spec, plan) };
}

/** Rows [start, end) of a class in a column of tiles. */
export function rowsOf({ classes, tail, rows, columns }: BandTiles, which: number, column: number): { start: number; end: number } {
  if (tail) return (which === 0) === (column === columns - 1) ? { start: 0, end: rows } : { start: 0, end: 0 };
  const { from, to } = classes[which];
  return { start: Math.max(0, column - to), end: Math.min(rows, column - from + 1) };
}

/** Tiles of a class. */
export function tilesOf(tiles: BandTiles, which: number): number {
  let sum = 0;
  for (let column = 0; column < tiles.columns; column++) {
    const { start, end } = rowsOf(tiles, which, column);
    sum += Math.max(0, end - start);
  }
  return sum;
}

export function tileName({ from, to }: TileClass): string {
  return from === to ? `tile ${from}` : 'full tile';
}

/** Tiles of the busiest core, of all its heads; what only the run time knows counts as allowing. */
function countTiles(
  spec: AttentionSpec,
  { block, rows, columns, cores, split }: Omit<BackwardPlan, 'tiles' | 'cut'>,
): Pick<BackwardPlan, 'tiles' | 'cut'> {
  const masks = lazyMasks(spec);
  const shapes = cutShapes(masks, { block, rows, columns });
  // Of each mask all of its tiles, then those of each shape.
  const perMask = masks.map((mask) => {
    const counts = [0, ...shapes.map(() => 0)];
    for (let row = 0; row < rows; row++) {
      const spans = spansOfRow(spec, mask, row, { blockQ: block, blockK: block });
      counts[0] += countSpans(spans);
      for (const [i, { from }] of shapes.entries())
        if (spans.some(({ start, end }) => start <= row + from && row + from < end)) counts[i + 1]++;
    }
    return counts;
  });
  const { batch, heads, kvHeads } = spec;
  const coreOf = (head: number) =>
    split === 'kv' ? Math.floor((head * cores) / (batch * heads)) : Math.floor(((head % (heads / kvHeads)) * cores * kvHeads) / heads);
  const sums = Array.from({ length: cores }, () => [0, ...shapes.map(() => 0)]);
  for (let head = 0; head < batch * heads; head++) {
    const own = sums[coreOf(head)];
    for (const [i, count] of perMask[maskIndex(spec, head)].entries()) own[i] += count;
  }
  const [tiles, ...ofShapes] = sums.reduce((most, one) => (one[0] > most[0] ? one : most));
  return { tiles, cut: shapes.map((shape, i) => ({ shape, tiles: ofShapes[i] })).filter((one) => one.tiles > 0) };
}

/** Shapes that the band around all of the masks cuts out of tiles. */
function cutShapes(masks: readonly LazyMask[], { block, rows, columns }: { block: number; rows: number; columns: number }): TileClass[] {
  const hulls = masks.map(hullOf);
  const hull = { low: Math.min(...hulls.map(({ low }) => low)), high: Math.max(...hulls.map(({ high }) => high)) };
  const tiles = bandTiles(hull, { queries: rows * block, keys: columns * block, blockQ: block, blockK: block });
  return (tiles?.classes ?? []).filter(({ low, high }) => low !== null || high !== null);
}
