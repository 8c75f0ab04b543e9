/** `node-pjrt attention`: one attention, any masks, any targets, as a table or as JSON. */
import type { Command } from 'commander';
import { attention as spec } from '../attention';
import type { Preset } from '../lower';
import { parseMask } from '../mask';
import { caseText, type Job, type Measurement, measure } from '../bench/measurement';
import { tableHead, tableRow } from '../bench/report';
import { maskHelp, presetOption, type ShapeOptions, withShape } from './shape';
import { targetHelp, withTarget } from './target';
import { wholeNumber } from './text';

interface Options extends ShapeOptions {
  mask: string[];
  target: string[];
  runs: number;
  preset: Preset;
  json?: boolean;
}

export function attention(program: Command): void {
  const command = program.command('attention').description('build, compile and (where the target can run it) time an attention');
  withShape(command)
    .option('--mask <mask...>', `masks, ${maskHelp}`, ['causal'])
    .option('--target <target...>', targetHelp, ['cpu'])
    .option('--runs <n>', 'timed runs', wholeNumber, 10)
    .addOption(presetOption())
    .option('--json', 'one JSON array of measurements instead of the table')
    .addHelpText('after', "\nExample:\n  node-pjrt attention --heads 16 --kv-heads 2 -T 32768 --mask causal 'local(1023, 0)' --target v5p")
    .action(run);
}

async function run({ mask: masks, target: targets, runs, preset, json, ...options }: Options): Promise<void> {
  // What is wrong with the words themselves is said before anything is opened.
  spec(options);
  for (const mask of masks) parseMask(mask, 1, 1);
  const rows: Measurement[] = [];
  const width = caseText(options).length;
  if (!json) console.log(tableHead(width));
  for (const target of targets)
    await withTarget(target, async (on) => {
      for (const mask of masks) {
        const job: Job = { options, mask, runs, preset };
        const row = await measure(job, on);
        rows.push(row);
        if (!json) console.log(tableRow(row, width));
      }
    });
  if (json) console.log(JSON.stringify(rows, null, 2));
  const failed = rows.filter(({ failure }) => failure !== undefined);
  if (failed.length) throw new Error(failed.map((row) => `${caseText(options)}, ${row.mask} on ${row.target}: ${row.failure}`).join('; '));
}
