/** Statistics of samples: against tables and plain definitions, and by their properties. */
import fc from 'fast-check';
import { medianInterval, quantile, ratioOf } from '../lib/bench/stats';
import { median } from '../lib/timing/time';
import { fuzz } from './fuzz/budget';

const range = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const times = (least: number, most: number) =>
  fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: least, maxLength: most });

test('quantiles and the median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect([0, 0.25, 0.5, 0.75, 1].map((share) => quantile([1, 2, 3, 4, 5], share))).toEqual([1, 2, 3, 4, 5]);
  expect(quantile([10, 20], 0.25)).toBe(12.5);
  expect(quantile([], 0.5)).toBeNaN();
});

// Ranks of the order statistics, as tables of the sign test's interval have them (two-sided, at least 95 %).
test.each([
  [6, 1],
  [8, 1],
  [9, 2],
  [10, 2],
  [12, 3],
  [20, 6],
  [30, 10],
  [50, 18],
  [100, 40],
])('of %i values the interval of the median is from rank %i', (n, rank) => {
  expect(medianInterval(range(n))).toEqual([rank, n + 1 - rank]);
});

test('fewer than six values have no interval, thousands have one', () => {
  for (const n of [1, 2, 5]) expect(medianInterval(range(n))).toBeNull();
  const [low, high] = medianInterval(range(5000)) ?? [0, 0];
  // sqrt(n) / 2 standard deviations of 1.96 either side.
  expect((high - low) / 2).toBeCloseTo(1.96 * Math.sqrt(5000) * 0.5, -1);
});

test('an interval holds the median, and its ends are values', () => {
  fc.assert(
    fc.property(times(6, 60), (values) => {
      const [low, high] = medianInterval(values) ?? [Number.NaN, Number.NaN];
      expect(low).toBeLessThanOrEqual(median(values));
      expect(high).toBeGreaterThanOrEqual(median(values));
      expect(values).toEqual(expect.arrayContaining([low, high]));
    }),
    fuzz(100),
  );
});

test('it holds the true median about as often as it says', () => {
  // A fixed sequence (Numerical Recipes' generator), so that the count is the same every time.
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  let held = 0;
  for (let i = 0; i < 2000; i++) {
    const [low, high] = medianInterval(Array.from({ length: 15 }, () => next() ** 3)) ?? [1, 0];
    if (low <= 0.125 && 0.125 <= high) held++;
  }
  // 15 values: ranks 4 and 12 hold it in 96.5 % of all samples.
  expect(held / 2000).toBeGreaterThan(0.95);
  expect(held / 2000).toBeLessThan(0.98);
});

// Of the 20 or so critical values of the Mann-Whitney test at 5 %, two-sided: U of at most c is significant.
test.each([
  [4, 4, 0],
  [5, 5, 2],
  [6, 5, 3],
  [8, 8, 13],
  [10, 10, 23],
  [12, 7, 18],
  [20, 20, 127],
])('the interval of a ratio of %i and %i values leaves out as many pairs as the test', (n, m, critical) => {
  // Powers that no two pairs share: the sorted ratios tell the rank.
  const [values, base] = [range(n).map((i) => 2 ** i), range(m).map((i) => 2 ** (i * 0.01))];
  const ratios = values.flatMap((value) => base.map((other) => value / other)).sort((a, b) => a - b);
  const { interval } = ratioOf(values, base);
  expect(ratios.indexOf(interval?.[0] ?? 0)).toBe(critical);
  expect(ratios.length - 1 - ratios.indexOf(interval?.[1] ?? 0)).toBe(critical);
});

test('too few values have a ratio and no interval', () => {
  expect(ratioOf([4], [2])).toEqual({ ratio: 2, interval: null });
  expect(ratioOf([4, 4, 4], [2, 2, 2])).toEqual({ ratio: 2, interval: null });
  expect(ratioOf([2, 8], [1]).ratio).toBe(4);
});

test('a ratio of a sample to itself is 1, to a multiple the factor; swapped it is the inverse', () => {
  fc.assert(
    fc.property(times(4, 40), times(4, 40), fc.integer({ min: 1, max: 8 }), (values, base, power) => {
      expect(ratioOf(values, values).ratio).toBeCloseTo(1, 9);
      const [low, high] = ratioOf(values, values).interval ?? [0, 0];
      expect(low).toBeLessThanOrEqual(1);
      expect(high).toBeGreaterThanOrEqual(1);
      const factor = 2 ** power;
      const plain = ratioOf(values, base);
      const scaled = ratioOf(
        values.map((value) => factor * value),
        base,
      );
      expect(scaled.interval).toEqual(plain.interval?.map((end) => factor * end));
      const swapped = ratioOf(base, values).interval ?? [0, 0];
      expect(swapped[0] * (plain.interval?.[1] ?? 0)).toBeCloseTo(1, 9);
    }),
    fuzz(50),
  );
});

test('the normal approximation of many pairs goes on where the exact count ends', () => {
  const cut = (n: number, m: number) => {
    const values = range(n).map((i) => 2 ** i);
    const base = range(m).map((i) => 2 ** (i * 0.001));
    const ratios = values.flatMap((value) => base.map((other) => value / other)).sort((a, b) => a - b);
    return ratios.indexOf(ratioOf(values, base).interval?.[0] ?? 0);
  };
  // 20 x 20 is counted, 21 x 20 approximated; the table has 127 and 134 for them.
  expect(cut(20, 20)).toBe(127);
  expect(Math.abs(cut(21, 20) - 134)).toBeLessThanOrEqual(2);
});
