/** Attention for the CPU plugin: one XLA FFI custom call to the addon's own kernel (native/attention.h), the mask as data in its attributes. */
import { type AttentionSpec, flops } from '../attention';
import { ShapeError } from '../errors';
import { attr } from '../ir/mlir';
import * as s from '../ir/stablehlo';
import { bandOf } from '../mask';
import type { Module } from '../types';

/** The kernel's own blocks, in tokens: kQueryBlock and kKeyBlock of native/attention_kernel. */
export const cpuBlocks = { blockQ: 128, blockK: 64 };

/** Throws ShapeError for a dense mask (its lowering is `dense`). */
export function lowerCpu(spec: AttentionSpec): Module {
  if (spec.mask.kind === 'dense')
    throw new ShapeError('the CPU kernel takes a lazy mask; a dense one is lowered with lower(spec, "dense")');
  const { low, high } = bandOf(spec.mask);
  const planes = [1, ...bandPlane(low, high, spec.queries, spec.keys)];
  const call = ({ q, k, v }: Record<'q' | 'k' | 'v', s.Tensor>) => {
    const results = s.customCall('node_pjrt_attention', [q, k, v], {
      results: Object.values(spec.outputs),
      backendConfig: { scale: attr.float(spec.scale, 'f64'), planes: attr.array(planes), head_planes: attr.array([0]) },
    });
    return Object.fromEntries(Object.keys(spec.outputs).map((name, i) => [name, results[i]]));
  };
  return s.program('attention', spec.inputs, call, { hiddenFlops: flops(spec) });
}

/** The plane of i + low <= j <= i + high, as native/ffi.h has it: a bound's slope changes where it meets the first or the last key. */
function bandPlane(low: number, high: number, queries: number, keys: number): number[] {
  const cuts = [0, -low, -high, keys - low, keys - high - 1, queries].filter((cut) => cut >= 0 && cut <= queries);
  const ends = [...new Set(cuts)].sort((a, b) => a - b);
  const strips = ends.slice(1).map((end, n) => {
    const start = ends[n];
    const lowBound = start + low >= 0 ? [1, low] : [0, 0];
    const highBound = start + high + 1 < keys ? [1, high + 1] : [0, keys];
    const isEmpty = lowBound[0] * start + lowBound[1] >= highBound[0] * start + highBound[1];
    return isEmpty ? [start, end, 0] : [start, end, 1, ...lowBound, ...highBound];
  });
  return [1, 1, 1, 0, -1, -1, strips.length, ...strips.flat()];
}
