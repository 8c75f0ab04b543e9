/** `node-pjrt tune`: which tiles an attention's kernel should have on a TPU, by estimates. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import type { Command } from 'commander';
import { type AttentionSpec, attention } from '../attention';
import { ShapeError } from '../errors';
import { checkTpu, lowerTpu } from '../lower/tpu';
import { backwardCandidates, forwardCandidates } from '../lower/tpu-candidates';
import { type TunedClass, tunedClass } from '../lower/tuned';
import { parseMask } from '../mask';
import { type Chip, chipOf } from '../ir/chips';
import { best, type Candidate, pareto, storeTuned, type Trial, tune as search } from '../timing/tune';
import { bytesText } from '../timing/units';
import { countBar } from './progress';
import { maskHelp, type ShapeOptions, withShape } from './shape';
import { topologyName, topologyOption } from './target';
import { table, wholeNumber } from './text';

interface Options extends ShapeOptions {
  mask: string;
  topology: string;
  processes?: number;
  store?: boolean;
  json?: boolean;
}

export function tune(program: Command): void {
  const command = program
    .command('tune')
    .description('search the tiles of an attention kernel: step time on a TPU, as estimate has it, against compile time');
  withShape(command)
    .option('--mask <mask>', `a mask, ${maskHelp}`, 'causal')
    .addOption(topologyOption())
    .option('--processes <n>', 'compiles at a time (default: one a core)', wholeNumber)
    .option('--store', "keep the picks in the package's table, for this chip and all attentions of this class")
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  node-pjrt tune --head-dim 128 -T 32768 --mask causal --topology v5p --store')
    .action(run);
}

async function run({ mask: text, topology: name, processes, store, json, ...options }: Options): Promise<void> {
  const mask = parseMask(text, options.queries, options.keys ?? options.queries);
  const spec = attention({ ...options, mask });
  if (mask.kind === 'dense') throw new ShapeError('tune: a dense mask has no kernel to tune');
  checkTpu(spec);
  const topology = topologyName(name);
  const chip = chipOf(topology);
  const kernels = (['forward', 'backward'] as const).filter((kernel) => spec.pass.includes(kernel));
  const found = [];
  for (const kernel of kernels) {
    const progress = countBar(`${kernel}: compiling`);
    const { trials, failures } = await search(candidatesOf(attention({ ...options, mask, pass: kernel }), kernel, chip), {
      topology,
      processes,
      onProgress: progress,
    });
    const [fast, lean] = [best(trials, 'fast'), best(trials, 'lean')];
    if (!fast || !lean) throw new Error(`no candidate compiles: ${failures[0]?.failure}`);
    const picks = { fast: fast.choice, lean: lean.choice };
    if (store) for (const file of tables()) storeTuned(file, chip.name, tunedClass(spec, kernel), picks);
    const front = pareto(trials);
    found.push({ kernel, chip: chip.name, topology, picks, pareto: front, trials, failures });
    if (json) continue;
    const rows = front.map((trial) => row(trial, [trial === fast && 'fast', trial === lean && 'lean']));
    console.log(`${table([[kernel, ...titles], ...rows])}\n${after(trials, front, failures.length)}`);
  }
  if (json) console.log(JSON.stringify(found, null, 2));
}

/** Each kernel alone: what one takes does not depend on the other's tiles. */
function candidatesOf(spec: AttentionSpec, kernel: TunedClass['kernel'], { name: chip, cores }: Chip): Candidate[] {
  return kernel === 'forward'
    ? forwardCandidates(spec, cores).map((choice) => ({ choice: { ...choice }, lower: () => lowerTpu(spec, { chip, forward: choice }) }))
    : backwardCandidates(spec).map(({ block }) => ({ choice: { block }, lower: () => lowerTpu(spec, { chip, backward: { block } }) }));
}

const titles = ['step us', 'useful', 'compile ms (CPU)', 'code', 'VMEM', 'preset'];

function row({ choice, seconds, usefulShare, compileMs, codeBytes, vmemBytes }: Trial, presets: readonly (string | false)[]): string[] {
  const tiles = Object.entries(choice).map(([key, value]) => `${key} ${value}`);
  const figures = [
    (1e6 * seconds).toFixed(1),
    `${(100 * usefulShare).toFixed(1)} %`,
    compileMs.toFixed(0),
    bytesText(codeBytes),
    bytesText(vmemBytes),
  ];
  return [tiles.join(', '), ...figures, presets.filter(Boolean).join(', ')];
}

function after(trials: readonly Trial[], front: readonly Trial[], failed: number): string {
  const beaten = trials.length - front.length;
  return `Steps are estimated from the compiler's schedule. ${beaten} more are beaten in both; ${failed} do not compile.`;
}

/** The table in the sources and the one beside the built files. */
function tables(): string[] {
  const root = path.join(__dirname, '..', '..');
  return ['lib', 'dist'].map((folder) => path.join(root, folder, 'lower', 'tuned.json')).filter((file) => existsSync(file));
}
