/**
 * Attention's gradients for TPU: one `tpu_custom_call` of the backward kernel (tpu-backward.ts), with the rows' statistics before it,
 * padding around it, and, where the cores shared the query heads of a kv head, the sum of their parts after it.
 */
import type { AttentionSpec } from '../attention';
import type { Chip } from '../ir/chips';
import * as s from '../ir/stablehlo';
import { hasKind } from '../mask';
import { type KernelFacts, tensor } from '../types';
import { deltaOf, sinkGradient } from './delta';
import { lazyMasks } from './lazy';
import { backwardKernel } from './tpu-backward';
import { type BackwardChoice, backwardPlan } from './tpu-backward-plan';
import { costOf, kernelCall } from './tpu-call';
import { idSetsOf } from './tpu-mask';
import { columnTables, cut, idArrays, idBytes, padded, padTokens } from './tpu-operands';

/** A pass, built: what its program calls, and what is known of it. */
export interface Pass {
  readonly facts: KernelFacts;
  /** Of the mask's arrays. */
  readonly maskBytes: number;
  /** Appends the pass to a program: of the attention's inputs by name, its outputs. */
  readonly call: (inputs: Readonly<Record<string, s.Tensor>>) => Record<string, s.Tensor>;
}

/**
 * The backward pass: of the attention's inputs, `out` and `dOut` [batch, heads, queries, valueDim] of the dtype and `logSumExp` f32
 * [batch, heads, queries] (natural; -Infinity where a row sees nothing) and, where it is known, `delta` of the same type, dq, dk and dv
 * in the dtype, and dSinks f32 [heads] where there are sinks. Throws ShapeError for a dense mask, and for a choice that the kernel cannot
 * take.
 */
export function gradientsTpu(spec: AttentionSpec, choice: BackwardChoice, chip: Chip): Pass {
  const plan = backwardPlan(spec, choice, chip);
  const { block, rows, columns, split } = plan;
  const { batch, heads, kvHeads, headDim, valueDim, dtype } = spec;
  const blocks = { blockQ: block, blockK: block, queries: rows * block, keys: columns * block };
  const idSets = plan.band ? [] : idSetsOf(lazyMasks(spec));
  const { facts, call } = kernelCall(backwardKernel(spec, plan), { name: 'backward', chip, cost: costOf(spec, 'backward') });

  const gradients: Pass['call'] = (inputs) => {
    const delta = inputs.delta ?? deltaOf(inputs.out, inputs.dOut);
    const ids = idSets.map((set) => {
      const arrays = idArrays(set, spec, blocks, inputs);
      return { ...arrays, ofColumns: columnTables(arrays, rows, columns) };
    });
    const kv = (x: s.Tensor, size: number) => padded(x, tensor(dtype, [batch * kvHeads, blocks.keys, size]));
    const q = (x: s.Tensor, size: number) => padded(x, tensor(dtype, [batch * heads, blocks.queries, size]));
    const operands = [
      ...ids.flatMap(({ start, end, ofColumns }) => [start, end, ofColumns.start, ofColumns.end]),
      ...(hasKind(spec.mask, 'keyLengths') ? [inputs.keyLengths] : []),
      kv(inputs.k, headDim),
      kv(inputs.v, valueDim),
      q(inputs.q, headDim),
      q(inputs.dOut, valueDim),
      line(inputs.logSumExp),
      line(delta),
      ...ids.flatMap((one) => [one.q, one.kv]),
    ];
    const [dk, dv, dq] = call(operands);
    const whole = (x: s.Tensor) => {
      if (split === 'kv') return x;
      const { shape } = x.type;
      return s.convert(s.sum(s.reshape(x, [plan.cores, shape[0] / plan.cores, ...shape.slice(1)]), [0]), dtype);
    };
    return {
      dq: cut(dq, spec.inputs.q),
      dk: cut(whole(dk), spec.inputs.k),
      dv: cut(whole(dv), spec.inputs.v),
      ...(spec.sinks ? { dSinks: sinkGradient(inputs.sinks, inputs.logSumExp, delta) } : {}),
    };
  };
  return {
    facts,
    maskBytes: idBytes(idSets, spec, blocks) + 8 * columns * idSets.reduce((sum, { lengths }) => sum + (lengths ? 1 : batch), 0),
    call: gradients,
  };

  /**
   * [batch, heads, queries] as [heads of all sequences, 1, padded queries]. Rows of padding have no gradient whatever their sum: their
   * dOut is 0.
   */
  function line(x: s.Tensor): s.Tensor {
    return s.reshape(padTokens(s.reshape(x, [batch * heads, spec.queries]), blocks.queries, 0), [batch * heads, 1, blocks.queries]);
  }
}
