/** Masks as the custom call takes them, written out by hand, and what they mean: by a rule of their own or word by word. */

/** Keys [lowSlope * i + lowBase, highSlope * i + highBase) of row i. */
export type FfiInterval = readonly [lowSlope: number, lowBase: number, highSlope: number, highBase: number];
export type FfiStrip = readonly [start: number, end: number, ...intervals: FfiInterval[]];
export interface FfiPart {
  residues?: readonly number[];
  segments?: 0 | 1;
  lengths?: 0 | 1;
  strips: readonly FfiStrip[];
}
export interface FfiPlane {
  modulus?: number;
  parts: readonly FfiPart[];
}
export interface Pair {
  batch: number;
  head: number;
  i: number;
  j: number;
  queries: number;
  keys: number;
}
export interface FfiMask {
  planes: readonly FfiPlane[];
  headPlanes?: readonly number[];
  qSegments?: readonly number[];
  kvSegments?: readonly number[];
  keyLengths?: readonly number[];
  /** The meaning, where it is said without planes. */
  allows?(pair: Pair): boolean;
}

export const part = (...strips: FfiStrip[]): FfiPart => ({ strips });
export const plane = (...parts: FfiPart[]): FfiPlane => ({ parts });

export function planeWords({ modulus = 1, parts }: FfiPlane): number[] {
  const strip = ([start, end, ...intervals]: FfiStrip) => [start, end, intervals.length, ...intervals.flat()];
  const words = ({ residues, segments = -1, lengths = -1, strips }: FfiPart) => {
    const all = residues ?? Array.from({ length: modulus }, (_, n) => n);
    return [all.length, ...all, segments, lengths, strips.length, ...strips.flatMap(strip)];
  };
  return [modulus, parts.length, ...parts.flatMap(words)];
}

const array = (words: readonly number[]) => (words.length ? `array<i64: ${words.join(', ')}>` : 'array<i64>');

/** The attributes of a mask, as text. */
export function maskText({ planes, headPlanes = [0] }: Pick<FfiMask, 'planes' | 'headPlanes'>): string {
  return `planes = ${array([planes.length, ...planes.flatMap(planeWords)])}, head_planes = ${array(headPlanes)}`;
}

export function allowsPair(mask: FfiMask, pair: Pair): boolean {
  if (mask.allows) return mask.allows(pair);
  const { batch, head, i, j, queries, keys } = pair;
  const { planes, headPlanes = [0], qSegments = [], kvSegments = [], keyLengths = [] } = mask;
  const { modulus = 1, parts } = planes[headPlanes.length === 1 ? headPlanes[0] : headPlanes[head]];
  const isEqual = qSegments[batch * queries + i] === kvSegments[batch * keys + j];
  const isWithin = j < keyLengths[batch];
  return parts.some(
    ({ residues, segments, lengths, strips }) =>
      (residues?.includes((((j - i) % modulus) + modulus) % modulus) ?? true) &&
      (segments === undefined || segments === Number(isEqual)) &&
      (lengths === undefined || lengths === Number(isWithin)) &&
      strips.some(
        ([start, end, ...intervals]) => start <= i && i < end && intervals.some(([ls, lb, hs, hb]) => ls * i + lb <= j && j < hs * i + hb),
      ),
  );
}

/** The strips of i + low <= j <= i + high: one bound's slope changes where it meets the first or the last key. */
export function bandStrips(low: number, high: number, queries: number, keys: number): FfiStrip[] {
  const cuts = [0, -low, -high, keys - low, keys - high - 1, queries].filter((cut) => cut >= 0 && cut <= queries);
  const ends = [...new Set(cuts)].sort((a, b) => a - b);
  return ends.slice(1).map((end, n): FfiStrip => {
    const start = ends[n];
    const [lowSlope, lowBase] = start + low >= 0 ? [1, low] : [0, 0];
    const [highSlope, highBase] = start + high + 1 < keys ? [1, high + 1] : [0, keys];
    const isEmpty = lowSlope * start + lowBase >= highSlope * start + highBase;
    return isEmpty ? [start, end] : [start, end, [lowSlope, lowBase, highSlope, highBase]];
  });
}

export function bandMask(low: number, high: number, queries: number, keys: number): FfiMask {
  return {
    planes: [plane(part(...bandStrips(low, high, queries, keys)))],
    allows: ({ i, j }) => i + low <= j && j <= i + high,
  };
}
