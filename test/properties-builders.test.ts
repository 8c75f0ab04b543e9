/** The builders on random programs and options: what a builder takes, the CPU plugin compiles; what it does not, is a ShapeError. */
import fc from 'fast-check';
import { type AttentionOptions, attention } from '../lib/attention';
import { ShapeError } from '../lib/errors';
import * as s from '../lib/ir/stablehlo';
import { lower } from '../lib/lower';
import { type Client, hostArray, liveHandles, type LoadedExecutable } from '../lib/pjrt';
import { programOf } from '../lib/pjrt/program/program';
import { type DType, sizeOf, tensor } from '../lib/types';
import { fuzz } from './fuzz/budget';
import { anyMask } from './masks';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});
afterEach(() => expect(liveHandles()).toBe(1));

/** Undefined where it throws a ShapeError of a reasonable length; any other error is a failure. */
function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof ShapeError && error.message.length < 2000) return undefined;
    throw error;
  }
}

const dtypes: readonly DType[] = ['f32', 'bf16', 'f64', 'i32', 'i8', 'ui8', 'i1'];
const size = fc.integer({ min: 0, max: 4 });
const shape = fc.array(size, { maxLength: 3 });
// Nearly an axis or a size, and now and then not at all.
const axis = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: -1, max: 3 }) }, fc.constantFrom(0.5, Number.NaN, 2 ** 40, -(2 ** 31)));
const axes = fc.array(axis, { maxLength: 3 });

type Step = (tensors: readonly s.Tensor[]) => s.Tensor;
const pick = (tensors: readonly s.Tensor[], index: number) => tensors[index % tensors.length];
const place = fc.nat(7);

const binaries = [s.add, s.multiply, s.subtract, s.divide, s.maximum, s.and, s.power, s.shiftLeft, s.remainder];
const unaries = [s.negate, s.exponential, s.tanh, s.not, s.abs, s.sign, s.rsqrt, s.floor, s.isFinite];

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom(...binaries), place, place).map(
    ([op, a, b]): Step =>
      (all) =>
        op(pick(all, a), pick(all, b)),
  ),
  fc.tuple(fc.constantFrom(...unaries), place).map(
    ([op, a]): Step =>
      (all) =>
        op(pick(all, a)),
  ),
  fc.tuple(place, place, fc.constantFrom('EQ', 'LT', 'GE')).map(
    ([a, b, way]): Step =>
      (all) =>
        s.compare(pick(all, a), pick(all, b), way as 'EQ'),
  ),
  fc.tuple(place, place, place).map(
    ([a, b, c]): Step =>
      (all) =>
        s.select(pick(all, a), pick(all, b), pick(all, c)),
  ),
  fc.tuple(place, fc.constantFrom(...dtypes)).map(
    ([a, dtype]): Step =>
      (all) =>
        s.convert(pick(all, a), dtype),
  ),
  fc.tuple(place, shape).map(
    ([a, to]): Step =>
      (all) =>
        s.reshape(pick(all, a), to),
  ),
  fc.tuple(place, axes).map(
    ([a, order]): Step =>
      (all) =>
        s.transpose(pick(all, a), order),
  ),
  fc.tuple(place, axes).map(
    ([a, dims]): Step =>
      (all) =>
        s.reverse(pick(all, a), dims),
  ),
  fc.tuple(place, shape, axes).map(
    ([a, to, dims]): Step =>
      (all) =>
        s.broadcastInDim(pick(all, a), to, dims),
  ),
  fc.tuple(place, axes, axes).map(
    ([a, start, limit]): Step =>
      (all) =>
        s.slice(pick(all, a), { start, limit }),
  ),
  fc.tuple(place, place, axis).map(
    ([a, b, dim]): Step =>
      (all) =>
        s.concatenate([pick(all, a), pick(all, b)], dim),
  ),
  fc.tuple(place, axes, axes).map(
    ([a, low, high]): Step =>
      (all) =>
        s.pad(pick(all, a), s.constant(0, tensor(pick(all, a).type.dtype, [])), { low, high }),
  ),
  fc.tuple(place, axes).map(
    ([a, dims]): Step =>
      (all) =>
        s.reduce({ x: pick(all, a) }, { x: s.constant(0, tensor(pick(all, a).type.dtype, [])) }, dims, ({ x }, { x: y }) => ({
          x: s.maximum(x, y),
        })).x,
  ),
  fc.tuple(fc.constantFrom(...dtypes), shape, fc.constantFrom(0, 1, 3)).map(
    ([dtype, of, value]): Step =>
      () =>
        s.constant(value, tensor(dtype, of)),
  ),
  fc.tuple(fc.constantFrom(...dtypes), shape, axis).map(
    ([dtype, of, dim]): Step =>
      () =>
        s.iota(tensor(dtype, of), dim),
  ),
);

