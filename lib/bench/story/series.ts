/** The rows of a run as the series of the experiment: whose, of which mask, on which target, and the time before the first step. */
import { isDenseMask } from '../memory';
import type { BenchmarkRow, Sample } from '../record';
import { median, medianInterval } from '../stats';

/** A mask of T x T bits, one that is computed, and one that is computed and as long as its window whatever T is. */
export const maskKinds = ['dense', 'causal', 'window'] as const;
export type MaskKind = (typeof maskKinds)[number];

/** Whose figures: this package's, or the peer's. */
export type System = 'ours' | 'peer';

export function maskKind(mask: string): MaskKind | undefined {
  return isDenseMask(mask) ? 'dense' : mask === 'causal' ? 'causal' : mask.startsWith('local(') ? 'window' : undefined;
}

export const systemOf = ({ system }: BenchmarkRow): System => (system === undefined ? 'ours' : 'peer');

/** The name of a row's system, for instance `JAX 0.10.2`. */
export const systemText = ({ system }: BenchmarkRow): string => system?.replace(/^jax\b/, 'JAX') ?? 'node-pjrt';

/** What a report tells of a phase: the time that passed, or that of processors, which other work on the machine lengthens little. */
export const clocks = ['wall', 'processor'] as const;
export type Clock = (typeof clocks)[number];

/** The median, least time and interval of a sample by a clock, milliseconds. */
export function timesOf(sample: Sample, clock: Clock): Pick<Sample, 'median' | 'min' | 'interval'> {
  const { cpu } = sample;
  return clock === 'wall' ? sample : { median: median(cpu), min: Math.min(...cpu), interval: medianInterval(cpu) };
}

/** Build, lower and compile together, milliseconds. The bounds are sums too, of the phases' own intervals where each has one. */
export interface Prepared {
  readonly median: number;
  readonly min: number;
  readonly low?: number;
  readonly high?: number;
  /** Of the phase that was measured least often. */
  readonly runs: number;
}

/** Undefined of a row that has no compile. */
export function prepared({ phases: { build, lower, compile } }: BenchmarkRow, clock: Clock): Prepared | undefined {
  if (!compile) return undefined;
  const samples = [build, lower, compile].filter((sample) => sample !== undefined);
  const parts = samples.map((sample) => timesOf(sample, clock));
  const sum = (of: (part: (typeof parts)[number]) => number) => parts.reduce((all, part) => all + of(part), 0);
  const runs = Math.min(...samples.map(({ times }) => times.length));
  const figures = { median: sum((part) => part.median), min: sum((part) => part.min), runs };
  if (parts.some(({ interval }) => interval === null)) return figures;
  return { ...figures, low: sum(({ interval }) => interval?.[0] ?? 0), high: sum(({ interval }) => interval?.[1] ?? 0) };
}

export const isCpu = ({ target }: BenchmarkRow) => target === 'cpu';

/** What a row could not do, in the words of its error. */
export const reasonOf = ({ skip_message, error_message }: BenchmarkRow): string | undefined => skip_message ?? error_message;

export interface Choice {
  readonly system: System;
  readonly mask: MaskKind;
  /** Of the CPU plugin, or else of the compile-only target. */
  readonly cpu: boolean;
}

/** The rows of one series by growing T. */
export function rowsOf(rows: readonly BenchmarkRow[], { system, mask, cpu }: Choice): BenchmarkRow[] {
  return rows
    .filter((row) => systemOf(row) === system && maskKind(row.mask) === mask && isCpu(row) === cpu)
    .sort((a, b) => a.queries - b.queries);
}

/** The one row of a T. */
export function rowAt(rows: readonly BenchmarkRow[], choice: Choice, tokens: number): BenchmarkRow | undefined {
  return rowsOf(rows, choice).find(({ queries }) => queries === tokens);
}

/** What is there beside the CPU, as people call it: `TPU v5p`. */
export function aheadText(rows: readonly BenchmarkRow[]): string {
  const target = rows.find((row) => !isCpu(row))?.target;
  return target === undefined || target === 'tpu' ? 'a TPU' : `TPU ${target.split(':')[0]}`;
}

/** Whether anything of it was compiled. */
export const hasAhead = (rows: readonly BenchmarkRow[]): boolean => rows.some((row) => !isCpu(row) && row.phases.compile);

/** Whether it ran there, and was not only compiled for. */
export const isAttached = (rows: readonly BenchmarkRow[]): boolean => rows.some((row) => !isCpu(row) && row.phases.step);
