/**
 * The Mosaic kernel of attention's forward pass: its operands, memory and grid. A grid step is a row of tiles (a block of queries) of
 * some heads; K and V stay in HBM and each step walks exactly the tiles that the mask's closed form says are not empty
 * (tpu-forward-rows.ts), in phases that multiply one tile's weights while the next one's scores are made (tpu-forward-step.ts,
 * tpu-phase.ts), across rows and heads too. Nothing in the kernel depends on T but constants: its code size and compile time are the same
 * at 4096 tokens and at a million.
 */
import type { AttentionSpec } from '../attention';
import type { Kernel, Phase } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { hasKind, type LazyMask } from '../mask';
import { lazyMasks } from './lazy';
import { elementOf } from './tpu-choice';
import { bandRow, dynamicRow } from './tpu-forward-rows';
import { ForwardStep } from './tpu-forward-step';
import { type IdSet, idSetsOf } from './tpu-mask';
import { type ForwardPlan, tilesAhead } from './tpu-walk';

/** What a kernel is made for, in the numbers that its parts share. */
export interface ForwardSizes {
  readonly spec: AttentionSpec;
  readonly plan: ForwardPlan;
  readonly masks: readonly LazyMask[];
  readonly idSets: readonly IdSet[];
  readonly hasLengths: boolean;
  /** Whether the kernel makes the backward pass's delta too, rowsum(out * dOut). */
  readonly withDelta: boolean;
  /** Query heads a kv head; kv heads of a step, which its query heads share or, without groups, have each their own. */
  readonly group: number;
  readonly kvTogether: number;
  /** A core's steps over heads, and over rows. */
  readonly headSteps: number;
  readonly rowSteps: number;
  readonly rows: number;
  readonly columns: number;
  /** Sequences that have ids of their own: one for static documents. */
  readonly sequences: (set: IdSet) => number;
}

function sizesOf(spec: AttentionSpec, plan: ForwardPlan): ForwardSizes {
  const { batch, heads, kvHeads } = spec;
  const { blockQ, blockK, queries, keys, cores, stride, band } = plan;
  const masks = lazyMasks(spec);
  const group = heads / kvHeads;
  const rows = queries / blockQ;
  return {
    spec,
    plan,
    masks,
    idSets: band ? [] : idSetsOf(masks),
    hasLengths: hasKind(spec.mask, 'keyLengths'),
    withDelta: spec.pass === 'forward+backward',
    group,
    kvTogether: group === 1 ? plan.heads : 1,
    headSteps: (batch * heads) / plan.heads / (cores / stride),
    rowSteps: rows / stride,
    rows,
    columns: keys / blockK,
    sequences: ({ lengths }) => (lengths ? 1 : batch),
  };
}

/**
 * The kernel. Prefetched: for each id set the first and end column of each row of tiles [sequences x rows], then the key lengths [batch],
 * then the sinks in base 2, f32 [heads]. Operands: q, k, v as [heads of all sequences, padded tokens, size], in a pass forward+backward
 * dOut like out, then each id set's ids of queries and of keys [sequences, 1, padded tokens]. Results: out; where the spec asks for it
 * the log-sum-exp, and in a pass forward+backward rowsum(out * dOut), both f32 [heads of all sequences, 1, padded queries].
 */
