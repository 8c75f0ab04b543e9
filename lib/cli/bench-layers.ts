/** `node-pjrt bench layers`: reference and flash, forward and backward, of the attention of language models' layers. */
import { type Command, Option } from 'commander';
import { type BenchmarkCase, layerCase, type LayerName, layerNames, type LayerSizes } from '../bench/cases';
import { contextText } from '../bench/console';
import { conventions, layerHead, layerLine, layerReason, originLine } from '../bench/layers';
import type { BenchmarkRow } from '../bench/record';
import { phasesText } from './bench-phases';
import { type RunFlags, runSuite, type Show, withRunFlags } from './bench-run';
import { wholeNumber } from './text';

interface Options extends RunFlags, LayerSizes {
  model: LayerName[];
  runReference: boolean;
  referenceMask: 'window' | 'causal';
}

export function benchLayers(bench: Command): void {
  const command = bench
    .command('layers')
    .description('the attention of model layers of 1.2b to 539.5b parameters: reference and flash, forward and with gradients')
    .addOption(new Option('--model <model...>', 'which models').choices(layerNames).default(layerNames))
    .option('--batch <n>', 'sequences', wholeNumber, 2)
    .option('--seq <n>', 'tokens', wholeNumber, 8192)
    .option('--window <n>', "keys before a query's own that it attends to", wholeNumber, 1024)
    .option('--run-reference', 'run the reference too (the default)', true)
    .option('--no-run-reference', 'flash alone')
    .addOption(
      new Option('--reference-mask <mask>', "window, flash's own, or causal, as the original has it")
        .choices(['window', 'causal'])
        .default('window'),
    );
  withRunFlags(command).addHelpText('after', '\nExample:\n  node-pjrt bench layers --model 1.2b 12.6b --target v5p').action(run);
}

async function run(options: Options): Promise<void> {
  await runSuite(
    options.model.flatMap((model) => casesOf(model, options)),
    options,
    showOf(options),
  );
}

/** In the order of the lines. */
function casesOf(model: LayerName, { runReference, referenceMask, dtype, preset, ...sizes }: Options): BenchmarkCase[] {
  return (['forward', 'forward+backward'] as const).flatMap((pass) => [
    ...(runReference
      ? [layerCase(model, sizes, { pass, dtype, impl: 'reference', ...(referenceMask === 'causal' ? { mask: 'causal' } : {}) })]
      : []),
    layerCase(model, sizes, { pass, dtype, preset, impl: 'flash' }),
  ]);
}

function showOf(options: Options): Show {
  let head: string | undefined;
  // A reference whose flash is still to come; alone, where a filter left that out.
  const waiting: BenchmarkRow[] = [];
  const own = `local(${options.window}, 0)`;
  const modelOf = ({ name }: BenchmarkRow) => name.split('/')[1] as LayerName;
  const print = (lines: readonly (string | undefined)[]) => {
    for (const line of lines) if (line !== undefined) console.log(line);
  };
  const printRows = (rows: readonly BenchmarkRow[]) => print(rows.length ? [layerLine(rows), ...rows.map(layerReason)] : []);
  return {
    begin: (about) => {
      console.error(`${contextText(about)}\n${conventions(options.referenceMask === 'causal' ? 'causal' : own, own)}`);
    },
    row: (row, kind) => {
      const isPair = row.impl === 'flash' && waiting.some((other) => other.pass === row.pass && modelOf(other) === modelOf(row));
      if (!isPair) printRows(waiting.splice(0));
      const title = layerHead(modelOf(row), kind);
      if (title !== head) console.log(title);
      head = title;
      waiting.push(row);
      if (row.impl === 'reference') return;
      printRows(waiting.splice(0));
      if (row.pass !== 'forward') print([originLine(modelOf(row), options, row.target), '']);
    },
    end: (rows) => {
      printRows(waiting);
      if (options.phases && rows.length) console.log(phasesText(rows));
    },
  };
}
