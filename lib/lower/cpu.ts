/**
 * Attention for the CPU plugin: XLA FFI custom calls to the addon's own kernels (native/attention.h), one a pass, the mask as data in their
 * attributes.
 */
import { type AttentionSpec, flops } from '../attention';
import { ShapeError, shown } from '../errors';
import { attr } from '../ir/mlir';
import * as s from '../ir/stablehlo';
import { planeOf, planeWords } from '../mask';
import { type TensorType, tensor } from '../types';
import { lazyMasks } from './lazy';
import type { Part, Tensors } from './part';

export interface CpuOptions {
  /** The most threads that a run takes, the caller's among them; as many as the plugin's pool has, one a core, by default. */
  readonly threads?: number;
}

/** The forward kernel's own blocks, in tokens: kQueryBlock and kKeyBlock of native/attention_kernel. */
export const cpuBlocks = { blockQ: 128, blockK: 128 };

/** Throws ShapeError for a dense mask (its lowering is `dense`), a soft cap that is none of the kernel's, or threads that are none. */
export function cpuPart(spec: AttentionSpec, { threads }: CpuOptions): Part {
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0 && threads < 2 ** 31))
    throw new ShapeError(`lower: threads is a whole number from 1 to 2147483647; got ${shown(threads)}`);
  const { batch, queries, keys, heads, softCap = 0, pass } = spec;
  if (softCap && !(softCap >= 2 ** -100 && softCap <= 2 ** 100))
    throw new ShapeError(`lower: the CPU kernel takes a softCap from 2^-100 to 2^100; got ${shown(softCap)}`);
  const masks = lazyMasks(spec);
  const planes = masks.flatMap((one) => planeWords(planeOf(one, queries, keys)));
  const headPlanes = masks.length === 1 ? [0] : Array.from({ length: heads }, (_, head) => Math.floor((head * masks.length) / heads));
  const backendConfig = {
    scale: attr.float(spec.scale, 'f64'),
    soft_cap: attr.float(softCap, 'f64'),
    threads: attr.integer(threads ?? 0),
    planes: attr.array([masks.length, ...planes]),
    head_planes: attr.array(headPlanes),
  };
  const { out, logSumExp, ...gradients } = spec.outputs;
  const call = (inputs: Tensors): Record<string, s.Tensor> => {
    const { out: given, logSumExp: givenSum, dOut, ...operands } = inputs;
    const kernel = (target: string, taken: s.Tensor[], results: Readonly<Record<string, TensorType>>) => {
      const values = s.customCall(target, [...Object.values(operands), ...taken], { results: Object.values(results), backendConfig });
      return Object.fromEntries(Object.keys(results).map((name, i) => [name, values[i]]));
    };
    const rowSums = tensor('f32', [batch, heads, queries]);
    const results: Record<string, TensorType> = { ...(out && { out }), ...((logSumExp || pass !== 'forward') && { logSumExp: rowSums }) };
    const forward = out ? kernel('node_pjrt_attention', [], results) : { out: given, logSumExp: givenSum };
    if (pass === 'forward') return forward;
    const backward = kernel(
      'node_pjrt_attention_backward',
      [forward.out, forward.logSumExp, dOut],
      gradients as Record<string, TensorType>,
    );
    return { ...(out && { out: forward.out }), ...(logSumExp && { logSumExp: forward.logSumExp }), ...backward };
  };
  return { call, facts: { hiddenFlops: flops(spec), maskBytes: 8 * planes.length } };
}
