/** One suite over passes: on the CPU plugin, the dense lowering gives what the plain loops give, outputs and gradients. */
import { type AttentionOptions, type AttentionSpec, attention, attentionGrad, flops, inputTypes, unmaskedPairs } from '../lib/attention';
import { lower, lowerBlocking, type Target } from '../lib/lower';
import { causal, full, materialize, parseMask } from '../lib/mask';
import type { Client } from '../lib/pjrt';
import { reference, referenceGrad } from '../lib/reference';
import { testInputs } from '../lib/timing/measure';
import { maxError } from './helpers';
import { withCpu } from './with-cpu';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const epsilon = { f32: 2 ** -24, bf16: 2 ** -9 };

/** Runs the spec's program, and for each output gives the largest difference in epsilons of the dtype times the greatest value expected (log-sum-exp: of f32). */
async function errors(spec: AttentionSpec, target: Target = 'dense'): Promise<Record<string, number>> {
  const values = testInputs(spec);
  using compiled = await cpu.compile(lower(spec, target));
  const inputs = Object.fromEntries(Object.entries(inputTypes(spec)).map(([name, type]) => [name, cpu.upload(type, values[name])]));
  using outputs = await compiled.run(inputs);
  for (const buffer of Object.values(inputs)) buffer.dispose();
  expect(Object.keys(outputs)).toEqual(Object.keys(spec.outputs));
  const expected: Record<string, ArrayLike<number>> = {
    ...reference(spec, values),
    ...(spec.pass === 'forward' ? {} : referenceGrad(spec, { ...values, dOut: values.dOut })),
  };
  const found: Record<string, number> = {};
  for (const [name, type] of Object.entries(spec.outputs)) {
    const greatest = Array.from(expected[name]).reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1e-30);
    const error = maxError((await outputs[name].read()) as Float32Array, expected[name]);
    found[name] = error / (greatest * epsilon[name === 'logSumExp' ? 'f32' : spec.dtype]);
    expect([name, type.shape.reduce((a, b) => a * b)]).toEqual([name, expected[name].length]);
  }
  return found;
}
// In epsilons, the worst of 480 cases: 17 of f32, sums of 600 products in another order; 3.2 of bf16, weights and outputs rounded. A sink's gradient
// is a sum over rows whose terms cancel: 13 of bf16.
const bounds: Record<'f32' | 'bf16', Record<string, number>> = {
  f32: { out: 32, logSumExp: 8, dq: 32, dk: 32, dv: 32, dSinks: 48 },
  bf16: { out: 6, logSumExp: 8, dq: 6, dk: 6, dv: 6, dSinks: 32 },
};

async function expectClose(options: AttentionOptions, target?: Target) {
  const spec = attention({ logSumExp: true, ...options });
  for (const [name, error] of Object.entries(await errors(spec, target)))
    expect([name, error < bounds[spec.dtype][name], error]).toEqual([name, true, error]);
}

describe.each(['f32', 'bf16'] as const)('%s', (dtype) => {
  test.each([
    'full',
    'causal',
    'causal(-70)',
    'local(5, 100)',
    'documents(20, 5, 40)',
    'strided(3, 1) & causal',
    'segments & causal | globalTokens(2)',
    '~keyLengths | documents(30, 30)',
    'dense(causal)',
    'perHead(causal, local(12, 3))',
  ])('%s', async (text) => {
    const grouped = { heads: 4, kvHeads: 2, headDim: 24, queries: 75, dtype, mask: parseMask(text, 75, 75) };
    const wide = { batch: 2, heads: 4, kvHeads: 1, headDim: 32, valueDim: 20, queries: 65, keys: 93, dtype, mask: parseMask(text, 65, 93) };
    await expectClose({ ...grouped, softCap: 1.5, sinks: true });
    await expectClose({ ...grouped, pass: 'backward' });
    await expectClose({ ...wide, pass: 'backward', softCap: 3, sinks: true, scale: 0.5 });
    await expectClose({ ...wide, pass: 'forward+backward', sinks: true });
  });
});

test.each([
  ['one query, two keys', { heads: 1, headDim: 1, queries: 1, keys: 2 }],
  ['no two heads share keys', { heads: 3, headDim: 16, queries: 40, mask: causal(), softCap: 50 }],
  ['every row without a key', { heads: 2, headDim: 8, queries: 12, mask: causal(-12), sinks: true }],
] as [string, AttentionOptions][])('lowered for the CPU: %s', async (_, options) => {
  for (const pass of ['backward', 'forward+backward'] as const) await expectClose({ ...options, pass }, 'cpu');
});

test('rows with no keys have zero gradients, and with sinks a log-sum-exp that is the sink', async () => {
  const spec = attentionGrad({ heads: 2, headDim: 8, queries: 12, mask: causal(-12), sinks: true, logSumExp: true });
  const values = testInputs(spec);
  using compiled = await cpu.compile(lower(spec, 'cpu'));
  const inputs = Object.fromEntries(Object.entries(inputTypes(spec)).map(([name, type]) => [name, cpu.upload(type, values[name])]));
  using outputs = await compiled.run(inputs);
  for (const buffer of Object.values(inputs)) buffer.dispose();
  const sums = (await outputs.logSumExp.read()) as Float32Array;
  expect(Array.from(sums)).toEqual(Array.from({ length: 24 }, (_, row) => values.sinks[Math.floor(row / 12)]));
  for (const name of ['out', 'dq', 'dk', 'dv', 'dSinks'])
    for (const value of (await outputs[name].read()) as Float32Array) expect(Math.abs(value)).toBe(0);
});

