/** Attention for the CPU plugin: one XLA FFI custom call to the addon's own kernel (native/attention.h), the mask as data in its attributes. */
import { type AttentionSpec, flops } from '../attention';
import { ShapeError } from '../errors';
import { attr } from '../ir/mlir';
import * as s from '../ir/stablehlo';
import { bandOf } from '../mask';
import type { Module } from '../types';

/** What the kernel takes for a diagonal without bound. */
const unbounded = 2n ** 62n;

/** The kernel's own blocks, in tokens: kQueryBlock and kKeyBlock of native/attention_kernel. */
export const cpuBlocks = { blockQ: 128, blockK: 64 };

/** Throws ShapeError for a dense mask (its lowering is `dense`). */
export function lowerCpu(spec: AttentionSpec): Module {
  if (spec.mask.kind === 'dense')
    throw new ShapeError('the CPU kernel takes a lazy mask; a dense one is lowered with lower(spec, "dense")');
  const { low, high } = bandOf(spec.mask);
  const diagonal = (value: number) => attr.integer(Number.isFinite(value) ? BigInt(value) : value < 0 ? -unbounded : unbounded);
  const call = ({ q, k, v }: Record<'q' | 'k' | 'v', s.Tensor>) => {
    const results = s.customCall('node_pjrt_attention', [q, k, v], {
      results: Object.values(spec.outputs),
      backendConfig: { scale: attr.float(spec.scale, 'f64'), band_low: diagonal(low), band_high: diagonal(high) },
    });
    return Object.fromEntries(Object.keys(spec.outputs).map((name, i) => [name, results[i]]));
  };
  return s.program('attention', spec.inputs, call, { hiddenFlops: flops(spec) });
}
