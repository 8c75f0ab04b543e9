/** The figures of the report: which series of a run each shows, and why a series ends. */
import { bytesText } from '../../timing/units';
import { originCompileMs, originRows, originSource } from '../origin';
import type { BenchmarkRow, Sample } from '../record';
import type { Chart, ChartPoint, ChartSeries } from './chart';
import {
  aheadText,
  hasAhead,
  isAttached,
  isCpu,
  type Clock,
  type MaskKind,
  maskKinds,
  type Prepared,
  prepared,
  reasonOf,
  rowsOf,
  type System,
  systemText,
  timesOf,
} from './series';
import { digits, tickBytes, tickTime, timeText, tokensText } from './words';

export interface Figure {
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  readonly chart: Chart;
  /** What stops where, and why. */
  readonly notes: readonly string[];
}

const maskWords: Readonly<Record<MaskKind, string>> = { dense: 'dense', causal: 'causal', window: 'window' };
/** As the peer names them. */
const peerMasks: Readonly<Record<MaskKind, string>> = { dense: 'NumpyMask', causal: 'CausalMask', window: 'LocalMask' };
const systems = ['ours', 'peer'] as const;

export const figures = (rows: readonly BenchmarkRow[], clock: Clock): Figure[] => [
  compileAhead(rows, clock),
  compileCpu(rows, clock),
  steps(rows),
  sizes(rows),
];

const compileTitle = (target: string, clock: Clock) =>
  `build + lower + compile for ${target}, ${clock === 'wall' ? 'time' : 'processor time'}`;

function compileAhead(rows: readonly BenchmarkRow[], clock: Clock): Figure {
  const origin = (['dense', 'causal'] as const).map(originCompile);
  return {
    title: `Before the first step, ${aheadText(rows)}`,
    caption: `Build, lower and compile${isAttached(rows) ? '' : ' ahead of time, with no TPU attached'}: medians${clock === 'wall' ? '' : ' of processor time, which other work on the machine lengthens little'}, with 95 % intervals where there are six runs or more. Beside them the wall time that ${originSource.title} measured on a ${originSource.device} and its host, another machine than this one; its compile was shared out over the iterations of the benchmark, and is shown here for one.`,
    chart: {
      id: 'compile-ahead',
      yTitle: compileTitle(aheadText(rows), clock),
      yTick: tickTime,
      series: [...compileSeries(rows, false, clock), ...(hasAhead(rows) ? origin : [])],
    },
    notes: stops(rows.filter((row) => !isCpu(row) && !row.phases.compile)),
  };
}

function compileCpu(rows: readonly BenchmarkRow[], clock: Clock): Figure {
  return {
    title: 'Before the first step, CPU plugin',
    caption: 'The same programs for XLA’s CPU plugin on this machine: build, lower and compile.',
    chart: { id: 'compile-cpu', yTitle: compileTitle('the CPU plugin', clock), yTick: tickTime, series: compileSeries(rows, true, clock) },
    notes: stops(rows.filter((row) => isCpu(row) && !row.phases.compile)),
  };
}

function compileSeries(rows: readonly BenchmarkRow[], cpu: boolean, clock: Clock): ChartSeries[] {
  return everySeries(rows, cpu, (row) => {
    const total = prepared(row, clock);
    return total && { value: total.median, low: total.low, high: total.high, words: preparedWords(row, total, clock) };
  });
}

function preparedWords({ phases }: BenchmarkRow, { median, runs }: Prepared, clock: Clock): string {
  const parts = (['build', 'lower', 'compile'] as const).flatMap((phase) => {
    const sample = phases[phase];
    return sample ? [`${phase} ${timeText(timesOf(sample, clock).median)}`] : [];
  });
  const times = clock === 'wall' ? 'medians' : 'medians of processor time';
  return `${timeText(median)} (${parts.join(', ')}; ${times}, ${runs === 1 ? 'one run' : `${runs} runs or more`})`;
}

function originCompile(mask: 'dense' | 'causal'): ChartSeries {
  const points = originRows.map((row) => {
    const { ms, iterations } = row.withCompile[mask];
    const once = originCompileMs(row, mask);
    const words = `${timeText(once)}: ${digits(ms)} ms with the compile and ${digits(row.step[mask].ms)} ms without, ${iterations} iterations`;
    return { tokens: row.tokens, value: once, title: `${originSource.title}, ${mask} mask, T ${tokensText(row.tokens)}: ${words}` };
  });
  return { label: `${maskWords[mask]}, axlearn on v5p`, mask, style: 'origin', points };
}

