/** Block maps as a drawing: SVG by Vega, and a page around it. */
import type { Spec } from 'vega';
import { escaped } from '../bench/story/markup';
import { type BlockMap, type CellClass, classNames, scaleText } from './blockmap';

/** A map and what stands over it. */
export interface TitledMap {
  readonly title: string;
  readonly map: BlockMap;
}

const colours = ['#f2f2f2', '#8fbbe0', '#1c4f82'];
/** Pixels of a map's longer side, about. */
const side = 320;

/** The maps side by side, two in a row, as one SVG. */
export async function svg(maps: readonly TitledMap[]): Promise<string> {
  // It takes a while to load, and only a drawing needs it.
  const { parse, View } = await import('vega');
  const spec: Spec = {
    background: 'white',
    padding: 8,
    layout: { columns: Math.min(maps.length, 2), padding: 32 },
    scales: [{ name: 'class', type: 'ordinal', domain: [...classNames].reverse(), range: [...colours].reverse() }],
    legends: [{ fill: 'class', orient: 'bottom', direction: 'horizontal', symbolType: 'square', symbolStrokeWidth: 0.5 }],
    marks: maps.map(group),
  };
  return `${await new View(parse(spec), { renderer: 'none' }).toSVG()}\n`;
}

function group({ title, map }: TitledMap): NonNullable<Spec['marks']>[number] {
  const { blocking, blocksQ, blocksK, rows } = map;
  const { queries, keys } = blocking;
  const [highQ, wideK] = [blocksQ * blocking.blockQ, blocksK * blocking.blockK];
  // Whole pixels a cell, so that neighbours leave no seam.
  const pixels = Math.max(1, Math.round(side / Math.max(rows.length, rows[0]?.length ?? 0, 1)));
  const [width, height] = [(keys / wideK) * pixels, (queries / highQ) * pixels];
  const values = rows.flatMap((row, r) =>
    runs(row).map(({ start, end, cell }) => ({
      x: start * wideK,
      x2: Math.min(end * wideK, keys),
      y: r * highQ,
      y2: Math.min((r + 1) * highQ, queries),
      class: classNames[cell],
    })),
  );
  return {
    type: 'group',
    title: { text: lines(title), fontSize: 11, fontWeight: 'normal', anchor: 'start' },
    encode: { enter: { width: { value: width }, height: { value: height }, fill: { value: colours[0] } } },
    data: [{ name: 'cells', values }],
    scales: [
      { name: 'x', type: 'linear', domain: [0, keys], range: [0, width] },
      { name: 'y', type: 'linear', domain: [0, queries], range: [0, height] },
    ],
    axes: [
      { orient: 'top', scale: 'x', title: 'keys', values: quarters(keys), aria: false },
      { orient: 'left', scale: 'y', title: 'queries', values: quarters(queries), aria: false },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'cells' },
        aria: false,
        encode: {
          enter: {
            x: { scale: 'x', field: 'x' },
            x2: { scale: 'x', field: 'x2' },
            y: { scale: 'y', field: 'y' },
            y2: { scale: 'y', field: 'y2' },
            fill: { scale: 'class', field: 'class' },
          },
        },
      },
    ],
  };
}

/** A title's lines, three at most. */
function lines(title: string): string[] {
  const all = title.match(/\S.{0,50}(?=\s|$)/g) ?? [title];
  return all.length > 3 ? [...all.slice(0, 2), `${all[2]} ...`] : all;
}

function quarters(tokens: number): number[] {
  return [0, 1, 2, 3, 4].map((quarter) => Math.round((quarter * tokens) / 4));
}

/** Neighbours of one class are one rectangle; skipped cells are the background. */
function runs(row: Uint8Array): { start: number; end: number; cell: CellClass }[] {
  const result: { start: number; end: number; cell: CellClass }[] = [];
  for (const [column, cell] of row.entries()) {
    const last = result.at(-1);
    if (last?.end === column && last.cell === cell) last.end++;
    else if (cell) result.push({ start: column, end: column + 1, cell: cell as CellClass });
  }
  return result;
}

/** A page that needs nothing else: the drawing over the facts. */
export async function html(title: string, maps: readonly TitledMap[], facts: readonly (readonly string[])[]): Promise<string> {
  const rows = facts.map(([name, fact]) => `<tr><th>${escaped(name)}</th><td>${escaped(fact)}</td></tr>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(title)}</title>
<style>
  body { font: 15px/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: white }
  svg { max-width: 100%; height: auto }
  th { text-align: left; padding-right: 1.5rem; font-weight: 600; vertical-align: top }
</style>
<h1>${escaped(title)}</h1>
${await svg(maps)}
<p>${escaped(maps.length ? scaleText(maps[0].map) : '')}</p>
<table>
${rows.join('\n')}
</table>
</html>
`;
}
