/** Measurement hygiene: warm up until times settle, run until the median is known well enough or the budget is spent, and notice other load. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Sample } from './record';
import { type Interval, median, medianInterval, quantile } from './stats';

export interface SampleOptions {
  /** Wall time of all runs together and what is prepared for them, in milliseconds; the run that reaches it is the last. */
  readonly budgetMs: number;
  /** Half the width of the 95 % interval of the median, as a share of it, that is narrow enough; 0.02 by default. */
  readonly tolerance?: number;
  /** Runs at the most, those of the warm-up among them; 300 by default. */
  readonly maxRuns?: number;
  /** Done before each run, and not part of it. */
  readonly prepare?: () => void;
}

/** Runs that are compared with as many before them to tell whether times have settled. */
const windowRuns = 3;
/** The most that two windows' medians differ of work that is warm. */
const settled = 0.05;
/** The least that count, where the budget allows: six agree by chance too often. */
const leastRuns = 10;
/** Share of the budget that a warm-up may take. */
const warmupShare = 1 / 3;

/** Measures a piece of work again and again; at least once. Throws what the work throws. */
export async function sample(work: () => unknown, options: SampleOptions): Promise<Sample> {
  const { budgetMs, tolerance = 0.02, maxRuns = 300, prepare } = options;
  const times: number[] = [];
  const cpu: number[] = [];
  const load = loadMeter();
  const begin = performance.now();
  const spent = () => performance.now() - begin;
  let steady = false;
  let warm: number | undefined;
  do {
    prepare?.();
    const [start, used] = [performance.now(), process.cpuUsage()];
    await work();
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / 1000);
    if (warm === undefined) {
      steady = hasSettled(times);
      if (steady) warm = times.length - windowRuns;
      else if (spent() > budgetMs * warmupShare) warm = times.length;
    }
    if (steady && isTight(times.slice(warm), tolerance)) break;
  } while (spent() < budgetMs && times.length < maxRuns);
  // A run counts even where the budget was for less than the warm-up.
  const from = Math.min(warm ?? 1, times.length - 1);
  return sampleOf({ times: times.slice(from), cpu: cpu.slice(from), warmup: times.slice(0, from), steady }, load());
}

/** The figures of runs that were measured already. */
export function sampleOf(runs: Pick<Sample, 'times' | 'cpu' | 'warmup' | 'steady'>, load?: number): Sample {
  const [times, cpu, warmup] = [runs.times, runs.cpu, runs.warmup].map((values) => values.map(nanoseconds));
  return {
    times,
    cpu,
    warmup,
    steady: runs.steady,
    min: Math.min(...times),
    median: nanoseconds(median(times)),
    quartiles: [nanoseconds(quantile(times, 0.25)), nanoseconds(quantile(times, 0.75))],
    interval: medianInterval(times),
    ...(load === undefined ? {} : { load }),
  };
}

/** Milliseconds without digits that no clock has. */
const nanoseconds = (ms: number) => Math.round(1e6 * ms) / 1e6;

function hasSettled(times: readonly number[]): boolean {
  if (times.length < 2 * windowRuns) return false;
  const [before, after] = [median(times.slice(-2 * windowRuns, -windowRuns)), median(times.slice(-windowRuns))];
  return Math.abs(after - before) <= settled * before;
}

function isTight(times: readonly number[], tolerance: number): boolean {
  const interval = medianInterval(times);
  return times.length >= leastRuns && interval !== null && width(interval) / 2 <= tolerance * median(times);
}

const width = ([low, high]: Interval) => high - low;

/** Other work that takes more than this share of the cores is worth a word. */
export const noticedLoad = 0.1;

/** Time that cores count in, in milliseconds, and the least of it that tells a load: a tenth of it is ten ticks. */
const tickMs = 10;
const leastMs = 100 * tickMs;

/**
 * What other processes take from now on: asked later, the share of all cores' time meanwhile that was neither idle nor this process's own.
 * Undefined after less than a core-second, and where the kernel does not count.
 */
export function loadMeter(): () => number | undefined {
  const before = busyTicks();
  const own = process.cpuUsage();
  const begin = performance.now();
  return () => {
    const available = (performance.now() - begin) * cpus().length;
    const after = busyTicks();
    if (before === undefined || after === undefined || available < leastMs) return undefined;
    const { user, system } = process.cpuUsage(own);
    const others = (after - before) * tickMs - (user + system) / 1000;
    return Math.min(1, Math.max(0, others / available));
  };
}

/** Of all cores since the machine started; what the host took from a virtual machine is busy too. */
function busyTicks(): number | undefined {
  try {
    const [, ticks] = /^cpu +([\d ]+)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? [];
    const [user, nice, system, , , irq, softirq, steal = 0] = ticks.split(' ').map(Number);
    return user + nice + system + irq + softirq + steal;
  } catch {
    return undefined;
  }
}
