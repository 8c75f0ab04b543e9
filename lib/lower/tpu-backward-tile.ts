/**
 * One tile of the backward kernel: its five products. Scores and their gradients are transposed, [keys, queries], so that a row's
 * statistics are row vectors and neither dV += P^T dO nor dK += dS^T Q needs a transpose; only dQ += dS K does, which Mosaic makes of
 * contracting dimension 0 of both. A strip is 128 keys of the tile with the queries that see any of them.
 */
import type { AttentionSpec } from '../attention';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { elementOf } from './tpu-choice';
import { boundaryPairs, masked, type Shape } from './tpu-phase';
import { lanes } from './tpu-tiles';

/** Neighbouring keys of a tile and the queries [start, end) that see any of them, cut where a boundary crosses. */
export interface Strip {
  readonly first: number;
  readonly count: number;
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly StripPiece[];
}

/** Queries of a strip, and which bounds cross its pairs. */
interface StripPiece {
  readonly first: number;
  readonly count: number;
  readonly low: boolean;
  readonly high: boolean;
  readonly limit: boolean;
}

/** The strips of a tile that hold pairs. */
export function stripsOf(shape: Shape, block: number): Strip[] {
  const strips: Strip[] = [];
  for (let first = 0; first < block; first += lanes) {
    if (shape === 'dynamic') {
      strips.push({ first, count: lanes, start: 0, end: block, pieces: [] });
      continue;
    }
    const { low, high, keys } = shape;
    if (first >= keys) break;
    const last = first + lanes - 1;
    const start = high === null ? 0 : Math.max(0, Math.floor((first - high) / lanes) * lanes);
    const end = low === null ? block : Math.min(block, Math.ceil((last - low + 1) / lanes) * lanes);
    if (start >= end) continue;
    const pieces: StripPiece[] = [];
    for (let at = start; at < end; at += lanes) {
      const piece = {
        low: low !== null && first - (at + lanes - 1) < low,
        high: high !== null && last - at > high,
        limit: last >= keys,
      };
      const before = pieces.at(-1);
      if (before && before.low === piece.low && before.high === piece.high)
        pieces[pieces.length - 1] = { ...before, count: before.count + lanes };
      else pieces.push({ first: at, count: lanes, ...piece });
    }
    strips.push({ first, count: lanes, start, end, pieces });
  }
  return strips;
}

/** Memory that a tile works on. */
export interface TileRefs {
  /** Windows [1, block, size] of the column's keys and values. */
  readonly keys: V;
  readonly values: V;
  /** Two slots [2, block, size] of the row's queries and output gradients. */
  readonly queries: V;
  readonly dOut: V;
  /** f32 [2, 1, block]: the row's natural log-sum-exp, -Infinity where it sees nothing, and delta. */
  readonly logSumExp: V;
  readonly delta: V;
  /** Sums f32 [block, size] of the column. */
  readonly dKeys: V;
  readonly dValues: V;
}

export interface Tile {
  readonly shape: Shape;
  readonly slot: V;
  /** Whether it is the column's first, whose products are the sums' first terms. */
  readonly opens: boolean;
  /** Pairs allowed of a strip, i1 [its keys, its queries]; nothing where all are. Without it, those of a static shape. */
  readonly pairs?: (strip: Strip) => V | undefined;
}

export class TileProducts {
  constructor(
    private readonly spec: AttentionSpec,
    private readonly block: number,
    private readonly refs: TileRefs,
  ) {}

  /** Adds to dK and dV, and hands each product of dQ, f32 [count, headDim] before the scale, to `add`. */
  run(tile: Tile, add: (queries: { first: number; count: number }, product: V) => void): void {
    const { headDim } = this.spec;
    const strips = stripsOf(tile.shape, this.block);
    if (tile.opens) this.clearOutside(strips);
    const line = (source: V) => m.reshape(m.load(source, [1, 1, this.block], [tile.slot, 0, 0]), [1, this.block]);
    const natural = line(this.refs.logSumExp);
    // A row that sees nothing has weights exp2(score - 1e30), 0.
    const logSumExp = m.select(m.gt(natural, masked), m.mul(natural, Math.LOG2E), -masked);
    const rows = { logSumExp, delta: line(this.refs.delta) };
    const gradients: V[] = [];
    let ahead = this.products(tile, strips[0]);
    for (const [i, strip] of strips.entries()) {
      const own = ahead;
      if (i + 1 < strips.length) ahead = this.products(tile, strips[i + 1]);
      gradients.push(this.strip(tile, strip, rows, own));
    }
    const keys = ({ first, count }: { first: number; count: number }) =>
      m.reshape(m.load(this.refs.keys, [1, count, headDim], [0, first, 0]), [count, headDim]);
    const contract = (ds: V, k: V) => m.matmul(ds, k, { transposeLeft: true });
    // One product over all keys of the tile after the strips takes fewer sums than one a strip.
    if (strips.length > 1 && strips.every(({ start, end }) => start === 0 && end === this.block)) {
      const count = strips.length * lanes;
      add({ first: 0, count: this.block }, contract(m.concat(gradients, 0), keys({ first: strips[0].first, count })));
    } else
      for (const [i, strip] of strips.entries())
        add({ first: strip.start, count: strip.end - strip.start }, contract(gradients[i], keys(strip)));
  }

