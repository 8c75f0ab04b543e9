/** `node-pjrt estimate`: how long an attention takes on a TPU that is not there. */
import type { Command } from 'commander';
import { attention } from '../attention';
import { lowerTpu } from '../lower/tpu';
import type { Preset } from '../lower/tpu-choice';
import { parseMask } from '../mask';
import { chipOf } from '../ir/chips';
import { type Estimate, estimate as estimated } from '../timing/estimate';
import { maskHelp, presetOption, type ShapeOptions, withShape } from './shape';
import { topologyName, topologyOption } from './target';

interface Options extends ShapeOptions {
  mask: string;
  topology: string;
  preset: Preset;
  json?: boolean;
}

export function estimate(program: Command): void {
  const command = program
    .command('estimate')
    .description("an attention's time on a TPU, estimated from the compiler's schedule: no TPU is needed, nothing runs");
  withShape(command)
    .option('--mask <mask>', `a mask, ${maskHelp}`, 'causal')
    .addOption(topologyOption())
    .addOption(presetOption())
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  node-pjrt estimate --head-dim 128 -T 32768 --mask causal --topology v5p')
    .action(run);
}

async function run({ mask: text, topology: name, preset, json, ...options }: Options): Promise<void> {
  const topology = topologyName(name);
  const chip = chipOf(topology).name;
  const begin = performance.now();
  const mask = parseMask(text, options.queries, options.keys ?? options.queries);
  const module = lowerTpu(attention({ ...options, mask }), { preset, chip });
  const buildMs = performance.now() - begin;
  const result = await estimated(module, { topology, buildMs });
  console.log(json ? JSON.stringify(fieldsOf(result), null, 2) : `${result}`);
}

function fieldsOf(result: Estimate) {
  const { cycles, seconds, usefulShare, mxuShare, tempBytes, vmemBytes, codeBytes, buildMs, compileMs, loops } = result;
  return { cycles, seconds, usefulShare, mxuShare, tempBytes, vmemBytes, codeBytes, buildMs, compileMs, loops };
}
