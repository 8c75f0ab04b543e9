/** `node-pjrt mask`: what a mask does to blocks, seen and counted. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { ShapeError } from '../errors';
import { type Analysis, analyze, type Blocking, type Mask, maskFromJson, maskText, parseMask } from '../mask';
import { milliseconds } from '../timing/time';
import { bytesText } from '../timing/units';
import { blockMap, fittedMap, mapText } from './blockmap';
import { html, svg } from './plot';
import { table, wholeNumber } from './text';

interface Options {
  seq: number;
  keys?: number;
  block: number;
  blockK?: number;
  json?: boolean;
  map?: boolean;
  svg?: string;
  html?: string;
  width?: number;
}

/** Blocks of a map whose every class is printed. */
const mostBlocks = 4096 * 4096;
/** Cells across a drawing, where nothing else is asked for. */
const drawingCells = 64;

export function mask(program: Command): void {
  program
    .command('mask')
    .description('draw a mask as blocks, and count what it skips')
    .argument('<mask>', "an expression, such as 'local(1023, 0) & ~documents(4096, 28672)', a mask in JSON, or @file with either")
    .option('--seq <n>', 'query tokens', wholeNumber, 32768)
    .option('--keys <n>', 'key tokens (default: seq)', wholeNumber)
    .option('--block <n>', 'queries of a block', wholeNumber, 512)
    .option('--block-k <n>', 'keys of a block (default: block)', wholeNumber)
    .option('--width <cells>', `most cells across a map (default: what fits the terminal; ${drawingCells} in a drawing)`, wholeNumber)
    .option('--json', 'the counts as JSON')
    .option('--map', "with --json: the blocks' classes row by row too: 0 skipped, 1 partial, 2 full; of a mask per head, a map a mask")
    .option('--svg <file>', 'draw the map')
    .option('--html <file>', 'draw the map on a page, with the counts')
    .addHelpText('after', "\nExample:\n  node-pjrt mask 'causal & documents(8192, 16384, 8192)' --seq 32768 --block 512 --svg packed.svg")
    .action(run);
}

async function run(text: string, options: Options): Promise<void> {
  const { seq: queries, keys = queries, block: blockQ, blockK = blockQ, json, map, width } = options;
  if (map && !json) throw new Error('--map goes with --json; without it a map is drawn anyway');
  const blocking = { queries, keys, blockQ, blockK };
  const [rows, columns] = [Math.ceil(queries / blockQ), Math.ceil(keys / blockK)];
  if (map && rows * columns > mostBlocks)
    throw new ShapeError(`--map prints at most 4096 x 4096 blocks; got ${rows} x ${columns}: use larger blocks`);
  const whole = await readMask(text, queries, keys);
  const analysis = analyze(whole, blocking);
  const masks = whole.kind === 'perHead' ? whole.masks : [whole];
  const title = (index: number) => (masks.length > 1 ? `${index + 1} of ${masks.length}: ` : '') + maskText(masks[index]);
  if (json) {
    const maps = map ? masks.map((one) => blockMap(one, blocking).rows.map((row) => Array.from(row))) : [];
    const { partial: _, ...blocks } = analysis.blocks;
    const result = { ...analysis, blocks, ...(map && { map: whole.kind === 'perHead' ? maps : maps[0] }) };
    console.log(JSON.stringify(result, null, map ? undefined : 2));
  } else {
    // Two characters a cell, beside the labels.
    const cells = width ?? Math.max(1, Math.floor(((process.stdout.columns || 80) - `${queries}`.length - 1) / 2));
    for (const [index, one] of masks.entries()) console.log(`${title(index)}\n${mapText(fittedMap(one, blocking, cells))}\n`);
    console.log(table(facts(analysis, blocking, masks.length)));
  }
  if (options.svg === undefined && options.html === undefined) return;
  const drawn = masks.map((one, index) => ({ title: title(index), map: fittedMap(one, blocking, width ?? drawingCells) }));
  if (options.svg !== undefined) await writeFile(options.svg, await svg(drawn));
  if (options.html !== undefined)
    await writeFile(options.html, await html(maskText(whole), drawn, facts(analysis, blocking, masks.length)));
}

async function readMask(text: string, queries: number, keys: number): Promise<Mask> {
  const words = (text.startsWith('@') ? await readFile(text.slice(1), 'utf8') : text).trim();
  if (!words.startsWith('{')) return parseMask(words, queries, keys);
  const mask = maskFromJson(parseJson(words));
  if (mask.kind === 'dense' && (mask.queries !== queries || mask.keys !== keys))
    throw new ShapeError(`a dense mask has its own sizes: --seq ${mask.queries} --keys ${mask.keys}; got ${queries} and ${keys}`);
  return mask;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShapeError(`what begins with { is a mask in JSON: {"nodePjrtMask": 1, "mask": ...}; got ${(error as Error).message}`);
  }
}

/** The counts, as rows of a table. */
function facts(analysis: Analysis, { queries, keys, blockQ, blockK }: Blocking, masks: number): string[][] {
  const { blocks, pairs, sparsity, emptyRows, denseBytes, analysisMs } = analysis;
  // Cut, not rounded: what is not all does not read 100.
  const percent = (part: number) => `${(Math.floor(1e5 * part) / 1e3).toFixed(3)} %`;
  const each = masks > 1 ? `, ${masks} masks` : '';
  return [
    ['plane', `${queries} queries x ${keys} keys in blocks of ${blockQ} x ${blockK}${each}`],
    ['blocks', `${blocks.active} of ${blocks.total} are active: ${blocks.full} full, ${blocks.partial} partial`],
    ['pairs', `${pairs} of ${masks * queries * keys} are allowed: sparsity ${percent(sparsity)}`],
    ['FLOPs saved', `${percent(blocks.total ? 1 - blocks.active / blocks.total : 0)} of the full mask's, in skipped blocks`],
    ['empty rows', emptyRows ? `${emptyRows} queries attend to nothing: their output is 0` : 'none'],
    ['dense mask', `would need ${bytesText(denseBytes)}`],
    ['analysis', `${milliseconds(analysisMs)} ms`],
  ];
}
