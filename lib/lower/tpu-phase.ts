/**
 * One phase of the forward kernel: the weights and P V of a tile while the next tile's scores are computed, so that the MXU does not wait
 * for the softmax and no row of tiles drains. Scores are transposed, S^T = K Q^T [keys, queries]: maximum and sum go down the sublanes,
 * statistics are row vectors [1, queries] and O^T = V^T P^T is turned once a row. One buffer holds the scores, overwritten in place. The
 * MXU answers in order, so the source order is: exp2 of a unit, P V of the unit before, next scores of this unit; a unit is a head's part
 * of the columns.
 *
 * Softmax is the online one (Milakov and Gimelshein 2018; FlashAttention-2, Dao 2023) in base 2, with log2(e) folded into the scale.
 */
import type { AttentionSpec } from '../attention';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { elementOf } from './tpu-choice';
import { lanes, liveKeys, type Piece, piecesOf, type TileClass } from './tpu-tiles';

/** What masked scores are: far below any score, and finite, so that differences of them are. */
export const masked = -1e30;

/** A tile's shape, or, where only the run time knows it, the predicate of its pairs. */
export type Shape = TileClass | 'dynamic';

/** Neighbouring queries of a tile and the keys that they see. */
interface Group {
  readonly first: number;
  readonly count: number;
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly Piece[];
}

/** Groups of a tile's queries [first, first + count): of 128 where a boundary crosses them, as wide as may be elsewhere. */
export function groupsOf(shape: Shape, { first, count }: { first: number; count: number }, blockK: number): Group[] {
  const whole = { first, count, start: 0, end: blockK };
  if (shape === 'dynamic') return [{ ...whole, pieces: [{ start: 0, end: blockK, low: false, high: false, limit: false }] }];
  if (shape.low === null && shape.high === null) return [{ ...whole, end: liveKeys(shape, whole, blockK).end, pieces: [] }].map(cut);
  return Array.from({ length: count / lanes }, (_, i) => {
    const group = { first: first + i * lanes, count: lanes };
    return cut({ ...group, ...liveKeys(shape, group, blockK), pieces: [] });
  });
  function cut(group: Group): Group {
    return { ...group, pieces: group.start < group.end ? piecesOf(shape as TileClass, group) : [] };
  }
}

/** Memory of the kernel that a phase works on. Leading sizes are heads of a step, after the two slots of what is copied in. */
export interface PhaseRefs {
  /** [2, heads, blockQ, headDim], [2, kv heads, blockK, headDim] and [2, kv heads, blockK, valueDim]. */
  readonly queries: V;
  readonly keys: V;
  readonly values: V;
  /** S^T f32 [heads, blockK, blockQ] and O^T f32 [heads, valueDim, blockQ]. */
  readonly scores: V;
  readonly accumulator: V;
  /** Row statistics f32 [heads, 1, blockQ]: maximum so far, factor on what is summed so far, sum of weights. */
  readonly greatest: V;
  readonly decay: V;
  readonly total: V;
  /** Windows [heads, blockQ, valueDim], and f32 [heads, 1, blockQ] where the log-sum-exp is asked for. */
  readonly out: V;
  readonly logSumExp?: V;
  /** The output's gradient [2, heads, blockQ, valueDim], and a window for its product with the output f32 [heads, 1, blockQ]. */
  readonly gradients?: V;
  readonly delta?: V;
}

/** Of a phase whose tile is the last of its row: the slot of the row's queries. */
export interface Leaving {
  readonly querySlot: V;
}

export interface PhaseSizes {
  readonly blockQ: number;
  readonly blockK: number;
  /** Query heads of a step, and the kv heads that they share. */
  readonly heads: number;
  readonly kvHeads: number;
}

/** The tile whose scores there are. */
export interface Current {
  readonly shape: Shape;
  readonly slot: V;
  /** Whether it is the first of its row: a scalar i1 where that depends. */
  readonly first: boolean | V;
}

/** The tile whose scores are next. */
export interface Next {
  readonly shape: Shape;
  readonly slot: V;
  readonly first: boolean;
  /** Of its row's queries. */
  readonly querySlot: V;
  /** Pairs allowed of queries [first, first + count), i1 [blockK, count]; nothing where all are. Of a dynamic shape. */
  readonly pairs?: (group: { first: number; count: number }) => V | undefined;
}

export class Phases {
  constructor(
    private readonly spec: AttentionSpec,
    private readonly sizes: PhaseSizes,
    private readonly refs: PhaseRefs,
    /** The sink of one of the step's heads in base 2, a scalar f32. */
    private readonly sink?: (head: number) => V,
  ) {}

