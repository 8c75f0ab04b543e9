/** `node-pjrt tune`: which tiles an attention's kernel should have on a TPU, by estimates. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import type { Command } from 'commander';
import { type AttentionSpec, attention } from '../attention';
import { ShapeError } from '../errors';
import { lowerTpu } from '../lower/tpu';
import { forwardCandidates } from '../lower/tpu-candidates';
import { tunedClass } from '../lower/tuned';
import { parseMask } from '../mask';
import { chipOf } from '../timing/chips';
import { best, type Candidate, pareto, storeTuned, type Trial, tune as search } from '../timing/tune';
import { countBar } from './progress';
import { maskHelp, type ShapeOptions, withShape } from './shape';
import { topologyName } from './target';
import { bytesText, table, wholeNumber } from './text';

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
    .option('--topology <name>', 'what to compile for: v4, v5e, v5p, v6e, tpu7x, ...', 'v5p')
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
  const topology = topologyName(name);
  const chip = chipOf(topology);
  const { trials, failures } = await search(forwards(spec), { topology, processes, onProgress: countBar('compiling') });
  const [fast, lean] = [best(trials, 'fast'), best(trials, 'lean')];
  if (!fast || !lean) throw new Error(`no candidate compiles: ${failures[0]?.failure}`);
  const picks = { fast: fast.choice, lean: lean.choice };
  if (store) for (const file of tables()) storeTuned(file, chip.name, tunedClass(spec, 'forward'), picks);
  const front = pareto(trials);
  if (json) console.log(JSON.stringify({ chip: chip.name, topology, picks, pareto: front, trials, failures }, null, 2));
  else
    console.log(
      `${table([head, ...front.map((trial) => row(trial, [trial === fast && 'fast', trial === lean && 'lean']))])}\n${after(trials, front, failures.length)}`,
    );
}

function forwards(spec: AttentionSpec): Candidate[] {
  return forwardCandidates(spec, 2).map((choice) => ({ choice: { ...choice }, lower: () => lowerTpu(spec, choice) }));
}

const head = ['tiles', 'step us', 'useful', 'compile ms (CPU)', 'code', 'VMEM', 'preset'];

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
