/**
 * The Mosaic kernel of attention. A grid step is a block of queries of a head; K and V stay in HBM, and an inner loop walks exactly the key
 * blocks that the mask's closed form says are not empty, each copied in while the one before is multiplied; a step's last iteration starts the next step's first
 * copy, so that the pipeline never drains. Nothing in the kernel depends on T but constants: its code size and compile time are the same at
 * 4096 tokens and at a million.
 *
 * Softmax is the online one (Milakov and Gimelshein 2018; FlashAttention-2, Dao 2023) in base 2, with log2(e) folded into the scale.
 */
import type { AttentionSpec } from '../attention';
import type { Kernel } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { hasKind, type LazyMask } from '../mask';
import { lazyMasks } from './lazy';
import { allowed, idSetsOf, walk } from './tpu-mask';

/** How the kernel cuts an attention into blocks: sizes in tokens, and both sides padded to whole blocks. */
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

const masked = -1e30;

/**
 * The kernel. Prefetched: for each id set the first and end key block of each query block [sequences x query blocks], then the key lengths [batch].
 * Operands: q, k, v as [heads of all sequences, padded tokens, size], then each id set's ids of queries and of keys [sequences, 1, padded tokens].
 */
export function attentionKernel(spec: AttentionSpec, blocks: TpuBlocks): Kernel {
  const { batch, heads, kvHeads, headDim, valueDim, dtype } = spec;
  const { blockQ, blockK, queries, keys } = blocks;
  const masks = lazyMasks(spec);
  const idSets = idSetsOf(masks);
  const hasLengths = hasKind(spec.mask, 'keyLengths');
  const all = batch * heads;
  // Scratch is a core's own, so each of a chip's two cores gets its share of the heads by a leading parallel dimension.
  const cores = all % 2 === 0 ? 2 : 1;
  const headsPerCore = all / cores;
  const [rows, columns] = [queries / blockQ, keys / blockK];
  const sequences = (set: { lengths?: readonly number[] }) => (set.lengths ? 1 : batch);

  const scratch = [
    m.ref('vmem', dtype, [2, blockK, headDim]),
    m.ref('vmem', dtype, [2, blockK, valueDim]),
    ...idSets.map(() => m.ref('vmem', 'i32', [2, 1, blockK])),
    ...idSets.map(() => m.ref('vmem', 'i32', [blockQ, lanes])),
    m.ref('semaphore_mem', 'dma_semaphore', [2 + idSets.length, 2]),
    m.ref('vmem', 'f32', [blockQ, lanes]),
    m.ref('vmem', 'f32', [blockQ, lanes]),
    m.ref('vmem', 'f32', [blockQ, valueDim]),
    m.ref('smem', 'i32', [1]),
  ];

  const headAt = (core: V, headInCore: V) => m.add(m.mul(core, headsPerCore), headInCore);
  /** Which of the masks is a head's. */
  const groupOf = (head: V) => m.div(m.rem(head, heads), heads / masks.length);

  const body: Kernel['body'] = ([core, headInCore, queryBlock], refs) => {
    const rest = [...refs];
    const take = (count: number) => rest.splice(0, count);
    const tables = idSets.map(() => take(2));
    const [lengths] = take(hasLengths ? 1 : 0);
    const [q, k, v] = take(3);
    const ids = idSets.map(() => take(2));
    const [out, logSumExp] = take(spec.logSumExp ? 2 : 1);
    const [kSlots, vSlots] = take(2);
    const idSlots = take(idSets.length);
    const queryIds = take(idSets.length);
    const [semaphores, greatest, total, accumulator, slotOfStep] = rest;
    const indexOf = (name: string) => idSets.findIndex((set) => set.name === name);

    /** A head of all sequences, and a block of its queries: its first visited key block from one on. */
    const visits = (head: V, block: V) => {
      const sequence = m.div(head, heads);
      const firstRow = m.mul(block, blockQ);
      const place = {
        firstRow,
        // Rows of padding see no more than the last row.
        lastRow: m.min(m.add(firstRow, blockQ - 1), spec.queries - 1),
        blockK,
        keys: spec.keys,
        columns,
        idBlocks: (name: string) => {
          const set = indexOf(name);
          const at = sequences(idSets[set]) === 1 ? block : m.add(m.mul(sequence, rows), block);
          return { start: m.loadScalar(tables[set][0], at), end: m.loadScalar(tables[set][1], at) };
        },
        keyLength: () => m.loadScalar(lengths, sequence),
      };
      const walks = masks.map((mask) => walk(mask, place));
      return (from: V) =>
        ofHead(
          head,
          walks.map((next) => next(from)),
        );
    };
    /** The one of a value a mask that a head's mask has. */
    const ofHead = (head: V, values: readonly V[]) => {
      const group = groupOf(head);
      return values.reduce((chosen, value, i) => m.select(m.eq(group, i), value, chosen));
    };

    const head = headAt(core, headInCore);
    const kvHeadOf = (of: V) => m.div(of, heads / kvHeads);
    const copies = (of: V, block: V, slot: V, act: (source: V, target: V, semaphore: V) => void) => {
      const parts = [
        { source: k, slots: kSlots, at: kvHeadOf(of), size: [blockK, headDim] },
        { source: v, slots: vSlots, at: kvHeadOf(of), size: [blockK, valueDim] },
      ].map(({ at, size, ...part }) => ({ ...part, from: [at, m.mul(block, blockK), 0], size }));
      const idParts = idSets.map((set, i) => ({
        source: ids[i][1],
        slots: idSlots[i],
        from: [sequences(set) === 1 ? m.constant(0) : m.div(of, heads), 0, m.mul(block, blockK)],
        size: [1, blockK],
      }));
      for (const [which, { source, slots, from, size }] of [...parts, ...idParts].entries())
        act(
          m.squeeze(m.slice(source, from, [1, ...size]), size),
          m.squeeze(m.slice(slots, [slot, 0, 0], [1, ...size]), size),
          m.squeeze(m.slice(semaphores, [which, slot], [1, 1]), []),
        );
    };

    // The step after this one on this core: the next query block, or the first of the next head.
    const wraps = m.eq(m.add(queryBlock, 1), rows);
    const isLastStep = m.and(wraps, m.eq(m.add(headInCore, 1), headsPerCore));
    // The last step has none; its own head in place of the one after keeps the tables' reads in bounds.
    const nextHead = m.select(m.and(wraps, m.not(isLastStep)), m.add(head, 1), head);
    const nextStart = visits(nextHead, m.select(wraps, 0, m.add(queryBlock, 1)))(m.constant(0));
    const startsNext = m.and(m.not(isLastStep), m.lt(nextStart, columns));
    const nextBlock = visits(head, queryBlock);
    const start = nextBlock(m.constant(0));

    m.when(m.and(m.eq(headInCore, 0), m.eq(queryBlock, 0)), () => {
      m.storeScalar(m.constant(0), slotOfStep, 0);
      m.when(m.lt(start, columns), () => copies(head, start, m.constant(0), m.startCopy));
    });
    const firstSlot = m.loadScalar(slotOfStep, 0);
    m.when(m.and(m.ge(start, columns), startsNext), () => copies(nextHead, nextStart, firstSlot, m.startCopy));

    m.store(m.constant(masked, m.vector('f32', [blockQ, lanes])), greatest);
    m.store(m.constant(0, m.vector('f32', [blockQ, lanes])), total);
    m.store(m.constant(0, m.vector('f32', [blockQ, valueDim])), accumulator);
    for (const [i] of idSets.entries()) m.store(m.transpose(m.broadcastRow(m.reshape(m.load(ids[i][0]), [1, blockQ]), lanes)), queryIds[i]);

    /** Which pairs of a key block are allowed; nothing where all are. */
    const pairsOf = (block: V, slot: V): V | undefined => {
      const shape = [blockQ, blockK] as const;
      const firstKey = m.mul(block, blockK);
      const where = {
        shape,
        firstRow: m.mul(queryBlock, blockQ),
        firstKey,
        queries: spec.queries,
        keys: spec.keys,
        ids: (name: string) => {
          const set = indexOf(name);
          return { q: m.load(queryIds[set]), kv: m.reshape(m.load(idSlots[set], [1, 1, blockK], [slot, 0, 0]), [1, blockK]) };
        },
        keyLength: () => m.loadScalar(lengths, m.div(head, heads)),
      };
      const each = masks.map((mask: LazyMask) => allowed(mask, where));
      const limits: V[] = [];
      if (each.length === 1) {
        if (each[0] !== true) limits.push(vectorOf(each[0], shape));
      } else {
        const group = m.broadcast(groupOf(head), shape);
        limits.push(each.map((pairs, i) => m.and(m.eq(group, i), vectorOf(pairs, shape))).reduce(m.or));
      }
      if (keys > spec.keys) limits.push(m.lt(m.iota(shape, 1), m.broadcast(m.sub(m.constant(spec.keys), firstKey), shape)));
      return limits.length ? limits.reduce(m.and) : undefined;
    };

    const isBlock = (block: V) => m.lt(block, columns);
    const [, endSlot] = m.whileLoop([start, firstSlot], isBlock, (block, slot) => {
      const otherSlot = m.sub(m.constant(1), slot);
      const following = nextBlock(m.add(block, 1));
      const isLast = m.ge(following, columns);
      m.when(m.or(m.not(isLast), startsNext), () =>
        copies(m.select(isLast, nextHead, head), m.select(isLast, nextStart, following), otherSlot, m.startCopy),
      );
      copies(head, block, slot, m.waitCopy);
      const query = m.reshape(m.load(q, [1, blockQ, headDim]), [blockQ, headDim]);
      const key = m.reshape(m.load(kSlots, [1, blockK, headDim], [slot, 0, 0]), [blockK, headDim]);
      const value = m.reshape(m.load(vSlots, [1, blockK, valueDim], [slot, 0, 0]), [blockK, valueDim]);
      const products = m.mul(m.matmul(query, key, true), spec.scale * Math.LOG2E);
      // Masking is nearly free beside the products (4 % of a block's schedule, for a causal mask), so every block runs one body.
      const pairs = pairsOf(block, slot);
      const scores = pairs ? m.select(pairs, products, masked) : products;
      const before = m.load(greatest);
      const now = m.max(before, m.broadcastColumn(m.reduce('maximumf', scores), lanes));
      const weights = m.exp2(m.sub(scores, m.tile(now, blockK)));
      const decay = m.exp2(m.sub(before, now));
      m.store(now, greatest);
      m.store(m.add(m.mul(decay, m.load(total)), m.broadcastColumn(m.reduce('add', weights), lanes)), total);
      const product = m.matmul(m.convert(weights, dtype), value);
      m.store(m.add(m.mul(m.load(accumulator), m.tile(decay, valueDim)), product), accumulator);
      return [following, otherSlot];
    });
    m.storeScalar(endSlot, slotOfStep, 0);

    // A row whose every score was masked has summed exp2(0) of masked keys: it is told by its maximum and gives zeros.
    const sees = m.gt(m.load(greatest), masked / 2);
    const inverse = m.select(sees, m.div(m.constant(1, m.vector('f32', [blockQ, lanes])), m.load(total)), 0);
    const result = m.mul(m.load(accumulator), m.tile(inverse, valueDim));
    m.store(m.reshape(m.convert(result, dtype), [1, blockQ, valueDim]), out);
    if (spec.logSumExp) {
      const natural = m.add(m.mul(m.load(greatest), Math.LN2), m.log(m.load(total)));
      const line = m.transpose(m.select(sees, natural, Number.NEGATIVE_INFINITY));
      m.store(m.reshape(m.corner(line, [1, blockQ]), [1, 1, blockQ]), logSumExp);
    }
  };

  /** A block of a head's queries, along axis 1. */
  const byQueries = (size: number) => ({
    block: [1, blockQ, size],
    at: (core: V, headInCore: V, block: V) => [headAt(core, headInCore), block, m.constant(0)],
  });
  /** A block of queries along the lanes. */
  const byLanes = (first: (head: V) => V) => ({
    block: [1, 1, blockQ],
    at: (core: V, headInCore: V, block: V) => [first(headAt(core, headInCore)), m.constant(0), block],
  });
  const idOperands = idSets.flatMap((set): Kernel['inputs'] => [
    {
      element: 'i32',
      shape: [sequences(set), 1, queries],
      window: byLanes((head) => (sequences(set) === 1 ? m.constant(0) : m.div(head, heads))),
    },
    { element: 'i32', shape: [sequences(set), 1, keys] },
  ]);
  return {
    grid: [
      { steps: cores, semantics: 'parallel' },
      { steps: headsPerCore, semantics: 'arbitrary' },
      { steps: rows, semantics: 'arbitrary' },
    ],
    prefetch: [
      ...idSets.flatMap((set) => [0, 1].map(() => ({ shape: [sequences(set) * rows] }))),
      ...(hasLengths ? [{ shape: [batch] }] : []),
    ],
    inputs: [
      { element: dtype, shape: [all, queries, headDim], window: byQueries(headDim) },
      { element: dtype, shape: [batch * kvHeads, keys, headDim] },
      { element: dtype, shape: [batch * kvHeads, keys, valueDim] },
      ...idOperands,
    ],
    outputs: [
      { element: dtype, shape: [all, queries, valueDim], window: byQueries(valueDim) },
      ...(spec.logSumExp ? [{ element: 'f32' as const, shape: [all, 1, queries], window: byLanes((head) => head) }] : []),
    ],
    scratch,
    body,
  };
}

function vectorOf(pairs: V | boolean, shape: readonly number[]): V {
  return typeof pairs === 'boolean' ? m.constant(Number(pairs), m.vector('i1', shape)) : pairs;
}
