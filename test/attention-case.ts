/** Runs an attention's program on the CPU plugin, and says what it must give: the plain loops. */
import { type AttentionDType, type AttentionOptions, type AttentionSpec, attention, inputTypes, type Pass } from '../lib/attention';
import { lower, type LowerOptions, type Target } from '../lib/lower';
import type { Client } from '../lib/pjrt';
import { reference, referenceGrad } from '../lib/reference';
import { testInputs } from '../lib/timing/check';
import { maxError } from './helpers';

export type Values = ReturnType<typeof testInputs>;
type Outputs = Record<string, Float32Array>;

/** The outputs of `times` runs at once. */
export async function runsOf(
  client: Client,
  spec: AttentionSpec,
  values: Values,
  { target = 'cpu', times = 1, ...options }: { target?: Target; times?: number } & LowerOptions = {},
): Promise<Outputs[]> {
  using compiled = await client.compile(lower(spec, target, options));
  const inputs = Object.fromEntries(Object.entries(inputTypes(spec)).map(([name, type]) => [name, client.upload(type, values[name])]));
  const runs = await Promise.all(Array.from({ length: times }, () => compiled.run(inputs)));
  for (const buffer of Object.values(inputs)) buffer.dispose();
  return Promise.all(
    runs.map(async (run) => {
      using outputs = run;
      expect(Object.keys(outputs)).toEqual(Object.keys(spec.outputs));
      const read = Object.keys(spec.outputs).map(async (name) => [name, (await outputs[name].read()) as Float32Array] as const);
      return Object.fromEntries(await Promise.all(read));
    }),
  );
}

export async function outputsOf(
  client: Client,
  spec: AttentionSpec,
  values: Values,
  options?: Parameters<typeof runsOf>[3],
): Promise<Outputs> {
  return (await runsOf(client, spec, values, options))[0];
}

/** Of the spec's outputs, by name; `out`, `logSumExp` and `dq` of the given rows. */
export function expectedOf(spec: AttentionSpec, values: Values, rows?: readonly number[]): Record<string, Float64Array> {
  const all: Record<string, unknown> = {
    ...(spec.pass === 'backward' ? {} : reference(spec, values, rows)),
    ...(spec.pass === 'forward' ? {} : referenceGrad(spec, { ...values, dOut: values.dOut }, rows)),
  };
  return Object.fromEntries(Object.keys(spec.outputs).map((name) => [name, all[name] as Float64Array]));
}

/** The largest finite magnitude. */
export function greatest(values: ArrayLike<number>): number {
  const infinity = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = values[i] < 0 ? -values[i] : values[i];
    if (size > most && size < infinity) most = size;
  }
  return most;
}

/**
 * Of the largest value: f32 sums come in another order, bf16 and f16 round outputs by up to half a unit in the last place, and processors
 * with products of pairs of bf16 round weights by as much.
 */
export const tolerance: Readonly<Record<AttentionDType, number>> = { f32: 2e-6, bf16: 4e-3, f16: 1e-3 };
const gradientTolerance: Readonly<Record<AttentionDType, number>> = { f32: 8e-6, bf16: 1.6e-2, f16: 4e-3 };

/** Errors over what each output may be off by: of the CPU kernels, below 1. */
export function kernelErrors(spec: AttentionSpec, values: Values, seen: Outputs, expected: Record<string, Float64Array>) {
  const scale = greatest(values.v);
  const allowed = (name: string) => {
    if (name === 'logSumExp') return 1e-6 * Math.max(8, greatest(expected[name]));
    if (name === 'out') return tolerance[spec.dtype] * scale;
    return gradientTolerance[spec.dtype] * Math.max(scale, greatest(expected[name]));
  };
  return Object.fromEntries(Object.keys(expected).map((name) => [name, maxError(seen[name], expected[name]) / allowed(name)]));
}

/** Fails where the CPU kernels give anything else than the plain loops: both passes in one program, and the backward pass alone. */
export async function expectKernel(
  client: Client,
  options: Omit<AttentionOptions, 'pass'>,
  changed: Record<string, Float32Array | Int32Array> = {},
): Promise<void> {
  const of = (pass: Pass) => attention({ ...options, pass, logSumExp: pass === 'forward+backward' });
  const both = of('forward+backward');
  const values: Values = { ...testInputs(both), ...changed };
  const expected = expectedOf(both, values);
  const seen = await outputsOf(client, both, values);
  expect(wrong(kernelErrors(both, values, seen, expected))).toEqual([]);
  const { out, logSumExp, ...gradients } = seen;
  expect(differences(await outputsOf(client, of('backward'), { ...values, out, logSumExp }), gradients)).toEqual([]);
}

/** Names of outputs that are not the same to the bit. */
export function differences(a: Outputs, b: Outputs): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !a[name] || !b[name] || maxError(a[name], b[name]) !== 0);
}

const wrong = (errors: Record<string, number>) => Object.entries(errors).filter(([, error]) => !(error < 1));
