/** The scores of all pairs in plain StableHLO, and the products that both passes take of them. */
import type { AttentionSpec } from '../attention';
import * as s from '../ir/stablehlo';
import { allowedPairs } from './dense-mask';

/** Of all pairs, in f32 [batch, kv heads, group, queries, keys]. */
export interface Scores {
  /** scale q.k, capped where the spec caps; -Infinity where the mask does not allow the pair. */
  readonly masked: s.Tensor;
  /** Where the spec caps: tanh(scale q.k / cap), of every pair. */
  readonly tanh?: s.Tensor;
}

/** Of the program's inputs by name. */
export function scoresOf(spec: AttentionSpec, { q, k, ...ids }: Readonly<Record<string, s.Tensor>>): Scores {
  const { batch, heads, kvHeads, queries, headDim, scale, softCap } = spec;
  const grouped = s.reshape(q, [batch, kvHeads, heads / kvHeads, queries, headDim]);
  const product = s.multiply(pairProduct(grouped, k), scale);
  const tanh = softCap === undefined ? undefined : s.tanh(s.divide(product, softCap));
  const scores = tanh && softCap !== undefined ? s.multiply(tanh, softCap) : product;
  const allowed = allowedPairs(spec, ids);
  if (!allowed) return { masked: scores, tanh };
  const axes: Record<number, number[]> = { 2: [3, 4], 3: [0, 3, 4], 5: [0, 1, 2, 3, 4] };
  const everywhere = s.broadcastInDim(allowed, scores.type.shape, axes[allowed.type.shape.length]);
  return { masked: s.select(everywhere, scores, Number.NEGATIVE_INFINITY), tanh };
}

/** a.b of every pair in f32, of a [batch, kv heads, group, queries, size] and b [batch, kv heads, keys, size]. */
export function pairProduct(a: s.Tensor, b: s.Tensor): s.Tensor {
  return s.dotGeneral(a, b, { batchingDims: perKvHead, contractingDims: [[4], [3]], dtype: 'f32', precision: 'HIGHEST' });
}

/** Products batch over sequences and kv heads. */
export const perKvHead: readonly [readonly number[], readonly number[]] = [
  [0, 1],
  [0, 1],
];

/** A value a row [batch, kv heads, group, queries] at each place of the row. */
export function perRow(x: s.Tensor, shape: readonly number[]): s.Tensor {
  return s.broadcastInDim(x, shape, [0, 1, 2, 3]);
}