test('a sink of -Infinity is none', async () => {
  const options = { heads: 2, headDim: 8, queries: 20, mask: causal(-3), logSumExp: true } as const;
  const values = testInputs(attentionGrad(options));
  const given = { ...values, sinks: new Float32Array(2).fill(Number.NEGATIVE_INFINITY) };
  const read = async (spec: AttentionSpec) => {
    using compiled = await cpu.compile(lower(spec, 'dense'));
    const inputs = Object.entries(inputTypes(spec)).map(
      ([name, type]) => [name, cpu.upload(type, given[name as keyof typeof given])] as const,
    );
    using outputs = await compiled.run(Object.fromEntries(inputs));
    for (const [, buffer] of inputs) buffer.dispose();
    return Promise.all(Object.keys(spec.outputs).map(async (name) => Array.from((await outputs[name].read()) as Float32Array)));
  };
  const [sunk, plain] = [await read(attentionGrad({ ...options, sinks: true })), await read(attentionGrad(options))];
  expect(sunk.slice(0, 5)).toEqual(plain);
  expect(sunk[5].map(Math.abs)).toEqual([0, 0]);
});

test('inputs and outputs of a pass, in the order of the program', () => {
  const shape = { batch: 2, heads: 4, kvHeads: 2, headDim: 16, valueDim: 24, queries: 10, keys: 12, dtype: 'bf16' } as const;
  const ports = (options: Partial<AttentionOptions>) => {
    const { inputs, outputs } = lower(attention({ ...shape, ...options }), 'dense');
    return [inputs, outputs].map((list) => list.map(({ name }) => name).join(' '));
  };
  const mask = parseMask('segments & keyLengths', 10, 12);
  expect(ports({})).toEqual(['q k v', 'out']);
  expect(ports({ sinks: true, mask, logSumExp: true })).toEqual(['q k v qSegments kvSegments keyLengths sinks', 'out logSumExp']);
  expect(ports({ pass: 'backward', logSumExp: true })).toEqual(['q k v out logSumExp dOut', 'dq dk dv']);
  expect(ports({ pass: 'backward', sinks: true, mask })).toEqual([
    'q k v qSegments kvSegments keyLengths sinks out logSumExp dOut',
    'dq dk dv dSinks',
  ]);
  expect(ports({ pass: 'forward+backward' })).toEqual(['q k v dOut', 'out dq dk dv']);
  expect(ports({ pass: 'forward+backward', sinks: true, logSumExp: true })).toEqual(['q k v sinks dOut', 'out logSumExp dq dk dv dSinks']);
  const { inputs, outputs } = attention({ ...shape, sinks: true, pass: 'backward' });
  expect({ ...inputs, ...outputs }).toMatchObject({
    sinks: { dtype: 'f32', shape: [4] },
    out: { dtype: 'bf16', shape: [2, 4, 10, 24] },
    logSumExp: { dtype: 'f32', shape: [2, 4, 10] },
    dOut: { dtype: 'bf16', shape: [2, 4, 10, 24] },
    dq: { dtype: 'bf16', shape: [2, 4, 10, 16] },
    dk: { dtype: 'bf16', shape: [2, 2, 12, 16] },
    dv: { dtype: 'bf16', shape: [2, 2, 12, 24] },
    dSinks: { dtype: 'f32', shape: [4] },
  });
});

test('two products forward, five backward', () => {
  const shape = { heads: 4, headDim: 16, valueDim: 24, queries: 10, mask: causal() } as const;
  const each = (pass: AttentionOptions['pass']) => flops(attention({ ...shape, pass })) / unmaskedPairs(attention(shape));
  expect(each('forward')).toBe(2 * (16 + 24));
  expect(each('backward')).toBe(2 * (3 * 16 + 2 * 24));
  expect(each('forward+backward')).toBe(2 * (4 * 16 + 3 * 24));
  expect(flops(attentionGrad(shape))).toBe(flops(attention({ ...shape, pass: 'forward+backward' })));
});

test('bad options, and what goes to the dense lowering', () => {
  const shape = { heads: 4, headDim: 64, queries: 128 };
  const bad = (options: object) => () => attention({ ...shape, ...options });
  expect(bad({ pass: 'grad' })).toThrow('attention: pass is one of forward, backward, forward+backward; got grad');
  for (const softCap of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '50'])
    expect(bad({ softCap })).toThrow(`attention: softCap is a finite number above 0; got ${softCap}`);
  expect(bad({ sinks: [1, 2, 3, 4] })).toThrow('attention: sinks is true or false; got 1,2,3,4');
  for (const options of [{ pass: 'backward' }, { softCap: 50 }, { sinks: true }] as const) {
    const spec = attention({ ...shape, ...options });
    expect(lower(spec, 'cpu').text).toBe(lower(spec, 'dense').text);
    expect(lowerBlocking(spec, 'cpu')).toBeUndefined();
    expect(lower(spec, 'tpu').text).toContain('tpu_custom_call');
    expect(lower(attention({ ...shape, ...options, mask: materialize(full(), 128, 128) }), 'tpu').text).toContain('dot_general');
  }
});
