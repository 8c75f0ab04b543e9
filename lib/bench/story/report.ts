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
import { tableMarkdown, tables } from './tables';

/** Writes them into `folder`, which is made where it is missing; `command` is how the run was called. The paths, the page's first. */
export async function writeReport(folder: string, file: BenchmarkFile, command: string): Promise<string[]> {
  const [first] = figures(file.benchmarks).filter(({ chart }) => chart.series.some(({ points }) => points.length));
  const files: [name: string, text: string][] = [
    ['story.html', await page(file, command)],
    ['story.md', markdown(file, command)],
    ['story.json', recordText(file)],
  ];
  for (const theme of ['light', 'dark'] as const) if (first) files.push([`story-${theme}.svg`, await picture(first, theme)]);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) await writeFile(path.join(folder, name), text);
  return files.map(([name]) => path.join(folder, name));
}

function markdown(file: BenchmarkFile, command: string): string {
  const { benchmarks: rows } = file;
  const intro = [summary(file), finding(rows).sentences.join(' '), ...warnings(file)].map(markdownText);
  const list = facts(file).map(([name, fact]) => `- ${markdownText(name)}: ${markdownText(fact)}`);
  const parts = [
    `# ${heading}`,
    ...intro,
    ...tables(rows).map(tableMarkdown),
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
