/**
 * The exact closed form of a lazy mask on a (queries x keys) plane, and what is asked of it: which blocks it touches, which keys a row of
 * blocks visits, how many pairs it allows. Strips (strips.ts) say it for all kinds but three: a stride looks at `j - i` modulo a number, and
 * segments and key lengths are known at run time only. So a plane has parts, each for the pairs of some residues and of a run-time answer.
 */
import { ShapeError } from '../errors';
import type { LazyMask } from './mask';
import { at, combine, flat, type Line, slanted, type Strip, type Strips, strips, stripOf } from './strips';

/**
 * Pairs with `(j - i) mod modulus` in `residues`, and for which segments are equal as `sameSegment` says and `j` is below the key length as `withinLength`
 * says (undefined: either way), are allowed where `strips` has them.
 */
interface Part {
  readonly residues: readonly number[];
  readonly sameSegment?: boolean;
  readonly withinLength?: boolean;
  readonly strips: Strips;
}

/** Every pair belongs to exactly one of the parts. */
export interface Plane {
  readonly queries: number;
  readonly keys: number;
  readonly modulus: number;
  readonly parts: readonly Part[];
}

type Span = readonly [low: Line, high: Line];

export function planeOf(mask: LazyMask, queries: number, keys: number): Plane {
  const whole = (list: Strips): Plane => ({ queries, keys, modulus: 1, parts: [{ residues: [0], strips: list }] });
  const spans = (...list: Span[]) => whole(strips(0, queries, keys, list));
  const [first, last] = [flat(0), flat(keys)];
  switch (mask.kind) {
    case 'full':
      return spans([first, last]);
    case 'causal':
      return spans([first, slanted(mask.offset + 1)]);
    case 'local':
      return spans([
        mask.left === null ? first : slanted(mask.offset - mask.left),
        mask.right === null ? last : slanted(mask.offset + mask.right + 1),
      ]);
    case 'chunkedCausal':
      return whole(chunks(mask.size, queries, keys));
    case 'prefix':
      return spans([first, flat(mask.length)], [first, slanted(1)]);
    case 'keyLimit':
      return spans([first, flat(mask.length)]);
    case 'globalTokens':
      return whole([
        ...strips(0, Math.min(mask.count, queries), keys, [[first, last]]),
        ...strips(Math.min(mask.count, queries), queries, keys, [[first, flat(mask.count)]]),
      ]);
    case 'documents':
      return whole(documents(mask.lengths, queries, keys));
    case 'strided':
      return strided(mask.stride, mask.offset, queries, keys);
    case 'segments':
    case 'keyLengths': {
      const question = mask.kind === 'segments' ? 'sameSegment' : 'withinLength';
      const part = (answer: boolean) => ({
        residues: [0],
        [question]: answer,
        strips: strips(0, queries, keys, answer ? [[first, last]] : []),
      });
      return { queries, keys, modulus: 1, parts: [part(true), part(false)] };
    }
    case 'not':
      return merge([planeOf(mask.mask, queries, keys)], ([inside]) => !inside);
    case 'and':
    case 'or': {
      const all = mask.kind === 'and';
      return merge(
        mask.masks.map((one) => planeOf(one, queries, keys)),
        (inside) => (all ? inside.every(Boolean) : inside.some(Boolean)),
      );
    }
  }
}

function chunks(size: number, queries: number, keys: number): Strip[] {
  const list: Strip[] = [];
  for (let start = 0; start < queries; start += size) {
    const end = Math.min(start + size, queries);
    if (end <= keys) list.push({ start, end, intervals: [[flat(start), slanted(1)]] });
    else list.push(...strips(start, end, keys, [[flat(start), slanted(1)]]));
  }
  return list;
}

/** Tokens after the last document belong to none. */
function documents(lengths: readonly number[], queries: number, keys: number): Strip[] {
  const list: Strip[] = [];
  let start = 0;
  for (const length of lengths) {
    if (start < keys)
      list.push({ start, end: Math.min(start + length, queries), intervals: [[flat(start), flat(Math.min(start + length, keys))]] });
    else return [...list, ...strips(start, queries, keys, [])];
    start += length;
    if (start >= queries) return list;
  }
  return [...list, ...strips(start, queries, keys, [])];
}