export function forwardKernel(spec: AttentionSpec, plan: ForwardPlan): Kernel {
  const { batch, heads, kvHeads, headDim, valueDim } = spec;
  const dtype = elementOf(spec);
  const { blockQ, blockK, queries, keys, cores, stride, band } = plan;
  const sizes = sizesOf(spec, plan);
  const { idSets, hasLengths, withDelta, kvTogether, headSteps, rowSteps, rows, sequences } = sizes;
  const together = plan.heads;
  const all = batch * heads;
  const phases: Phase[] = [];
  const stepOf = (core: V, headStep: V) => (stride > 1 ? headStep : m.add(m.mul(core, headSteps), headStep));
  const rowOf = (core: V, rowStep: V) => (stride > 1 ? m.add(m.mul(rowStep, stride), core) : rowStep);
  return {
    grid: [
      { steps: cores, semantics: 'parallel' },
      { steps: headSteps, semantics: 'arbitrary' },
      { steps: rowSteps, semantics: 'arbitrary' },
    ],
    prefetch: [
      ...idSets.flatMap((set) => [0, 1].map(() => ({ shape: [sequences(set) * rows] }))),
      ...(hasLengths ? [{ shape: [batch] }] : []),
      ...(spec.sinks ? [{ shape: [heads], element: 'f32' as const }] : []),
    ],
    inputs: [
      { element: dtype, shape: [all, queries, headDim] },
      { element: dtype, shape: [batch * kvHeads, keys, headDim] },
      { element: dtype, shape: [batch * kvHeads, keys, valueDim] },
      ...(withDelta ? [{ element: dtype, shape: [all, queries, valueDim] }] : []),
      ...idSets.flatMap((set): Kernel['inputs'] => [queries, keys].map((size) => ({ element: 'i32', shape: [sequences(set), 1, size] }))),
    ],
    outputs: [
      {
        element: dtype,
        shape: [all, queries, valueDim],
        window: {
          block: [together, blockQ, valueDim],
          at: (core: V, headStep: V, rowStep: V) => [stepOf(core, headStep), rowOf(core, rowStep), m.constant(0)],
        },
      },
      ...[spec.logSumExp, withDelta].filter(Boolean).map(() => ({
        element: 'f32' as const,
        shape: [all, 1, queries],
        window: {
          block: [together, 1, blockQ],
          at: (core: V, headStep: V, rowStep: V) => [stepOf(core, headStep), m.constant(0), rowOf(core, rowStep)],
        },
      })),
    ],
    scratch: [
      m.ref('vmem', dtype, [2, together, blockQ, headDim]),
      m.ref('vmem', dtype, [tilesAhead + 1, kvTogether, blockK, headDim]),
      m.ref('vmem', dtype, [tilesAhead + 1, kvTogether, blockK, valueDim]),
      m.ref('vmem', 'f32', [together, blockK, blockQ]),
      m.ref('vmem', 'f32', [together, valueDim, blockQ]),
      ...[0, 1, 2].map(() => m.ref('vmem', 'f32', [together, 1, blockQ])),
      m.ref('semaphore_mem', 'dma_semaphore', [4 + 2 * idSets.length, tilesAhead + 1]),
      // The phase, for who reads the schedule, and the slot of the next tile.
      m.ref('smem', 'i32', [2]),
      ...idSets.flatMap(() => [m.ref('vmem', 'i32', [2, 1, blockQ]), m.ref('vmem', 'i32', [tilesAhead + 1, 1, blockK])]),
      ...(withDelta ? [m.ref('vmem', dtype, [2, together, blockQ, valueDim])] : []),
    ],
    body: ([core, headStep, rowStep], refs) => {
      phases.length = 0;
      const rest = [...refs];
      const take = (count: number) => rest.splice(0, count);
      const tables = idSets.map(() => take(2));
      const [lengths] = take(hasLengths ? 1 : 0);
      const [sinks] = take(spec.sinks ? 1 : 0);
      const [q, k, v] = take(3);
      const [dOut] = take(withDelta ? 1 : 0);
      const ids = idSets.map(() => take(2));
      const [out] = take(1);
      const [logSumExp] = take(spec.logSumExp ? 1 : 0);
      const [delta] = take(withDelta ? 1 : 0);
      const [queriesIn, keysIn, values, scores, accumulator, greatest, decay, total, semaphores, state] = take(10);
      const idSlots = idSets.map(() => take(2));
      const [gradients] = rest;
      const work = {
        queries: queriesIn,
        keys: keysIn,
        values,
        scores,
        accumulator,
        greatest,
        decay,
        total,
        out,
        logSumExp,
        gradients,
        delta,
      };
      const memory = { tables, lengths, sinks, q, k, v, dOut, ids, work, semaphores, state, idSlots };
      const step = new ForwardStep(sizes, memory, { core, headStep, rowStep, row: rowOf(core, rowStep) }, phases);
      if (band) bandRow(step, band);
      else dynamicRow(step);
    },
    phases,
  };
}
