/** `node-pjrt shard`: an attention over a mesh of devices: how even their work is, what they send one another, what each of them holds. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AttentionSpec, attention } from '../attention';
import { type AttentionMesh, lower, type Preset, type TokenOrder } from '../lower';
import { imbalance, ringPlan } from '../lower/ring-plan';
import { type Shards, shardsOf } from '../lower/mesh';
import { chipOf } from '../ir/chips';
import { parseMask } from '../mask';
import { Client, type Executable, type ShardedExecutable, type Topology } from '../pjrt';
import { maxError, sampleRows, testInputs } from '../timing/check';
import { type Distribution, distribution, distributionRows } from '../timing/distribution';
import { type LeastTimes, leastTimes } from '../timing/spread-estimate';
import { milliseconds, type Timing, time } from '../timing/time';
import type { HostArray, Module } from '../types';
import { maskHelp, presetOption, type ShapeOptions, withShape } from './shape';
import { targetHelp, withTarget } from './target';
import { table, wholeNumber } from './text';

interface Options extends ShapeOptions {
  mask: string;
  mesh: AttentionMesh;
  order: TokenOrder;
  target: string;
  runs: number;
  preset: Preset;
  json?: boolean;
}

export function shard(program: Command): void {
  const command = program
    .command('shard')
    .description('an attention over a mesh of devices: how even their work is, what they send, what each holds');
  withShape(command)
    .option('--mask <mask>', `a mask, ${maskHelp}`, 'causal')
    .requiredOption('--mesh <mesh>', 'devices along data, heads and sequence, for instance data=2,heads=4,sequence=8', meshOf)
    .addOption(new Option('--order <order>', 'of the tokens that go in and come out').choices(['natural', 'zigzag']).default('natural'))
    .option('-t, --target <target>', targetHelp, 'cpu')
    .option('--runs <n>', 'timed runs', wholeNumber, 10)
    .addOption(presetOption())
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  node-pjrt shard --heads 16 --kv-heads 4 -T 131072 --pass forward+backward --mesh heads=4,sequence=16 --target v5p:4x4x4' +
        '\n  node-pjrt shard --heads 4 --head-dim 64 -T 1024 --mesh sequence=4',
    )
    .action(run);
}

/** Reads `data=2,heads=4`. */
function meshOf(text: string): AttentionMesh {
  const entries = text.split(',').map((entry) => /^\s*(\w+)\s*=\s*([1-9]\d*)\s*$/.exec(entry));
  if (!entries.every((entry) => entry !== null) || new Set(entries.map(([, axis]) => axis)).size !== entries.length)
    throw new InvalidArgumentError('A mesh is data=<n>,heads=<n>,sequence=<n>, in any order, or some of these.');
  return Object.fromEntries(entries.map(([, axis, size]) => [axis, Number(size)]));
}

async function run({ mask, mesh, order, target, runs, preset, json, ...options }: Options): Promise<void> {
  const spec = attention({ ...options, mask: parseMask(mask, options.queries, options.keys ?? options.queries) });
  const shards = shardsOf(spec, { mesh, order });
  const report = await withTarget(
    target,
    async (on) => {
      const begin = performance.now();
      const module = lower(spec, on.target, { mesh, order, preset, ...(on.chip ? { chip: on.chip } : {}) });
      const buildMs = performance.now() - begin;
      return compiled(spec, module, on, { runs, shards, facts: { target, mask, mesh, order, buildMs } });
    },
    { devices: shards.mesh.devices },
  );
  console.log(json ? JSON.stringify(report, null, 2) : table(rowsOf(spec, shards, report)));
}

interface Facts {
  readonly target: string;
  readonly mask: string;
  readonly mesh: AttentionMesh;
  readonly order: TokenOrder;
  readonly buildMs: number;
}

interface Report extends Facts, Distribution {
  readonly compileMs: number;
  readonly kernels: number | undefined;
  readonly ring: RingFacts | undefined;
  /** Estimated from the chip's peaks. */
  readonly atLeast?: LeastTimes;
  readonly timing?: Pick<Timing, 'firstMs' | 'minMs' | 'medianMs'>;
  /** Of sampled rows of every head, from the plain loops. */
  readonly maxError?: number;
}

interface RingFacts {
  readonly placement: string;
  /** Of the busiest device's work over the mean, as placed, and of contiguous tokens. */
  readonly imbalance: number;
  readonly contiguousImbalance: number;
  /** Steps that anybody has work in, and kinds of them. */
  readonly steps: number;
  readonly kinds: number;
}

