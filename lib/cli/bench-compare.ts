/** `node-pjrt bench compare`: two benchmark files, and an exit code for CI. */
import { type Command, Option } from 'commander';
import { type Comparison, compare, type Metric, metrics, regressions, unmatched } from '../bench/compare';
import { readRecord } from '../bench/record';
import { bytesText } from '../timing/units';
import { positiveNumber, table } from './text';

interface Options {
  metric?: Metric[];
  relativeTo?: string;
  failAbove?: number;
  noise: number;
  json?: boolean;
}

export function benchCompare(bench: Command): void {
  bench
    .command('compare')
    .description('the ratios of two files of results, of these benchmarks or of google-benchmark, and whether they differ at all')
    .argument('<before>', 'a file that --benchmark_out wrote')
    .argument('<after>', 'another')
    .addOption(new Option('--metric <metric...>', 'of these only (default: all that both have)').choices(metrics))
    .option('--relative-to <name>', 'divide times by those of this row of the same file, so that results of two machines compare')
    .option('--fail-above <ratio>', 'exit code 1 where the whole interval of a ratio is above this', positiveNumber)
    .option('--noise <share>', 'a ratio nearer to 1 is no difference', positiveNumber, 0.05)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  node-pjrt bench compare bench/baseline.json now.json --metric text_bytes code_bytes --fail-above 1.1',
    )
    .action(run);
}

function run(beforeFile: string, afterFile: string, options: Options): void {
  const { metric, relativeTo, failAbove, noise, json } = options;
  const [before, after] = [beforeFile, afterFile].map((file) => readRecord(file).benchmarks);
  const rows = compare(before, after, { metrics: metric, relativeTo, noise });
  const { gone, added } = unmatched(before, after);
  if (json) console.log(JSON.stringify({ comparisons: rows, gone, added }, null, 2));
  else console.log(textOf(rows, relativeTo));
  if (!json)
    for (const [names, file] of [
      [gone, beforeFile],
      [added, afterFile],
    ] as const)
      if (names.length) console.log(`Only in ${file}: ${names.join(', ')}.`);
  if (!rows.length) throw new Error('the files have nothing in common to compare: no metric of a name that is in both');
  if (failAbove === undefined) return;
  const worse = regressions(rows, failAbove);
  if (worse.length)
    throw new Error(`above ${failAbove}: ${worse.map(({ name, metric, ratio }) => `${name} ${metric} ${ratio.toFixed(3)}`).join('; ')}`);
}

function textOf(rows: readonly Comparison[], relativeTo: string | undefined): string {
  const titles = ['Benchmark', 'metric', 'before', 'after', 'ratio', '95 %', 'verdict'];
  const lines = rows.map(({ name, metric, before, after, ratio, interval, verdict, load }) => [
    name,
    metric,
    ...[before, after].map((value) => valueText(value, metric, relativeTo)),
    ratio.toFixed(3),
    interval ? `${interval[0].toFixed(3)} .. ${interval[1].toFixed(3)}` : '',
    load === undefined ? verdict : `${verdict} (other work took ${Math.round(100 * load)} % of the cores)`,
  ]);
  return table([titles, ...lines], [2, 3, 4, 5]);
}

function valueText(value: number, metric: Metric, relativeTo: string | undefined): string {
  if (metric.endsWith('_bytes')) return bytesText(value);
  return relativeTo === undefined || metric === 'estimated_step' ? `${value.toPrecision(4)} ms` : value.toPrecision(4);
}
