/** Figures of the report as words: times, tokens, ratios; three digits, the unit with each. */
import { bytesText } from '../../timing/units';

const minute = 60_000;

/** The unit that a time is told in. */
function unitOf(ms: number): { readonly size: number; readonly name: string } {
  if (ms >= 2 * minute) return { size: minute, name: 'min' };
  if (ms >= 999.5) return { size: 1000, name: 's' };
  return ms >= 0.0995 || ms === 0 ? { size: 1, name: 'ms' } : { size: 0.001, name: 'µs' };
}

/** `9.36 µs`, `12.3 ms`, `457 ms`, `4.79 s`, `2.40 min`. */
export function timeText(ms: number): string {
  const { size, name } = unitOf(ms);
  // One that does not break between lines.
  return `${digits(ms / size)}\u00a0${name}`;
}

/** A time and its bounds in one unit: `4.79 s [4.71–4.90]`. */
export function rangeText(ms: number, bounds: readonly [low: number, high: number] | null): string {
  const { size } = unitOf(ms);
  return `${timeText(ms)}${bounds ? ` [${digits(bounds[0] / size)}–${digits(bounds[1] / size)}]` : ''}`;
}

/** Three significant digits, all of those before the point, and no exponent. */
export function digits(value: number): string {
  if (value === 0) return '0';
  // Of the rounded value: 0.9996 is 1.00.
  const places = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))) + 1e-12)));
  return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** `32,768`. */
export const tokensText = (tokens: number): string => tokens.toLocaleString('en-US');

/** As an axis has room for: `512`, `32k`, `1M`, of powers of 1024. */
export function shortTokens(tokens: number): string {
  const [value, unit] = tokens >= 2 ** 20 ? [tokens / 2 ** 20, 'M'] : tokens >= 1024 ? [tokens / 1024, 'k'] : [tokens, ''];
  return `${Number.isInteger(value) ? value : digits(value)}${unit}`;
}

/** `9.4 times`; a tenth is no more than times are good for. */
export const timesText = (ratio: number): string =>
  `${ratio >= 99.5 ? Math.round(ratio) : ratio >= 9.95 ? ratio.toFixed(0) : ratio.toFixed(1)} times`;

/** Of an axis: one digit and its unit. */
export const tickTime = (ms: number): string => (ms >= 1000 ? `${ms / 1000} s` : ms >= 1 ? `${ms} ms` : `${Math.round(1000 * ms)} µs`);
export const tickBytes = (bytes: number): string => bytesText(bytes).replace('.0', '');
