/** What samples say without a model of their distribution: quantiles, and confidence intervals by order statistics. */
import { median } from '../timing/time';

export { median };

export type Interval = readonly [low: number, high: number];

const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b);

/** The value below which a share of the values lies, linear between neighbours; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  return below === place ? (sorted[below] ?? Number.NaN) : sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

/**
 * The interval between two order statistics that holds the median with at least this confidence, whatever the distribution: as many values
 * lie below the median as a fair coin has heads. Null where not even the least and the greatest do (of fewer than 6 values at 95 %).
 */
export function medianInterval(values: readonly number[], confidence = 0.95): Interval | null {
  const sorted = ascending(values);
  const n = sorted.length;
  const each = (1 - confidence) / 2;
  let cut = 0;
  // P(exactly k of n below), in logarithms: 2^-n is 0 from n = 1075 on.
  let logarithm = -n * Math.LN2;
  let tail = Math.exp(logarithm);
  while (tail <= each && cut < n) {
    cut++;
    logarithm += Math.log((n - cut + 1) / cut);
    tail += Math.exp(logarithm);
  }
  return cut === 0 ? null : [sorted[cut - 1], sorted[n - cut]];
}

export interface Ratio {
  readonly ratio: number;
  /** Null where there are too few runs for the confidence. */
  readonly interval: Interval | null;
}

/**
 * How many times `values` are of `base`, both above 0: the median of the ratios of all pairs (Hodges and Lehmann's estimate, of
 * logarithms), with the interval that goes with the Mann-Whitney test; it supposes no distribution, only that both are of one form.
 */
export function ratioOf(values: readonly number[], base: readonly number[], confidence = 0.95): Ratio {
  const ratios = ascending(values.flatMap((value) => base.map((other) => value / other)));
  const cut = pairsCut(values.length, base.length, (1 - confidence) / 2);
  // Of two in the middle, half way between their logarithms.
  const ratio = Math.sqrt(ratios[(ratios.length - 1) >> 1] * ratios[ratios.length >> 1]);
  return { ratio, interval: cut === 0 ? null : [ratios[cut - 1], ratios[ratios.length - cut]] };
}

/** The most pairs that may be left out at either end: P(U < cut) <= share, of U as Mann and Whitney have it. */
function pairsCut(n: number, m: number, share: number): number {
  if (n * m > 400) {
    // Near enough to normal.
    const deviation = Math.sqrt((n * m * (n + m + 1)) / 12);
    return Math.max(0, Math.floor((n * m) / 2 - normalQuantile(1 - share) * deviation));
  }
  const counts = rankSumCounts(n, m);
  const all = counts.reduce((sum, count) => sum + count, 0);
  let [cut, tail] = [0, counts[0] / all];
  while (tail <= share) tail += counts[++cut] / all;
  return cut;
}

/** Of all ways to mix n and m values, how many give each U: the coefficients of the Gaussian binomial. */
function rankSumCounts(n: number, m: number): number[] {
  const counts = new Array<number>(n * m + 1).fill(0);
  counts[0] = 1;
  for (let i = 1; i <= n; i++) {
    for (let u = counts.length - 1; u >= m + i; u--) counts[u] -= counts[u - m - i];
    for (let u = i; u < counts.length; u++) counts[u] += counts[u - i];
  }
  return counts;
}

/** Where the standard normal distribution reaches a share above one half; by bisection of its error function. */
function normalQuantile(share: number): number {
  let [low, high] = [0, 10];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The share of a standard normal distribution below x >= 0: the series of its integral, exact to 1e-12 up to 5. */
function normalShare(x: number): number {
  let [term, sum] = [x, x];
  for (let k = 1; k < 200; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + sum * (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI));
}
