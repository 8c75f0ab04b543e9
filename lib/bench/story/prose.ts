/** What the report says in words beside its figures: of the machine, the method and the way to do it again. */
import { bytesText } from '../../timing/units';
import type { BenchmarkFile, BenchmarkRow } from '../record';
import type { Report } from './report';
import { isAttached, isCpu, systemText } from './series';

export const heading = 'Dense and lazy attention masks: compile time and step time';

export const rerun =
  'The record of a run, story.json beside its page, is in google-benchmark’s format: its own compare tools read it, and `node-pjrt bench compare` gives ratios of two runs with intervals.';

/** One line: when, on what. */
export function summary({ context }: BenchmarkFile): string {
  const { date, num_cpus: cores, cpu_model: model, library_version: version } = context;
  return [`node-pjrt ${version}`, date.slice(0, 10), `${cores} cores of ${model}`].join(' · ');
}

/** What a reader should know before the figures. */
export function warnings({ file: { benchmarks: rows }, interruptedAt }: Report): string[] {
  const loads = rows.flatMap(({ phases }) => Object.values(phases).flatMap(({ load }) => load ?? []));
  const most = Math.max(0, ...loads);
  const disturbed = rows.filter(({ phases }) => Object.values(phases).some(({ load = 0 }) => load > noticedLoad)).length;
  return [
    ...(interruptedAt === undefined ? [] : [`The run was interrupted after ${interruptedAt}: the report is of these.`]),
    ...(disturbed
      ? [
          `Other work on the machine took up to ${Math.round(100 * most)} % of its cores, during ${disturbed} of ${rows.length} cases; their notes say which.`,
        ]
      : []),
  ];
}

const noticedLoad = 0.1;

export function method({ benchmarks: rows }: BenchmarkFile): string[] {
  const shape = rows.find(({ system }) => !system);
  const peer = rows.find(({ system }) => system);
  return [
    ...(shape
      ? [
          `${shapeText(shape)}. The causal mask is lazy, a few numbers; the window is the causal one limited to ${windowText(rows)} keys, and the dense one is the causal mask as T × T bits. Build makes the mask and the attention, lower the program’s text, compile the executable; each is measured apart, again and again until it is known well enough or its budget is spent, the first and cold run left out.`,
        ]
      : []),
    ...(peer
      ? [
          `${systemText(peer)} is its splash attention with blocks of 512, its own CausalMask, LocalMask and NumpyMask (numpy’s T × T booleans), in a process of its own for each case, compiled ahead of time by the same libtpu for the same topology. Its build is the mask, the kernel and the trace; its lower ends in StableHLO with the Mosaic kernel in it. Every repetition starts from cleared caches. Loading Python and JAX is not counted.`,
        ]
      : []),
    ...(rows.some((row) => !isCpu(row))
      ? [
          `TPU kernels have the tiles of the preset that a row’s name tells, lean for a short compile.${isAttached(rows) ? '' : ' No program ran on a TPU: its steps are estimates.'}`,
        ]
      : []),
  ];
}

function shapeText({ batch, heads, kv_heads: kvHeads, head_dim: headDim, dtype, pass }: BenchmarkRow): string {
  return `${batch > 1 ? `${batch} sequences, ` : ''}${heads} query heads, ${kvHeads} kv heads, head_dim ${headDim}, ${dtype}, ${pass}`;
}

function windowText(rows: readonly BenchmarkRow[]): string {
  const [, left] = /^local\((\d+)/.exec(rows.find(({ mask }) => mask.startsWith('local'))?.mask ?? '') ?? [];
  return left === undefined ? 'some' : `${Number(left) + 1}`;
}

/** Machine and versions, by name. */
export function facts({ context, benchmarks: rows }: BenchmarkFile): [string, string][] {
  const { date, cpu_model: model, num_cpus: cores, memory_bytes: memory, load_avg: load, library_version: version, commit } = context;
  const peer = rows.find(({ system }) => system);
  return [
    ['date', date],
    ['machine', `${cores} cores of ${model}, ${bytesText(memory)} of memory`],
    ['load at the start', load.map((value) => value.toFixed(2)).join(', ')],
    ['node-pjrt', `${version}${commit ? `, commit ${commit}` : ''}`],
    ['Node', context.node_version],
    ...Object.entries(context.plugin_versions).map(([name, words]): [string, string] => [`${name} plugin`, words]),
    ...(peer ? [['peer', systemText(peer)] as [string, string]] : []),
  ];
}
