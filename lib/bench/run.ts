/** One case on one target: its phases measured apart, and, where the target can run it, its result compared with the reference. */
import { type AttentionSpec, attention, inputTypes } from '../attention';
import { type Blocking, lower, lowerBlocking } from '../lower';
import { analyze, masksOf, parseMask } from '../mask';
import type { Client, Executable, LoadedExecutable, Topology } from '../pjrt';
import { maxError, sampleRows, testInputs } from '../timing/check';
import { estimate } from '../timing/estimate';
import { median, runOnce } from '../timing/time';
import type { Module } from '../types';
import type { BenchmarkCase } from './cases';
import { collectGarbage, peakMeter } from './machine';
import { predict } from './memory';
import { type BenchmarkRow, type Phase, phases, type Sample } from './record';
import { noticedLoad, type SampleOptions, sample } from './sample';

export interface RunOptions {
  /** Wall time of the steps, in milliseconds; build, lower and compile have a quarter of it each. 5000 by default. */
  readonly budgetMs?: number;
  /** Steps at the most; 300 by default. */
  readonly maxRuns?: number;
  /** Times at the most that build, lower and compile are measured; 100 by default. */
  readonly maxCompiles?: number;
  /** The last phase to measure; `step` by default. What the target cannot do is left out. */
  readonly last?: Phase;
  /** Whether steps of a target that is not attached are estimated; true by default. */
  readonly estimates?: boolean;
  /** Whether the result is compared with the reference; true by default. */
  readonly checks?: boolean;
  /** Whether time and CPU are of everything, compile included, over the runs, as axlearn's benchmark had them. */
  readonly withCompile?: boolean;
  /** What a case may take of this machine's memory at the most; what there is by default. */
  readonly mostBytes?: number;
  /** Told when something begins, with the row as it stands. */
  readonly onPhase?: (phase: Phase | 'estimate' | 'check', row: BenchmarkRow) => void;
}

type Row = { -readonly [K in keyof BenchmarkRow]: BenchmarkRow[K] } & { phases: Partial<Record<Phase, Sample>> };

/** What the parts of a case share. */
interface Run {
  readonly row: Row;
  readonly benchmarkCase: BenchmarkCase;
  readonly on: Client | Topology;
  readonly mostBytes?: number;
  readonly forSteps: SampleOptions;
  /** Of each of build, lower and compile. */
  readonly forCompiles: SampleOptions;
  /** Whether a phase is to be measured; tells the caller so. */
  readonly begins: (phase: Phase | 'estimate' | 'check') => boolean;
}

/** Never throws for what an attention or a plugin may fail of: the row says it in `error_message`, or why it is skipped in `skip_message`. */
export async function runCase(benchmarkCase: BenchmarkCase, on: Client | Topology, options: RunOptions = {}): Promise<BenchmarkRow> {
  const {
    budgetMs = 5000,
    maxRuns,
    maxCompiles = 100,
    last = 'step',
    estimates = true,
    checks = true,
    withCompile = false,
    mostBytes,
    onPhase,
  } = options;
  const wanted = [...phases.slice(0, phases.indexOf(last) + 1), ...(checks ? ['check'] : []), ...(estimates ? ['estimate'] : [])];
  const [forSteps, forCompiles] = [
    { budgetMs, maxRuns },
    { budgetMs: budgetMs / 4, maxRuns: maxCompiles },
  ];
  const row = emptyRow(benchmarkCase, 'upload' in on ? on.target : on.name);
  const begins: Run['begins'] = (phase) => {
    if (!wanted.includes(phase)) return false;
    onPhase?.(phase, row);
    return true;
  };
  collectGarbage();
  const peak = peakMeter();
  try {
    const { bytes, reason } = predict(benchmarkCase, on, { mostBytes, runs: wanted.includes('first') });
    row.predicted_bytes = bytes;
    if (reason) Object.assign(row, { skipped: true, skip_message: reason });
    else await measure({ row, benchmarkCase, on, mostBytes, forSteps, forCompiles, begins });
  } catch (error) {
    Object.assign(row, { error_occurred: true, error_message: (error as Error).message.split('\n')[0] });
  }
  if (row.phases.build) row.peak_bytes = peak();
  Object.assign(row, totals(row, withCompile));
  row.warnings = [...(row.warnings ?? []), ...warningsOf(row.phases)];
  return row;
}

