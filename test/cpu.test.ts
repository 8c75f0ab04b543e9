/**
 * The CPU kernels of both passes against the plain loops, through the public API. ffi-isa.test.ts runs this file again with the kernels
 * that this machine would not choose by itself.
 */
import fc from 'fast-check';
import { type AttentionOptions, attentionDTypes, attentionGrad } from '../lib/attention';
import { and, causal, documents, type LazyMask, local, not, or, parseMask } from '../lib/mask';
import type { Client } from '../lib/pjrt';
import { testInputs } from '../lib/timing/check';
import { expectedOf, expectKernel, greatest, outputsOf } from './attention-case';
import { fuzz } from './fuzz/budget';
import { maxError } from './helpers';
import { anyMask, kernelMaskTexts, maskTexts } from './masks';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const check = (options: Omit<AttentionOptions, 'pass'>, changed?: Record<string, Float32Array | Int32Array>) =>
  expectKernel(cpu, options, changed);

describe.each(attentionDTypes)('%s', (dtype) => {
  // On both sides of a vector, a register tile, and the blocks of queries (128 and 64) and of keys (64 and 128).
  test.each([1, 2, 15, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200, 257])('causal, %i tokens', async (queries) => {
    await check({ dtype, heads: 2, headDim: 8, queries, mask: causal() });
    await check({ dtype, heads: 1, headDim: 5, queries: 70, keys: queries, mask: local(30, 30) });
  });

  test.each([
    [1, 1],
    [7, 7],
    [16, 3],
    [64, 80],
    [80, 64],
    [96, 96],
    [5, 130],
    [130, 1],
    [256, 256],
  ])('head dim %i, value dim %i', async (headDim, valueDim) => {
    await check({ dtype, heads: 2, kvHeads: 1, headDim, valueDim, queries: 70, keys: 75, mask: causal(10) });
    await check({ dtype, heads: 1, headDim, valueDim, queries: 9, keys: 140, sinks: true, softCap: 2 });
  });

  test.each([
    [4, 4],
    [4, 2],
    [8, 1],
    [6, 3],
    [5, 1],
  ])('%i heads on %i kv heads, two sequences', async (heads, kvHeads) => {
    await check({ dtype, batch: 2, heads, kvHeads, headDim: 16, queries: 67, mask: causal(), sinks: true });
    await check({ dtype, batch: 2, heads, kvHeads, headDim: 16, queries: 3, keys: 150 });
  });

  test.each(kernelMaskTexts)('%s, a soft cap, sinks', async (text) => {
    const mask = parseMask(text, 410, 390);
    await check({ dtype, heads: 2, kvHeads: 1, headDim: 8, queries: 410, keys: 390, mask, softCap: 1.5, sinks: true });
  });

  test('a scale of either sign, and none; caps that cap all and nothing', async () => {
    for (const scale of [2.5, -0.5, 0]) await check({ dtype, heads: 1, headDim: 16, queries: 50, scale, mask: causal() });
    for (const softCap of [0.1, 50, 1e6]) await check({ dtype, heads: 1, headDim: 16, queries: 50, softCap, mask: causal() });
  });

  test.each([1, 4, 16])('%i queries of a cache of 3000 keys, which is split', async (queries) => {
    const shape = { dtype, heads: 8, kvHeads: 2, headDim: 16, queries, keys: 3000 };
    await check({ ...shape, mask: causal(3000 - queries) });
    await check({ ...shape, valueDim: 24, mask: parseMask('keyLengths & local(2000, 2999)', queries, 3000), sinks: true, softCap: 5 });
  });
});

test.each(maskTexts)('%s', async (text) => {
  await check({ heads: 2, headDim: 4, queries: 150, keys: 210, mask: parseMask(text, 150, 210) });
  await check({ dtype: 'bf16', heads: 4, kvHeads: 2, headDim: 4, queries: 210, keys: 150, mask: parseMask(text, 210, 150) });
});

test('masks of every kind and composition', async () => {
  const size = fc.integer({ min: 1, max: 40 });
  const cases = fc.tuple(anyMask, size, size, fc.constantFrom(...attentionDTypes), fc.boolean());
  for (const [mask, queries, keys, dtype, sinks] of fc.sample(cases, fuzz(60)))
    await check({ dtype, heads: 2, kvHeads: 1, headDim: 3, queries, keys, mask, sinks });
});

