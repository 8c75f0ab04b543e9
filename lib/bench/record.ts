/** The one file format of all benchmarks: google-benchmark's JSON (json_schema_version 1), with the phases and bytes that it does not have beside. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { AttentionDType, Pass } from '../attention';

/** What a target's compiler is asked for, in order; a step is a run after the warm-up. */
export type Phase = 'build' | 'lower' | 'compile' | 'first' | 'step';

export const phases: readonly Phase[] = ['build', 'lower', 'compile', 'first', 'step'];

/** `flash` is the target's own kernel, `reference` plain StableHLO with all scores in memory. */
export type Impl = 'reference' | 'flash';

/** Repeated measurements of one piece of work; milliseconds all. */
export interface Sample {
  /** Wall time of the runs that count, in order. */
  readonly times: readonly number[];
  /** Processor time of the same runs, of all threads of this process. */
  readonly cpu: readonly number[];
  /** Wall time of the runs before those, which do not count. */
  readonly warmup: readonly number[];
  readonly min: number;
  readonly median: number;
  /** 25 % and 75 % of `times`. */
  readonly quartiles: readonly [number, number];
  /** 95 % confidence interval of the median; null of fewer than six runs, which have none. */
  readonly interval: readonly [number, number] | null;
  /** Whether the warm-up ended because times had stopped to change, and not because the budget did not allow for more. */
  readonly steady: boolean;
  /** Other work on the machine meanwhile, as a share of all of its cores; missing where that was too short to tell. */
  readonly load?: number;
}

/** google-benchmark's context, and what else a time depends on. */
export interface Context {
  /** Local time with its offset from UTC. */
  readonly date: string;
  readonly host_name: string;
  readonly executable: string;
  readonly num_cpus: number;
  readonly mhz_per_cpu: number;
  readonly cpu_scaling_enabled?: boolean;
  readonly caches: readonly { readonly type: string; readonly level: number; readonly size: number; readonly num_sharing: number }[];
  readonly load_avg: readonly number[];
  /** Of node-pjrt. */
  readonly library_version: string;
  readonly library_build_type: 'release';
  readonly json_schema_version: 1;
  readonly cpu_model: string;
  readonly memory_bytes: number;
  readonly node_version: string;
  /** Of the plugins that are installed. */
  readonly plugin_versions: Readonly<Record<string, string>>;
  /** Of the sources, `-dirty` where they were changed; missing outside of a clone. */
  readonly commit?: string;
}

/** google-benchmark's fields of one case. Without `phases`: a row of another tool. */
export interface PlainRow {
  readonly name: string;
  readonly run_name?: string;
  readonly run_type?: 'iteration' | 'aggregate';
  readonly family_index?: number;
  readonly per_family_instance_index?: number;
  readonly repetitions?: number;
  readonly repetition_index?: number;
  readonly threads?: number;
  readonly iterations?: number;
  /** Mean of a step, or, with the compile amortised, of all that was done, over the iterations. */
  readonly real_time?: number;
  readonly cpu_time?: number;
  readonly time_unit?: 'ns' | 'us' | 'ms' | 's';
  readonly error_occurred?: boolean;
  readonly error_message?: string;
  readonly skipped?: boolean;
  readonly skip_message?: string;
  readonly label?: string;
}

/** A case of this package, measured, skipped or failed. Bytes are by the compiler's own account; a field is missing where it has none. */
export interface BenchmarkRow extends PlainRow {
  readonly run_name: string;
  readonly run_type: 'iteration';
  readonly family_index: number;
  readonly per_family_instance_index: number;
  readonly repetitions: number;
  readonly repetition_index: number;
  readonly threads: number;
  readonly iterations: number;
  readonly real_time: number;
  readonly cpu_time: number;
  readonly time_unit: 'ms';
  /** Of another system's program its name and version, for instance `jax 0.10.2`; missing of this package's own. */
  readonly system?: string;
  /** Of a client its platform, of a topology its name. */
  readonly target: string;
  readonly mask: string;
  readonly pass: Pass;
  readonly impl: Impl;
  readonly dtype: AttentionDType;
  readonly batch: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly head_dim: number;
  readonly queries: number;
  readonly keys: number;
  /** Un-amortised. */
  readonly phases: Readonly<Partial<Record<Phase, Sample>>>;
  /** Where the target is not attached. */
  readonly estimated_step?: { readonly ms: number; readonly label: string };
  /** Of the program's text. */
  readonly text_bytes?: number;
  readonly code_bytes?: number;
  readonly temp_bytes?: number;
  /** Arguments, outputs and temporaries: what a run holds of the device's memory. */
  readonly hbm_bytes?: number;
  /** Predicted before anything was built: of the machine for the CPU, of a device for a TPU. */
  readonly predicted_bytes?: number;
  /** Of the mask, in the program or beside it. */
  readonly mask_bytes?: number;
  /** The most that this process held during the case; since it began, where the kernel does not reset the count. */
  readonly peak_bytes?: number;
  /** Blocks of the lowering that are computed, and all there are. */
  readonly active_blocks?: number;
  readonly blocks?: number;
  /** Largest absolute difference from the loops of `reference`, over `compared_rows` rows of each head. */
  readonly max_error?: number;
  readonly compared_rows?: number;
  /** What a reader of the figures has to know: other load, times that did not settle. */
  readonly warnings?: readonly string[];
}

/** A row of either. */
export type AnyRow = PlainRow & Omit<Partial<BenchmarkRow>, keyof PlainRow>;

export interface BenchmarkFile<Row extends PlainRow = BenchmarkRow> {
  readonly context: Context;
  readonly benchmarks: readonly Row[];
}

/** The file's text, a field a line but for the runs of samples. */
export function recordText(file: BenchmarkFile): string {
  const text = JSON.stringify(file, null, 2);
  return `${text.replace(/\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)}\n`;
}

export function writeRecord(path: string, file: BenchmarkFile): void {
  writeFileSync(path, recordText(file));
}

/**
 * Reads a file of these benchmarks, or of google-benchmark itself. Throws Error, with the path, for what is neither.
 */
export function readRecord(path: string): BenchmarkFile<AnyRow> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`a benchmark file is JSON; ${path} is not: ${error.message}`);
  }
  const problem = problemOf(value);
  if (problem) throw new Error(`a benchmark file is google-benchmark's JSON: ${problem}; got ${path}`);
  return value as BenchmarkFile<AnyRow>;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The rule that the value breaks, or undefined. */
function problemOf(value: unknown): string | undefined {
  if (!isObject(value) || !isObject(value.context) || !Array.isArray(value.benchmarks)) return 'an object with context and benchmarks';
  const version = value.context.json_schema_version ?? 1;
  if (version !== 1) return `json_schema_version is 1, not ${String(version)}`;
  for (const [i, row] of value.benchmarks.entries()) {
    if (!isObject(row) || typeof row.name !== 'string') return `benchmarks[${i}] has a name`;
    const problem = row.phases === undefined ? undefined : phasesProblem(row.phases);
    if (problem) return `${row.name}: ${problem}`;
  }
}

function phasesProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'phases are samples by name';
  for (const [name, sample] of Object.entries(value)) {
    if (!phases.includes(name as Phase)) return `a phase is ${phases.join(', ')}, not ${name}`;
    const isNumbers = (list: unknown) => Array.isArray(list) && list.length > 0 && list.every((n) => typeof n === 'number');
    if (!isObject(sample) || !isNumbers(sample.times) || !isNumbers(sample.cpu)) return `${name} has times and cpu`;
  }
}
