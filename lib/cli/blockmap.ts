/** A mask's blocks as a map of cells, and its drawing in the terminal. A map is as small as it is asked to be: then a cell covers several blocks. */
import { type Blocking, cover, type Dense, dense, type LazyMask, not } from '../mask';

/** 0: no pair is allowed, 2: every pair is, 1: some are, or only the run time knows. */
export type CellClass = 0 | 1 | 2;

/** Rows of cells, each of `blocksQ` x `blocksK` blocks of `blocking`; those on the edges may be cut. */
export interface BlockMap {
  readonly blocking: Blocking;
  readonly blocksQ: number;
  readonly blocksK: number;
  readonly rows: readonly Uint8Array[];
}

/** The class of every block. */
export function blockMap(mask: LazyMask | Dense, blocking: Blocking): BlockMap {
  return { blocking, blocksQ: 1, blocksK: 1, rows: classes(mask, blocking) };
}

/**
 * A map of at most `cells` rows and columns. A cell is a block of several blocks: empty or full only where all of them are. Cells are about as many
 * queries high as keys wide, so that a diagonal looks like one.
 */
export function fittedMap(mask: LazyMask | Dense, blocking: Blocking, cells: number): BlockMap {
  const { queries, keys, blockQ, blockK } = blocking;
  const blocks = (side: number, size: number) => Math.ceil(side / size);
  // Tokens that a cell spans so that each side fits; whole blocks on either side.
  const least = Math.max(1, blocks(blocks(queries, blockQ), cells) * blockQ, blocks(blocks(keys, blockK), cells) * blockK);
  const [blocksQ, blocksK] = [blocks(least, blockQ), blocks(least, blockK)];
  return { blocking, blocksQ, blocksK, rows: classes(mask, { ...blocking, blockQ: blockQ * blocksQ, blockK: blockK * blocksK }) };
}

function classes(mask: LazyMask | Dense, blocking: Blocking): Uint8Array[] {
  const allowed = cover(mask, blocking);
  // A block is full where no pair of it is ruled out.
  const ruledOut = cover(mask.kind === 'dense' ? dense({ ...mask, bits: mask.bits.map((bits) => ~bits) }) : not(mask), blocking);
  return Array.from({ length: allowed.rows }, (_, row) => {
    const line = new Uint8Array(allowed.columns);
    for (const { start, end } of allowed.visits(row)) line.fill(2, start, end);
    for (const { start, end } of ruledOut.visits(row)) for (let column = start; column < end; column++) if (line[column]) line[column] = 1;
    return line;
  });
}

/** How the classes are named, and drawn: two characters are about as wide as one is high. */
export const classNames = ['skipped', 'partial', 'full'] as const;
const drawn = ['··', '▒▒', '██'] as const;

/** The map, its rows and columns labelled with tokens, its legend and scale. */
export function mapText(map: BlockMap): string {
  const { blocking, blocksQ, rows } = map;
  const { queries, keys, blockQ } = blocking;
  const margin = `${queries}`.length;
  const across = `${keys}`.padStart(Math.max(2 * (rows[0]?.length ?? 0) - 1, `${keys}`.length + 1));
  const lines = rows.map((row, r) => {
    const cells = Array.from(row, (cell) => drawn[cell as CellClass]).join('');
    return `${`${r * blocksQ * blockQ}`.padStart(margin)} ${cells}`;
  });
  const legend = [2, 1, 0].map((cell) => `${drawn[cell]} ${classNames[cell]}`).join('  ');
  return [`${' '.repeat(margin)} 0${across}`, ...lines, `${queries}`, '', `${legend}. ${scaleText(map)}`].join('\n');
}

/** What one cell is. */
export function scaleText({ blocking, blocksQ, blocksK }: BlockMap): string {
  const tokens = `${blocksQ * blocking.blockQ} queries x ${blocksK * blocking.blockK} keys`;
  if (blocksQ === 1 && blocksK === 1) return `A cell is a block: ${tokens}.`;
  return `A cell is ${blocksQ} x ${blocksK} blocks, ${tokens}: full or skipped only where all of them are.`;
}
