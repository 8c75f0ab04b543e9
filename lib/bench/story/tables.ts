/** The tables of the report, as HTML and as Markdown. */
import { bytesText } from '../../timing/units';
import { originCompileMs, originRows, originSource } from '../origin';
import type { BenchmarkRow, Sample } from '../record';
import { escaped, markdownText } from './markup';
import { aheadText, type Clock, hasAhead, isCpu, maskKind, maskKinds, prepared, reasonOf, rowAt, systemText } from './series';
import { digits, rangeText, timeText, tokensText } from './words';

export interface Table {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly head: readonly string[];
  /** As many cells as the head has; figures are to the right but in these columns. */
  readonly rows: readonly (readonly string[])[];
  readonly left: readonly number[];
}

export function tables(rows: readonly BenchmarkRow[], clock: Clock): Table[] {
  const [ahead, cpu] = [rows.filter((row) => !isCpu(row)), rows.filter(isCpu)];
  return [
    ...(hasAhead(rows) ? [originTable(rows, clock)] : []),
    ...(ahead.length ? [phaseTable('ahead', `All phases, ${aheadText(rows)}`, ahead)] : []),
    ...(cpu.length ? [phaseTable('cpu', 'All phases, CPU plugin', cpu)] : []),
  ];
}

/** The tokens that the origin has, beside this run's. */
function originTable(rows: readonly BenchmarkRow[], clock: Clock): Table {
  const time = (system: 'ours' | 'peer', mask: 'dense' | 'causal', tokens: number) => {
    const row = rowAt(rows, { system, mask, cpu: false }, tokens);
    const total = row && prepared(row, clock);
    return total ? timeText(total.median) : row && reasonOf(row) ? 'no' : '–';
  };
  const body = originRows.flatMap((origin) =>
    (['causal', 'dense'] as const).map((mask) => {
      const { ms, iterations } = origin.withCompile[mask];
      const once = originCompileMs(origin, mask);
      const estimate = iterations > 1 ? `≈ ${timeText(once)}` : timeText(once);
      return [
        tokensText(origin.tokens),
        mask,
        `${digits(ms)} ms`,
        `${iterations}`,
        estimate,
        time('ours', mask, origin.tokens),
        time('peer', mask, origin.tokens),
      ];
    }),
  );
  return {
    id: 'origin',
    title: `Beside ${originSource.title}`,
    caption: `Left, what the origin reports on a ${originSource.device} for ${originSource.case}/T: the mean over the iterations, with one compile among them. Its causal rows of 4,096 and 8,192 tokens share that compile out over 127 and 88 iterations; un-amortised it is (with − without) × iterations, an estimate where there are many. Right, medians of build + lower + compile in this run${clock === 'wall' ? '' : ', processor time'}.`,
    head: ['T', 'mask', 'reported', 'iterations', 'one compile', 'node-pjrt', peerHead(rows)],
    rows: body,
    left: [1],
  };
}

function peerHead(rows: readonly BenchmarkRow[]): string {
  const row = rows.find(({ system, phases }) => system && phases.compile);
  return row ? systemText(row) : 'JAX';
}

interface Column {
  readonly title: string;
  readonly cell: (row: BenchmarkRow) => string;
  /** Of words. */
  readonly left?: boolean;
}

const total = (of: 'median' | 'min', clock: Clock) => (row: BenchmarkRow) => {
  const figures = prepared(row, clock);
  return figures ? timeText(figures[of]) : '';
};

const phaseColumns: readonly Column[] = [
  { title: 'T', cell: ({ queries }) => tokensText(queries) },
  { title: 'mask', cell: ({ mask }) => mask, left: true },
  { title: 'system', cell: systemText, left: true },
  { title: 'together', cell: total('median', 'wall') },
  { title: 'least', cell: total('min', 'wall') },
  { title: 'processor', cell: total('median', 'processor') },
  { title: 'build', cell: ({ phases }) => sampleText(phases.build) },
  { title: 'lower', cell: ({ phases }) => sampleText(phases.lower) },
  { title: 'compile', cell: ({ phases }) => sampleText(phases.compile) },
  { title: 'first run', cell: ({ phases }) => sampleText(phases.first) },
  { title: 'step', cell: ({ phases, estimated_step: step }) => (step ? `${timeText(step.ms)} estimated` : sampleText(phases.step)) },
  { title: 'text', cell: ({ text_bytes }) => bytes(text_bytes) },
  { title: 'temporaries', cell: ({ temp_bytes }) => bytes(temp_bytes) },
  { title: 'peak memory', cell: ({ peak_bytes }) => bytes(peak_bytes) },
  { title: 'max error', cell: ({ max_error: error }) => error?.toExponential(1) ?? '' },
  { title: 'notes', cell: (row) => [...[reasonOf(row) ?? []].flat(), ...(row.warnings ?? [])].join('; '), left: true },
];

/** Columns that no row has anything for are left out. */
function phaseTable(id: string, title: string, rows: readonly BenchmarkRow[]): Table {
  const sorted = [...rows].sort(order);
  const columns = phaseColumns.filter(({ cell }) => sorted.some((row) => cell(row)));
  return {
    id,
    title,
    caption:
      'Together: the medians of build, lower and compile; least: their least times; processor: the medians of processor time. Of each, the median, its 95 % interval in brackets (where six runs or more count) and how many count. Peak memory is of the process that compiles, its compiler included.',
    head: columns.map((column) => column.title),
    rows: sorted.map((row) => columns.map(({ cell }) => cell(row))),
    left: columns.flatMap(({ left }, column) => (left ? [column] : [])),
  };
}

const order = (a: BenchmarkRow, b: BenchmarkRow) =>
  a.queries - b.queries || Number(a.system !== undefined) - Number(b.system !== undefined) || placeOf(a) - placeOf(b);

const placeOf = ({ mask }: BenchmarkRow) => maskKinds.indexOf(maskKind(mask) ?? 'window');

const bytes = (value: number | undefined) => (value === undefined ? '' : bytesText(value));

const sampleText = (sample: Sample | undefined) => (sample ? `${rangeText(sample.median, sample.interval)} ×${sample.times.length}` : '');

export function tableHtml({ id, title, caption, head, rows, left }: Table): string {
  const cell = (tag: string) => (text: string, column: number) =>
    `<${tag}${tag === 'th' ? ' scope="col"' : ''}${left.includes(column) ? ' class="left"' : ''}>${escaped(text)}</${tag}>`;
  const line = (tag: string, cells: readonly string[]) => `<tr>${cells.map(cell(tag)).join('')}</tr>`;
  return `<section id="table-${id}">
<h2>${escaped(title)}</h2>
<p class="caption">${escaped(caption)}</p>
<div class="scroll" tabindex="0" role="region" aria-label="${escaped(title)}">
<table>
<thead>${line('th', head)}</thead>
<tbody>
${rows.map((cells) => line('td', cells)).join('\n')}
</tbody>
</table>
</div>
</section>`;
}

export function tableMarkdown({ title, caption, head, rows, left }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |`;
  const rule = `| ${head.map((_, column) => (left.includes(column) ? '---' : '---:')).join(' | ')} |`;
  return [`## ${markdownText(title)}`, '', markdownText(caption), '', line(head), rule, ...rows.map(line)].join('\n');
}
