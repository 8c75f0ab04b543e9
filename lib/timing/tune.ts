/** The search for a kernel's tiles: every candidate is compiled in processes of its own and read, several at a time. */
import { availableParallelism } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Preset } from '../lower/tpu-choice';
import { type TunedClass, type TunedEntry, tunedKey, type TunedTable } from '../lower/tuned';
import type { Module } from '../types';
import { estimate } from './estimate';

/** One way to cut an attention up. */
export interface Candidate {
  readonly choice: Readonly<Record<string, number>>;
  readonly lower: () => Module;
}

export interface Trial {
  readonly choice: Candidate['choice'];
  /** Of the kernel on the chip, estimated. */
  readonly seconds: number;
  readonly usefulShare: number;
  /** Processor time: several compile at once. */
  readonly compileMs: number;
  readonly codeBytes: number;
  readonly vmemBytes: number;
}

export interface Failure {
  readonly choice: Candidate['choice'];
  readonly failure: string;
}

export interface TuneOptions {
  readonly topology: string;
  /** Compiling at the same time; as many as the machine has cores by default. */
  readonly processes?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Tries all candidates. One that the compiler rejects, as too large for the chip's memory, is a failure among the results, not an error.
 */
export async function tune(candidates: readonly Candidate[], options: TuneOptions): Promise<{ trials: Trial[]; failures: Failure[] }> {
  const { topology, processes = availableParallelism(), onProgress } = options;
  const results = new Array<Trial | Failure>(candidates.length);
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < candidates.length) {
      const at = next++;
      results[at] = await attempt(candidates[at], topology);
      onProgress?.(++done, candidates.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, candidates.length) }, work));
  return {
    trials: results.filter((result): result is Trial => !('failure' in result)),
    failures: results.filter((result): result is Failure => 'failure' in result),
  };
}

async function attempt({ choice, lower }: Candidate, topology: string): Promise<Trial | Failure> {
  try {
    const { seconds, usefulShare, compileMs, compileCpuMs = compileMs, codeBytes, vmemBytes } = await estimate(lower(), { topology });
    return { choice, seconds, usefulShare, compileMs: compileCpuMs, codeBytes, vmemBytes };
  } catch (error) {
    return { choice, failure: (error as Error).message.split('\n')[0] };
  }
}

/** Those that none beats in both compile time and step time, the quickest step first. */
export function pareto(trials: readonly Trial[]): Trial[] {
  const byStep = [...trials].sort((a, b) => a.seconds - b.seconds || a.compileMs - b.compileMs);
  let least = Number.POSITIVE_INFINITY;
  return byStep.filter(({ compileMs }) => {
    if (compileMs >= least) return false;
    least = compileMs;
    return true;
  });
}

/** How much longer than the shortest a step may be for the sake of the compile time. */
const tolerances: Readonly<Record<Preset, number>> = { fast: 0.03, lean: 0.1 };

/** The preset's pick: of the trials whose step is short enough, the one that compiles soonest; undefined of no trials. */
export function best(trials: readonly Trial[], preset: Preset): Trial | undefined {
  const shortest = Math.min(...trials.map(({ seconds }) => seconds));
  const enough = trials.filter(({ seconds }) => seconds <= shortest * (1 + tolerances[preset]));
  return [...enough].sort((a, b) => a.compileMs - b.compileMs)[0];
}

/** Puts a class's picks into the table of a file, in place of what it had. */
export function storeTuned(file: string, chip: string, of: TunedClass, picks: Readonly<Record<Preset, Candidate['choice']>>): void {
  const { entries } = JSON.parse(readFileSync(file, 'utf8')) as TunedTable;
  const entry: TunedEntry = { chip, ...of, ...picks };
  const others = entries.filter((one) => tunedKey(one) !== tunedKey(entry));
  const sorted = [...others, entry].sort((a, b) => (tunedKey(a) < tunedKey(b) ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ version: 1, entries: sorted }, null, 2)}\n`);
}
