/**
 * Attention for TPU: one `tpu_custom_call` whose Mosaic kernel is printed here. A grid step is a block of queries of a head; K and V stay
 * in HBM, and an inner loop walks exactly the key blocks that the mask's closed form says are not empty, each copied in while the one
 * before is multiplied; a step's last iteration starts the next step's first copy, so that the pipeline never drains. Nothing in the
 * kernel depends on T but constants: its text, code size and compile time are the same at 4096 tokens and at a million.
 *
 * Softmax is the online one (Milakov and Gimelshein 2018; FlashAttention-2, Dao 2023) in base 2, with log2(e) folded into the scale.
 */
import { type AttentionSpec, flops } from '../attention';
import { ShapeError } from '../errors';
import { kernelText, type Kernel } from '../ir/kernel';
import { attr } from '../ir/mlir';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import * as s from '../ir/stablehlo';
import { bandOf, type LazyMask } from '../mask';
import { type Module, type TensorType, tensor } from '../types';

/** How the TPU kernel cuts an attention into blocks: sizes in tokens, and both sides padded to whole blocks. */
export interface TpuBlocks {
  readonly blockQ: number;
  readonly blockK: number;
  readonly queries: number;
  readonly keys: number;
}

const lanes = 128;
const sublanes = 16;

// 512 x 512 is where compile time (0.3 to 1 s) and the schedule (89 % of the MXU's limit) were found to balance; blocks of heads wider than 256 are
// halved to hold K, V, Q, the accumulator and the scores in 16 MiB of vector memory, the least that any generation gives a kernel.
const largestBlock = (headDim: number) => (headDim <= 256 ? 512 : headDim <= 512 ? 256 : 128);

/** The fewest blocks that cover `tokens`, of one size that is a multiple of `step`. */
function divide(tokens: number, largest: number, step: number): { block: number; padded: number } {
  const blocks = Math.ceil(tokens / largest);
  const block = Math.ceil(tokens / blocks / step) * step;
  return { block, padded: block * blocks };
}

export function tpuBlocks(spec: AttentionSpec): TpuBlocks {
  const largest = largestBlock(Math.max(spec.headDim, spec.valueDim));
  // A block of queries is a row of lanes of the log-sum-exp, so it is a multiple of 128 unless it is the only one.
  const q = divide(spec.queries, largest, spec.queries > largest ? lanes : sublanes);
  const k = divide(spec.keys, largest, lanes);
  return { blockQ: q.block, blockK: k.block, queries: q.padded, keys: k.padded };
}

/** Throws ShapeError for a dense mask (its lowering is `dense`) and for sizes past the kernel's limits. */
export function lowerTpu(spec: AttentionSpec): Module {
  if (spec.mask.kind === 'dense')
    throw new ShapeError('the TPU kernel takes a lazy mask; a dense one is lowered with lower(spec, "dense")');
  if (Math.max(spec.headDim, spec.valueDim) > 1024)
    throw new ShapeError(`the TPU kernel takes a headDim and valueDim up to 1024; got ${spec.headDim} and ${spec.valueDim}`);
  if (Math.max(spec.queries, spec.keys) > 2 ** 30)
    throw new ShapeError(`the TPU kernel takes up to 2^30 tokens; got ${spec.queries} x ${spec.keys}`);
  const blocks = tpuBlocks(spec);
  const { batch, heads, kvHeads, headDim, valueDim, dtype } = spec;
  const operands = {
    q: tensor(dtype, [batch * heads, blocks.queries, headDim]),
    k: tensor(dtype, [batch * kvHeads, blocks.keys, headDim]),
    v: tensor(dtype, [batch * kvHeads, blocks.keys, valueDim]),
  };
  const results = [tensor(dtype, [batch * heads, blocks.queries, valueDim])];
  if (spec.logSumExp) results.push(tensor('f32', [batch * heads, 1, blocks.queries]));
  const body = Buffer.from(kernelText(attentionKernel(spec, spec.mask, blocks))).toString('base64');
  const call = ({ q, k, v }: Record<'q' | 'k' | 'v', s.Tensor>) => {
    const [out, logSumExp] = s.customCall('tpu_custom_call', [padded(q, operands.q), padded(k, operands.k), padded(v, operands.v)], {
      results,
      backendConfig: JSON.stringify({
        custom_call_config: { body, serialization_format: 1, needs_layout_passes: true, cost_estimate: costEstimate(spec) },
      }),
      attributes: { kernel_name: attr.string('attention') },
      operandLayouts: [q, k, v].map(() => [2, 1, 0]),
      resultLayouts: results.map(() => [2, 1, 0]),
    });
    const whole = { out: cut(out, spec.outputs.out) };
    if (!logSumExp || !spec.outputs.logSumExp) return whole;
    return { ...whole, logSumExp: cut(s.reshape(logSumExp, [batch * heads, blocks.queries]), spec.outputs.logSumExp) };
  };
  return s.program('attention', spec.inputs, call, { hiddenFlops: flops(spec) });
}

