/** Measurements as a table of fixed columns, so that each row can be printed when it is there. */
import type { Measurement } from './measurement';
import { milliseconds } from '../timing/time';

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

/** Of a program that skips nothing; a mask that stands there in full is told. */
function allBlocks({ compileMs, maskBytes = 0 }: Measurement): string {
  if (compileMs === undefined) return '';
  if (!maskBytes) return 'all';
  return `all, mask ${maskBytes < 1e6 ? `${Math.ceil(maskBytes / 1e3)} kB` : `${Math.round(maskBytes / 1e6)} MB`}`;
}

const widthOf = ({ title, width }: Column, caseWidth: number) => (title === 'case' ? Math.max(width, caseWidth) : width);

const line = (texts: readonly string[], caseWidth: number) =>
  texts
    .map((text, i) => text[columns[i].left ? 'padEnd' : 'padStart'](widthOf(columns[i], caseWidth)))
    .join('  ')
    .trimEnd();

/** Titles and a rule; `caseWidth` is the longest case's length. */
export function tableHead(caseWidth = 0): string {
  const rule = columns.map((column) => '-'.repeat(widthOf(column, caseWidth)));
  return `${line(
    columns.map(({ title }) => title),
    caseWidth,
  )}\n${rule.join('  ')}`;
}

/** One row; what it failed of stands where its missing figures would. */
export function tableRow(row: Measurement, caseWidth = 0): string {
  const cells = columns.map(({ cell }) => cell(row));
  if (row.failure === undefined) return line(cells, caseWidth);
  const known = row.compileMs !== undefined ? 5 : row.buildMs !== undefined ? 4 : 3;
  return `${line(cells.slice(0, known), caseWidth)}  ${row.failure.split('\n')[0]}`;
}