function steps(rows: readonly BenchmarkRow[]): Figure {
  const attached = isAttached(rows);
  const onCpu = everySeries(rows, true, stepOf).map((series) => ({ ...series, label: `${maskWords[series.mask]}, CPU` }));
  const onTpu = everySeries(rows, false, stepOf).map(
    (series): ChartSeries => ({
      ...series,
      style: attached ? 'ours' : 'estimated',
      label: `${maskWords[series.mask]}, ${attached ? 'TPU' : 'estimated'}`,
    }),
  );
  return {
    title: 'One step',
    caption: `Forward. On the CPU measured on this machine; for ${aheadText(rows)} ${attached ? 'measured too' : 'estimated from the compiler’s schedule, of a dense mask by its cost model, never measured'}. The steps that ${originSource.title} measured are of its own benchmark, whose source is not public: model_dim is among its arguments, so they may well be of more than the kernel (projections, gradients), and are here for the trend.`,
    chart: {
      id: 'step',
      yTitle: 'time of a step',
      yTick: tickTime,
      series: [...onCpu, ...onTpu, ...(hasAhead(rows) ? (['dense', 'causal'] as const).map(originStep) : [])],
    },
    notes: stops(rows.filter((row) => isCpu(row) && row.phases.compile && !row.phases.step && reasonOf(row))),
  };
}

function stepOf({ phases: { step }, estimated_step: estimated }: BenchmarkRow): Figured {
  if (step) return { value: step.median, ...boundsOf(step.interval), words: `${timeText(step.median)}, measured` };
  return estimated && { value: estimated.ms, words: `${timeText(estimated.ms)}, ${estimated.label}` };
}

const boundsOf = (interval: Sample['interval']) => (interval ? { low: interval[0], high: interval[1] } : {});

function originStep(mask: 'dense' | 'causal'): ChartSeries {
  const points = originRows.map(({ tokens, step }) => ({
    tokens,
    value: step[mask].ms,
    title: `${originSource.title}, ${mask} mask, T ${tokensText(tokens)}: ${digits(step[mask].ms)} ms, mean of ${step[mask].iterations} iterations`,
  }));
  // Its steps are alike to 2 %, and their points lie over each other.
  const endLabel = mask === 'dense' ? 'dense and causal, axlearn on v5p' : '';
  return { label: `${maskWords[mask]}, axlearn on v5p`, endLabel, mask, style: 'origin', points };
}

function sizes(rows: readonly BenchmarkRow[]): Figure {
  const cpu = !rows.some((row) => !isCpu(row) && row.text_bytes);
  return {
    title: 'What the compiler is given',
    caption: `The program’s text, mask included, for ${cpu ? 'the CPU plugin' : aheadText(rows)}. A dense mask of T × T bits is in the program; a lazy one is a few numbers.`,
    chart: {
      id: 'size',
      yTitle: 'program text',
      yTick: tickBytes,
      series: everySeries(rows, cpu, ({ text_bytes: bytes, mask_bytes: mask }) =>
        bytes === undefined
          ? undefined
          : { value: bytes, words: `${bytesText(bytes)} of text${mask === undefined ? '' : `, ${bytesText(mask)} of mask`}` },
      ),
    },
    notes: [],
  };
}

type Figured = { readonly value: number; readonly low?: number; readonly high?: number; readonly words: string } | undefined;

/** A series a mask and system, of the rows that have the figure. */
function everySeries(rows: readonly BenchmarkRow[], cpu: boolean, figureOf: (row: BenchmarkRow) => Figured): ChartSeries[] {
  return systems.flatMap((system) =>
    maskKinds.map((mask): ChartSeries => {
      const all = rowsOf(rows, { system, mask, cpu });
      const points = all.flatMap((row): ChartPoint[] => {
        const figure = figureOf(row);
        if (!figure) return [];
        const { words, ...place } = figure;
        const title = `${systemText(row)}, ${row.mask}, T ${tokensText(row.queries)}, ${row.target}: ${words}`;
        return [{ ...place, tokens: row.queries, title }];
      });
      return { label: labelOf(system, mask, all[0]), mask, style: system, points };
    }),
  );
}

function labelOf(system: System, mask: MaskKind, row: BenchmarkRow | undefined): string {
  if (system === 'ours' || !row) return `${maskWords[mask]}, node-pjrt`;
  return `${peerMasks[mask]}, ${systemText(row).split(' ')[0]}`;
}

/** Of rows that have no figure, where each series ends and why; those that end alike share a sentence. */
function stops(rows: readonly BenchmarkRow[]): string[] {
  const first = new Map<string, BenchmarkRow>();
  for (const row of [...rows].sort((a, b) => a.queries - b.queries)) {
    const key = `${systemText(row)} ${row.mask}`;
    if (reasonOf(row) && !first.has(key)) first.set(key, row);
  }
  const alike = new Map<string, string[]>();
  for (const [name, row] of first) {
    const end = `before T ${tokensText(row.queries)}: ${reasonOf(row)}.`;
    alike.set(end, [...(alike.get(end) ?? []), name]);
  }
  return [...alike].map(([end, names]) => `${list.format(names)} ${names.length > 1 ? 'end' : 'ends'} ${end}`);
}

const list = new Intl.ListFormat('en');
