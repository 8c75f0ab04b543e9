/**
 * The Mosaic kernel of attention's backward pass: dQ, dK and dV in one walk of the tiles that the mask's closed form says are not empty,
 * by columns of keys, five products a tile (FlashAttention-2, Dao 2023, has them in two kernels of seven). A grid step is a column of
 * tiles of one query head; heads of a group follow one another and add to the column's dK and dV. Queries, output gradients and
 * statistics stay in HBM and are copied in one tile ahead, across columns and heads too. Nothing in the kernel depends on T but constants
 * and the memory that unfinished dQ takes (tpu-backward-dq.ts).
 */
import type { AttentionSpec } from '../attention';
import type { Kernel, Operand, Phase } from '../ir/kernel';
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';
import { hasKind } from '../mask';
import { dtypes } from '../types';
import { lazyMasks } from './lazy';
import { bandColumn } from './tpu-backward-band';
import { dqWords } from './tpu-backward-dq';
import { dynamicColumn } from './tpu-backward-dynamic';
import { type BackwardPlan, tilesOf } from './tpu-backward-plan';
import { ColumnStep, dqGroup, type Shares, sharesOfCore, type StepRefs, type Traffic, word } from './tpu-backward-step';
import { elementOf } from './tpu-choice';
import { type IdSet, idSetsOf } from './tpu-mask';

/**
 * The kernel. Prefetched, of each id set [sequences x rows or columns] i32: the first and end column of each row of tiles, the first and
 * end row of each column; then the key lengths [batch]. Operands: k, v, q, dOut as [heads of all sequences, padded tokens, size];
 * log-sum-exp (natural, -Infinity where a row sees nothing) and delta, f32 [heads of all sequences, 1, padded tokens]; then each id set's
 * ids of queries and of keys, i32 [sequences, 1, padded tokens]. Results: dk and dv, f32 [cores, kv heads, ...] parts where the cores
 * share kv heads; dq; where it stands in HBM, its memory.
 */
