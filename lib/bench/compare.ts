/** Two benchmark files, case by case and phase by phase: ratios with their intervals, and whether they differ at all. */
import { type AnyRow, type Phase, phases } from './record';
import { noticedLoad } from './sample';
import { type Interval, median, ratioOf } from './stats';

/** What repeats exactly: bytes, and what is estimated of a program. */
const exactMetrics = ['text_bytes', 'code_bytes', 'temp_bytes', 'hbm_bytes', 'estimated_step'] as const;
type ExactMetric = (typeof exactMetrics)[number];

/** A phase's wall time, or its processor time; of a row of google-benchmark, which has no phases, its two columns. */
export type Metric = Phase | `${Phase}_cpu` | 'real_time' | 'cpu_time' | ExactMetric;

export const metrics: readonly Metric[] = [
  ...phases,
  ...phases.map((phase): Metric => `${phase}_cpu`),
  'real_time',
  'cpu_time',
  ...exactMetrics,
];

export type Verdict = 'slower' | 'faster' | 'larger' | 'smaller' | 'no difference' | 'too few runs';

export interface Comparison {
  readonly name: string;
  readonly metric: Metric;
  /** Of the two files, medians; in milliseconds or bytes, or, relative to a row, in its times. */
  readonly before: number;
  readonly after: number;
  /** After over before. */
  readonly ratio: number;
  /** 95 %; null where there are too few runs for one. Of what repeats exactly, the ratio itself. */
  readonly interval: Interval | null;
  readonly verdict: Verdict;
  /** The most that other work took of the cores meanwhile, in either file; missing where it was not noticed. */
  readonly load?: number;
}

export interface CompareOptions {
  /** Of these only; all by default. */
  readonly metrics?: readonly Metric[];
  /** Times are divided by those of this row in the same file: machines of unlike speed compare. */
  readonly relativeTo?: string;
  /**
   * A ratio nearer to 1 than this is no difference; 0.05 by default. An interval knows how times vary within a process, not how
   * one process differs from the next.
   */
  readonly noise?: number;
}

/** Throws Error where a row to relate to is in only one of the files. */
export function compare(before: readonly AnyRow[], after: readonly AnyRow[], options: CompareOptions = {}): Comparison[] {
  const { metrics: wanted = metrics, relativeTo, noise = 0.05 } = options;
  const bases = [before, after].map((rows) => (relativeTo === undefined ? undefined : baseOf(rows, relativeTo)));
  const names = [...new Set(before.map(({ name }) => name))].filter((name) => after.some((row) => row.name === name));
  return names.flatMap((name) =>
    wanted.flatMap((metric) => {
      const [a, b] = [before, after].map((rows, i) => valuesOf(named(rows, name), metric, bases[i]));
      if (!a.length || !b.length) return [];
      const load = Math.max(...[before, after].map((rows) => loadOf(named(rows, name), metric)));
      return [{ ...comparison(name, metric, a, b, noise), ...(load > 0 ? { load } : {}) }];
    }),
  );
}

/** Those of which the whole interval lies above a ratio: what is only perhaps slower does not fail. */
export function regressions(comparisons: readonly Comparison[], above: number): Comparison[] {
  return comparisons.filter(({ interval }) => interval !== null && interval[0] > above);
}

/** Names that are in one of the files only. */
export function unmatched(before: readonly AnyRow[], after: readonly AnyRow[]): { gone: string[]; added: string[] } {
  const [a, b] = [before, after].map((rows) => new Set(rows.map(({ name }) => name)));
  return { gone: [...a].filter((name) => !b.has(name)), added: [...b].filter((name) => !a.has(name)) };
}

const named = (rows: readonly AnyRow[], name: string) => rows.filter((row) => row.name === name);
const isExact = (metric: Metric): metric is ExactMetric => (exactMetrics as readonly string[]).includes(metric);

function comparison(name: string, metric: Metric, a: readonly number[], b: readonly number[], noise: number): Comparison {
  const [before, after] = [median(a), median(b)];
  if (isExact(metric)) {
    const ratio = after / before;
    return { name, metric, before, after, ratio, interval: [ratio, ratio], verdict: verdictOf([ratio, ratio], metric, 0) };
  }
  const { ratio, interval } = ratioOf(b, a);
  return { name, metric, before, after, ratio, interval, verdict: verdictOf(interval, metric, noise) };
}

function verdictOf(interval: Interval | null, metric: Metric, noise: number): Verdict {
  if (!interval) return 'too few runs';
  const [more, less] = metric.endsWith('_bytes') ? (['larger', 'smaller'] as const) : (['slower', 'faster'] as const);
  if (interval[0] > 1 + noise) return more;
  return interval[1] < 1 - noise ? less : 'no difference';
}

function baseOf(rows: readonly AnyRow[], name: string): readonly AnyRow[] {
  const found = named(rows, name);
  if (!found.length) throw new Error(`the row that times are relative to is in both files; ${name} is not`);
  return found;
}

/** Of all rows of one name: a tool that repeats a benchmark has a row a repetition. */
function valuesOf(rows: readonly AnyRow[], metric: Metric, base?: readonly AnyRow[]): number[] {
  const whole = rows.filter((row) => !row.error_occurred && !row.skipped && row.run_type !== 'aggregate');
  const values = whole.flatMap((row) => timesOf(row, metric));
  if (!base || isExact(metric)) return values;
  const middle = median(valuesOf(base, metric));
  return middle > 0 ? values.map((value) => value / middle) : [];
}

const milliseconds = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000 };

/** 0 where there was none to notice. */
function loadOf(rows: readonly AnyRow[], metric: Metric): number {
  const loads = rows.map((row) => row.phases?.[phaseOf(metric)]?.load ?? 0);
  return Math.max(0, ...loads.filter((load) => load > noticedLoad));
}

const phaseOf = (metric: Metric) => metric.replace('_cpu', '') as Phase;

/** Those above 0, which ratios are of. */
function timesOf(row: AnyRow, metric: Metric): readonly number[] {
  return allOf(row, metric).filter((value) => value > 0);
}

function allOf(row: AnyRow, metric: Metric): readonly number[] {
  if (metric === 'estimated_step') return row.estimated_step ? [row.estimated_step.ms] : [];
  if (isExact(metric)) return [row[metric] ?? 0];
  if (metric === 'real_time' || metric === 'cpu_time') return row.phases ? [] : [(row[metric] ?? 0) * milliseconds[row.time_unit ?? 'ns']];
  const sample = row.phases?.[phaseOf(metric)];
  return sample?.[metric.endsWith('_cpu') ? 'cpu' : 'times'] ?? [];
}
