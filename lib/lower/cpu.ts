/**
 * Attention for the CPU plugin: one XLA FFI custom call to the addon's own kernel (native/attention.h), the mask as data in its
 * attributes.
 */
import { type AttentionSpec, flops, inputTypes } from '../attention';
import { attr } from '../ir/mlir';
import * as s from '../ir/stablehlo';
import { planeOf, planeWords } from '../mask';
import type { Module } from '../types';
import { lazyMasks } from './lazy';

/** The kernel's own blocks, in tokens: kQueryBlock and kKeyBlock of native/attention_kernel. */
export const cpuBlocks = { blockQ: 128, blockK: 64 };

/** Throws ShapeError for a dense mask (its lowering is `dense`). */
export function lowerCpu(spec: AttentionSpec): Module {
  const { queries, keys, heads } = spec;
  const masks = lazyMasks(spec);
  const planes = masks.flatMap((one) => planeWords(planeOf(one, queries, keys)));
  const headPlanes = masks.length === 1 ? [0] : Array.from({ length: heads }, (_, head) => Math.floor((head * masks.length) / heads));
  const call = (inputs: Readonly<Record<string, s.Tensor>>) => {
    const results = s.customCall('node_pjrt_attention', Object.values(inputs), {
      results: Object.values(spec.outputs),
      backendConfig: {
        scale: attr.float(spec.scale, 'f64'),
        planes: attr.array([masks.length, ...planes]),
        head_planes: attr.array(headPlanes),
      },
    });
    return Object.fromEntries(Object.keys(spec.outputs).map((name, i) => [name, results[i]]));
  };
  return s.program('attention', inputTypes(spec), call, { hiddenFlops: flops(spec), maskBytes: 8 * planes.length });
}
