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
  let [reference, head]: [BenchmarkRow | undefined, string | undefined] = [undefined, undefined];
  const own = `local(${options.window}, 0)`;
  return {
    begin: (about) => {
      console.error(`${contextText(about)}\n${conventions(options.referenceMask === 'causal' ? 'causal' : own, own)}`);
    },
    row: (row, kind) => {
      const model = row.name.split('/')[1] as LayerName;
      const title = layerHead(model, kind);
      if (title !== head) console.log(title);
      head = title;
      if (row.impl === 'reference') {
        reference = row;
        return;
      }
      console.log(layerLine(row, reference));
      for (const one of [reference, row]) {
        const reason = one && layerReason(one);
        if (reason) console.log(reason);
      }
      reference = undefined;
      if (row.pass === 'forward') return;
      console.log(`${[originLine(model, options, row.target), ''].filter((line) => line !== undefined).join('\n')}`);
    },
    end: (rows) => {
      if (options.phases && rows.length) console.log(phasesText(rows));
    },
  };
}
