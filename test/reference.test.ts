/** The meaning of an attention against what it must be by hand, and its gradients against finite differences. */
import { type AttentionOptions, attention } from '../lib/attention';
import { causal, keyLengths, local, or, parseMask, perHead, prefix, segments } from '../lib/mask';
import { reference, referenceGrad } from '../lib/reference';
import { testInputs } from '../lib/timing/check';
import { maxError } from './helpers';

const shape = { heads: 1, headDim: 1, queries: 2 } as const;

test('a soft cap and a sink, by hand', () => {
  const spec = attention({ ...shape, mask: causal(), scale: 1, softCap: 2, sinks: true });
  const { out, logSumExp } = reference(spec, { q: [1, 3], k: [4, -5], v: [10, 20], sinks: [0.5] });
  const capped = (score: number) => Math.exp(2 * Math.tanh(score / 2));
  const first = capped(4) + Math.exp(0.5);
  const second = capped(12) + capped(-15) + Math.exp(0.5);
  expect(maxError(out, [(10 * capped(4)) / first, (10 * capped(12) + 20 * capped(-15)) / second])).toBeLessThan(1e-14);
  expect(maxError(logSumExp, [Math.log(first), Math.log(second)])).toBeLessThan(1e-15);
});

test('a row with no keys: zeros and -Infinity, with a sink zeros and the sink; no gradient', () => {
  const inputs = { q: [1, 3], k: [4, -5], v: [10, 20], dOut: [1, 2] };
  const mask = causal(-2);
  expect(reference(attention({ ...shape, mask }), inputs)).toMatchObject({
    out: Float64Array.of(0, 0),
    logSumExp: Float64Array.of(-Infinity, -Infinity),
  });
  const sunk = attention({ ...shape, mask, sinks: true });
  expect(reference(sunk, { ...inputs, sinks: [0.5] })).toMatchObject({ out: Float64Array.of(0, 0), logSumExp: Float64Array.of(0.5, 0.5) });
  const zeros = (size: number) => new Array(size).fill(0);
  const { dq, dk, dv, dSinks } = referenceGrad(sunk, { ...inputs, sinks: [0.5] });
  expect([dq, dk, dv, dSinks].map((gradient) => maxError(gradient ?? [], zeros(gradient === dSinks ? 1 : 2)))).toEqual([0, 0, 0, 0]);
});

test.each([
  ['full', {}],
  ['causal, grouped heads', { heads: 4, kvHeads: 2, mask: causal() }],
  ['a soft cap', { softCap: 0.8, mask: local(3, 1) }],
  ['sinks, rows with no keys', { heads: 2, kvHeads: 1, sinks: true, mask: causal(-2) }],
  [
    'all at once',
    { heads: 6, kvHeads: 3, sinks: true, softCap: 1.5, scale: 0.7, mask: perHead([or(segments(), prefix(2)), keyLengths()]) },
  ],
  ['more queries than keys', { queries: 9, keys: 5, mask: parseMask('~strided(2)', 9, 5) }],
] as [string, Partial<AttentionOptions>][])('gradients are the slopes of sum(out * dOut): %s', (_, options) => {
  const spec = attention({ batch: 2, heads: 2, headDim: 3, valueDim: 2, queries: 7, keys: 8, ...options, pass: 'forward+backward' });
  const given = testInputs(spec);
  const inputs = Object.fromEntries(Object.entries(given).map(([name, values]) => [name, Float64Array.from(values)])) as Record<
    'q' | 'k' | 'v' | 'dOut' | 'sinks',
    Float64Array
  >;
  const loss = () => reference(spec, inputs).out.reduce((sum, x, i) => sum + x * inputs.dOut[i], 0);
  const slopes = (values: Float64Array) =>
    Float64Array.from(values, (value, i) => {
      const step = 1e-5;
      const [low, high] = [value - step, value + step].map((moved) => {
        values[i] = moved;
        return loss();
      });
      values[i] = value;
      return (high - low) / (2 * step);
    });
  const { dq, dk, dv, dSinks } = referenceGrad(spec, inputs);
  for (const [gradient, values] of [[dq, inputs.q], [dk, inputs.k], [dv, inputs.v], ...(dSinks ? [[dSinks, inputs.sinks]] : [])])
    expect(maxError(gradient, slopes(values))).toBeLessThan(1e-8);
  expect(Math.max(...dq.map(Math.abs))).toBeGreaterThan(0.01);
});

test('the rows that are asked for, and what they give to keys and values', () => {
  const spec = attention({ heads: 4, kvHeads: 2, headDim: 5, queries: 9, mask: causal(), sinks: true, pass: 'backward' });
  const rows = [2, 7];
  const inputs = testInputs(spec, rows);
  const some = referenceGrad(spec, { ...inputs, dOut: inputs.dOut }, rows);
  const all = referenceGrad(spec, { ...inputs, dOut: inputs.dOut });
  expect(maxError(some.dq, rowsOf(all.dq, 5, 9, rows))).toBe(0);
  for (const name of ['dk', 'dv', 'dSinks'] as const) expect(maxError(some[name] ?? [], all[name] ?? [])).toBeLessThan(1e-15);
  const forward = reference(spec, inputs, rows);
  expect(maxError(rowsOf(inputs.out, 5, 9, rows), Float32Array.from(forward.out))).toBe(0);
  expect(maxError(rowsOf(inputs.logSumExp, 1, 9, rows), Float32Array.from(forward.logSumExp))).toBe(0);
});

/** Of [heads, queries, size], the given rows of each head. */
function rowsOf(whole: ArrayLike<number>, size: number, queries: number, rows: readonly number[]): number[] {
  const heads = whole.length / (size * queries);
  return Array.from({ length: heads }, (_, h) =>
    rows.flatMap((row) => Array.from({ length: size }, (_, d) => whole[(h * queries + row) * size + d])),
  ).flat();
}