function strided(stride: number, offset: number, queries: number, keys: number): Plane {
  const all = strips(0, queries, keys, [[flat(0), flat(keys)]]);
  const chosen = modulo(offset, stride);
  const rest = Array.from({ length: stride }, (_, residue) => residue).filter((residue) => residue !== chosen);
  const parts = [{ residues: [chosen], strips: all }];
  if (rest.length) parts.push({ residues: rest, strips: strips(0, queries, keys, []) });
  return { queries, keys, modulus: stride, parts };
}

/** The pairs for which `allows` holds of whether each plane allows them. */
function merge(planes: readonly Plane[], allows: (inside: readonly boolean[]) => boolean): Plane {
  const { queries, keys } = planes[0];
  const modulus = planes.map((plane) => plane.modulus).reduce(leastCommonMultiple);
  if (modulus > 4096) throw new ShapeError(`strides that are combined have a least common multiple up to 4096; got ${modulus}`);
  const parts: Part[] = [];
  for (const sameSegment of answers(planes, 'sameSegment'))
    for (const withinLength of answers(planes, 'withinLength')) {
      // Residues which are in the same part of every plane stay together.
      const groups = new Map<string, { residues: number[]; chosen: Part[] }>();
      for (let residue = 0; residue < modulus; residue++) {
        const places = planes.map((plane) =>
          plane.parts.findIndex(
            (part) =>
              part.residues.includes(residue % plane.modulus) &&
              (part.sameSegment ?? sameSegment) === sameSegment &&
              (part.withinLength ?? withinLength) === withinLength,
          ),
        );
        const group = groups.get(places.join()) ?? { residues: [], chosen: planes.map((plane, p) => plane.parts[places[p]]) };
        group.residues.push(residue);
        groups.set(places.join(), group);
      }
      for (const { residues, chosen } of groups.values()) {
        const lists = chosen.map((part) => part.strips);
        parts.push({ residues, sameSegment, withinLength, strips: combine(lists, keys, allows) });
      }
    }
  return { queries, keys, modulus, parts };
}

/** The run-time answers that the planes tell apart. */
function answers(planes: readonly Plane[], question: 'sameSegment' | 'withinLength'): (boolean | undefined)[] {
  return planes.some((plane) => plane.parts.some((part) => part[question] !== undefined)) ? [true, false] : [undefined];
}

export const complement = (plane: Plane): Plane => merge([plane], ([inside]) => !inside);

/** The pairs that are allowed under some run-time answer: the plane itself where nothing is asked at run time. */
export function possible(plane: Plane): Plane {
  const under = new Map<string, Part[]>();
  for (const { residues, sameSegment, withinLength, strips: list } of plane.parts) {
    const answer = `${sameSegment},${withinLength}`;
    under.set(answer, [...(under.get(answer) ?? []), { residues, strips: list }]);
  }
  if (under.size === 1) return plane;
  const planes = [...under.values()].map((parts) => ({ ...plane, parts }));
  return merge(planes, (inside) => inside.some(Boolean));
}

/**
 * A plane as numbers, for the CPU kernel: modulus, parts; for each its residues (their number first), segments and lengths (-1 either way, else 0
 * or 1), strips; for each strip start, end, intervals; for each interval slope and base of its two ends.
 */
export function planeWords({ modulus, parts }: Plane): number[] {
  const words = [modulus, parts.length];
  const answer = (value: boolean | undefined) => (value === undefined ? -1 : Number(value));
  for (const { residues, sameSegment, withinLength, strips: list } of parts) {
    words.push(residues.length, ...residues, answer(sameSegment), answer(withinLength), list.length);
    for (const { start, end, intervals } of list) {
      words.push(start, end, intervals.length);
      for (const [low, high] of intervals) words.push(low.slope, low.base, high.slope, high.base);
    }
  }
  return words;
}

/** Whether any pair of rows [start, end) and keys [low, high) is allowed, or may be at run time. */
export function touches(plane: Plane, start: number, end: number, low: number, high: number): boolean {
  return plane.parts.some((part) => {
    for (let s = stripOf(part.strips, start); s < part.strips.length && part.strips[s].start < end; s++)
      for (const span of part.strips[s].intervals) if (meets(plane, part, part.strips[s], span, start, end, low, high)) return true;
    return false;
  });
}

