/** One chart of series against T, both axes logarithmic, as SVG by Vega. Colours are CSS variables (palette.ts). */
import type { Axis, EncodeEntry, Mark, Spec } from 'vega';
import { labelsOf, type Place } from './labels';
import { escaped } from './markup';
import type { MaskKind } from './series';
import { shortTokens } from './words';

export interface ChartPoint {
  readonly tokens: number;
  readonly value: number;
  /** Interval of the value. */
  readonly low?: number;
  readonly high?: number;
  /** What is said of it when it is pointed at. */
  readonly title: string;
}

/** Measured here by this package, by the peer, by somebody else on other hardware, or estimated. */
export type Style = 'ours' | 'peer' | 'origin' | 'estimated';

export interface ChartSeries {
  readonly label: string;
  /** In the label's place at the end of the line; empty where another series speaks for this one too. */
  readonly endLabel?: string;
  readonly mask: MaskKind;
  readonly style: Style;
  readonly points: readonly ChartPoint[];
}

export interface Chart {
  readonly id: string;
  /** Stands over the axis. */
  readonly yTitle: string;
  readonly yTick: (value: number) => string;
  readonly series: readonly ChartSeries[];
}

/** Pixels. A narrow one has no labels at its series: a legend stands under it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly labels: boolean;
  readonly fontSize: number;
  readonly mostTicks: number;
}

export const frames = {
  wide: { width: 840, height: 450, left: 62, right: 168, top: 34, bottom: 46, labels: true, fontSize: 12.5, mostTicks: 12 },
  narrow: { width: 360, height: 320, left: 54, right: 14, top: 32, bottom: 44, labels: false, fontSize: 12, mostTicks: 5 },
} as const satisfies Record<string, Frame>;

export const dashes: Readonly<Record<Style, readonly number[]>> = {
  ours: [1, 0],
  peer: [7, 4],
  origin: [1.5, 4],
  estimated: [10, 3, 2, 3],
};
const shapes: Readonly<Record<MaskKind, string>> = { dense: 'square', causal: 'circle', window: 'triangle-up' };

export const shapeOf = ({ mask, style }: Pick<ChartSeries, 'mask' | 'style'>) => (style === 'origin' ? 'diamond' : shapes[mask]);
/** Only what was measured here by this package is filled. */
export const fillOf = ({ mask, style }: Pick<ChartSeries, 'mask' | 'style'>) => `var(--${style === 'ours' ? mask : 'surface'})`;

export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** The chart as an SVG element, with a title at each point. Series without points are left out; a chart needs one point. */
export async function chartSvg(chart: Chart, frame: Frame): Promise<string> {
  // It takes a while to load, and only a drawing needs it.
  const { parse, View } = await import('vega');
  const drawn = await new View(parse(chartSpec(chart, frame)), { renderer: 'none' }).toSVG();
  return titled(drawn).replace('<svg ', `<svg role="group" aria-label="${escaped(chart.yTitle)} against T" `);
}

/** What Vega gives as a label to readers of the screen, others get by pointing. */
const titled = (svg: string) =>
  svg.replace(/<path aria-label="([^"]*)"([^>]*?)(?:\/>|><\/path>)/g, '<path aria-label="$1"$2><title>$1</title></path>');

function chartSpec({ yTitle, yTick, series }: Chart, frame: Frame): Spec {
  const { width, height, left, right, top, bottom, fontSize } = frame;
  const shown = series.filter(({ points }) => points.length);
  const plane = planeOf(shown, frame);
  return {
    width: width - left - right,
    height: height - top - bottom,
    padding: { left, right, top, bottom },
    autosize: 'none',
    config: { style: { 'guide-label': { font: fontFamily }, 'guide-title': { font: fontFamily } } },
    signals: [
      { name: 'xTicks', value: plane.xTicks },
      { name: 'yTicks', value: plane.yTicks },
      { name: 'xText', value: Object.fromEntries(plane.xTicks.map((tick) => [tick, shortTokens(tick)])) },
      { name: 'yText', value: Object.fromEntries(plane.yTicks.map((tick) => [tick, yTick(tick)])) },
    ],
    scales: [
      { name: 'x', type: 'log', base: 2, domain: plane.x, range: 'width', zero: false, nice: false },
      { name: 'y', type: 'log', domain: plane.y, range: 'height', zero: false, nice: false },
    ],
    axes: axes(fontSize),
    marks: [
      text({ words: yTitle, x: -left + 6, y: -top + 14, align: 'left', fill: 'var(--muted)', fontSize }),
      text({ words: 'T, tokens', x: width - left - right, y: height - top - 8, align: 'right', fill: 'var(--muted)', fontSize }),
      ...shown.map(seriesMarks),
      ...(frame.labels ? labelMarks(shown, plane, frame) : []),
      ...shown.map(hitMark),
    ],
  };
}

/** Rules across and no more lines than those; a tick's text is looked up. */
function axes(fontSize: number): Axis[] {
  const label = { domain: false, ticks: false, labelColor: 'var(--muted)', labelFontSize: fontSize, labelPadding: 8, aria: false };
  const worded = (texts: string) => ({ labels: { update: { text: { signal: `${texts}[datum.value]` } } } });
  return [
    { ...label, orient: 'left', scale: 'y', values: { signal: 'yTicks' }, grid: true, gridColor: 'var(--line)', encode: worded('yText') },
    { ...label, orient: 'bottom', scale: 'x', values: { signal: 'xTicks' }, encode: worded('xText') },
  ];
}

