/** The dense lowering of every pass, on the CPU plugin, gives what the plain loops give; and what all lowerings say of passes. */
import { type AttentionDType, type AttentionOptions, attention, attentionGrad, flops, unmaskedPairs } from '../lib/attention';
import { lower } from '../lib/lower';
import { causal, full, materialize, parseMask } from '../lib/mask';
import type { Client } from '../lib/pjrt';
import { testInputs } from '../lib/timing/check';
import { expectedOf, greatest, outputsOf } from './attention-case';
import { maxError } from './helpers';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const epsilon = { f32: 2 ** -24, bf16: 2 ** -9, f16: 2 ** -12 };

// In epsilons of the dtype times the greatest value expected (log-sum-exp: of f32), the worst of 480 cases: 17 of f32, sums of 600 products in another
// order; 3.2 of bf16, weights and outputs rounded. A sink's gradient is a sum over rows whose terms cancel: 13 of bf16.
const narrow = { out: 6, logSumExp: 8, dq: 6, dk: 6, dv: 6, dSinks: 32 };
const bounds: Record<AttentionDType, Record<string, number>> = {
  f32: { out: 32, logSumExp: 8, dq: 32, dk: 32, dv: 32, dSinks: 48 },
  bf16: narrow,
  f16: narrow,
};

async function expectClose(options: AttentionOptions) {
  const spec = attention({ logSumExp: true, ...options });
  const values = testInputs(spec);
  const seen = await outputsOf(cpu, spec, values, { target: 'dense' });
  for (const [name, expected] of Object.entries(expectedOf(spec, values))) {
    const unit = Math.max(greatest(expected), 1e-30) * epsilon[name === 'logSumExp' ? 'f32' : spec.dtype];
    const error = maxError(seen[name], expected) / unit;
    expect([name, error < bounds[spec.dtype][name], error]).toEqual([name, true, error]);
  }
}

const maskTexts = [
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
];

test.each([
  ...(['f32', 'bf16'] as const).flatMap((dtype) => maskTexts.map((text) => [dtype, text] as const)),
  // The mask's part of a program is of no dtype.
  ['f16', 'causal(-70)'] as const,
  ['f16', 'dense(causal)'] as const,
])('%s, %s', async (dtype, text) => {
  const grouped = { heads: 4, kvHeads: 2, headDim: 24, queries: 75, dtype, mask: parseMask(text, 75, 75) };
  const wide = { batch: 2, heads: 4, kvHeads: 1, headDim: 32, valueDim: 20, queries: 65, keys: 93, dtype, mask: parseMask(text, 65, 93) };
  await expectClose({ ...grouped, softCap: 1.5, sinks: true });
  await expectClose({ ...grouped, pass: 'backward' });
  await expectClose({ ...wide, pass: 'backward', softCap: 3, sinks: true, scale: 0.5 });
  await expectClose({ ...wide, pass: 'forward+backward', sinks: true });
});

test.each([
  ['one query, two keys', { heads: 1, headDim: 1, queries: 1, keys: 2 }],
  ['no two heads share keys', { heads: 3, headDim: 16, queries: 40, mask: causal(), softCap: 50 }],
  ['every row without a key', { heads: 2, headDim: 8, queries: 12, mask: causal(-12), sinks: true }],
] as [string, AttentionOptions][])('%s', async (_, options) => {
  for (const pass of ['backward', 'forward+backward'] as const) await expectClose({ ...options, pass });
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

test('bad options, and a dense mask on a TPU', () => {
  const shape = { heads: 4, headDim: 64, queries: 128 };
  const bad = (options: object) => () => attention({ ...shape, ...options });
  expect(bad({ pass: 'grad' })).toThrow('attention: pass is one of forward, backward, forward+backward; got grad');
  for (const softCap of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '50'])
    expect(bad({ softCap })).toThrow(`attention: softCap is a finite number above 0; got ${softCap}`);
  expect(bad({ sinks: [1, 2, 3, 4] })).toThrow('attention: sinks is true or false; got [1, 2, 3, 4]');
  for (const options of [{ pass: 'backward' }, { softCap: 50 }, { sinks: true }] as const) {
    expect(lower(attention({ ...shape, ...options }), 'tpu').text).toContain('tpu_custom_call');
    expect(lower(attention({ ...shape, ...options, mask: materialize(full(), 128, 128) }), 'tpu').text).toContain('dot_general');
  }
});
