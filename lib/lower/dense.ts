/**
 * Attention and its gradients in plain StableHLO, scores and all: O(T^2) memory and work whatever the mask. Every plugin takes it. It is
 * the baseline that the kernels are compared with, and the only lowering of a dense mask, whose bits go into the text as a constant.
 */
import type { AttentionSpec } from '../attention';
import * as s from '../ir/stablehlo';
import { gradients } from './dense-backward';
import { perKvHead, perRow, scoresOf } from './dense-scores';
import type { Part, Tensors } from './part';

/** Throws ShapeError for a dense mask over 2^27 bytes (32768 x 32768 pairs). */
export function densePart(spec: AttentionSpec): Part {
  const call = (inputs: Tensors): Record<string, s.Tensor> => {
    const scores = scoresOf(spec, inputs);
    if (spec.pass === 'backward') return gradients(spec, inputs, scores, { out: inputs.out, logSumExp: inputs.logSumExp });
    const { out, logSumExp } = outputs(spec, inputs, scores.masked);
    return {
      out,
      ...(spec.logSumExp ? { logSumExp } : {}),
      ...(spec.pass === 'forward' ? {} : gradients(spec, inputs, scores, { out, logSumExp })),
    };
  };
  return { call, facts: { maskBytes: spec.mask.kind === 'dense' ? spec.mask.bits.length : 0 } };
}

function outputs(spec: AttentionSpec, { v, sinks }: Readonly<Record<string, s.Tensor>>, scores: s.Tensor) {
  const { batch, heads, kvHeads, queries, valueDim, dtype } = spec;
  const rows = [batch, kvHeads, heads / kvHeads, queries];
  const sink = sinks && s.broadcastInDim(s.reshape(sinks, rows.slice(1, 3)), rows, [1, 2]);
  const highest = sink ? s.maximum(s.max(scores, [4]), sink) : s.max(scores, [4]);
  // A row with no keys has a maximum of -infinity; 0 in its place keeps NaN out, and its sum of 0 tells it.
  const greatest = s.select(s.isFinite(highest), highest, 0);
  const weights = s.exponential(s.subtract(scores, perRow(greatest, scores.type.shape)));
  const sum = s.sum(weights, [4]);
  const total = sink ? s.add(sum, s.exponential(s.subtract(sink, greatest))) : sum;
  const product = s.dotGeneral(s.convert(weights, dtype), v, {
    batchingDims: perKvHead,
    contractingDims: [[4], [2]],
    dtype: 'f32',
    precision: 'HIGHEST',
  });
  const divisor = s.select(s.compare(total, 0, 'EQ'), 1, total);
  const out = s.convert(s.divide(product, perRow(divisor, product.type.shape)), dtype);
  return {
    out: s.reshape(out, [batch, heads, queries, valueDim]),
    logSumExp: s.reshape(s.add(greatest, s.log(total)), [batch, heads, queries]),
  };
}
