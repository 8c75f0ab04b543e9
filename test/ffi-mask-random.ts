/** Masks of the custom call that any words could be which its rules let through. */
import type { FfiInterval, FfiMask, FfiPart, FfiPlane, FfiStrip } from './ffi-mask-case';

/** A whole number from `low` to `high`. */
type Whole = (low: number, high: number) => number;

/** Cuts 0 .. `size` into up to `most` pieces. */
function pieces(size: number, most: number, whole: Whole): [start: number, end: number][] {
  const ends = new Set([size, ...Array.from({ length: whole(0, most - 1) }, () => whole(1, size))]);
  const sorted = [0, ...[...ends].sort((a, b) => a - b)];
  return sorted.slice(1).map((end, n) => [sorted[n], end]);
}

function randomStrip([start, end]: readonly [number, number], keys: number, whole: Whole): FfiStrip {
  const intervals: FfiInterval[] = [];
  // What is left of the keys after the intervals so far, in the strip's first row and in its last.
  let first = 0;
  let last = 0;
  for (let n = whole(0, 4); n > 0; n--) {
    const rise = end - 1 - start;
    const bound = (least: number, leastLast: number): readonly [slope: number, base: number] | undefined => {
      const slope = whole(0, 1);
      const low = Math.max(least, leastLast - slope * rise);
      const high = keys - slope * rise;
      return low > high ? undefined : [slope, whole(low, Math.min(high, low + 90)) - slope * start];
    };
    const low = bound(first, last);
    const at = ([slope, base]: readonly [number, number], row: number) => slope * row + base;
    const high = low && bound(at(low, start) + 1, at(low, end - 1) + 1);
    if (!low || !high) break;
    intervals.push([...low, ...high]);
    first = at(high, start);
    last = at(high, end - 1);
  }
  return [start, end, ...intervals];
}

export function randomMask({ batch, heads, queries, keys }: Record<'batch' | 'heads' | 'queries' | 'keys', number>, whole: Whole): FfiMask {
  const strips = () => pieces(queries, whole(0, 1) ? 3 : 40, whole).map((rows) => randomStrip(rows, keys, whole));
  const asksSegments = whole(0, 1) === 1;
  const asksLengths = whole(0, 1) === 1;
  const plane = (): FfiPlane => {
    const modulus = whole(1, 4);
    const cases = Array.from({ length: modulus }, (_, n) => n);
    const sets = whole(0, 1) ? [cases] : cases.map((n) => [n]);
    const values = (asks: boolean) => (asks && whole(0, 1) ? ([0, 1] as const) : [undefined]);
    const parts = sets.flatMap((residues) =>
      values(asksSegments).flatMap((segments) =>
        values(asksLengths).map((lengths): FfiPart => ({ residues, segments, lengths, strips: strips() })),
      ),
    );
    return { modulus, parts: parts.filter(() => whole(0, 4) > 0) };
  };
  const planes = Array.from({ length: whole(1, 3) }, plane);
  const parts = planes.flatMap((one) => one.parts);
  const ids = (count: number) =>
    Array.from({ length: batch * count }, (_, n) => Math.floor(((n % count) * 5) / count) + whole(0, 1) * whole(0, 1));
  return {
    planes,
    headPlanes: whole(0, 1) ? [whole(0, planes.length - 1)] : Array.from({ length: heads }, () => whole(0, planes.length - 1)),
    ...(parts.some(({ segments }) => segments !== undefined) && { qSegments: ids(queries), kvSegments: ids(keys) }),
    ...(parts.some((one) => one.lengths !== undefined) && { keyLengths: Array.from({ length: batch }, () => whole(-3, keys + 3)) }),
  };
}
