/** What the benchmark commands share: their options, progress, files, and an end that an interrupt only makes come sooner. */
import { closeSync, openSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AttentionDType, attentionDTypes } from '../attention';
import type { BenchmarkCase } from '../bench/cases';
import { context } from '../bench/machine';
import { type BenchmarkFile, type BenchmarkRow, type Context, type Phase, phases, recordText, writeRecord } from '../bench/record';
import type { RunOptions } from '../bench/run';
import { Suite } from '../bench/suite';
import type { Preset } from '../lower';
import { caseProgress } from './progress';
import { presetOption } from './shape';
import { targetHelp, targetName, withTarget } from './target';
import { positiveNumber } from './text';

export interface RunFlags {
  target: string[];
  dtype: AttentionDType;
  preset: Preset;
  benchmark_filter?: RegExp;
  benchmark_format: 'console' | 'json';
  benchmark_out?: string;
  benchmark_min_time?: MinTime;
  benchmark_list_tests?: boolean;
  maxMemory?: number;
  last: Phase;
  check: boolean;
  estimates: boolean;
  phases: boolean;
  quick?: boolean;
}

/** Adds the options of `RunFlags`; those with underscores are google-benchmark's own. */
export function withRunFlags(command: Command): Command {
  return command
    .option('--target <target...>', targetHelp, ['cpu'])
    .addOption(new Option('--dtype <dtype>', 'of inputs and outputs').choices(attentionDTypes).default('bf16'))
    .addOption(presetOption())
    .option('--benchmark_filter <regex>', 'only cases whose name the expression finds', regularExpression)
    .addOption(new Option('--benchmark_format <format>', 'what stdout gets').choices(['console', 'json']).default('console'))
    .option('--benchmark_out <file>', 'where to write the results as JSON too')
    .option(
      '--benchmark_min_time <time>',
      'for the steps of a case, and a quarter of it for each phase before: 5s by default, less where the interval is narrow sooner; 20x: at the most 20 runs of each',
      minTime,
    )
    .option('--benchmark_list_tests', 'print the names and run nothing')
    .option('--max-memory <GB>', 'skip cases that would need more of this machine (default: than there is)', positiveNumber)
    .addOption(new Option('--last <phase>', 'the last phase to measure').choices(phases).default('step'))
    .option('--no-check', 'do not compare results with the reference')
    .option('--no-estimates', 'no estimated steps for targets that are not attached')
    .option('--no-phases', 'without the table of phases')
    .option('--quick', 'a budget of 1 s a case, and skip what needs more than 8 GB of this machine');
}

/** google-benchmark's: a time, or a number of iterations. */
interface MinTime {
  readonly budgetMs?: number;
  readonly maxRuns?: number;
  readonly maxCompiles?: number;
}

function minTime(text: string): MinTime {
  const [, number, unit] = /^(\d*\.?\d+)(s|x)?$/.exec(text) ?? [];
  const value = Number(number);
  if (number === undefined || value <= 0 || (unit === 'x' && !Number.isSafeInteger(value)))
    throw new InvalidArgumentError('Seconds above 0, such as 0.5s, or a whole number of iterations, such as 20x.');
  return unit === 'x' ? { maxRuns: value, maxCompiles: value, budgetMs: Number.MAX_SAFE_INTEGER } : { budgetMs: 1000 * value };
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const quick = { budgetMs: 1000, mostBytes: 8e9 };

/** Flags as options of a run. */
function runOptionsOf({ quick: isQuick, benchmark_min_time: time, maxMemory, last, check: checks, estimates }: RunFlags): RunOptions {
  const most = maxMemory === undefined ? {} : { mostBytes: maxMemory * 1e9 };
  return { ...(isQuick ? quick : {}), ...time, ...most, last, checks, estimates };
}

/** What a command prints. */
export interface Show {
  /** Before the first case; not of JSON. */
  begin(context: Context, names: readonly string[]): void;
  row(row: BenchmarkRow, deviceKind: string): void;
  /** After the last one, or when somebody interrupts. */
  end(rows: readonly BenchmarkRow[]): void;
}

/** Runs cases on the targets and shows them. Throws Error where one failed, once all have had their turn. */
export async function runSuite(all: readonly BenchmarkCase[], flags: RunFlags, show: Show, own: RunOptions = {}): Promise<void> {
  const { benchmark_filter: filter, benchmark_format: format, benchmark_out: out } = flags;
  const cases = all.filter(({ name }) => !filter || filter.test(name));
  if (!cases.length) throw new Error(`no case has a name that ${filter} finds; --benchmark_list_tests prints them`);
  const targets = flags.target.map(targetName);
  if (flags.benchmark_list_tests) return console.log(cases.map(({ name }) => name).join('\n'));
  // Said now, not after an hour.
  if (out !== undefined) closeSync(openSync(out, 'a'));
  const isConsole = format === 'console';
  const about = context();
  const progress = caseProgress();
  const suite = new Suite({
    cases,
    targets,
    opens: withTarget,
    ...runOptionsOf(flags),
    ...own,
    onPhase: progress.at,
    onRow: (row, kind) => {
      progress.clear();
      if (isConsole) show.row(row, kind);
    },
  });
  const end = (rows: readonly BenchmarkRow[]) => {
    progress.clear();
    for (const row of rows.slice(suite.rows.length)) if (isConsole) show.row(row, row.target);
    const file: BenchmarkFile = { context: about, benchmarks: rows };
    if (isConsole) show.end(rows);
    else process.stdout.write(recordText(file));
    if (out !== undefined) writeRecord(out, file);
  };
  onInterrupt(suite, end);
  if (isConsole)
    show.begin(
      about,
      targets.flatMap((target) => cases.map(({ name }) => (target === 'cpu' ? name : `${name}/target:${target}`))),
    );
  const rows = await suite.run();
  end(rows);
  const failed = rows.filter((row) => row.error_occurred);
  if (failed.length) throw new Error(failed.map(({ name, error_message }) => `${name}: ${error_message}`).join('; '));
}

/** A run that can say at any time what it has. */
interface Interruptible {
  readonly rows: readonly unknown[];
  readonly total: number;
  soFar(): readonly BenchmarkRow[];
}

/** What there is by then is an interrupted run's end; exit code 130. A second interrupt does not wait for that. */
export function onInterrupt(run: Interruptible, end: (rows: readonly BenchmarkRow[]) => void | Promise<void>): void {
  const interrupted = async () => {
    // Not before: a signal without a listener ends the process.
    process.on('SIGINT', () => process.exit(130));
    try {
      await end(run.soFar());
      console.error(`node-pjrt: interrupted; ${run.rows.length} of ${run.total} cases are done`);
    } catch (error) {
      console.error(`node-pjrt: interrupted; ${(error as Error).message}`);
    }
    process.exit(130);
  };
  // In place of the handler that exits at once.
  process.removeAllListeners('SIGINT').once('SIGINT', interrupted);
}