/** A case that its target cannot even be opened for. */
export function failedRow(benchmarkCase: BenchmarkCase, target: string, error: Error): BenchmarkRow {
  return { ...emptyRow(benchmarkCase, target), error_occurred: true, error_message: error.message.split('\n')[0] };
}

/** The row of a case that nothing was measured of yet; `target` is a client's platform or a topology's name. */
export function emptyRow({ name, options, mask, impl }: BenchmarkCase, target: string): Row {
  const { batch, heads, kvHeads, headDim, queries, keys, dtype, pass } = attention(options);
  const full = target === 'cpu' ? name : `${name}/target:${target}`;
  return {
    name: full,
    family_index: 0,
    per_family_instance_index: 0,
    run_name: full,
    run_type: 'iteration',
    repetitions: 1,
    repetition_index: 0,
    threads: 1,
    iterations: 0,
    real_time: 0,
    cpu_time: 0,
    time_unit: 'ms',
    target,
    mask,
    pass,
    impl,
    dtype,
    batch,
    heads,
    kv_heads: kvHeads,
    head_dim: headDim,
    queries,
    keys,
    phases: {},
  };
}

async function measure(run: Run): Promise<void> {
  await warm(run.on);
  const { spec, module } = await lowered(run);
  if (!module || !run.begins('compile')) return;
  using compiled = await compiledOf(run, module);
  if ('run' in compiled) await steps(run, spec, compiled);
  else await estimated(run, module, compiled);
}

/** The phases before the plugin's, each in full every time: a spec remembers what was counted of it. */
async function lowered({ row, benchmarkCase, on, forCompiles, begins }: Run): Promise<{ spec: AttentionSpec; module?: Module }> {
  const { options, mask: text, impl, preset } = benchmarkCase;
  const { queries, keys = queries } = options;
  const build = () => attention({ ...options, mask: parseMask(text, queries, keys) });
  const target = impl === 'reference' ? 'dense' : on.target;
  const choice = { chip: on.chip, preset };
  let spec = build();
  if (begins('build')) {
    const work = () => {
      spec = build();
    };
    row.phases.build = await sample(work, forCompiles);
  }
  if (!begins('lower')) return { spec };
  let module = lower(spec, target, choice);
  const prepare = () => {
    spec = build();
  };
  const work = () => {
    module = lower(spec, target, choice);
  };
  row.phases.lower = await sample(work, { ...forCompiles, prepare });
  row.text_bytes = Buffer.byteLength(module.text);
  row.mask_bytes = module.maskBytes;
  Object.assign(row, blockCounts(spec, lowerBlocking(spec, target, choice)));
  return { spec, module };
}

function blockCounts(spec: AttentionSpec, blocking: Blocking | undefined): Pick<BenchmarkRow, 'active_blocks' | 'blocks'> {
  if (!blocking) return {};
  const { blocks } = analyze(spec.mask, { queries: spec.queries, keys: spec.keys, ...blocking });
  const each = (spec.batch * spec.heads) / masksOf(spec.mask, spec.heads).length;
  return { active_blocks: each * blocks.active, blocks: each * blocks.total };
}

/** The last of the executables that were compiled is the caller's to dispose. */
async function compiledOf({ row, on, forCompiles }: Run, module: Module): Promise<Executable | LoadedExecutable> {
  const made: (Executable | LoadedExecutable)[] = [];
  const compile = async () => {
    made.push(await on.compile(module));
  };
  row.phases.compile = await sample(compile, { ...forCompiles, prepare: () => made.pop()?.dispose() });
  const [compiled] = made;
  const { argumentBytes, outputBytes, tempBytes, aliasBytes } = compiled.memory;
  row.temp_bytes = tempBytes;
  row.hbm_bytes = argumentBytes + outputBytes + tempBytes - aliasBytes;
  // 0 is what the CPU plugin says, which does not count it.
  if (compiled.codeBytes) row.code_bytes = compiled.codeBytes;
  return compiled;
}