export function backwardKernel(spec: AttentionSpec, plan: BackwardPlan): Kernel {
  const { batch, heads, kvHeads, headDim, valueDim } = spec;
  const dtype = elementOf(spec);
  const { block, rows, columns, cores, band, split, dq: place } = plan;
  const idSets = band ? [] : idSetsOf(lazyMasks(spec));
  const hasLengths = hasKind(spec.mask, 'keyLengths');
  const allKv = batch * kvHeads;
  const shares = sharesOfCore(spec, plan);
  const { kvSteps, group } = shares;
  const [queries, keys] = [rows * block, columns * block];
  const sequences = (set: IdSet) => (set.lengths ? 1 : batch);
  const phases: Phase[] = [];
  const traffic = trafficOf(spec, plan, shares);

  const isApart = plan.order === 'heads';
  /** A place of the grid, whose two inner dimensions are in the plan's order. */
  const placeOf = (outer: V, inner: V) => (isApart ? { g: outer, column: inner } : { column: outer, g: inner });

  const body: Kernel['body'] = ([core, kv, outer, inner], refs) => {
    phases.length = 0;
    const step = new ColumnStep(spec, plan, shares, idSets, traffic, named(refs), phases, core, { kv, ...placeOf(outer, inner) });
    if (band) bandColumn(step, band);
    else dynamicColumn(step);
  };
  /** In the order of the prefetched arrays, inputs, outputs and scratch below. */
  const named = (refs: readonly V[]): StepRefs => {
    const rest = [...refs];
    const take = (count: number) => rest.splice(0, count);
    const tables = idSets.map(() => take(4));
    const [lengths] = take(hasLengths ? 1 : 0);
    const [k, v, q, dOut, logSumExp, delta] = take(6);
    const ids = idSets.map(() => take(2));
    const [dk, dv, dq] = take(3);
    const [dqMemory] = take(place.kind === 'hbm' ? 1 : 0);
    const memory = take(isApart ? 2 : 0);
    const [qSlots, dOutSlots, sumSlots, deltaSlots, dKeys, dValues] = take(6);
    const [sums, stages, loadSemaphores, dqSemaphores, stageSemaphores, state] = take(6);
    const idSlots = take(idSets.length);
    const [semaphores, ...partSlots] = rest;
    const inputs = { tables, lengths, k, v, q, dOut, logSumExp, delta, ids };
    const outputs = { dk, dv, dq, dqMemory, ...(isApart ? { parts: { slots: partSlots, memory, semaphores } } : {}) };
    const slots = { qSlots, dOutSlots, sumSlots, deltaSlots, idSlots };
    return { ...inputs, ...outputs, ...slots, dKeys, dValues, sums, stages, loadSemaphores, dqSemaphores, stageSemaphores, state };
  };

  const kvOf = (core: V, kv: V) => (split === 'kv' ? m.add(m.mul(core, kvSteps), kv) : kv);
  const columnWindow = (size: number, columnOf: (outer: V, inner: V) => V): Operand['window'] => ({
    block: [1, block, size],
    at: (core, kv, outer, inner) => [kvOf(core, kv), columnOf(outer, inner), m.constant(0)],
  });
  const columnAt = (outer: V, inner: V) => placeOf(outer, inner).column;
  /** Sums leave with the last head: until then one block stays. */
  const sumColumn = (outer: V, inner: V) => (isApart ? m.select(m.eq(outer, group - 1), inner, 0) : outer);
  const sumOf = (size: number): Operand =>
    split === 'kv'
      ? { element: dtype, shape: [allKv, keys, size], window: columnWindow(size, sumColumn) }
      : {
          element: 'f32',
          shape: [cores * allKv, keys, size],
          window: {
            block: [1, block, size],
            at: (core, kv, outer, inner) => [m.add(m.mul(core, allKv), kv), sumColumn(outer, inner), m.constant(0)],
          },
        };
  return {
    grid: [
      { steps: cores, semantics: 'parallel' },
      ...[kvSteps, ...(isApart ? [group, columns] : [columns, group])].map((steps) => ({ steps, semantics: 'arbitrary' as const })),
    ],
    prefetch: [
      ...idSets.flatMap((set) => [rows, rows, columns, columns].map((count) => ({ shape: [sequences(set) * count] }))),
      ...(hasLengths ? [{ shape: [batch] }] : []),
    ],
    inputs: [
      { element: dtype, shape: [allKv, keys, headDim], window: columnWindow(headDim, columnAt) },
      { element: dtype, shape: [allKv, keys, valueDim], window: columnWindow(valueDim, columnAt) },
      { element: dtype, shape: [batch * heads, queries, headDim] },
      { element: dtype, shape: [batch * heads, queries, valueDim] },
      ...[0, 1].map((): Operand => ({ element: 'f32', shape: [batch * heads, 1, queries] })),
      ...idSets.flatMap((set): Operand[] => [
        { element: 'i32', shape: [sequences(set), 1, queries] },
        {
          element: 'i32',
          shape: [sequences(set), 1, keys],
          window: {
            block: [1, 1, block],
            at: (core, kv, outer, inner) => [
              sequences(set) === 1 ? m.constant(0) : m.div(kvOf(core, kv), kvHeads),
              m.constant(0),
              columnAt(outer, inner),
            ],
          },
        },
      ]),
    ],
    outputs: [
      sumOf(headDim),
      sumOf(valueDim),
      { element: dtype, shape: [batch * heads, queries, headDim] },
      ...(place.kind === 'hbm' ? [{ element: 'f32' as const, shape: [cores, dqGroup(plan, group), rows, block, headDim] }] : []),
      ...(isApart ? [headDim, valueDim].map((size) => ({ element: 'f32' as const, shape: [cores, columns, block, size] })) : []),
    ],
    scratch: [
      m.ref('vmem', dtype, [2, block, headDim]),
      m.ref('vmem', dtype, [2, block, valueDim]),
      ...[0, 1].map(() => m.ref('vmem', 'f32', [2, 1, block])),
      m.ref('vmem', 'f32', [block, headDim]),
      m.ref('vmem', 'f32', [block, valueDim]),
      m.ref('vmem', 'f32', [place.kind === 'hbm' ? 3 : dqGroup(plan, group) * place.tiles, block, headDim]),
      m.ref('vmem', dtype, [2, block, headDim]),
      m.ref('semaphore_mem', 'dma_semaphore', [4 + idSets.length, 2]),
      m.ref('semaphore_mem', 'dma_semaphore', [6]),
      m.ref('semaphore_mem', 'dma_semaphore', [2]),
      m.ref('smem', 'i32', [word.dq + dqWords]),
      ...idSets.map(() => m.ref('vmem', 'i32', [2, 1, block])),
      ...(isApart ? [m.ref('semaphore_mem', 'dma_semaphore', [4, 2])] : []),
      ...(isApart ? [headDim, valueDim].map((size) => m.ref('vmem', 'f32', [2, block, size])) : []),
    ],
    body,
    phases,
  };
}

/**
 * HBM traffic. Windows of keys, values and their gradients have a column's time to move, and a row's dQ that of a column to leave: it is
 * counted into all tiles alike.
 */
function trafficOf(spec: AttentionSpec, plan: BackwardPlan, { kvSteps, group }: Shares): Traffic {
  const { headDim, valueDim } = spec;
  const { block, rows, columns } = plan;
  const { bytes } = dtypes[spec.dtype];
  const sets = plan.band ? 0 : idSetsOf(lazyMasks(spec)).length;
  const loads = block * ((headDim + valueDim) * bytes + 8 + 4 * sets);
  const ring = plan.dq.kind === 'hbm' ? block * headDim * 4 : 0;
  const { band } = plan;
  const visited = band ? kvSteps * group * band.classes.reduce((sum, _, i) => sum + tilesOf(band, i), 0) : plan.tiles;
  const ofColumns = (kvSteps * columns * block * (headDim + valueDim)) / Math.max(1, visited);
  const isApart = plan.order === 'heads';
  // Sums that wait for the next head, f32, are written and read by all heads but one.
  const ofParts = isApart ? (group - 1) * 4 * ofColumns : 0;
  const keys = (isApart ? group : 1) * bytes * ofColumns;
  const ofRows = (kvSteps * group * rows * block * headDim * bytes) / Math.max(1, visited);
  return {
    loads,
    ofTile: {
      readBytes: loads + ring + keys + ofParts,
      aheadBytes: keys,
      writtenBytes: ring + ofRows + ofParts + ofColumns * (plan.split === 'kv' ? bytes : 4),
    },
  };
}
