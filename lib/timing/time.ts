/** Measured times of a compiled program on the machine at hand. */
import { ShapeError, shown } from '../errors';
import type { Outputs } from '../pjrt';

/** Wall-clock milliseconds of runs from the call until the outputs are there; inputs are on the device already. */
export interface Timing {
  /** The first run ever, which may set things up that later ones find. */
  readonly firstMs: number;
  readonly minMs: number;
  readonly medianMs: number;
  /** Every run after the warm-up, in order. */
  readonly runsMs: readonly number[];
  toString(): string;
}

export interface TimingOptions {
  /** Runs that count; 10 by default. */
  readonly runs?: number;
  /** Runs before those, the first one among them; 2 by default. */
  readonly warmup?: number;
  /** Stop after this many milliseconds in all, once one run has counted; no limit by default. */
  readonly budgetMs?: number;
}

/** What runs: a program on one device, or on several. `B` is what it takes. */
export interface Runnable<B> {
  run(inputs: Readonly<Record<string, B>>): Promise<Outputs<Disposable & { ready(): Promise<void> }>>;
}

/** Runs an executable again and again. Throws ShapeError where `runs` or `warmup` is no whole number above 0, and whatever a run throws. */
export async function time<B>(executable: Runnable<B>, inputs: Readonly<Record<string, B>>, options: TimingOptions = {}): Promise<Timing> {
  const { runs = 10, warmup = 2, budgetMs = Number.POSITIVE_INFINITY } = options;
  for (const [name, value] of Object.entries({ runs, warmup }))
    if (!Number.isSafeInteger(value) || value < 1) throw new ShapeError(`time: ${name} is a whole number, 1 or more; got ${shown(value)}`);
  const all: number[] = [];
  const begin = performance.now();
  while (all.length < warmup + runs && (all.length <= warmup || performance.now() - begin < budgetMs)) {
    const start = performance.now();
    await runOnce(executable, inputs);
    all.push(performance.now() - start);
  }
  const runsMs = all.slice(warmup);
  const minMs = Math.min(...runsMs);
  const medianMs = median(runsMs);
  const text = `${milliseconds(minMs)} ms min, ${milliseconds(medianMs)} ms median of ${runsMs.length} runs (first ${milliseconds(all[0])} ms)`;
  return Object.freeze({ firstMs: all[0], minMs, medianMs, runsMs: Object.freeze(runsMs), toString: () => text });
}

/** One run, until its outputs are there. */
export async function runOnce<B>(executable: Runnable<B>, inputs: Readonly<Record<string, B>>): Promise<void> {
  using outputs = await executable.run(inputs);
  await Promise.all(Object.values(outputs).map((output) => output.ready()));
}

/** NaN of no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Three significant digits: `0.0123`, `4.56`, `789`. */
export function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
