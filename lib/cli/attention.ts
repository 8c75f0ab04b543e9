/** `node-pjrt attention`: one attention, any masks, any targets, as a table or as JSON. */
import { type Command, Option } from 'commander';
import { type Pass, passes, attention as spec } from '../attention';
import { parseMask } from '../mask';
import { caseText, type Job, type Measurement, measure } from '../timing/measure';
import { tableHead, tableRow } from '../timing/report';
import { targetHelp, withTarget } from './target';
import { positiveNumber, wholeNumber } from './text';

interface Options {
  batch: number;
  heads: number;
  kvHeads?: number;
  headDim: number;
  valueDim?: number;
  queries: number;
  keys?: number;
  dtype: 'f32' | 'bf16';
  mask: string[];
  target: string[];
  pass: Pass;
  softCap?: number;
  sinks?: boolean;
  runs: number;
  json?: boolean;
}

export function attention(program: Command): void {
  program
    .command('attention')
    .description('build, compile and (where the target can run it) time an attention')
    .option('--batch <n>', 'sequences', wholeNumber, 1)
    .option('--heads <n>', 'query heads', wholeNumber, 16)
    .option('--kv-heads <n>', 'key and value heads (default: heads)', wholeNumber)
    .option('--head-dim <n>', 'size of a query and a key', wholeNumber, 256)
    .option('--value-dim <n>', 'size of a value (default: head-dim)', wholeNumber)
    .option('-T, --queries <n>', 'query tokens', wholeNumber, 4096)
    .option('--keys <n>', 'key tokens (default: queries)', wholeNumber)
    .addOption(new Option('--dtype <dtype>', 'dtype of inputs and output').choices(['f32', 'bf16']).default('bf16'))
    .option('--mask <mask...>', 'masks, as docs/masks.md has them: causal, local(1023, 0), prefix(512) & ~strided(2), dense(causal)', [
      'causal',
    ])
    .option('--target <target...>', targetHelp, ['cpu'])
    .addOption(new Option('--pass <pass>', 'the outputs, the gradients from them, or both at once').choices(passes).default('forward'))
    .option('--soft-cap <x>', 'scores become x * tanh(score / x)', positiveNumber)
    .option('--sinks', 'a logit per head that takes its share of the softmax')
    .option('--runs <n>', 'timed runs', wholeNumber, 10)
    .option('--json', 'one JSON array of measurements instead of the table')
    .addHelpText('after', "\nExample:\n  node-pjrt attention --heads 16 --kv-heads 2 -T 32768 --mask causal 'local(1023, 0)' --target v5p")
    .action(run);
}

async function run({ mask: masks, target: targets, runs, json, ...options }: Options): Promise<void> {
  // What is wrong with the words themselves is said before anything is opened.
  spec(options);
  for (const mask of masks) parseMask(mask, 1, 1);
  const rows: Measurement[] = [];
  const width = caseText(options).length;
  if (!json) console.log(tableHead(width));
  for (const target of targets)
    await withTarget(target, async (on) => {
      for (const mask of masks) {
        const job: Job = { options, mask, runs };
        const row = await measure(job, on);
        rows.push(row);
        if (!json) console.log(tableRow(row, width));
      }
    });
  if (json) console.log(JSON.stringify(rows, null, 2));
  const failed = rows.filter(({ failure }) => failure !== undefined);
  if (failed.length) throw new Error(failed.map((row) => `${caseText(options)}, ${row.mask} on ${row.target}: ${row.failure}`).join('; '));
}