/** Whether an interval of a strip has a key of [low, high) in a row of [start, end), of the part's residues. */
function meets(plane: Plane, part: Part, strip: Strip, [from, to]: Span, start: number, end: number, low: number, high: number): boolean {
  // Rows in which the interval begins before `high` and ends after `low`: both ends only ever move on.
  const first = Math.max(strip.start, start, to.slope === 1 ? low - to.base + 1 : to.base > low ? 0 : Number.POSITIVE_INFINITY);
  const last = Math.min(strip.end, end, from.slope === 1 ? high - from.base : from.base < high ? Number.POSITIVE_INFINITY : 0) - 1;
  if (first > last) return false;
  if (part.residues.length === plane.modulus) return true;
  // The differences j - i in that region have no gap: it is an interval in each row, and moves by at most one key from row to row.
  const least = Math.max(at(from, last), low) - last;
  const most = Math.min(at(to, first), high) - 1 - first;
  if (most - least + 1 >= plane.modulus) return true;
  for (let difference = least; difference <= most; difference++) if (part.residues.includes(modulo(difference, plane.modulus))) return true;
  return false;
}

/** The blocks of `size` keys that rows [start, end) see any key of, as ordered ranges [first, end) apart from one another. */
export function visitedBlocks(plane: Plane, start: number, end: number, size: number): [first: number, end: number][] {
  const ranges: [number, number][] = [];
  for (const part of plane.parts)
    for (let s = stripOf(part.strips, start); s < part.strips.length && part.strips[s].start < end; s++) {
      const strip = part.strips[s];
      const [first, last] = [Math.max(strip.start, start), Math.min(strip.end, end) - 1];
      for (const span of strip.intervals) {
        const [low, high] = [Math.floor(at(span[0], first) / size), Math.floor((at(span[1], last) - 1) / size) + 1];
        if (part.residues.length === plane.modulus) {
          ranges.push([low, high]);
          continue;
        }
        // A block between the first and the last has a whole row of it in the interval, and so every residue if it is that wide.
        const wide = size >= plane.modulus;
        if (wide && high - low > 2) ranges.push([low + 1, high - 1]);
        for (let block = low; block < high; block += wide ? Math.max(high - 1 - low, 1) : 1)
          if (meets(plane, part, strip, span, start, end, block * size, (block + 1) * size)) ranges.push([block, block + 1]);
      }
    }
  if (ranges.length < 2) return ranges;
  ranges.sort((a, b) => a[0] - b[0]);
  const apart: [number, number][] = [];
  for (const [low, high] of ranges) {
    const last = apart.at(-1);
    if (last && low <= last[1]) last[1] = Math.max(last[1], high);
    else apart.push([low, high]);
  }
  return apart;
}

/** Blocks that are touched, of all rows of blocks: the sum of what `visitedBlocks` gives of each. */
export function countBlocks(plane: Plane, blockQ: number, blockK: number): number {
  let count = 0;
  const next = plane.parts.map(() => 0);
  for (let start = 0; start < plane.queries; start += blockQ) {
    const end = Math.min(start + blockQ, plane.queries);
    // Most rows of blocks lie in one strip of each part, and of those only one has any keys: then its intervals' blocks are apart but for shared ends.
    let only: number | undefined = -1;
    for (const [p, { strips: list }] of plane.parts.entries()) {
      while (list[next[p]].end <= start) next[p]++;
      const strip = list[next[p]];
      if (strip.end < end) only = undefined;
      else if (strip.intervals.length && only !== undefined) only = only === -1 ? p : undefined;
    }
    if (only === -1) continue;
    if (only === undefined || plane.parts[only].residues.length !== plane.modulus) {
      const part = only === undefined ? undefined : plane.parts[only];
      const wide = part && blockK >= plane.modulus && part.strips[next[only as number]].intervals.length === 1;
      count += wide
        ? wideBlocks(plane, part, part.strips[next[only as number]], start, end, blockK)
        : sum(visitedBlocks(plane, start, end, blockK));
      continue;
    }
    let covered = 0;
    for (const [from, to] of plane.parts[only].strips[next[only]].intervals) {
      const high = Math.floor((at(to, end - 1) - 1) / blockK) + 1;
      count += Math.max(0, high - Math.max(covered, Math.floor(at(from, start) / blockK)));
      covered = Math.max(covered, high);
    }
  }
  return count;
}

