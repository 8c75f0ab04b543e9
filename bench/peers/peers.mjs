/**
 * The peers of bench/tpu.mjs: JAX's splash attention and, with TOKAMAX_SRC, tokamax's, compiled by splash.py with the Python that
 * JAX_PYTHON names. Their time is read from the same compiler's schedule by the same model as ours; how often each part of their kernels
 * runs is not marked there but follows from their sources:
 *
 * - a grid step runs a tile: dead ones too in JAX's kernels and in both backward kernels, only those that the mask visits in tokamax's
 *   forward;
 * - a step's branches are, in the order of the code: zeros at the first tile of a row, the tile (JAX: one form; tokamax: without a mask,
 *   then with it), the row's end;
 * - the forward kernels split the heads over both cores; the backward kernels run on one (they leave where the core is not the first).
 *
 * What they wait for HBM is not counted: that is in their favour.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { analyze, parseMask } from 'node-pjrt';
import { chipOf } from '../../dist/ir/chips.js';
import { parseBundles } from '../../dist/timing/bundles.js';
import { readDump } from '../../dist/timing/dump.js';
import { readHlo } from '../../dist/timing/hlo.js';
import { costOf } from '../../dist/timing/schedule.js';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'splash.py');
const chip = chipOf('v5p:2x2x1');

export const peers = [
  ...(process.env.JAX_PYTHON ? ['jax'] : []),
  ...(process.env.JAX_PYTHON && process.env.TOKAMAX_SRC ? ['tokamax'] : []),
];

async function python(job, dump) {
  const flags = dump
    ? [`--xla_jf_dump_to=${dump}`, '--xla_jf_dump_llo_text=true', '--xla_jf_dump_llo_pass_label_regex=^final_bundles$']
    : [];
  const env = { ...process.env, LIBTPU_INIT_ARGS: flags.join(' ') };
  const { stdout } = await promisify(execFile)(process.env.JAX_PYTHON, [script, JSON.stringify(job)], { env, maxBuffer: 2 ** 26 });
  return JSON.parse(stdout.trim().split('\n').pop());
}

/** Build and compile of a job, in ms, in a process of its own. */
export const compilePeer = (job) => python(job);

/** Seconds of a job's kernels, forward and backward, and of XLA's operations around them. */
export async function schedulePeer(job) {
  const folder = mkdtempSync(path.join(tmpdir(), 'node-pjrt-peer-'));
  try {
    const { tempBytes } = await python(job, folder);
    const { hlo, bundles } = readDump(folder);
    const { operations, kernels } = readHlo(hlo);
    const seconds = { forward: 0, backward: 0 };
    for (const { name } of kernels) {
      const isForward = name.includes('fwd');
      seconds[isForward ? 'forward' : 'backward'] += kernelCycles(bundles.get(name), job, isForward) / chip.hertz;
    }
    const around = operations.reduce((sum, { bytes }) => sum + bytes, 0) / chip.hbmBytesPerSecond;
    return { ...seconds, around, tempBytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function kernelCycles(text, job, isForward) {
  const program = parseBundles(text, chip.delaySlots);
  const { T, mask, window, heads } = job;
  const block = isForward ? job.block : job.backward.block;
  const { blocks } = analyze(parseMask(mask === 'local' ? `local(${window - 1}, 0)` : mask, T, T), {
    queries: T,
    keys: T,
    blockQ: block,
    blockK: block,
  });
  const { active, full } = blocks;
  const own = heads / (isForward ? 2 : 1);
  const rows = (own * T) / block;
  const loop = find(program.root, (region) => region.kind === 'loop');
  const body = loop.regions.reduce((most, region) => (region.end - region.start > most.end - most.start ? region : most));
  // The grid's loop runs twice more than its steps, for the windows' copies; a bound that is no constant is the tiles that the mask visits.
  const steps = loop.trips === undefined ? own * active : loop.trips - 2;
  const products = (region) => costOf(program, all(region), chip).mxuCycles > 0;
  const tiles = body.regions.filter(products).length;
  const tileRuns = tiles === 1 ? [own * active] : [own * full, own * (active - full)];
  if (tiles !== 1 && tiles !== 2) throw new Error(`a peer's grid step has one or two forms of a tile; ${job.peer}'s has ${tiles}`);
  const cycles = (region) => costOf(program, all(region), chip).cycles;
  const straight = (region) => costOf(program, region.blocks, chip).cycles;
  let sum = straight(program.root) + (steps + 2) * straight(loop) + steps * straight(body);
  for (const region of loop.regions) if (region !== body) sum += (steps + 2) * cycles(region);
  let tile = 0;
  for (const region of body.regions) sum += (products(region) ? tileRuns[tile++] : rows) * cycles(region);
  return sum;
}

function find(region, test) {
  if (test(region)) return region;
  for (const inner of region.regions) {
    const found = find(inner, test);
    if (found) return found;
  }
  return undefined;
}

/** Blocks of a region and of all inside it. */
function all({ blocks, regions }) {
  return [...blocks, ...regions.flatMap(all)];
}
