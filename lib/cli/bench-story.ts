/** `node-pjrt bench story`: the experiment that this project began with, in one run, as a report to look at. */
import * as path from 'node:path';
import { type Command, Option } from 'commander';
import { context } from '../bench/machine';
import type { BenchmarkRow } from '../bench/record';
import { peerCases, plan } from '../bench/story/plan';
import { writeReport } from '../bench/story/report';
import { Story } from '../bench/story/run';
import { type Clock, clocks } from '../bench/story/series';
import type { Preset } from '../lower';
import { onInterrupt } from './bench-run';
import { caseProgress } from './progress';
import { presetOption } from './shape';
import { targetHelp, targetName, withTarget } from './target';
import { positiveNumber, wholeNumber, wholeNumbers } from './text';

interface Options {
  target: string[];
  quick?: boolean;
  seq?: number[];
  window: number;
  preset: Preset;
  peerPython?: string;
  peerLimit?: number;
  clock: Clock;
  out: string;
}

export function benchStory(bench: Command): void {
  bench
    .command('story')
    .description(
      'build, lower and compile time against T of dense and lazy masks, and steps, as a report: HTML, Markdown, JSON and a picture',
    )
    .option('--target <target...>', targetHelp, ['v5p', 'cpu'])
    .option('--quick', 'fewer T and shorter budgets: about two minutes on two cores, without a peer')
    .option('--seq <n...>', 'every T (default: 512 to 1048576)', wholeNumbers)
    .option('--window <n>', 'keys of the window, the query itself among them', wholeNumber, 1024)
    .addOption(presetOption().default('lean'))
    .option('--peer-python <path>', 'a Python that has jax, to measure its splash attention beside (jax 0.10.2 is known to work)')
    .option('--peer-limit <seconds>', "skip what of the peer's would take longer (default: 100, quick: 10)", positiveNumber)
    .addOption(
      new Option('--clock <clock>', 'what the figures are by; processor time is the one of a machine with other work')
        .choices(clocks)
        .default('wall'),
    )
    .option('--out <folder>', 'where the report goes', 'node-pjrt-story')
    .addHelpText('after', '\nExample:\n  node-pjrt bench story --quick --peer-python venv/bin/python')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { quick = false, window, preset, seq, clock, out, peerPython: python, peerLimit = quick ? 10 : 100 } = options;
  const targets = [...new Set(options.target.map(targetName))];
  const planned = { targets, quick, window, preset, ...(seq && { tokens: [...new Set(seq)].sort((a, b) => a - b) }) };
  const others = targets.filter((name) => name !== 'cpu');
  if (others.length > 1) throw new Error(`a report is of cpu and one other target; got ${targets.join(' ')}`);
  const target = others.find((name) => name !== 'tpu' && !name.includes('/'));
  if (python !== undefined && target === undefined)
    throw new Error(`--peer-python compiles for a TPU that need not be here: --target names one such as v5p; got ${targets.join(' ')}`);
  const budgets = { budgetMs: quick ? 1500 : 4000, limitMs: 1000 * peerLimit };
  const peer = python === undefined || target === undefined ? undefined : { python, target, cases: peerCases(planned), ...budgets };
  const about = context();
  const progress = caseProgress();
  const story = new Story({ stages: plan(planned), peer, opens: withTarget, onPhase: progress.at });
  const write = async (benchmarks: readonly BenchmarkRow[], interruptedAt?: string) => {
    progress.clear();
    const file = { context: about, benchmarks };
    const paths = await writeReport(out, { file, clock, command: commandOf(process.argv.slice(2)), interruptedAt });
    console.log(paths.map((file) => path.relative('', file)).join('\n'));
  };
  onInterrupt(story, (rows) => write(rows, `${story.rows.length} of ${story.total} cases`));
  const rows = await story.run();
  await write(rows);
  for (const [reason, count] of failures(rows))
    console.error(`node-pjrt: ${count} of ${rows.length} cases could not be measured: ${reason}`);
}

/** By reason; the report tells of which cases. */
function failures(rows: readonly BenchmarkRow[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { error_message: reason } of rows) if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

/** As a shell takes it. */
const commandOf = (words: readonly string[]) =>
  ['node-pjrt', ...words].map((word) => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`)).join(' ');
