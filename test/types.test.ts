/** The dtype table, and the narrow floats as bits: every value there and back, and what lies between two of them to the nearest, ties to even. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { bitsOf, type DType, dtypes, fromBits, rangeOf, toBits } from '../lib/types';

test('docs/dtypes.md has each of them', () => {
  const text = readFileSync(path.join(__dirname, '..', 'docs', 'dtypes.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (\d+) \| `(\w+)` \| (\d+) \| (\d+) \|/gm)].map(([, ...row]) => row.join());
  const wanted = Object.entries(dtypes).map(([dtype, { pjrt, host, bytes }]) =>
    // A byte is a device's least for what is true or false.
    [dtype, pjrt, host.name, 8 * bytes, dtype === 'i1' ? 8 : bitsOf(dtype as DType)].join(),
  );
  expect(rows).toEqual(wanted);
});

test.each<[DType, bigint, bigint]>([
  ['i1', 0n, 1n],
  ['i2', -2n, 1n],
  ['ui2', 0n, 3n],
  ['i4', -8n, 7n],
  ['ui4', 0n, 15n],
  ['f4E2M1FN', 0n, 15n],
])('%s is from %s to %s', (dtype, low, high) => expect(rangeOf(dtype)).toEqual([low, high]));

test.each([
  ['bf16', 7],
  ['f16', 10],
] as const)('%s', (dtype, mantissa) => {
  const infinite = 2 ** 15 - 2 ** mantissa;
  const all = Uint16Array.from({ length: infinite + 1 }, (_, n) => n);
  const values = Float64Array.from(fromBits(dtype, all));
  const exponents = 15 - mantissa;
  const [least, one] = [2 ** (2 - 2 ** (exponents - 1) - mantissa), (2 ** (exponents - 1) - 1) * 2 ** mantissa];
  expect([...values.slice(0, 3), values[one], values[one + 1], values[infinite]]).toEqual([
    0,
    least,
    2 * least,
    1,
    1 + 2 ** -mantissa,
    Number.POSITIVE_INFINITY,
  ]);
  // What would come after the last is where infinity begins, in rounding.
  values[infinite] = 2 * values[infinite - 1] - values[infinite - 2];
  const middles = values.slice(0, infinite).map((value, n) => (value + values[n + 1]) / 2);
  const expectBits = (numbers: Float64Array, bits: (n: number) => number) => {
    expect(toBits(dtype, numbers)).toEqual(Uint16Array.from(numbers, (_, n) => bits(n)));
    const negative = numbers.map((value) => -value);
    expect(toBits(dtype, negative)).toEqual(Uint16Array.from(numbers, (_, n) => 0x8000 | bits(n)));
  };
  expectBits(values, (n) => n);
  expectBits(middles, (n) => n + (n & 1));
  // Nearer by less than an f32 tells apart.
  expectBits(
    middles.map((value) => value * (1 - 2 ** -52)),
    (n) => n,
  );
  expectBits(
    middles.map((value) => value * (1 + 2 ** -52)),
    (n) => n + 1,
  );
  expect(toBits(dtype, [1e39, -1e300, Number.POSITIVE_INFINITY, 1e-320])).toEqual(Uint16Array.of(infinite, 0x8000 | infinite, infinite, 0));
  const nans = Uint16Array.from({ length: 2 ** mantissa - 1 }, (_, n) => infinite + 1 + n);
  for (const some of [nans, nans.map((bits) => bits | 0x8000), toBits(dtype, [Number.NaN, -Number.NaN])]) {
    expect(fromBits(dtype, some).every(Number.isNaN)).toBe(true);
    expect(fromBits(dtype, toBits(dtype, fromBits(dtype, some))).every(Number.isNaN)).toBe(true);
  }
});