/** [batch, heads, tokens, size] as [batch x heads, padded tokens, size], zeros after the last token. */
function padded(x: s.Tensor, to: TensorType): s.Tensor {
  const [heads, tokens, size] = to.shape;
  const flat = s.reshape(x, [heads, x.type.shape[2], size]);
  return tokens === x.type.shape[2]
    ? flat
    : s.pad(flat, s.constant(0, tensor(to.dtype, [])), { low: [0, 0, 0], high: [0, tokens - x.type.shape[2], 0] });
}

/** The opposite: padded tokens cut off, heads of each sequence apart. */
function cut(x: s.Tensor, to: TensorType): s.Tensor {
  const { shape } = x.type;
  const tokens = to.shape[2];
  const limit = shape.map((n, d) => (d === 1 ? tokens : n));
  return s.reshape(tokens === shape[1] ? x : s.slice(x, { start: shape.map(() => 0), limit }), to.shape);
}

/** What XLA's scheduler is told of the call. Each query block reads the keys that its rows see. */
function costEstimate(spec: AttentionSpec) {
  const bytes = spec.dtype === 'bf16' ? 2 : 4;
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = spec;
  return {
    flops: flops(spec),
    transcendentals: flops(spec) / (2 * (headDim + valueDim)),
    bytes_accessed: bytes * batch * (heads * queries * (headDim + valueDim) + kvHeads * keys * (headDim + valueDim)),
  };
}

const log2e = Math.LOG2E;
const masked = -1e30;

