/** The meaning of an attention and of its gradients: plain loops in double precision. */
import type { AttentionSpec } from './attention';
import { allows, headMask, type RunTime } from './mask';

/** Inputs given as numbers (widen bf16 and f16 first). */
export type ReferenceInputs = Readonly<
  Record<'q' | 'k' | 'v', ArrayLike<number>> & Partial<Record<'qSegments' | 'kvSegments' | 'keyLengths' | 'sinks', ArrayLike<number>>>
>;

/** Rows of an output: `out` [batch, heads, rows, valueDim] and `logSumExp` [batch, heads, rows] for the query rows in `rows`. */
export interface ReferenceRows {
  readonly rows: readonly number[];
  readonly out: Float64Array;
  readonly logSumExp: Float64Array;
}

/**
 * The forward pass, whatever the spec's own is. Cost is rows x keys x (headDim + valueDim), so name the rows where T is large; all rows by
 * default. A row with no keys gives zeros and -Infinity, or with sinks its sink.
 */
export function reference(
  spec: AttentionSpec,
  inputs: ReferenceInputs,
  rows: readonly number[] = Array.from({ length: spec.queries }, (_, i) => i),
): ReferenceRows {
  const { batch, heads, keys, valueDim } = spec;
  const { v } = inputs;
  const out = new Float64Array(batch * heads * rows.length * valueDim);
  const logSumExp = new Float64Array(batch * heads * rows.length);
  forEachRow(spec, inputs, rows, ({ row, kvHead, attended, weights, logSumExp: sum }) => {
    logSumExp[row] = sum;
    for (const j of attended) {
      const value = (kvHead * keys + j) * valueDim;
      for (let d = 0; d < valueDim; d++) out[row * valueDim + d] += weights[j] * v[value + d];
    }
  });
  return { rows, out, logSumExp };
}

/**
 * Gradients of the query rows in `rows`: `dq` [batch, heads, rows, headDim], and the shares of those rows in the gradients by k, v and,
 * where the spec has them, the sinks [heads].
 */
export interface ReferenceGradients {
  readonly rows: readonly number[];
  readonly dq: Float64Array;
  readonly dk: Float64Array;
  readonly dv: Float64Array;
  readonly dSinks?: Float64Array;
}

/**
 * The backward pass, whatever the spec's own is: the gradients of sum(out * dOut), of `dOut` [batch, heads, queries, valueDim]. It works
 * all out of q, k and v, so `out` and `logSumExp` are not asked for. The rows as in `reference`, at twice its cost; with all of them, the
 * gradients are whole, and so they are where `dOut` is zero in the others. A row with no keys adds nothing.
 */
export function referenceGrad(
  spec: AttentionSpec,
  inputs: ReferenceInputs & { readonly dOut: ArrayLike<number> },
  rows: readonly number[] = Array.from({ length: spec.queries }, (_, i) => i),
): ReferenceGradients {
  const { batch, heads, keys, headDim, valueDim, scale, softCap } = spec;
  const { q, k, v, sinks, dOut } = inputs;
  const dq = new Float64Array(batch * heads * rows.length * headDim);
  const [dk, dv] = [k, v].map(({ length }) => new Float64Array(length));
  const dSinks = sinks && new Float64Array(heads);
  const dWeights = new Float64Array(keys);
  forEachRow(spec, inputs, rows, ({ row, query, head, kvHead, attended, scores, weights, logSumExp }) => {
    let delta = 0;
    for (const j of attended) {
      const value = (kvHead * keys + j) * valueDim;
      dWeights[j] = 0;
      for (let d = 0; d < valueDim; d++) {
        dWeights[j] += dOut[query * valueDim + d] * v[value + d];
        dv[value + d] += weights[j] * dOut[query * valueDim + d];
      }
      delta += weights[j] * dWeights[j];
    }
    if (dSinks && sinks && attended.length) dSinks[head] -= Math.exp(sinks[head] - logSumExp) * delta;
    for (const j of attended) {
      const slope = softCap === undefined ? 1 : 1 - (scores[j] / softCap) ** 2;
      const dProduct = weights[j] * (dWeights[j] - delta) * slope * scale;
      const key = (kvHead * keys + j) * headDim;
      for (let d = 0; d < headDim; d++) {
        dq[row * headDim + d] += dProduct * k[key + d];
        dk[key + d] += dProduct * q[query * headDim + d];
      }
    }
  });
  return { rows, dq, dk, dv, ...(dSinks ? { dSinks } : {}) };
}

/** A query row of a head, and for the keys it attends to, by key, the scores after the cap and their softmax. */
interface Row {
  /** Its place among the visited rows of all heads, and among all rows of all heads. */
  readonly row: number;
  readonly query: number;
  readonly head: number;
  /** Of all sequences. */
  readonly kvHead: number;
  readonly attended: readonly number[];
  readonly scores: Float64Array;
  readonly weights: Float64Array;
  readonly logSumExp: number;
}

/** Scores and weights are reused from row to row. */
function forEachRow(spec: AttentionSpec, inputs: ReferenceInputs, rows: readonly number[], visit: (row: Row) => void): void {
  const { batch, heads, kvHeads, headDim, queries, keys, mask, scale, softCap } = spec;
  const { q, k, qSegments, kvSegments, keyLengths, sinks } = inputs;
  // Locals: a loop of globals is ten times as long in jest's contexts.
  const { exp, max, tanh } = Math;
  const sequence = (ids: ArrayLike<number> | undefined, b: number, tokens: number) =>
    ids && Array.prototype.slice.call(ids, b * tokens, (b + 1) * tokens);
  const scores = new Float64Array(keys);
  const weights = new Float64Array(keys);
  for (let b = 0; b < batch; b++)
    for (let head = 0; head < heads; head++) {
      const own = headMask(mask, head, heads);
      const given: RunTime = {
        qSegments: sequence(qSegments, b, queries),
        kvSegments: sequence(kvSegments, b, keys),
        keyLength: keyLengths?.[b],
      };
      const kvHead = b * kvHeads + Math.floor((head * kvHeads) / heads);
      const sink = sinks?.[head] ?? Number.NEGATIVE_INFINITY;
      for (const [r, i] of rows.entries()) {
        const query = (b * heads + head) * queries + i;
        const attended: number[] = [];
        let greatest = sink;
        for (let j = 0; j < keys; j++) {
          if (!allows(own, i, j, given)) continue;
          const key = (kvHead * keys + j) * headDim;
          let product = 0;
          for (let d = 0; d < headDim; d++) product += q[query * headDim + d] * k[key + d];
          scores[j] = softCap === undefined ? product * scale : softCap * tanh((product * scale) / softCap);
          greatest = max(greatest, scores[j]);
          attended.push(j);
        }
        let total = sink === Number.NEGATIVE_INFINITY ? 0 : Math.exp(sink - greatest);
        for (const j of attended) total += weights[j] = exp(scores[j] - greatest);
        for (const j of attended) weights[j] /= total;
        const logSumExp = total > 0 ? greatest + Math.log(total) : Number.NEGATIVE_INFINITY;
        visit({ row: (b * heads + head) * rows.length + r, query, head, kvHead, attended, scores, weights, logSumExp });
      }
    }
}
