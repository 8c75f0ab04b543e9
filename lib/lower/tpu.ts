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
import { type ForwardPlan, forwardPlan } from './tpu-walk';
import { type IdSet, idSetsOf } from './tpu-mask';

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

/** [batch, heads, tokens, size] as [batch x heads, padded tokens, size], zeros after the last token. */
function padded(x: s.Tensor, to: TensorType): s.Tensor {
  const tokens = x.type.shape[2];
  const [heads, all, size] = to.shape;
  return padTokens(s.reshape(x, [heads, tokens, size]), all, 0);
}

/** More tokens, along axis 1, of one value. */
function padTokens(x: s.Tensor, tokens: number, value: number): s.Tensor {
  const { shape } = x.type;
  if (tokens === shape[1]) return x;
  return s.pad(x, value, { low: shape.map(() => 0), high: shape.map((n, axis) => (axis === 1 ? tokens - n : 0)) });
}

/** The opposite: padded tokens cut off, heads of each sequence apart. */
function cut(x: s.Tensor, to: TensorType): s.Tensor {
  const { shape } = x.type;
  const tokens = to.shape[2];
  const limit = shape.map((n, axis) => (axis === 1 ? tokens : n));
  return s.reshape(tokens === shape[1] ? x : s.slice(x, { start: shape.map(() => 0), limit }), to.shape);
}

/** Bytes of all that `idArrays` makes. */
function idBytes(sets: readonly IdSet[], { batch }: AttentionSpec, { queries, keys, blockQ }: ForwardPlan): number {
  return sets.reduce((bytes, { lengths }) => bytes + 4 * (lengths ? 1 : batch) * (queries + keys + (2 * queries) / blockQ), 0);
}

/** Ids i32 [sequences, 1, padded tokens], and the key blocks [start, end) of each query block, i32 [sequences x query blocks]. */
function idArrays({ lengths }: IdSet, spec: AttentionSpec, blocks: ForwardPlan, inputs: Readonly<Record<string, s.Tensor>>) {
  const [rows, columns] = [blocks.queries / blocks.blockQ, blocks.keys / blocks.blockK];
  const q = lengths ? documentIdsOf(lengths, spec.queries, -1) : inputs.qSegments;
  const kv = lengths ? documentIdsOf(lengths, spec.keys, -2) : inputs.kvSegments;
  const [sequences] = q.type.shape;
  // By the least and greatest id of each block: exact where ids are sorted, and never too little where they are not.
  const extremes = (ids: s.Tensor, tokens: number, count: number) => {
    const block = (value: number) => s.reshape(padTokens(ids, tokens, value), [sequences, count, tokens / count]);
    return [s.min(block(2 ** 31 - 1), [2]), s.max(block(-(2 ** 31)), [2])];
  };
  const [leastQ, mostQ] = extremes(q, blocks.queries, rows);
  const [leastK, mostK] = extremes(kv, blocks.keys, columns);
  const plane = [sequences, rows, columns];
  const ofQ = (x: s.Tensor) => s.broadcastInDim(x, plane, [0, 1]);
  const ofK = (x: s.Tensor) => s.broadcastInDim(x, plane, [0, 2]);
  const meet = s.and(s.compare(ofQ(leastQ), ofK(mostK), 'LE'), s.compare(ofK(leastK), ofQ(mostQ), 'LE'));
  const column = s.iota(tensor('i32', plane), 2);
  const table = (x: s.Tensor) => s.reshape(x, [sequences * rows]);
  return {
    q: s.reshape(padTokens(q, blocks.queries, 0), [sequences, 1, blocks.queries]),
    kv: s.reshape(padTokens(kv, blocks.keys, 0), [sequences, 1, blocks.keys]),
    start: table(s.min(s.select(meet, column, columns), [2])),
    end: table(s.max(s.select(meet, s.add(column, 1), 0), [2])),
  };
}

/** The document of each token, i32 [1, tokens]: the number of documents that end before it, or `none` after the last. Made by the program, so that its text does not grow with T. */
function documentIdsOf(lengths: readonly number[], tokens: number, none: number): s.Tensor {
  let end = 0;
  const ends = lengths.map((length) => {
    end += length;
    return Math.min(end, tokens);
  });
  const plane = [ends.length, tokens];
  // The barrier keeps the compiler from working the ids out itself: of a million tokens that takes 3 s.
  const bounds = s.optimizationBarrier(s.constant(Int32Array.from(ends), tensor('i32', [ends.length])));
  const each = s.broadcastInDim(bounds, plane, [0]);
  const past = s.compare(each, s.iota(tensor('i32', plane), 1), 'LE');
  const ids = s.sum(s.convert(past, 'i32'), [0]);
  return s.reshape(s.select(s.compare(ids, ends.length, 'LT'), ids, none), [1, tokens]);
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
