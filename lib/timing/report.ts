/** Measurements as a table of fixed columns, so that each row can be printed when it is there. */
import type { Measurement } from './measure';
import { milliseconds } from './time';

interface Column {
  readonly title: string;
  readonly width: number;
  readonly left?: boolean;
  readonly cell: (row: Measurement) => string;
}

const ms = (value: number | undefined) => (value === undefined ? '' : milliseconds(value));

const columns: readonly Column[] = [
  { title: 'case', width: 27, left: true, cell: (row) => row.case },
  { title: 'target', width: 9, left: true, cell: (row) => row.target },
  { title: 'mask', width: 14, left: true, cell: (row) => row.mask },
  { title: 'build ms', width: 8, cell: (row) => ms(row.buildMs) },
  { title: 'compile ms', width: 10, cell: (row) => ms(row.compileMs) },
  { title: 'first ms', width: 8, cell: (row) => ms(row.firstMs) },
  { title: 'min ms', width: 7, cell: (row) => ms(row.minMs) },
  { title: 'median ms', width: 9, cell: (row) => ms(row.medianMs) },
  {
    title: 'active / blocks',
    width: 17,
    cell: (row) => (row.blocks === undefined ? allBlocks(row) : `${row.activeBlocks} / ${row.blocks}`),
  },
  { title: 'max error', width: 9, cell: (row) => row.maxError?.toExponential(1) ?? '' },
];

/** Of a program that skips nothing: its mask stands there in full. */
function allBlocks({ compileMs, maskBytes = 0 }: Measurement): string {
  return compileMs === undefined
    ? ''
    : `all, mask ${maskBytes < 1e6 ? `${Math.ceil(maskBytes / 1e3)} kB` : `${Math.round(maskBytes / 1e6)} MB`}`;
}

const line = (texts: readonly string[]) =>
  texts
    .map((text, i) => (columns[i].left ? text.padEnd(columns[i].width) : text.padStart(columns[i].width)))
    .join('  ')
    .trimEnd();

/** Titles and a rule. */
export function tableHead(): string {
  return `${line(columns.map(({ title }) => title))}\n${columns.map(({ width }) => '-'.repeat(width)).join('  ')}`;
}

/** One row; what it failed of stands where its missing figures would. */
export function tableRow(row: Measurement): string {
  const cells = columns.map(({ cell }) => cell(row));
  if (row.failure === undefined) return line(cells);
  const known = row.compileMs !== undefined ? 5 : row.buildMs !== undefined ? 4 : 3;
  return `${line(cells.slice(0, known))}  ${row.failure.split('\n')[0]}`;
}
