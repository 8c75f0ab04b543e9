/** A kernel as an operation of a program: one `tpu_custom_call` with its text. */
import { type AttentionSpec, flops, unmaskedPairs } from '../attention';
import type { Chip } from '../ir/chips';
import { factsOf } from '../ir/facts';
import { type Kernel, moduleOf, moduleText } from '../ir/kernel';
import { attr } from '../ir/mlir';
import * as s from '../ir/stablehlo';
import { verify } from '../ir/verify';
import { dtypes, type KernelFacts, type TensorType, tensor } from '../types';

/** What XLA's scheduler is told of the call. */
export interface CallCost {
  readonly flops: number;
  readonly transcendentals: number;
  readonly bytesAccessed: number;
}

/** Of one pass: its arithmetic, an exponential a pair, and what it reads and writes at least. */
export function costOf(spec: AttentionSpec, pass: 'forward' | 'backward'): CallCost {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim, dtype } = spec;
  const arrays = dtypes[dtype].bytes * batch * (heads * queries + kvHeads * keys) * (headDim + valueDim);
  return {
    flops: flops({ ...spec, pass }),
    transcendentals: unmaskedPairs(spec),
    // A backward pass reads its arrays, and writes as many gradients.
    bytesAccessed: (pass === 'forward' ? 1 : 2) * arrays,
  };
}

export interface KernelCall {
  readonly facts: KernelFacts;
  /** Appends the call to a program: of the kernel's prefetched arrays and inputs, its outputs; all row-major. */
  readonly call: (operands: readonly s.Tensor[]) => s.Tensor[];
}

/** `name` is the kernel's in profiles. Throws ShapeError for what the chip's compiler would refuse. */
export function kernelCall(kernel: Kernel, { name, chip, cost }: { name: string; chip: Chip; cost: CallCost }): KernelCall {
  const module = moduleOf(kernel);
  verify(kernel, chip, module);
  const body = Buffer.from(moduleText(module)).toString('base64');
  const results = kernel.outputs.map(({ element, shape }) => tensor(element as 'f32' | 'bf16', shape));
  const rowMajor = ({ shape }: TensorType) => shape.map((_, axis) => shape.length - 1 - axis);
  return {
    facts: factsOf(kernel, name),
    call: (operands) =>
      s.customCall('tpu_custom_call', operands, {
        results,
        backendConfig: JSON.stringify({
          custom_call_config: {
            body,
            serialization_format: 1,
            needs_layout_passes: true,
            disable_bounds_checks: true,
            cost_estimate: { flops: cost.flops, transcendentals: cost.transcendentals, bytes_accessed: cost.bytesAccessed },
          },
          scoped_memory_configs: [{ memory_space: 1, offset: 0, size: chip.vmemBytes }],
        }),
        attributes: { kernel_name: attr.string(`attention_${name}`) },
        operandLayouts: operands.map(({ type }) => rowMajor(type)),
        resultLayouts: results.map(rowMajor),
      }),
  };
}
