/**
 * The gradients of dense.ts: the softmax again from its log-sum-exp, then five products, those of a group's heads summed by the product
 * itself.
 */
import type { AttentionSpec } from '../attention';
import * as s from '../ir/stablehlo';
import { deltaOf, sinkGradient } from './delta';
import { pairProduct, perKvHead, perRow, type Scores } from './dense-scores';

/** By name, in the order of the spec's outputs; `out` and `logSumExp` are the forward pass's. */
export function gradients(
  spec: AttentionSpec,
  { q, k, v, sinks, dOut }: Readonly<Record<string, s.Tensor>>,
  { masked, tanh }: Scores,
  { out, logSumExp }: { readonly out: s.Tensor; readonly logSumExp: s.Tensor },
): Record<string, s.Tensor> {
  const { batch, heads, kvHeads, queries, headDim, valueDim, dtype, scale } = spec;
  const rows = [batch, kvHeads, heads / kvHeads, queries];
  const pairs = masked.type.shape;
  const delta = deltaOf(out, dOut);
  const grouped = { q: s.reshape(q, [...rows, headDim]), dOut: s.reshape(dOut, [...rows, valueDim]) };
  // A row with no keys has a sum of -infinity; less 0, its scores stay -infinity and its weights 0.
  const sum = s.reshape(s.select(s.isFinite(logSumExp), logSumExp, 0), rows);
  const weights = s.exponential(s.subtract(masked, perRow(sum, pairs)));
  const dWeights = pairProduct(grouped.dOut, v);
  const dScores = s.multiply(weights, s.subtract(dWeights, perRow(s.reshape(delta, rows), pairs)));
  const dProducts = tanh ? s.multiply(dScores, s.subtract(1, s.multiply(tanh, tanh))) : dScores;
  const narrow = s.convert(dProducts, dtype);
  const dq = s.dotGeneral(narrow, k, { batchingDims: perKvHead, contractingDims: [[4], [2]], dtype: 'f32', precision: 'HIGHEST' });
  const scaled = (x: s.Tensor) => s.convert(s.multiply(x, scale), dtype);
  return {
    dq: s.reshape(scaled(dq), [batch, heads, queries, headDim]),
    dk: scaled(keySum(narrow, grouped.q)),
    dv: s.convert(keySum(s.convert(weights, dtype), grouped.dOut), dtype),
    ...(sinks ? { dSinks: sinkGradient(sinks, logSumExp, delta) } : {}),
  };
}

/**
 * For each key of a kv head, rows weighed by their pairs and summed over the group's heads and queries: f32 [batch, kv heads, keys,
 * size].
 */
function keySum(pairs: s.Tensor, rows: s.Tensor): s.Tensor {
  const contractingDims = [
    [2, 3],
    [2, 3],
  ] as const;
  return s.dotGeneral(pairs, rows, { batchingDims: perKvHead, contractingDims, dtype: 'f32', precision: 'HIGHEST' });
}