interface Plane {
  readonly x: readonly [number, number] & number[];
  readonly y: readonly [number, number] & number[];
  readonly xTicks: number[];
  readonly yTicks: number[];
}

/** Whole decades upwards; powers of two across, no more of them than fit. */
function planeOf(series: readonly ChartSeries[], { mostTicks }: Frame): Plane {
  const points = series.flatMap(({ points: all }) => all);
  const values = points.flatMap(({ value, low = value, high = value }) => [value, low, high]).filter((value) => value > 0);
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const decades = Math.max(1, high - low);
  const tokens = points.map((point) => Math.log2(point.tokens));
  const [first, last] = [Math.floor(Math.min(...tokens)), Math.ceil(Math.max(...tokens))];
  const every = Math.ceil((last - first + 1) / mostTicks);
  return {
    x: [2 ** (first - 0.25), 2 ** (last + 0.25)],
    y: [10 ** low, 10 ** (low + decades)],
    xTicks: Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 2 ** (first + i * every)),
    yTicks: Array.from({ length: decades + 1 }, (_, i) => 10 ** (low + i)),
  };
}

const at = { x: { scale: 'x', field: 'tokens' }, y: { scale: 'y', field: 'value' } };

/** Intervals, line and points. */
function seriesMarks(series: ChartSeries): Mark {
  const { points, mask, style } = series;
  const stroke = { value: `var(--${mask})` };
  const range = { x: at.x, y: { scale: 'y', field: 'low' }, y2: { scale: 'y', field: 'high' } };
  const line = { ...at, stroke, strokeWidth: { value: 2 }, strokeDash: { value: [...dashes[style]] } };
  const shape = { shape: { value: shapeOf(series) }, size: { value: style === 'origin' ? 90 : 52 } };
  const symbol = { ...at, ...shape, stroke, strokeWidth: { value: 1.75 }, fill: { value: fillOf(series) } };
  return {
    type: 'group',
    data: [
      { name: 'points', values: [...points] },
      { name: 'ranges', values: points.filter(({ low, high }) => low !== undefined && high !== undefined) },
    ],
    marks: [
      silent('rule', 'ranges', { ...range, stroke, strokeWidth: { value: 5 }, opacity: { value: 0.3 } }),
      silent('line', 'points', line),
      silent('symbol', 'points', symbol),
    ],
  };
}

/** Not for readers of the screen. */
const silent = (type: 'rule' | 'line' | 'symbol', data: string, enter: EncodeEntry): Mark => ({
  type,
  from: { data },
  aria: false,
  encode: { enter },
});

/** What is pointed at, and read: wider than the points, and over everything else. */
function hitMark({ points }: ChartSeries): Mark {
  const enter = { ...at, size: { value: 340 }, fill: { value: 'transparent' }, description: { field: 'title' } };
  return {
    type: 'group',
    data: [{ name: 'points', values: [...points] }],
    marks: [{ type: 'symbol', from: { data: 'points' }, encode: { enter } }],
  };
}

function labelMarks(series: readonly ChartSeries[], plane: Plane, frame: Frame): Mark[] {
  const size = { width: frame.width - frame.left - frame.right, height: frame.height - frame.top - frame.bottom };
  const share = (value: number, [low, high]: readonly [number, number]) => Math.log(value / low) / Math.log(high / low);
  const placeOf = (point: ChartPoint): Place => ({
    x: share(point.tokens, plane.x) * size.width,
    y: (1 - share(point.value, plane.y)) * size.height,
  });
  const lines = series.map(({ label, endLabel = label, points }) => ({ words: endLabel, points: points.map(placeOf) }));
  const room = { left: 0, right: size.width + frame.right, top: -8, bottom: size.height + 8 };
  return labelsOf(lines, room, frame.fontSize).flatMap(({ x, y, align }, i) => {
    const { mask } = series[i];
    const { words } = lines[i];
    if (!words) return [];
    const label = { words, x, y, align, fontSize: frame.fontSize };
    // A line that passes under a label is cut around it.
    return [text({ ...label, fill: 'var(--surface)', halo: true }), text({ ...label, fill: `var(--${mask})` })];
  });
}

interface Text extends Place {
  readonly words: string;
  readonly align: 'left' | 'right';
  readonly fill: string;
  readonly fontSize: number;
  readonly halo?: boolean;
}

function text({ words, x, y, align, fill, fontSize, halo }: Text): Mark {
  return {
    type: 'text',
    aria: false,
    encode: {
      enter: {
        x: { value: x },
        y: { value: y },
        text: { value: words },
        align: { value: align },
        baseline: { value: 'middle' },
        fill: { value: fill },
        font: { value: fontFamily },
        fontSize: { value: fontSize },
        ...(halo ? { stroke: { value: fill }, strokeWidth: { value: 4 }, strokeJoin: { value: 'round' } } : {}),
      },
    },
  };
}
