/**
 * Cycles of a kernel from its final bundles. The model: a bundle issues a cycle, in order; an MXU is busy with a vmatmul for its rows (16
 * cycles on v5p for 16 rows of bf16) and the bundle that has the next one waits, with no queue; a basic block ends when its MXUs do. A
 * part of the kernel runs as often as its phase says. It takes the longer of that and the copies that it starts, at the core's share of
 * the bandwidth and with their latency: they start at the top of a phase and are waited for at the top of the next, or as many phases
 * later as the phase says, but for writes and for reads a grid step ahead. The kernel as a whole takes no less than all of its traffic at
 * that bandwidth. Not in the model: conflicts in vector memory, power, branches that are not taken (a branch without a mark counts as
 * taken).
 */
import { ShapeError } from '../errors';
import type { KernelFacts } from '../types';
import { type BasicBlock, type BundleProgram, type Region, regionsIn } from './bundles';
import type { Chip } from '../ir/chips';

/** A part of a kernel; all but `runs` are of one run, on average where its branches differ. */
export interface Loop {
  readonly name: string;
  /** On the busiest core. */
  readonly runs: number;
  readonly cycles: number;
  /** Without HBM. */
  readonly scheduleCycles: number;
  /** Without waiting for MXUs. */
  readonly bundles: number;
  /** With MXUs that are never idle. */
  readonly mxuCycles: number;
  readonly hbmBytes: number;
  readonly hbmCycles: number;
}

/**
 * Seconds of a copy from HBM beside its bytes. Measured on v4: 480 cycles of 1.05 GHz (ayaka14732/pallas-tpu-tutorial,
 * chapter01/03_local_dma, which counts cycles on the chip); that the other generations take as long is an assumption.
 */
export const copyLatency = 480 / 1.05e9;

interface Cost {
  /** With waits for MXUs. */
  cycles: number;
  bundles: number;
  mxuCycles: number;
}

/** What blocks take that run once each. */
export function costOf(program: BundleProgram, blocks: readonly BasicBlock[], chip: Chip): Cost {
  const cost: Cost = { cycles: 0, bundles: 0, mxuCycles: 0 };
  for (const block of blocks) {
    cost.cycles += replay(program, block, chip);
    cost.bundles += block.end - block.start;
    cost.mxuCycles += rowsOf(program, block) / chip.rowsPerCycle / chip.mxus;
  }
  return cost;
}

/**
 * The parts of a kernel in the order of their code. Throws ShapeError where marks and phases do not match, or nothing says how often a
 * loop runs.
 */
export function loopsOf(program: BundleProgram, ofKernel: KernelFacts, chip: Chip): Loop[] {
  const facts = onCores(ofKernel, chip.cores);
  checkMarks(program.root, facts);
  const loops: Loop[] = [];
  const cyclesPerByte = (chip.hertz * facts.cores) / chip.hbmBytesPerSecond;
  const visit = (region: Region, parent: { runs: number; depth: number; cost: Cost }) => {
    const runs = runsOf(region, parent, facts);
    const phases = [...region.marks, ...region.predicated].map((k) => facts.phases[k]);
    const opens = region.marks.length > 0 || region.kind === 'program' || (runs !== parent.runs && hasMarks(region));
    // Counted into the part around it, a loop or branch costs its own runs for each of that part's.
    const cost = costOf(program, region.blocks, chip);
    const at = loops.length;
    if (opens) loops.push(undefined as never);
    for (const inner of region.regions) visit(inner, { runs, depth: parent.depth + (region.kind === 'loop' ? 1 : 0), cost });
    if (!opens) {
      const share = parent.runs ? runs / parent.runs : 0;
      for (const key of Object.keys(cost) as (keyof Cost)[]) parent.cost[key] += share * cost[key];
      return;
    }
    const hbmBytes = phases.reduce((sum, { readBytes, writtenBytes }) => sum + readBytes + writtenBytes, 0);
    const hbmCycles = hbmBytes * cyclesPerByte;
    const due = phases.reduce((sum, { readBytes, aheadBytes = 0 }) => sum + readBytes - aheadBytes, 0);
    const { cycles: scheduleCycles, bundles, mxuCycles } = cost;
    const phasesAhead = Math.min(...phases.map((phase) => phase.phasesAhead ?? 1));
    const cycles = due ? Math.max(scheduleCycles, (due * cyclesPerByte + copyLatency * chip.hertz) / phasesAhead) : scheduleCycles;
    const name =
      phases.map((phase) => phase.name).join(' + ') || (region.kind === 'program' ? 'once' : region.kind === 'loop' ? 'grid' : 'grid step');
    loops[at] = { name, runs, cycles, scheduleCycles, bundles, mxuCycles, hbmBytes, hbmCycles };
  };
  visit(program.root, { runs: 1, depth: 0, cost: { cycles: 0, bundles: 0, mxuCycles: 0 } });
  const total = (key: 'cycles' | 'hbmCycles') => loops.reduce((sum, loop) => sum + loop.runs * loop[key], 0);
  const wait = total('hbmCycles') - total('cycles');
  if (wait > 0)
    loops.push({ name: 'waits for HBM', runs: 1, cycles: wait, scheduleCycles: 0, bundles: 0, mxuCycles: 0, hbmBytes: 0, hbmCycles: 0 });
  return loops;
}

