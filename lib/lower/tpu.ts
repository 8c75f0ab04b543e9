/**
 * Attention for TPU: one `tpu_custom_call` whose Mosaic kernel (tpu-kernel.ts) is printed here into the program, with the padding around it, and the arrays that
 * a mask with ids brings: an id a token, and for each query block the key blocks that hold any of its ids.
 */
import { type AttentionSpec, flops, inputTypes, unmaskedPairs } from '../attention';
import { ShapeError } from '../errors';
import { factsOf } from '../ir/facts';
import { kernelText } from '../ir/kernel';
import { attr } from '../ir/mlir';
import * as s from '../ir/stablehlo';
import { hasKind } from '../mask';
import { type Module, type TensorType, tensor } from '../types';
import { lazyMasks } from './lazy';
import { forwardChoice } from './tpu-choice';
import { forwardKernel } from './tpu-forward';
import { idSetsOf } from './tpu-mask';
import { cut, idArrays, idBytes, padded } from './tpu-operands';
import { forwardPlan } from './tpu-walk';

/** Throws ShapeError for a dense mask (its lowering is `dense`) and for sizes past the kernel's limits. */
export function lowerTpu(spec: AttentionSpec, choice?: import('./tpu-choice').ForwardChoice): Module {
  if (spec.pass !== 'forward') throw new ShapeError(`the TPU kernel takes pass forward; got ${spec.pass}`);
  if (Math.max(spec.headDim, spec.valueDim) > 1024)
    throw new ShapeError(`the TPU kernel takes a headDim and valueDim up to 1024; got ${spec.headDim} and ${spec.valueDim}`);
  if (Math.max(spec.queries, spec.keys) > 2 ** 28)
    throw new ShapeError(`the TPU kernel takes up to 2^28 tokens; got ${spec.queries} x ${spec.keys}`);
  const blocks = forwardPlan(spec, choice ?? forwardChoice(spec, 'fast', 2), 2);
  const { batch, heads, kvHeads, headDim, valueDim, dtype } = spec;
  const idSets = blocks.band ? [] : idSetsOf(lazyMasks(spec));
  const results = [tensor(dtype, [batch * heads, blocks.queries, valueDim])];
  if (spec.logSumExp) results.push(tensor('f32', [batch * heads, 1, blocks.queries]));
  const kernel = forwardKernel(spec, blocks);
  const body = Buffer.from(kernelText(kernel)).toString('base64');
  const kernels = [factsOf(kernel, 'forward')];
  const call = (inputs: Readonly<Record<string, s.Tensor>>): Record<string, s.Tensor> => {
    const ids = idSets.map((set) => idArrays(set, spec, blocks, inputs));
    const operands = [
      ...ids.flatMap(({ start, end }) => [start, end]),
      ...(hasKind(spec.mask, 'keyLengths') ? [inputs.keyLengths] : []),
      ...(spec.sinks ? [s.multiply(inputs.sinks, Math.LOG2E)] : []),
      padded(inputs.q, tensor(dtype, [batch * heads, blocks.queries, headDim])),
      padded(inputs.k, tensor(dtype, [batch * kvHeads, blocks.keys, headDim])),
      padded(inputs.v, tensor(dtype, [batch * kvHeads, blocks.keys, valueDim])),
      ...ids.flatMap(({ q, kv }) => [q, kv]),
    ];
    const rowMajor = ({ shape }: TensorType) => shape.map((_, axis) => shape.length - 1 - axis);
    const [out, logSumExp] = s.customCall('tpu_custom_call', operands, {
      results,
      backendConfig: JSON.stringify({
        custom_call_config: {
          body,
          serialization_format: 1,
          needs_layout_passes: true,
          disable_bounds_checks: true,
          cost_estimate: costEstimate(spec),
        },
        scoped_memory_configs: [{ memory_space: 1, offset: 0, size: 63 * 2 ** 20 }],
      }),
      attributes: { kernel_name: attr.string('attention') },
      operandLayouts: operands.map(({ type }) => rowMajor(type)),
      resultLayouts: results.map(rowMajor),
    });
    const whole = { out: cut(out, tensor(dtype, [batch, heads, spec.queries, valueDim])) };
    if (!logSumExp || !spec.outputs.logSumExp) return whole;
    return { ...whole, logSumExp: cut(s.reshape(logSumExp, [batch * heads, blocks.queries]), spec.outputs.logSumExp) };
  };
  return s.program('attention', inputTypes(spec), call, { hiddenFlops: flops(spec), maskBytes: idBytes(idSets, spec, blocks), kernels });
}

/** What XLA's scheduler is told of the call. */
function costEstimate(spec: AttentionSpec) {
  const bytes = spec.dtype === 'bf16' ? 2 : 4;
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = spec;
  return {
    flops: flops(spec),
    transcendentals: unmaskedPairs(spec),
    bytes_accessed: bytes * batch * (heads * queries + kvHeads * keys) * (headDim + valueDim),
  };
}