async function runOnZeros(executable: LoadedExecutable): Promise<void> {
  const inputs = Object.fromEntries(executable.inputs.map(({ name, type }) => [name, cpu.upload(type, hostArray(type))]));
  using outputs = await executable.run(inputs);
  for (const { name } of executable.outputs) await outputs[name].read();
  for (const input of Object.values(inputs)) input.dispose();
}

test('programs', async () => {
  let compiled = 0;
  const inputs = fc.array(fc.tuple(fc.constantFrom(...dtypes), shape), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(inputs, fc.array(steps, { minLength: 1, maxLength: 8 }), async (types, body) => {
    const ports = Object.fromEntries(types.map(([dtype, of], i) => [`x${i}`, tensor(dtype, of)]));
    const module = s.program('any', ports, (given) => {
      const tensors: s.Tensor[] = Object.values(given);
      // What a builder refuses is left out.
      for (const step of body) tensors.push(...[tried(() => step(tensors))].filter((made) => made !== undefined));
      return Object.fromEntries(tensors.map((one, i) => [`y${i}`, one]));
    });
    using executable = await cpu.compile(module);
    expect(executable.outputs.length).toBeGreaterThanOrEqual(types.length);
    const isSmall = [...executable.inputs, ...executable.outputs].every(({ type }) => sizeOf(type) < 1e5);
    if (isSmall && executable.memory.tempBytes < 1e8) await runOnZeros(executable);
    compiled++;
  });
  await fc.assert(property, fuzz(150));
  expect(compiled).toBeGreaterThan(0);
});

test('attentions', async () => {
  const small = fc.integer({ min: 1, max: 40 });
  const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  const options = fc.record({
    batch: maybe(fc.integer({ min: 1, max: 3 })),
    heads: fc.constantFrom(2, 4, 6),
    kvHeads: maybe(fc.constantFrom(1, 2)),
    headDim: fc.constantFrom(8, 16, 128),
    valueDim: maybe(small),
    queries: small,
    keys: maybe(small),
    dtype: fc.constantFrom('f32', 'bf16', 'f16'),
    softCap: maybe(fc.constantFrom(50, 0.5)),
    sinks: maybe(fc.boolean()),
    scale: maybe(fc.constantFrom(0.5, 1)),
    mask: anyMask,
    pass: maybe(fc.constantFrom('forward', 'backward', 'forward+backward')),
  });
  // Every second one has an option that is none.
  const odd = fc.constantFrom<unknown>(0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '8', 'causal', null, [], {}, 8n, true);
  const wrong = fc.option(
    fc.tuple(fc.constantFrom('batch', 'heads', 'kvHeads', 'queries', 'dtype', 'softCap', 'sinks', 'scale', 'mask', 'pass'), odd),
    {
      freq: 1,
    },
  );
  let lowered = 0;
  const property = fc.asyncProperty(options, wrong, fc.constantFrom('cpu', 'dense', 'tpu'), async (given, change, target) => {
    const spec = tried(() => attention({ ...given, ...(change && { [change[0]]: change[1] }) } as AttentionOptions));
    const module = spec && tried(() => lower(spec, target as 'cpu'));
    if (!module) return;
    lowered++;
    expect((await programOf(module)).inputs.map(({ name }) => name)).toEqual(Object.keys(spec.inputs));
  });
  await fc.assert(property, fuzz(300));
  expect(lowered).toBeGreaterThan(50);
});