/** On a chip of fewer cores than the grid is split for, one of them runs the parts of several. */
function onCores(facts: KernelFacts, cores: number): KernelFacts {
  const times = Math.max(1, facts.cores / cores);
  const phases = facts.phases.map((phase) => ({ ...phase, runs: times * phase.runs }));
  return { ...facts, phases, steps: times * facts.steps, cores: Math.min(cores, facts.cores) };
}

function hasMarks(region: Region): boolean {
  for (const { marks, predicated } of regionsIn(region)) if (marks.length || predicated.length) return true;
  return false;
}

function runsOf(region: Region, parent: { runs: number; depth: number }, facts: KernelFacts): number {
  if (region.marks.length) {
    const [runs, ...others] = region.marks.map((k) => facts.phases[k].runs);
    if (others.some((other) => other !== runs))
      throw new ShapeError(
        `phases of one piece of code run equally often; got ${region.marks.map((k) => phaseText(facts, k)).join(' and ')}`,
      );
    return runs;
  }
  if (region.kind === 'program') return 1;
  const isGrid = parent.depth === 0 && region.kind === 'loop' && hasMarks(region);
  if (region.kind === 'branch') {
    // The body of the grid's loop, which runs on a little for the copies of windows.
    if (parent.depth === 1 && hasMarks(region)) return Math.min(parent.runs, facts.steps);
    // May be taken every time.
    return parent.runs;
  }
  if (region.trips !== undefined) return parent.runs * region.trips;
  if (isGrid) return facts.steps;
  const inside = region.regions.flatMap(({ marks }) => marks.map((k) => facts.phases[k].runs));
  if (!inside.length)
    throw new ShapeError(
      `a loop counts between constants or has a mark; kernel ${facts.name} has one at bundle 0x${region.start.toString(16)} without`,
    );
  // Its test runs once more than its body.
  return Math.max(...inside) + parent.runs;
}

const phaseText = (facts: KernelFacts, k: number) => `"${facts.phases[k].name}" (${facts.phases[k].runs} times)`;

/** And gives those back that the compiler dropped. */
function checkMarks(root: Region, facts: KernelFacts): void {
  const found = new Set<number>();
  for (const region of regionsIn(root))
    for (const k of [...region.marks, ...region.predicated]) {
      if (k >= facts.phases.length)
        throw new ShapeError(`kernel ${facts.name} has ${facts.phases.length} phases; its schedule has mark ${k}`);
      if (found.has(k)) throw new ShapeError(`a phase is one piece of code; ${phaseText(facts, k)} is marked twice in the schedule`);
      found.add(k);
    }
  for (const [k, { runs }] of facts.phases.entries()) {
    if (!runs || found.has(k)) continue;
    // A store that another one to its place follows in straight code, or nothing but the end, is dropped: the phase stands there, and
    // runs as often.
    const places = root.regions.length
      ? [...regionsIn(root)].filter(({ marks }) => marks.some((other) => facts.phases[other].runs === runs))
      : [root];
    if (places.length !== 1) throw new ShapeError(`every phase has its mark in the schedule; ${phaseText(facts, k)} has none`);
    places[0].marks.unshift(k);
  }
}

function rowsOf({ matmuls }: BundleProgram, { start, end }: BasicBlock): number {
  let rows = 0;
  for (let i = start; i < end; i++) for (const matmul of matmuls[i]) rows += matmul.rows;
  return rows;
}

/** Cycles of a basic block, in order, with its MXUs idle at first and at its end. */
function replay({ matmuls }: BundleProgram, { start, end }: BasicBlock, { mxus, rowsPerCycle }: Chip): number {
  const free = new Array<number>(mxus).fill(0);
  let cycle = 0;
  for (let i = start; i < end; i++) {
    for (const { mxu } of matmuls[i]) cycle = Math.max(cycle, free[mxu]);
    for (const { mxu, rows } of matmuls[i]) free[mxu] = Math.max(free[mxu], cycle) + rows / rowsPerCycle;
    cycle++;
  }
  return Math.max(cycle, ...free);
}
