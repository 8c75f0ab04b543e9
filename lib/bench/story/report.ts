/** The files of the report: a page, the same in Markdown, the record, and the first figure as a picture, light and dark. */
import { mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { type BenchmarkFile, recordText } from '../record';
import { chartSvg, frames } from './chart';
import { type Figure, figures } from './figures';
import { finding } from './finding';
import { markdownText } from './markup';
import { page } from './page';
import { painted, palettes } from './palette';
import { facts, heading, method, rerun, summary, warnings } from './prose';
import type { Clock } from './series';
import { tableMarkdown, tables } from './tables';

/** What a report is of. */
export interface Report {
  readonly file: BenchmarkFile;
  /** How the run was called. */
  readonly command: string;
  /** What its figures and its finding are by; the tables have both. */
  readonly clock: Clock;
  /** How far it came, where it was interrupted: `12 of 53 cases`. */
  readonly interruptedAt?: string;
}

/** Writes the files into `folder`, which is made where it is missing. Their paths, the page's first. */
export async function writeReport(folder: string, report: Report): Promise<string[]> {
  const { file, clock } = report;
  const [first] = figures(file.benchmarks, clock).filter(({ chart }) => chart.series.some(({ points }) => points.length));
  const files: [name: string, text: string][] = [
    ['story.html', await page(report)],
    ['story.md', markdown(report)],
    ['story.json', recordText(file)],
  ];
  for (const theme of ['light', 'dark'] as const) if (first) files.push([`story-${theme}.svg`, await picture(first, theme)]);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) await writeFile(path.join(folder, name), text);
  return files.map(([name]) => path.join(folder, name));
}

function markdown(report: Report): string {
  const { file, command, clock } = report;
  const { benchmarks: rows } = file;
  const intro = [summary(file), finding(rows, clock).sentences.join(' '), ...warnings(report)].map(markdownText);
  const list = facts(file).map(([name, fact]) => `- ${markdownText(name)}: ${markdownText(fact)}`);
  const parts = [
    `# ${heading}`,
    ...intro,
    ...tables(rows, clock).map(tableMarkdown),
    '## Method',
    ...method(file).map(markdownText),
    list.join('\n'),
  ];
  return `${[...parts, '## Again', rerun, `    ${command}`].join('\n\n')}\n`;
}

/** With colours of its own, for a page that has none to give. */
async function picture({ chart }: Figure, theme: keyof typeof palettes): Promise<string> {
  const svg = await chartSvg(chart, frames.wide);
  const ground = `<rect width="100%" height="100%" fill="${palettes[theme].surface}"/>`;
  return `${painted(svg, theme).replace(/(<svg [^>]*>)/, `$1${ground}`)}\n`;
}