async function steps(run: Run, spec: AttentionSpec, compiled: LoadedExecutable): Promise<void> {
  const { row, benchmarkCase, on, mostBytes, forSteps, begins } = run;
  if (!begins('first')) return;
  // The compiler knows better than the prediction.
  const { reason } = predict(benchmarkCase, on, { mostBytes, compiledBytes: row.hbm_bytes });
  if (reason) {
    Object.assign(row, { skipped: true, skip_message: reason });
    return;
  }
  const rows = sampleRows(spec);
  const values = testInputs(spec, rows);
  const inputs = Object.fromEntries(
    Object.entries(inputTypes(spec)).map(([name, type]) => [name, compiled.client.upload(type, values[name])]),
  );
  try {
    const work = () => runOnce(compiled, inputs);
    row.phases.first = await sample(work, { budgetMs: 0 });
    if (begins('step')) row.phases.step = await sample(work, forSteps);
    if (!begins('check')) return;
    using outputs = await compiled.run(inputs);
    const seen: Record<string, ArrayLike<number>> = {};
    for (const name of Object.keys(spec.outputs)) seen[name] = (await outputs[name].read()) as ArrayLike<number>;
    row.max_error = maxError(spec, seen, rows, values);
    row.compared_rows = rows.length;
  } finally {
    for (const buffer of Object.values(inputs)) buffer.dispose();
  }
}

/** Of a kernel by its schedule, of plain StableHLO by what the compiler says of its cost. */
async function estimated({ row, begins }: Run, module: Module, compiled: Executable): Promise<void> {
  if (!begins('estimate')) return;
  try {
    const { optimalSeconds } = compiled.cost;
    if (module.kernels?.length) {
      const { seconds, label } = await estimate(compiled);
      row.estimated_step = { ms: 1000 * seconds, label };
    } else if (optimalSeconds !== undefined) {
      row.estimated_step = { ms: 1000 * optimalSeconds, label: "estimated by the compiler's cost model" };
    }
  } catch (error) {
    row.warnings = [`no estimate of the step: ${(error as Error).message.split('\n')[0]}`];
  }
}

const warmed = new WeakSet<Client | Topology>();

/** What a process does once for its plugin, at the first compile, is no case's. */
async function warm(on: Client | Topology): Promise<void> {
  if (warmed.has(on)) return;
  using _ = await on.compile(lower(attention({ heads: 1, headDim: 128, queries: 256 }), on.target, { chip: on.chip }));
  warmed.add(on);
}

/** google-benchmark's columns. Where no step is known, or the compile is to be in it, they are of everything there is. */
function totals({ phases: { build, lower, compile, first, step }, estimated_step: estimated }: Row, withCompile: boolean) {
  const label = estimated && { label: `(${estimated.label})` };
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  if (!withCompile && step) {
    const iterations = step.times.length;
    return { iterations, real_time: sum(step.times) / iterations, cpu_time: sum(step.cpu) / iterations };
  }
  if (!withCompile && estimated) return { iterations: 0, real_time: estimated.ms, ...label };
  const before = [build, lower, compile].filter((one) => one !== undefined);
  const runs = [first, step].filter((one) => one !== undefined);
  if (!before.length) return {};
  const iterations = sum(runs.map(({ times }) => times.length)) || 1;
  const real = sum(before.map(({ median: ms }) => ms)) + sum(runs.map(({ times }) => sum(times))) + (estimated?.ms ?? 0);
  const cpu = sum(before.map(({ cpu }) => median(cpu))) + sum(runs.map(({ cpu }) => sum(cpu)));
  return { iterations, real_time: real / iterations, cpu_time: cpu / iterations, ...label };
}

function warningsOf({ step, ...others }: Row['phases']): string[] {
  const loaded = Object.entries({ ...others, step }).filter(([, one]) => (one?.load ?? 0) > noticedLoad);
  const most = Math.max(...loaded.map(([, one]) => one?.load ?? 0));
  if (!loaded.length) return [];
  return [`other work took up to ${Math.round(100 * most)} % of the cores in ${loaded.map(([phase]) => phase).join(', ')}`];
}
