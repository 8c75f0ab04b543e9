/** What every backward lowering makes of whole rows, in plain StableHLO: O(T) work beside its products. */
import * as s from '../ir/stablehlo';

/** sum(out * dOut) over the last axis, in f32: what a row's softmax takes off each of its weights' gradients. */
export function deltaOf(out: s.Tensor, dOut: s.Tensor): s.Tensor {
  return s.sum(s.multiply(s.convert(out, 'f32'), s.convert(dOut, 'f32')), [out.type.shape.length - 1]);
}

/**
 * The gradient by sinks f32 [heads]: -sum of exp(sink - logSumExp) delta over sequences and queries, of logSumExp and delta f32 [batch,
 * heads, queries].
 */
export function sinkGradient(sinks: s.Tensor, logSumExp: s.Tensor, delta: s.Tensor): s.Tensor {
  const each = s.broadcastInDim(sinks, logSumExp.type.shape, [1]);
  // -Infinity less itself is no number: a sink of -Infinity and a row with no keys.
  const sum = s.select(s.isFinite(logSumExp), logSumExp, 0);
  return s.negate(s.sum(s.multiply(s.exponential(s.subtract(each, sum)), delta), [0, 2]));
}
