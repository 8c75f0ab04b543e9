/** What google-benchmark's table does not have: each phase by itself, the bytes, and what a reader has to know of the figures. */
import type { BenchmarkRow, Sample } from '../bench/record';
import { originCompileMs, originRows, originSource } from '../bench/origin';
import { milliseconds } from '../timing/time';
import { bytesText } from '../timing/units';
import { table } from './text';

const titles = ['  ms each', 'min', 'median', 'spread', '95 % of median', 'CPU', 'runs', 'settled', 'cold'];

/** A line a phase of every row, then what else is known of the row. */
export function phasesText(rows: readonly BenchmarkRow[]): string {
  const lines = rows.map(phaseLines);
  const [head, ...texts] = table([titles, ...lines.flat()], [1, 2, 3, 4, 5, 6, 7, 8]).split('\n');
  const ofRow = (row: BenchmarkRow, i: number) => [
    row.name,
    ...texts.splice(0, lines[i].length),
    ...notesOf(row).map((note) => `  ${note}`),
  ];
  return [head, ...rows.flatMap(ofRow), ...warningsText(rows)].join('\n');
}

function phaseLines({ phases, estimated_step: estimated }: BenchmarkRow): string[][] {
  const measured = Object.entries(phases).map(([phase, sample]) => [`  ${phase}`, ...figures(sample)]);
  return estimated ? [...measured, ['  estimated step', '', milliseconds(estimated.ms), '', '', '', '', '', '']] : measured;
}

function figures({ times, cpu, warmup, min, median, quartiles, interval, steady }: Sample): string[] {
  return [
    milliseconds(min),
    milliseconds(median),
    times.length > 1 ? `${((100 * (quartiles[1] - quartiles[0])) / median).toFixed(1)} %` : '',
    interval ? `${milliseconds(interval[0])} .. ${milliseconds(interval[1])}` : '',
    milliseconds(cpu.reduce((sum, value) => sum + value, 0) / cpu.length),
    `${times.length}`,
    times.length + warmup.length < 2 ? '' : steady ? 'yes' : 'no',
    warmup.length ? milliseconds(warmup[0]) : '',
  ];
}

function notesOf(row: BenchmarkRow): string[] {
  const bytes = [
    ['text', row.text_bytes],
    ['code', row.code_bytes],
    ['temporaries', row.temp_bytes],
    ['HBM', row.hbm_bytes],
    ['peak of this process', row.peak_bytes],
  ] as const;
  const parts = bytes.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${bytesText(value)}`]));
  if (row.blocks !== undefined) parts.push(`${row.active_blocks} of ${row.blocks} blocks`);
  if (row.max_error !== undefined) parts.push(`error ${row.max_error.toExponential(1)}`);
  const why = row.error_message ?? row.skip_message;
  return [
    ...(parts.length ? [parts.join(', ')] : []),
    ...(row.estimated_step ? [`step ${row.estimated_step.label}`] : []),
    ...(why ? [why] : []),
    ...(row.warnings ?? []),
    ...originNotes(row),
  ];
}

/** What the origin measured of the same case on hardware, where the row is of the same chip. */
function originNotes({ target, pass, mask, heads, kv_heads: kvHeads, head_dim: headDim, queries, batch }: BenchmarkRow): string[] {
  const isOrigin = target.startsWith('v5p') && pass === 'forward' && batch === 1 && heads === 16 && kvHeads === 2 && headDim === 256;
  const kind = mask === 'causal' ? 'causal' : mask === 'dense(causal)' ? 'dense' : undefined;
  const found = isOrigin && kind ? originRows.find(({ tokens }) => tokens === queries) : undefined;
  if (!found || !kind) return [];
  const [step, both] = [found.step[kind], found.withCompile[kind]];
  const compile = milliseconds(originCompileMs(found, kind));
  return [
    `${originSource.title}, measured on ${originSource.device}: step ${step.ms} ms; with the compile in the loop ${both.ms} ms over ` +
      `${both.iterations}, so one compile about ${compile} ms`,
  ];
}

function warningsText(rows: readonly BenchmarkRow[]): string[] {
  const loaded = rows.filter(({ warnings }) => warnings?.length);
  const most = Math.max(...loaded.flatMap(({ phases }) => Object.values(phases).map(({ load = 0 }) => load)));
  if (!loaded.length) return [];
  return [`***WARNING*** Other work took up to ${Math.round(100 * most)} % of the cores, in ${loaded.length} of ${rows.length} cases.`];
}
