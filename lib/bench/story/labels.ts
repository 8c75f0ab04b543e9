/** Where the labels of series stand: beside their last points, where they cover least. */

/** Pixels from the upper left corner. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A line that is labelled at its end. */
export interface Labelled {
  readonly words: string;
  readonly points: readonly Place[];
}

export interface Label extends Place {
  readonly align: 'left' | 'right';
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const gap = 11;
/** Of a character, as a share of the font's size: an average of sans-serif fonts. */
const characterWidth = 0.56;
const lineHeight = 1.2;

/** Shifts of a label's middle from its point, in lines; the first that covers nothing is taken. */
const shifts = [0, -0.5, 0.5, -1, 1, -1.6, 1.6, -2.4, 2.4];

/** A label for each line, in the lines' order; `frame` is where labels may stand. */
export function labelsOf(lines: readonly Labelled[], frame: Box, fontSize: number): Label[] {
  const traces = lines.map(({ points }) => traceOf(points));
  const taken: Box[] = [];
  return lines.map(({ words, points }) => {
    const end = points[points.length - 1];
    const candidates = shifts.flatMap((shift) =>
      (['left', 'right'] as const).map((align) => candidate({ words, end, shift, align, fontSize })),
    );
    const costs = candidates.map(({ box, effort }) => effort + coverage(box, taken, traces, frame));
    const best = candidates[costs.indexOf(Math.min(...costs))];
    if (words) taken.push(best.box);
    return best.label;
  });
}

/** Points along a line, close enough that a label cannot lie between them. */
function traceOf(points: readonly Place[]): Place[] {
  return points.flatMap((to, i) => {
    const from = points[i - 1] ?? to;
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 4));
    return Array.from({ length: steps }, (_, step) => ({
      x: from.x + ((to.x - from.x) * (step + 1)) / steps,
      y: from.y + ((to.y - from.y) * (step + 1)) / steps,
    }));
  });
}

interface Wish {
  readonly words: string;
  readonly end: Place;
  readonly shift: number;
  readonly align: 'left' | 'right';
  readonly fontSize: number;
}

/** Right of the point is best, and near it. */
function candidate({ words, end, shift, align, fontSize }: Wish): { label: Label; box: Box; effort: number } {
  const length = words.length * characterWidth * fontSize;
  const y = end.y + shift * lineHeight * fontSize;
  const x = align === 'left' ? end.x + gap : end.x - gap;
  const left = align === 'left' ? x : x - length;
  const half = (lineHeight * fontSize) / 2;
  const box = { left, right: left + length, top: y - half, bottom: y + half };
  return { label: { x, y, align }, box, effort: 4 * Math.abs(shift) + (align === 'left' ? 0 : 6) };
}

const isInside = ({ x, y }: Place, box: Box) => x > box.left && x < box.right && y > box.top && y < box.bottom;
const overlap = (a: Box, b: Box) =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

/** Other labels and the frame's edge are worse than lines. */
function coverage(box: Box, taken: readonly Box[], traces: readonly (readonly Place[])[], frame: Box): number {
  const outside = box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
  const labels = taken.reduce((sum, other) => sum + overlap(box, other), 0);
  const covered = traces.reduce((sum, trace) => sum + trace.filter((place) => isInside(place, box)).length, 0);
  return (outside ? 1e4 : 0) + labels + 2 * covered;
}