  /** The phase; `leaves` where the current tile is the last of its row, so that the output leaves. */
  run(current: Current, next: Next, leaves: Leaving | undefined): void {
    const { heads, blockQ } = this.sizes;
    const values = Array.from({ length: this.sizes.kvHeads }, (_, head) => this.turnedValues(current.slot, head));
    // Columns of 512 keep what a group holds in registers: at 1024 the compiler spills.
    const most = Math.max(1, Math.ceil(blockQ / 512));
    const parts = leaves && heads === 1 && blockQ % (2 * lanes) === 0 ? Math.max(2, most) : most;
    const units = Array.from({ length: heads * parts }, (_, i) => ({
      head: Math.floor(i / parts),
      columns: { first: ((i % parts) * blockQ) / parts, count: blockQ / parts },
    }));
    let waiting: (() => void)[] = [];
    for (const [i, { head, columns }] of units.entries()) {
      const weighed = groupsOf(current.shape, columns, this.sizes.blockK).map((group) => {
        const weights = this.weigh(current, head, group, leaves !== undefined);
        return () => this.output(current, values, head, group, weights, leaves);
      });
      for (const output of waiting) output();
      waiting = weighed;
      // The last output of a row leaves before the last scores, under which its epilogue and transposition run.
      if (leaves && i === units.length - 1) {
        for (const output of waiting) output();
        waiting = [];
      }
      for (const group of groupsOf(next.shape, columns, this.sizes.blockK)) this.score(next, head, group);
    }
    for (const output of waiting) output();
  }

  /** Scores of a tile alone, before the first phase. */
  start(next: Next): void {
    // A loop over heads: it runs once a core, and should not cost the compiler a head's code each.
    m.forLoop(m.constant(0), m.constant(this.sizes.heads), [], (head) => {
      for (const group of groupsOf(next.shape, { first: 0, count: this.sizes.blockQ }, this.sizes.blockK)) this.score(next, head, group);
      return [];
    });
  }

  private kvHead<H extends number | V>(head: H): H | 0 {
    return this.sizes.kvHeads === 1 ? 0 : head;
  }

  private turnedValues(slot: V, head: number): V {
    const { blockK } = this.sizes;
    const { valueDim } = this.spec;
    return m.transpose(m.reshape(m.load(this.refs.values, [1, 1, blockK, valueDim], [slot, head, 0, 0]), [blockK, valueDim]));
  }

  /** A head's row of statistics, [1, count]. */
  private line(source: V, at: readonly (V | number)[], count: number): V {
    return m.reshape(m.load(source, [1, 1, count], at), [1, count]);
  }

  private keep(line: V, target: V, at: readonly (V | number)[]): void {
    m.store(m.reshape(line, [1, 1, (line.type as m.Vector).shape[1]]), target, at);
  }

  private score(next: Next, head: number | V, group: Group): void {
    const { spec, refs } = this;
    const { first, count, start, end } = group;
    const at = [head, 0, first];
    if (start >= end) {
      if (next.first) m.store(m.constant(masked, m.vector('f32', [1, 1, count])), refs.greatest, at);
      else m.store(m.constant(1, m.vector('f32', [1, 1, count])), refs.decay, at);
      return;
    }
    const length = end - start;
    const key = m.reshape(m.load(refs.keys, [1, 1, length, spec.headDim], [next.slot, this.kvHead(head), start, 0]), [
      length,
      spec.headDim,
    ]);
    const query = m.reshape(m.load(refs.queries, [1, 1, count, spec.headDim], [next.querySlot, head, first, 0]), [count, spec.headDim]);
    const products = this.scaled(m.matmul(key, query, { transposeRight: true }));
    const pairs = next.pairs?.(group);
    const best = group.pieces.map((piece) => {
      const shape = [piece.end - piece.start, count];
      const part = group.pieces.length === 1 ? products : m.part(products, [piece.start - start, 0], shape);
      const allowed = pairs ?? boundaryPairs(next.shape as TileClass, piece, group);
      const scores = allowed ? m.select(allowed, part, masked) : part;
      m.store(m.reshape(scores, [1, ...shape]), refs.scores, [head, piece.start, first]);
      return m.reshape(m.reduce('maximumf', scores, 0), [1, count]);
    });
    let greatest = best.reduce(m.max);
    if (!next.first) {
      const before = this.line(refs.greatest, at, count);
      greatest = m.max(before, greatest);
      this.keep(m.exp2(m.sub(before, greatest)), refs.decay, at);
    }
    this.keep(greatest, refs.greatest, at);
  }

  /** Products as scores in base 2. */
  private scaled(products: V): V {
    const { scale, softCap } = this.spec;
    if (!softCap) return m.mul(products, scale * Math.LOG2E);
    return m.mul(m.tanh(m.mul(products, scale / softCap)), softCap * Math.LOG2E);
  }