function ringFacts(spec: AttentionSpec, { plan, heads, sequence }: Shards): RingFacts | undefined {
  if (!plan) return undefined;
  const contiguous = ringPlan(spec, { heads, sequence }, 'contiguous');
  const { placement, shifts, classes } = plan;
  const [own, other] = [plan, contiguous].map(imbalance);
  return { placement, imbalance: own, contiguousImbalance: other, steps: shifts.length, kinds: classes.length };
}

async function compiled(
  spec: AttentionSpec,
  module: Module,
  on: Client | Topology,
  { runs, shards, facts }: { runs: number; shards: Shards; facts: Facts },
): Promise<Report> {
  const begin = performance.now();
  const known = async (executable: Executable): Promise<Report> => {
    const compileMs = performance.now() - begin;
    const seen = await distribution(executable);
    const atLeast = on.chip === undefined ? {} : { atLeast: leastTimes(spec, shards, seen.sentBytes, chipOf(on.chip)) };
    return { ...facts, compileMs, kernels: module.kernels?.length, ring: ringFacts(spec, shards), ...seen, ...atLeast };
  };
  if (!(on instanceof Client)) {
    using executable = await on.compile(module);
    return await known(executable);
  }
  using executable = await on.compileSharded(module, { partitions: shards.mesh.devices });
  return { ...(await known(executable)), ...(await ran(spec, executable, runs)) };
}

async function ran(spec: AttentionSpec, executable: ShardedExecutable, runs: number): Promise<Pick<Report, 'timing' | 'maxError'>> {
  const rows = sampleRows(spec);
  const values = testInputs(spec, rows);
  const inputs = Object.fromEntries(executable.inputs.map(({ name }) => [name, executable.upload(name, values[name])]));
  try {
    const { firstMs, minMs, medianMs } = await time(executable, inputs, { runs, budgetMs: 60_000 });
    using outputs = await executable.run(inputs);
    const read: Record<string, HostArray> = {};
    for (const name of Object.keys(spec.outputs)) read[name] = await outputs[name].read();
    return { timing: { firstMs, minMs, medianMs }, maxError: maxError(spec, read as Record<string, Float32Array>, rows, values) };
  } finally {
    for (const input of Object.values(inputs)) input.dispose();
  }
}

function rowsOf(spec: AttentionSpec, { mesh, data, heads, sequence }: Shards, report: Report): string[][] {
  const { ring, timing, atLeast, maxError: error } = report;
  const { batch, kvHeads, queries } = spec;
  const axes = Object.entries(mesh.axes).map(([axis, size]) => `${axis} ${size}`);
  return [
    ['mesh', `${axes.join(' x ')}: ${mesh.devices} devices, ${report.target}`],
    [
      'a device has',
      `${batch / data} of ${batch} sequences, ${spec.heads / heads}/${kvHeads / Math.min(heads, kvHeads)} of ${spec.heads}/${kvHeads} heads, ${queries / sequence} of ${queries} tokens`,
    ],
    ...(ring ? ringRows(ring) : []),
    ['build, compile', `${milliseconds(report.buildMs)} ms, ${milliseconds(report.compileMs)} ms`],
    ...(report.kernels ? [['kernels', `${report.kernels} of a TPU in the program`]] : []),
    ...distributionRows(report),
    ...(atLeast ? [['at least', atLeastText(atLeast)]] : []),
    ...(timing ? [['run', `${milliseconds(timing.minMs)} ms min, ${milliseconds(timing.medianMs)} ms median`]] : []),
    ...(error === undefined ? [] : [['max error', error.toExponential(1)]]),
  ];
}

function ringRows({ placement, imbalance: own, contiguousImbalance: other, steps, kinds }: RingFacts): string[][] {
  const percent = (ratio: number) => `${(100 * (ratio - 1)).toFixed(1)} %`;
  const contiguous = placement === 'contiguous' ? '' : `; contiguous ${percent(other)}`;
  return [
    ['placement', `${placement}: the busiest device has ${percent(own)} more than the mean${contiguous}`],
    ['ring', `${steps} ${steps === 1 ? 'step' : 'steps'} of ${kinds} ${kinds === 1 ? 'kind' : 'kinds'}`],
  ];
}

function atLeastText({ computeSeconds, linkSeconds }: LeastTimes): string {
  const link = linkSeconds === undefined ? '' : `, ${milliseconds(1e3 * linkSeconds)} ms on one link to a neighbour`;
  return `${milliseconds(1e3 * computeSeconds)} ms of arithmetic at the chip's peak${link}: estimated, not measured`;
}