/** Blocks whose pairs are all allowed. `others` is the plane's complement, for the rows that no short way is known for. */
export function countFullBlocks(plane: Plane, others: () => Plane, blockQ: number, blockK: number): number {
  const { queries, keys, parts } = plane;
  const columns = Math.ceil(keys / blockK);
  const list = parts[0].strips;
  // Of blocks of one key, rows may have theirs in different intervals.
  const simple = parts.length === 1 && blockK > 1;
  let count = 0;
  let strip = 0;
  for (let start = 0; start < queries; start += blockQ) {
    const end = Math.min(start + blockQ, queries);
    while (list[strip].end <= start) strip++;
    if (!simple || list[strip].end < end) {
      count += columns - sum(visitedBlocks(others(), start, end, blockK));
      continue;
    }
    // In one strip an interval moves by at most a key a row, so a block that all rows have lies in one interval for all of them.
    for (const [from, to] of list[strip].intervals) {
      const last = at(to, start);
      const first = Math.ceil(at(from, end - 1) / blockK);
      count += Math.max(0, (last === keys ? columns : Math.floor(last / blockK)) - first);
    }
  }
  return count;
}

/** Blocks of the one interval of a strip, each as wide as all residues: only the first and the last may miss the part's own. */
function wideBlocks(plane: Plane, part: Part, strip: Strip, start: number, end: number, size: number): number {
  const [span] = strip.intervals;
  const [low, high] = [Math.floor(at(span[0], start) / size), Math.floor((at(span[1], end - 1) - 1) / size)];
  const has = (block: number) => Number(meets(plane, part, strip, span, start, end, block * size, (block + 1) * size));
  return low === high ? has(low) : has(low) + (high - low - 1) + has(high);
}

function sum(ranges: readonly (readonly [number, number])[]): number {
  return ranges.reduce((total, [first, end]) => total + end - first, 0);
}

/** Allowed pairs of rows [start, end), exact up to 2^53; with run-time parts, those that may be allowed. */
export function countPairs(plane: Plane, start = 0, end = plane.queries): number {
  let pairs = 0;
  if (start >= end) return 0;
  for (const part of plane.parts)
    for (let s = stripOf(part.strips, start); s < part.strips.length && part.strips[s].start < end; s++) {
      const strip = part.strips[s];
      const [first, last] = [Math.max(strip.start, start), Math.min(strip.end, end) - 1];
      for (const [low, high] of strip.intervals)
        pairs += keysBelow(plane, part, high, first, last) - keysBelow(plane, part, low, first, last);
    }
  return pairs;
}

/** Sum over rows of the differences d < line(i) - i which have a residue of the part, but for a constant of the rows that a difference of two sums takes away. */
function keysBelow({ modulus }: Plane, { residues }: Part, line: Line, first: number, last: number): number {
  const rows = last - first + 1;
  if (modulus === 1) return (rows * (at(line, first) + at(line, last))) / 2 - (rows * (first + last)) / 2;
  let sum = 0;
  for (const residue of residues) {
    // Differences up to D with this residue: floor((D - residue) / modulus) + 1, with D = line(i) - i - 1.
    const top = line.base - 1 - residue;
    sum += line.slope === 1 ? rows * Math.floor(top / modulus) : floorSum(top - last, rows, modulus);
  }
  return sum;
}

/** floor(x / m) summed over x = start .. start + count - 1. */
function floorSum(start: number, count: number, m: number): number {
  const upTo = (n: number) => {
    // Sum over x = 0 .. n - 1.
    const [whole, rest] = [Math.floor(n / m), modulo(n, m)];
    return (m * whole * (whole - 1)) / 2 + rest * whole;
  };
  const shift = Math.ceil(Math.max(0, -start) / m);
  return upTo(start + shift * m + count) - upTo(start + shift * m) - shift * count;
}

/** Rows that may attend to no key. */
export function countEmptyRows(plane: Plane): number {
  let empty = 0;
  for (let row = 0; row < plane.queries; ) {
    const here = plane.parts.map((part) => part.strips[stripOf(part.strips, row)]);
    const end = Math.min(...here.map((strip) => strip.end));
    if (here.every((strip) => !strip.intervals.length)) empty += end - row;
    // Where an interval may be narrower than the modulus it can miss the residues of its part: then the rows are looked at.
    else if (
      !plane.parts.some((part, p) =>
        here[p].intervals.some((span) => part.residues.length === plane.modulus || width(span, row, end) >= plane.modulus),
      )
    )
      for (let i = row; i < end; i++) if (!touches(plane, i, i + 1, 0, plane.keys)) empty++;
    row = end;
  }
  return empty;
}

function width([low, high]: Span, start: number, end: number): number {
  return Math.min(at(high, start) - at(low, start), at(high, end - 1) - at(low, end - 1));
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** The remainder of a floored division: in [0, b) for b > 0. */
export function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}