  /**
   * exp2 of the scores, as the MXU takes them; sums them into the total. The maximum is handed on, since the next scores of the head
   * replace it.
   */
  private weigh(current: Current, head: number, { first, count, start, end }: Group, leaves: boolean) {
    const { refs, spec } = this;
    const at = [head, 0, first];
    const isFirst = current.first;
    const line = m.vector('f32', [1, count]);
    const before = () => (isFirst === true ? m.constant(0, line) : this.line(refs.total, at, count));
    const decay = isFirst === true ? undefined : this.line(refs.decay, at, count);
    if (start >= end) {
      const kept = isFirst === true || isFirst === false ? before() : m.select(isFirst, m.constant(0, line), before());
      if (!leaves) this.keep(kept, refs.total, at);
      return { decay, greatest: this.line(refs.greatest, at, count), total: kept, weights: undefined };
    }
    const length = end - start;
    const scores = m.reshape(m.load(refs.scores, [1, length, count], [head, start, first]), [length, count]);
    const greatest = this.line(refs.greatest, at, count);
    const weights = m.exp2(m.sub(scores, m.broadcastRow(greatest, length)));
    const sum = m.reshape(m.reduce('add', weights, 0), [1, count]);
    let total = decay ? m.add(m.mul(before(), decay), sum) : sum;
    if (typeof isFirst !== 'boolean') total = m.select(isFirst, sum, total);
    if (!leaves) this.keep(total, refs.total, at);
    return { decay, greatest, total, weights: m.convert(weights, elementOf(spec)) };
  }

  private output(
    current: Current,
    values: readonly V[],
    head: number,
    { first, count, start, end }: Group,
    { decay, greatest, total, weights }: { decay?: V; greatest: V; total: V; weights?: V },
    leaves: Leaving | undefined,
  ): void {
    const { refs, spec } = this;
    const { valueDim } = spec;
    const shape = [valueDim, count];
    const isFirst = current.first;
    const product = weights && m.matmul(m.part(values[this.kvHead(head)], [0, start], [valueDim, end - start]), weights);
    const zero = () => m.constant(0, m.vector('f32', shape));
    let sum = product ?? zero();
    if (decay) {
      const before = m.reshape(m.load(refs.accumulator, [1, ...shape], [head, 0, first]), shape);
      const kept = m.mul(before, m.broadcastRow(decay, valueDim));
      const all = product ? m.add(kept, product) : kept;
      sum = typeof isFirst === 'boolean' ? all : m.select(isFirst, sum, all);
    }
    if (!leaves) {
      m.store(m.reshape(sum, [1, ...shape]), refs.accumulator, [head, 0, first]);
      return;
    }
    const { factor, natural } = this.finish(head, greatest, total);
    const turned = m.mul(sum, m.broadcastRow(factor, valueDim));
    const out = m.convert(m.transpose(turned), elementOf(spec));
    m.store(m.reshape(out, [1, count, valueDim]), refs.out, [head, first, 0]);
    if (refs.gradients && refs.delta) {
      const gradient = m.reshape(m.load(refs.gradients, [1, 1, count, valueDim], [leaves.querySlot, head, first, 0]), [count, valueDim]);
      const products = m.mul(turned, m.convert(m.transpose(gradient), 'f32'));
      this.keep(m.reshape(m.reduce('add', products, 0), [1, count]), refs.delta, [head, 0, first]);
    }
    if (refs.logSumExp) this.keep(natural(), refs.logSumExp, [head, 0, first]);
  }

  /**
   * The factor that makes sums averages, and the log-sum-exp. A row whose every score was masked has summed exp2(0) of masked keys: its
   * maximum tells it, and it gives zeros.
   */
  private finish(head: number, greatest: V, total: V): { factor: V; natural: () => V } {
    const one = m.constant(1, greatest.type);
    if (this.sink) {
      const sink = m.broadcast(this.sink(head), [1, (greatest.type as m.Vector).shape[1]]);
      const top = m.max(greatest, sink);
      const part = m.exp2(m.sub(greatest, top));
      const all = m.add(m.mul(total, part), m.exp2(m.sub(sink, top)));
      return { factor: m.div(part, all), natural: () => m.add(m.mul(top, Math.LN2), m.log(all)) };
    }
    const sees = m.gt(greatest, masked / 2);
    return {
      factor: m.select(sees, m.div(one, total), 0),
      natural: () => m.select(sees, m.add(m.mul(greatest, Math.LN2), m.log(total)), Number.NEGATIVE_INFINITY),
    };
  }
}

/** Comparisons of a piece that a static boundary crosses. */
export function boundaryPairs(tile: TileClass, piece: Piece, group: { first: number; count: number }): V | undefined {
  const shape = [piece.end - piece.start, group.count];
  const limits: V[] = [];
  const difference = () => m.sub(m.iota(shape, 0), m.iota(shape, 1));
  const shift = group.first - piece.start;
  if (piece.low && tile.low !== null) limits.push(m.ge(difference(), tile.low + shift));
  if (piece.high && tile.high !== null) limits.push(m.le(difference(), tile.high + shift));
  if (piece.limit) limits.push(m.lt(m.iota(shape, 0), tile.keys - piece.start));
  return limits.length ? limits.reduce(m.and) : undefined;
}