/** The kernel, on operands [heads of all sequences, padded tokens, size]. */
export function attentionKernel(spec: AttentionSpec, mask: LazyMask, blocks: TpuBlocks): Kernel {
  const { batch, heads, kvHeads, headDim, valueDim, dtype } = spec;
  const { blockQ, blockK, queries, keys } = blocks;
  const all = batch * heads;
  // Scratch is a core's own, so each of a chip's two cores gets its share of the heads by a leading parallel dimension.
  const cores = all % 2 === 0 ? 2 : 1;
  const headsPerCore = all / cores;
  const queryBlocks = queries / blockQ;
  const band = bandOf(mask);
  const bound = (diagonal: number) => Math.max(-(2 ** 30), Math.min(2 ** 30, diagonal));
  const low = bound(band.low);
  const high = bound(band.high);
  const needsMask = low > -spec.queries || high < spec.keys - 1 || keys > spec.keys;

  /** First and end of the key blocks that a query block visits: where the first key of its rows is, and the last. */
  const visits = (queryBlock: V) => {
    const firstRow = m.mul(queryBlock, blockQ);
    const firstKey = m.max(m.add(firstRow, low), 0);
    const lastKey = m.min(m.add(firstRow, Math.min(high + blockQ - 1, 2 ** 30)), spec.keys - 1);
    const some = m.le(firstKey, lastKey);
    return { start: m.div(firstKey, blockK), end: m.select(some, m.add(m.div(m.max(lastKey, 0), blockK), 1), m.div(firstKey, blockK)) };
  };

  const scratch = [
    m.ref('vmem', dtype, [2, blockK, headDim]),
    m.ref('vmem', dtype, [2, blockK, valueDim]),
    m.ref('semaphore_mem', 'dma_semaphore', [2, 2]),
    m.ref('vmem', 'f32', [blockQ, lanes]),
    m.ref('vmem', 'f32', [blockQ, lanes]),
    m.ref('vmem', 'f32', [blockQ, valueDim]),
    m.ref('smem', 'i32', [1]),
  ];

  const body: Kernel['body'] = ([core, headInCore, queryBlock], refs) => {
    const outputs = spec.logSumExp ? 2 : 1;
    const [q, k, v, out] = refs;
    const logSumExp = refs[4];
    const [kSlots, vSlots, semaphores, greatest, total, accumulator, slotOfStep] = refs.slice(3 + outputs);
    const head = m.add(m.mul(core, headsPerCore), headInCore);
    const kvHead = m.div(head, heads / kvHeads);
    const { start, end } = visits(queryBlock);

    const copies = (kvHeadOf: V, block: V, slot: V, act: (source: V, target: V, semaphore: V) => void) => {
      for (const [which, { source, slots, size }] of [
        { source: k, slots: kSlots, size: headDim },
        { source: v, slots: vSlots, size: valueDim },
      ].entries()) {
        const from = m.squeeze(m.slice(source, [kvHeadOf, m.mul(block, blockK), 0], [1, blockK, size]), [blockK, size]);
        const to = m.squeeze(m.slice(slots, [slot, 0, 0], [1, blockK, size]), [blockK, size]);
        act(from, to, m.squeeze(m.slice(semaphores, [which, slot], [1, 1]), []));
      }
    };

    // The step after this one on this core: the next query block, or the first of the next head.
    const wraps = m.eq(m.add(queryBlock, 1), queryBlocks);
    const nextBlock = m.select(wraps, 0, m.add(queryBlock, 1));
    const nextHead = m.select(wraps, m.add(head, 1), head);
    const nextKvHead = m.div(nextHead, heads / kvHeads);
    const isLastStep = m.and(wraps, m.eq(m.add(headInCore, 1), headsPerCore));
    const next = visits(nextBlock);
    const startsNext = m.and(m.not(isLastStep), m.lt(next.start, next.end));

    m.when(m.and(m.eq(headInCore, 0), m.eq(queryBlock, 0)), () => {
      m.storeScalar(m.constant(0), slotOfStep, 0);
      m.when(m.lt(start, end), () => copies(kvHead, start, m.constant(0), m.startCopy));
    });
    const firstSlot = m.loadScalar(slotOfStep, 0);
    m.when(m.and(m.ge(start, end), startsNext), () => copies(nextKvHead, next.start, firstSlot, m.startCopy));

    m.store(m.constant(masked, m.vector('f32', [blockQ, lanes])), greatest);
    m.store(m.constant(0, m.vector('f32', [blockQ, lanes])), total);
    m.store(m.constant(0, m.vector('f32', [blockQ, valueDim])), accumulator);

    const endSlot = m.loop(start, end, firstSlot, (block, slot) => {
      const otherSlot = m.sub(m.constant(1), slot);
      const isLast = m.eq(m.add(block, 1), end);
      m.when(m.or(m.not(isLast), startsNext), () =>
        copies(m.select(isLast, nextKvHead, kvHead), m.select(isLast, next.start, m.add(block, 1)), otherSlot, m.startCopy),
      );
      copies(kvHead, block, slot, m.waitCopy);
      const query = m.reshape(m.load(q, [1, blockQ, headDim]), [blockQ, headDim]);
      const key = m.reshape(m.load(kSlots, [1, blockK, headDim], [slot, 0, 0]), [blockK, headDim]);
      const value = m.reshape(m.load(vSlots, [1, blockK, valueDim], [slot, 0, 0]), [blockK, valueDim]);
      let scores = m.mul(m.matmul(query, key, true), spec.scale * log2e);
      if (needsMask) {
        // Masking is nearly free beside the products (4 % of a block's schedule), so that every block runs one body.
        const column = m.iota([blockQ, blockK], 1);
        const diagonal = m.sub(column, m.iota([blockQ, blockK], 0));
        const shift = m.sub(m.mul(block, blockK), m.mul(queryBlock, blockQ));
        const limits: V[] = [];
        const within = (x: V, predicate: 'le' | 'ge' | 'lt', limit: V) =>
          limits.push(m.compare(predicate, x, m.broadcast(limit, [blockQ, blockK])));
        if (high < spec.keys - 1) within(diagonal, 'le', m.sub(m.constant(high), shift));
        if (low > -spec.queries) within(diagonal, 'ge', m.sub(m.constant(low), shift));
        if (keys > spec.keys) within(column, 'lt', m.sub(m.constant(spec.keys), m.mul(block, blockK)));
        scores = m.select(limits.reduce(m.and), scores, masked);
      }
      const before = m.load(greatest);
      const rowMaximum = m.broadcastColumn(m.reduce('maximumf', scores), lanes);
      const now = m.max(before, rowMaximum);
      const weights = m.exp2(m.sub(scores, m.tile(now, blockK)));
      const decay = m.exp2(m.sub(before, now));
      m.store(now, greatest);
      m.store(m.add(m.mul(decay, m.load(total)), m.broadcastColumn(m.reduce('add', weights), lanes)), total);
      const product = m.matmul(m.convert(weights, dtype), value);
      m.store(m.add(m.mul(m.load(accumulator), m.tile(decay, valueDim)), product), accumulator);
      return otherSlot;
    });
    m.storeScalar(endSlot, slotOfStep, 0);

    // A row whose every score was masked has summed exp2(0) of masked keys: it is told by its maximum and gives zeros.
    const sees = m.gt(m.load(greatest), masked / 2);
    const inverse = m.select(sees, m.div(m.constant(1, m.vector('f32', [blockQ, lanes])), m.load(total)), 0);
    const result = m.mul(m.load(accumulator), m.tile(inverse, valueDim));
    m.store(m.reshape(m.convert(result, dtype), [1, blockQ, valueDim]), out);
    if (spec.logSumExp) {
      const natural = m.add(m.mul(m.load(greatest), Math.LN2), m.log(m.load(total)));
      const rows = m.transpose(m.select(sees, natural, Number.NEGATIVE_INFINITY));
      m.store(m.reshape(m.corner(rows, [1, blockQ]), [1, 1, blockQ]), logSumExp);
    }
  };

  const ofStep = (core: V, headInCore: V) => m.add(m.mul(core, headsPerCore), headInCore);
  const inputs: Kernel['inputs'] = [
    {
      element: dtype,
      shape: [all, queries, headDim],
      window: { block: [1, blockQ, headDim], at: (core, head, block) => [ofStep(core, head), block, m.constant(0)] },
    },
    { element: dtype, shape: [batch * kvHeads, keys, headDim] },
    { element: dtype, shape: [batch * kvHeads, keys, valueDim] },
  ];
  const outputs: Kernel['outputs'][number][] = [
    {
      element: dtype,
      shape: [all, queries, valueDim],
      window: { block: [1, blockQ, valueDim], at: (core, head, block) => [ofStep(core, head), block, m.constant(0)] },
    },
  ];
  if (spec.logSumExp)
    outputs.push({
      element: 'f32',
      shape: [all, 1, queries],
      window: { block: [1, 1, blockQ], at: (core, head, block) => [ofStep(core, head), m.constant(0), block] },
    });
  const grid: Kernel['grid'] = [
    { steps: cores, semantics: 'parallel' },
    { steps: headsPerCore, semantics: 'arbitrary' },
    { steps: queryBlocks, semantics: 'arbitrary' },
  ];
  return { grid, inputs, outputs, scratch, body };
}