  private clearOutside(strips: readonly Strip[]): void {
    for (let first = 0; first < this.block; first += lanes)
      if (!strips.some((strip) => strip.first === first))
        for (const sums of [this.refs.dKeys, this.refs.dValues]) {
          const [, size] = (sums.type as m.Ref).shape;
          m.store(m.constant(0, m.vector('f32', [lanes, size])), sums, [first, 0]);
        }
  }

  /** Adds a strip's products to dK and dV; returns dS^T [keys, queries] of the dtype, before the scale. */
  private strip(
    tile: Tile,
    strip: Strip,
    rows: { logSumExp: V; delta: V },
    { q, dOut, products, weightProducts }: ReturnType<TileProducts['products']>,
  ): V {
    const { refs, spec } = this;
    const { count, start, end } = strip;
    const queries = end - start;
    const statistic = (line: V) => m.broadcastRow(queries === this.block ? line : m.part(line, [0, start], [1, queries]), count);
    const { scores, slope } = this.scores(products);
    const weights = m.exp2(this.masked(m.sub(scores, statistic(rows.logSumExp)), tile, strip));
    let ds = m.mul(weights, m.sub(weightProducts, statistic(rows.delta)));
    if (slope) ds = m.mul(ds, slope);
    const gradient = m.convert(ds, elementOf(spec));
    this.sum(refs.dValues, strip, m.matmul(m.convert(weights, elementOf(spec)), dOut), tile.opens);
    this.sum(refs.dKeys, strip, m.matmul(gradient, q), tile.opens);
    return gradient;
  }

  private products(tile: Tile, strip: Strip) {
    const { refs, spec } = this;
    const { first, count, start, end } = strip;
    const queries = end - start;
    const column = (source: V, size: number) => m.reshape(m.load(source, [1, count, size], [0, first, 0]), [count, size]);
    const row = (source: V, size: number) => m.reshape(m.load(source, [1, queries, size], [tile.slot, start, 0]), [queries, size]);
    const [q, dOut] = [row(refs.queries, spec.headDim), row(refs.dOut, spec.valueDim)];
    const products = m.matmul(column(refs.keys, spec.headDim), q, { transposeRight: true });
    const weightProducts = m.matmul(column(refs.values, spec.valueDim), dOut, { transposeRight: true });
    return { q, dOut, products, weightProducts };
  }

  private sum(target: V, { first, count }: Strip, product: V, opens: boolean): void {
    const [, size] = (target.type as m.Ref).shape;
    m.store(opens ? product : m.add(m.load(target, [count, size], [first, 0]), product), target, [first, 0]);
  }

  /** Products as scores in base 2, and, capped, d score / d product but for the scale. */
  private scores(products: V): { scores: V; slope?: V } {
    const { scale, softCap } = this.spec;
    if (!softCap) return { scores: m.mul(products, scale * Math.LOG2E) };
    const capped = m.tanh(m.mul(products, scale / softCap));
    return { scores: m.mul(capped, softCap * Math.LOG2E), slope: m.sub(m.constant(1, products.type), m.mul(capped, capped)) };
  }

  private masked(scores: V, { shape, pairs }: Tile, strip: Strip): V {
    if (pairs || shape === 'dynamic') {
      const allowed = pairs?.(strip);
      return allowed ? m.select(allowed, scores, masked) : scores;
    }
    const { first, count, start, pieces } = strip;
    if (!pieces.some(({ low, high, limit }) => low || high || limit)) return scores;
    const cut = pieces.map((piece) => {
      const part = pieces.length === 1 ? scores : m.part(scores, [0, piece.first - start], [count, piece.count]);
      const allowed = boundaryPairs(shape, { ...piece, start: first, end: first + count }, piece);
      return allowed ? m.select(allowed, part, masked) : part;
    });
    return m.concat(cut, 1);
  }
}