test('compositions of masks of many blocks', async () => {
  const texts = maskTexts.filter((text) => !text.startsWith('perHead'));
  const size = fc.integer({ min: 65, max: 270 });
  const cases = fc.tuple(fc.array(fc.constantFrom(...texts), { minLength: 3, maxLength: 3 }), size, size, fc.constantFrom(0, 1, 2));
  for (const [chosen, queries, keys, kind] of fc.sample(cases, fuzz(30))) {
    const [a, b, c] = chosen.map((text) => parseMask(text, queries, keys) as LazyMask);
    const mask = [or(and(a, b), not(c)), and(or(a, b), or(not(c), local(3, 3))), not(or(and(a, c), b))][kind];
    await check({ dtype: attentionDTypes[kind], heads: 2, headDim: 4, queries, keys, mask });
  }
});

test('segments in any order, of keys that no query has; lengths of none, of less and of more', async () => {
  const shape = { batch: 3, heads: 2, headDim: 4, queries: 140, keys: 170 };
  const ids = (tokens: number, most: number) => Int32Array.from({ length: 3 * tokens }, (_, n) => (n * n + (n >> 5)) % most);
  const changed = { qSegments: ids(140, 5), kvSegments: ids(170, 7), keyLengths: Int32Array.of(0, 999, 70) };
  for (const text of ['segments & keyLengths', '~segments & causal | keyLengths & local(3, 3)', 'segments & ~keyLengths & strided(2)'])
    await check({ ...shape, mask: parseMask(text, 140, 170), sinks: true }, changed);
});

test('rows with no keys: no output, no gradient, and with sinks a log-sum-exp that is the sink', async () => {
  for (const sinks of [true, false])
    for (const mask of [causal(-200), causal(-40), parseMask('~causal(-1) & documents(50, 30)', 80, 80)])
      await check({ heads: 4, kvHeads: 2, headDim: 8, queries: 80, mask, sinks });
});

test('a sink of -Infinity is none', async () => {
  const options = { heads: 2, headDim: 8, queries: 20, mask: causal(-3), logSumExp: true } as const;
  const values = testInputs(attentionGrad(options));
  const { dSinks, ...sunk } = await outputsOf(cpu, attentionGrad({ ...options, sinks: true }), {
    ...values,
    sinks: new Float32Array(2).fill(Number.NEGATIVE_INFINITY),
  });
  expect(sunk).toEqual(await outputsOf(cpu, attentionGrad(options), values));
  expect(maxError(dSinks, [0, 0])).toBe(0);
});

test('logits of 10000: nothing overflows', async () => {
  const spec = attentionGrad({ heads: 2, headDim: 16, queries: 150, mask: documents([60, 90]), scale: 1, sinks: true, logSumExp: true });
  const values = testInputs(spec);
  for (const name of ['q', 'k'] as const) values[name] = values[name].map((value) => Math.round(value * 40));
  const seen = await outputsOf(cpu, spec, values);
  const expected = expectedOf(spec, values);
  expect(greatest(expected.logSumExp)).toBeGreaterThan(1e4);
  // A score of 10000 is off by 2^-11, and its weight by as much.
  for (const name of Object.keys(expected))
    expect([name, maxError(seen[name], expected[name]) / Math.max(4, greatest(expected[name])) < 4e-3]).toEqual([name, true]);
});

test('f16 holds subnormals, and overflows to infinity', async () => {
  const spec = attentionGrad({ heads: 1, headDim: 1, valueDim: 4, queries: 1, dtype: 'f16' });
  const one = Float32Array.of(1);
  const v = Float32Array.of(2 ** -24, -1023 * 2 ** -24, 65504, -Infinity);
  expect((await outputsOf(cpu, spec, { q: one, k: one, v, dOut: new Float32Array(4) })).out).toEqual(v);
  const wide = attentionGrad({ heads: 2, kvHeads: 1, headDim: 1, queries: 1, dtype: 'f16' });
  const two = Float32Array.of(1, 1);
  const { dv } = await outputsOf(cpu, wide, { q: two, k: one, v: one, dOut: Float32Array.of(40000, 30000) });
  expect(dv).toEqual(Float32Array.of(Infinity));
});
