/** One suite over all lowerings: on the CPU plugin each gives what the plain loops give; for v5p each compiles. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type AttentionOptions, attention, attentionGrad, flops } from '../lib/attention';
import { ShapeError } from '../lib/errors';
import { lower, lowerBlocking, type Target } from '../lib/lower';
import { cpuBlocks } from '../lib/lower/cpu';
import {
  and,
  causal,
  chunkedCausal,
  documents,
  full,
  type LazyMask,
  local,
  materialize,
  not,
  parseMask,
  prefix,
  segments,
  strided,
} from '../lib/mask';
import { type Client, Topology } from '../lib/pjrt';
import { testInputs } from '../lib/timing/check';
import { expectedOf, outputsOf } from './attention-case';
import { describeTpu, maxError } from './helpers';
import { kernelMaskTexts } from './masks';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

async function errors(options: AttentionOptions, target: Target) {
  const spec = attention({ ...options, logSumExp: true });
  const values = testInputs(spec);
  const expected = expectedOf(spec, values);
  const seen = await outputsOf(cpu, spec, values, { target });
  return { out: maxError(seen.out, expected.out), logSumExp: maxError(seen.logSumExp, expected.logSumExp) };
}

const masks = [
  'full',
  'causal',
  'causal(-70)',
  'local(63, 0)',
  'local(5, 100)',
  'local(0, 0, 190)',
  'local(null, 3)',
  'chunkedCausal(40)',
  'prefix(70)',
  'keyLimit(100)',
  'documents(60, 5, 70)',
  'strided(3, 1) & causal',
  'globalTokens(5) | local(10, 0)',
  '~(documents(40, 100) | prefix(50))',
  'segments & causal | globalTokens(2)',
  '~segments & local(40, 40)',
  'keyLengths & causal',
  '~keyLengths | documents(30, 30)',
];

// f32: sums of 200 products in another order. bf16: weights up to 1 and values up to 4 are rounded to 8 bits.
const tolerance = { f32: 4e-6, bf16: 3e-2 };

describe.each(['cpu', 'dense'] as const)('%s lowering on the CPU plugin', (target) => {
  describe.each(['f32', 'bf16'] as const)('%s', (dtype) => {
    test.each(masks)('%s', async (text) => {
      const mask = parseMask(text, 150, 150);
      const shapes: AttentionOptions[] = [
        { heads: 4, kvHeads: 2, headDim: 24, queries: 150, keys: 150, dtype, mask },
        { batch: 2, heads: 3, kvHeads: 1, headDim: 64, valueDim: 40, queries: 65, keys: 193, dtype, mask },
      ];
      for (const shape of shapes) {
        const { out, logSumExp } = await errors(shape, target);
        expect(out).toBeLessThan(tolerance[dtype]);
        expect(logSumExp).toBeLessThan(2e-5);
      }
    });
  });
});

test.each([
  ['one query, one key', { heads: 1, headDim: 1, queries: 1 }],
  ['sizes at the edge of a block', { heads: 2, headDim: 128, queries: 128, keys: 64, mask: causal() }],
  ['a head of 256', { heads: 2, kvHeads: 1, headDim: 256, queries: 129, mask: causal() }],
  ['a scale of its own', { heads: 1, headDim: 16, queries: 40, scale: 2.5 }],
] as [string, AttentionOptions][])('cpu kernel: %s', async (_, options) => {
  const { out, logSumExp } = await errors(options, 'cpu');
  expect(out).toBeLessThan(1e-5);
  expect(logSumExp).toBeLessThan(1e-4);
});

test.each(['cpu', 'dense'] as const)('%s: masks of heads', async (target) => {
  const shape = { batch: 2, heads: 6, kvHeads: 3, headDim: 16, queries: 75, keys: 91 };
  for (const text of ['perHead(causal, local(12, 3))', 'perHead(full, documents(20, 50) & segments, ~causal)'])
    expect((await errors({ ...shape, mask: parseMask(text, 75, 91) }, target)).out).toBeLessThan(tolerance.f32);
});

test('a dense mask gives what its lazy mask gives', async () => {
  const shape = { heads: 2, headDim: 16, queries: 75, keys: 91 };
  for (const mask of [full(), causal(-70), local(5, 10), not(strided(3))])
    expect((await errors({ ...shape, mask: materialize(mask, 75, 91) }, 'cpu')).out).toBeLessThan(tolerance.f32);
});

describeTpu('ahead of time for v5p', () => {
  let v5p: Topology;
  beforeAll(async () => {
    v5p = await Topology.open('tpu', 'v5p:2x2x1');
  });
  afterAll(() => v5p.dispose());

  const shape = { heads: 4, kvHeads: 2, headDim: 128, queries: 1024, dtype: 'bf16', mask: causal() } as const;
  test.each([
    ['causal bf16', shape],
    ['f32', { ...shape, dtype: 'f32' }],
    ...kernelMaskTexts.map((text) => [text, { ...shape, mask: parseMask(text, 1024, 1024) }] as [string, AttentionOptions]),
    ['head_dim 64', { ...shape, headDim: 64 }],
    ['a soft cap', { ...shape, softCap: 30 }],
    ['sinks', { ...shape, sinks: true, logSumExp: true }],
    ['head_dim 256 and log-sum-exp', { ...shape, headDim: 256, logSumExp: true }],
    ['head_dim 192, value 128', { ...shape, headDim: 192, valueDim: 128 }],
    ['T that no block divides', { ...shape, queries: 777, logSumExp: true }],
    ['an odd number of heads, batches', { ...shape, batch: 3, heads: 5, kvHeads: 1 }],
    ['decoding: one query', { ...shape, queries: 1, keys: 5000 }],
    ['a dense mask', { ...shape, mask: materialize(causal(), 1024, 1024) }],
  ] as [string, AttentionOptions][])('%s', async (_, options) => {
    using compiled = await v5p.compile(lower(attention(options), v5p.target));
    expect(compiled.codeBytes).toBeGreaterThan(10000);
  });

  test.each(['v4:2x2x1', 'v5e:2x2', 'v6e:2x2', 'tpu7x:2x2x1'])('the same source for %s, within its limits', async (name) => {
    using topology = await Topology.open('tpu', name);
    expect(topology.chip).toBe(name.split(':')[0]);
    for (const text of ['causal', 'prefix(300)']) {
      const spec = attentionGrad({ ...shape, mask: parseMask(text, 1024, 1024), kvHeads: 4 });
      using compiled = await topology.compile(lower(spec, topology.target, { chip: topology.chip }));
      expect(compiled.codeBytes).toBeGreaterThan(10000);
    }
  });

  test('the same code at every T', async () => {
    const sizes = [];
    for (const queries of [4096, 32768, 1048576]) {
      using compiled = await v5p.compile(lower(attention({ ...shape, heads: 16, kvHeads: 2, queries }), 'tpu'));
      sizes.push(compiled.codeBytes);
      expect(compiled.memory.tempBytes).toBeLessThan(1e6);
    }
    expect(new Set(sizes).size).toBe(1);
  });
});

test('the text for a TPU does not grow with T, whatever the mask', () => {
  const text = (queries: number, mask: LazyMask) =>
    lower(attention({ heads: 16, kvHeads: 2, headDim: 256, queries, dtype: 'bf16', mask }), 'tpu').text;
  for (const mask of [prefix(700), chunkedCausal(1024), documents([1000, 2000]), and(segments(), causal()), not(local(100, 0))])
    expect(text(1048576, mask).length).toBeLessThan(text(4096, mask).length * 1.02);
});

test('the most tokens that a kernel takes build too: what is counted of them goes by rows of tiles', () => {
  const queries = 2 ** 28;
  const build = (text: string) =>
    lower(attentionGrad({ heads: 2, headDim: 256, queries, dtype: 'bf16', mask: parseMask(text, queries, queries) }), 'tpu');
  const { kernels = [] } = build('causal');
  expect(kernels.map(({ name }) => name)).toEqual(['forward', 'backward']);
  // Of tiles of 1024 below the diagonal, on each core those of one head.
  expect(kernels[1].phases.find(({ name }) => name === 'full tile')?.runs).toBe((2 ** 18 * (2 ** 18 - 1)) / 2);
  expect(build('prefix(700)').kernels?.length).toBe(2);
  expect(() => build('segments')).toThrow('bytes of scalar memory for prefetched arrays and scratch; got');
});

test('a row with no keys may be refused', () => {
  const shape = { heads: 1, headDim: 8, queries: 12 };
  expect(() => attention({ ...shape, mask: causal(-2), emptyRows: 'error' })).toThrow('causal(-2) leaves 2 of 12 rows with none');
  expect(attention({ ...shape, mask: causal(), emptyRows: 'error' }).emptyRows).toBe('error');
});

test('what a program says of itself', () => {
  const spec = attention({ heads: 2, headDim: 64, queries: 256, mask: causal() });
  expect(lower(spec, 'cpu').hiddenFlops).toBe(4 * 64 * 2 * ((256 * 257) / 2));
  expect(flops(spec)).toBe(lower(spec, 'tpu').hiddenFlops);
  expect(lower(spec, 'cpu').inputs).toEqual([
    { name: 'q', type: { dtype: 'f32', shape: [1, 2, 256, 64] } },
    { name: 'k', type: { dtype: 'f32', shape: [1, 2, 256, 64] } },
    { name: 'v', type: { dtype: 'f32', shape: [1, 2, 256, 64] } },
  ]);
  const bytesOf = (text: string, target: Target) =>
    lower(attention({ heads: 2, headDim: 64, queries: 256, mask: parseMask(text, 256, 256) }), target).maskBytes;
  expect(bytesOf('dense(causal)', 'cpu')).toBe((256 * 256) / 8);
  expect(bytesOf('causal', 'dense')).toBe(0);
  expect(bytesOf('causal', 'tpu')).toBe(0);
  expect(bytesOf('documents(100, 156)', 'tpu')).toBe(4 * (256 + 256 + 2));
  expect(bytesOf('causal', 'cpu')).toBe(8 * 14);
  expect(lowerBlocking(spec, 'tpu')).toEqual({ blockQ: 256, blockK: 256 });
  expect(lowerBlocking(spec, 'tpu', { forward: { blockQ: 128, blockK: 128, heads: 1 } })).toEqual({ blockQ: 128, blockK: 128 });
  expect(lowerBlocking(attention({ heads: 2, headDim: 64, queries: 8, mask: materialize(full(), 8, 8) }), 'cpu')).toBeUndefined();
});

test('the CPU blocks are those of the kernel', () => {
  const native = ['attention_kernel.h', 'attention_kernel.inc']
    .map((file) => readFileSync(path.join(__dirname, '..', 'native', file), 'utf8'))
    .join();
  const constant = (name: string) => Number(new RegExp(`\\b${name} = (\\d+)[,;]`).exec(native)?.[1]);
  expect(cpuBlocks).toEqual({ blockQ: constant('kQueryBlock'), blockK: constant('kKeyBlock') });
});

test('bad attentions name the rule and what came', () => {
  const shape = { heads: 4, headDim: 64, queries: 128 };
  expect(() => attention({ ...shape, kvHeads: 3 })).toThrow('heads is a multiple of kvHeads; got 4 heads and 3 kv heads');
  expect(() => attention({ ...shape, queries: 0 })).toThrow('queries is a whole number, 1 or more; got 0');
  expect(() => attention({ ...shape, dtype: 'f64' as 'f32' })).toThrow('dtype is one of f32, bf16, f16; got f64');
  expect(() => attention({ ...shape, scale: Number.NaN })).toThrow('scale is a finite number; got NaN');
  expect(() => attention({ ...shape, headdim: 3 } as AttentionOptions)).toThrow('got headdim');
  expect(() => attention({ ...shape, mask: materialize(full(), 64, 64) })).toThrow("the attention's sizes, 128 x 128; got 64 x 64");
  expect(() => lower(attention(shape), 'gpu' as Target)).toThrow('a target is one of cpu, tpu, dense; got gpu');
  const wide = { queries: 32768, keys: 32776 };
  expect(() => lower(attention({ ...shape, ...wide, mask: materialize(causal(), wide.queries, wide.keys) }), 'cpu')).toThrow(
    'up to 2^27 bytes',
  );
  const wideStep = { forward: { blockQ: 2048, blockK: 2048, heads: 2 } };
  expect(() => lower(attention({ ...shape, headDim: 512, queries: 8192 }), 'tpu', wideStep)).toThrow('the next block size that fits is');
  expect(() => lower(attention(shape), 'tpu', { forward: { blockQ: 100, blockK: 128, heads: 1 } })).toThrow(
    'blockQ is a multiple of 128 tokens; got 100',
  );
  expect(() => lower(attention(shape), 'tpu', { forward: { blockQ: 128, blockK: 128, heads: 3 } })).toThrow(
    'the heads of a step are one of 1, 2, which divide',
  );
  expect(() => lower(attentionGrad(shape), 'tpu', { backward: { block: 64 } })).toThrow('a block is a multiple of 128 tokens; got 64');
  const untyped: [string, object, string][] = [
    ['forward', { preset: 'slow' }, 'lower: preset is one of fast, lean; got slow'],
    ['forward', { preset: 'constructor' }, 'lower: preset is one of fast, lean; got constructor'],
    ['forward', { chip: 5 }, 'a TPU generation is one of v4, v5e, v5p, v6e, tpu7x; got 5'],
    ['forward', { forward: null }, "lower: forward is an object, the kernel's tiles; got null"],
    ['forward', { backwrd: {} }, 'the options of lower are: preset, chip, forward, backward, threads, mesh, order; got backwrd'],
    ['backward', { backward: { block: 128, dq: 'x' } }, 'backward: dq is one of vmem, hbm; got x'],
    ['backward', { backward: { block: 128, order: 'x' } }, 'backward: order is one of columns, heads; got x'],
    ['forward', {}, 'the TPU kernels take f32 or bf16; got f16'],
    ['backward', {}, 'the TPU kernels take f32 or bf16; got f16'],
  ];
  for (const [pass, options, message] of untyped) {
    const dtype = message.endsWith('f16') ? 'f16' : 'f32';
    const spec = attention({ ...shape, pass: pass as 'forward', dtype });
    expect(() => lower(spec, 'tpu', options)).toThrow(new ShapeError(message));
    expect(() => lowerBlocking(spec, 'tpu', options)).toThrow(new ShapeError(message));
  }
  for (const name of ['toString', 'pas'])
    expect(() => attention({ ...shape, [name]: 1 })).toThrow(`the options of attention are: batch, heads, `);
  expect(() => attention({ ...shape, emptyRows: 'x' as 'zero' })).toThrow('attention: emptyRows is one of zero, error; got x');
  expect(() => lower(attention(shape), 'tpu', { chip: 'v9' })).toThrow('a TPU generation is one of v4, v5e, v5p, v6e, tpu7x; got v9');
  expect(() => lower(attention({ ...shape, headDim: 2048 }), 'tpu')).toThrow('a headDim and valueDim up to 1024; got 2048 and 2048');
});
