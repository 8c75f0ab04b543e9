/**
 * The interval algebra: which pairs of a (queries x keys) plane a mask allows, as strips of rows. In a strip the keys of row `i` are a few
 * ordered half-open intervals whose ends are lines, `base` or `i + base`. Causal masks, windows, prefixes, chunks and documents are such strips, and so
 * is whatever `combine` makes of them: size and time follow the number of strips, never the number of pairs.
 */
import { ShapeError, shown } from '../errors';

/** `slope * i + base` at row `i`. */
export interface Line {
  readonly slope: 0 | 1;
  readonly base: number;
}

/** Rows [start, end), where each row's keys are those of `intervals`: ordered, apart, each with at least one key in every row. */
export interface Strip {
  readonly start: number;
  readonly end: number;
  readonly intervals: readonly (readonly [low: Line, high: Line])[];
}

/** Strips of all rows in order. */
export type Strips = readonly Strip[];

export const flat = (base: number): Line => ({ slope: 0, base });
export const slanted = (base: number): Line => ({ slope: 1, base });
export const at = ({ slope, base }: Line, row: number): number => slope * row + base;

/**
 * The strips of rows [start, end) whose keys are the union of `spans`, held to [0, keys). Spans may overlap, be empty or leave the plane; their
 * ends are finite.
 */
export function strips(start: number, end: number, keys: number, spans: readonly (readonly [low: Line, high: Line])[]): Strip[] {
  if (start >= end) return [];
  const none = { start, end, intervals: [] };
  return sweep(start, end, keys, [{ ...none, intervals: spans }], ([inside]) => inside);
}

/** The pairs for which `allows` holds of whether each of `masks` allows them. All have the same rows. */
export function combine(masks: readonly Strips[], keys: number, allows: (inside: readonly boolean[]) => boolean): Strip[] {
  const result: Strip[] = [];
  const next = masks.map(() => 0);
  const end = masks[0].at(-1)?.end ?? 0;
  for (let row = 0; row < end; ) {
    const here = masks.map((mask, m) => mask[next[m]]);
    const until = Math.min(...here.map((strip) => strip.end));
    append(result, sweep(row, until, keys, here, allows));
    for (const [m, strip] of here.entries()) if (strip.end === until) next[m]++;
    row = until;
  }
  return result;
}

/** One range of rows: cut where two lines cross, so that between two cuts the order of all lines is one. */
function sweep(
  start: number,
  end: number,
  keys: number,
  masks: readonly Strip[],
  allows: (inside: readonly boolean[]) => boolean,
): Strip[] {
  const lines: Line[] = [flat(0), flat(keys)];
  for (const { intervals } of masks)
    for (const ends of intervals) for (const line of ends) if (!lines.some((known) => same(known, line))) lines.push(line);
  const cuts = new Set([start]);
  for (const a of lines)
    if (a.slope === 0)
      for (const b of lines)
        if (b.slope === 1) {
          // They are equal in this one row, and in the other order after it than before.
          const crossing = a.base - b.base;
          for (const row of [crossing, crossing + 1]) if (row > start && row < end) cuts.add(row);
        }
  const rows = [...cuts].sort((a, b) => a - b);
  const result: Strip[] = [];
  for (const [c, row] of rows.entries()) append(result, [between(row, rows[c + 1] ?? end, keys, lines, masks, allows)]);
  return result;
}

/** Rows where all lines keep their order: the plane falls apart into spans between neighbours. */
function between(
  start: number,
  end: number,
  keys: number,
  lines: readonly Line[],
  masks: readonly Strip[],
  allows: (inside: readonly boolean[]) => boolean,
): Strip {
  // Lines that are equal in the first row are so in all of them, or there would be a cut; a level is one of them.
  const levels: Line[] = [];
  for (const line of [...lines].sort((a, b) => at(a, start) - at(b, start))) {
    const value = at(line, start);
    if (value >= 0 && value <= keys && (!levels.length || at(levels[levels.length - 1], start) < value)) levels.push(line);
  }
  const intervals: [Line, Line][] = [];
  for (let level = 0; level + 1 < levels.length; level++) {
    const [low, high] = [levels[level], levels[level + 1]];
    const key = at(low, start);
    if (!allows(masks.map(({ intervals: spans }) => spans.some(([from, to]) => at(from, start) <= key && key < at(to, start))))) continue;
    const last = intervals.at(-1);
    if (last && same(last[1], low)) last[1] = high;
    else intervals.push([low, high]);
  }
  return { start, end, intervals };
}

function same(a: Line, b: Line): boolean {
  return a.slope === b.slope && a.base === b.base;
}

/** Adds strips at the end, as one with the last where that holds for their rows too. */
function append(result: Strip[], more: readonly Strip[]): void {
  for (const strip of more) {
    const last = result.at(-1);
    // Where lines cross, one row has them equal: either may stand for it.
    const alike = (a: Line, b: Line) => same(a, b) || (strip.end - strip.start === 1 && at(a, strip.start) === at(b, strip.start));
    const continues =
      last?.intervals.length === strip.intervals.length &&
      last.intervals.every(([low, high], k) => alike(low, strip.intervals[k][0]) && alike(high, strip.intervals[k][1]));
    if (last && continues) result[result.length - 1] = { ...last, end: strip.end };
    else result.push(strip);
  }
}

/** The strip that a row is in. Time: logarithmic in the strips. */
export function stripOf(mask: Strips, row: number): number {
  let [low, high] = [0, mask.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mask[middle].end <= row) low = middle + 1;
    else high = middle;
  }
  if (!(row >= 0 && row < (mask[low]?.end ?? 0))) throw new ShapeError(`a row is one of the mask's; got ${shown(row)}`);
  return low;
}
