/** The TPU kernel, run by the meaning of its operations and compared with the plain loops; its text is flat in T. */
import { type AttentionOptions, attention, inputTypes } from '../lib/attention';
import { interpret } from '../lib/ir/interpret';
import { kernelText } from '../lib/ir/kernel';
import * as m from '../lib/ir/mosaic';
import { type ForwardChoice, forwardChoice, headsOfStep } from '../lib/lower/tpu-choice';
import { forwardKernel } from '../lib/lower/tpu-forward';
import { forwardPlan } from '../lib/lower/tpu-walk';
import { lazyMasks } from '../lib/lower/lazy';
import { idSetsOf } from '../lib/lower/tpu-mask';
import { causal, documentIds, maskText, parseMask } from '../lib/mask';
import { reference } from '../lib/reference';
import { testInputs } from '../lib/timing/check';
import fc from 'fast-check';
import { fuzz } from './fuzz/budget';
import { maxError } from './helpers';
import { anyMask, maskTexts } from './masks';

/** Runs the kernel at given block sizes: pads, and makes the id sets' arrays as the lowering's program does. */
function run(options: AttentionOptions, { blockQ, blockK, heads }: Omit<ForwardChoice, 'heads'> & Partial<ForwardChoice>) {
  const spec = attention({ ...options, logSumExp: true });
  const plan = forwardPlan(spec, { blockQ, blockK, heads: heads ?? Math.max(...headsOfStep(spec, 2)) }, 2);
  const [rows, columns] = [plan.queries / blockQ, plan.keys / blockK];
  const blocks = { blockQ, blockK, queries: plan.queries, keys: plan.keys };
  const values = testInputs(spec);
  const withDelta = spec.pass === 'forward+backward';
  const padded = (name: 'q' | 'k' | 'v' | 'dOut') => {
    const [batch, heads, tokens, size] = inputTypes(spec)[name].shape;
    const to = name === 'q' || name === 'dOut' ? blocks.queries : blocks.keys;
    const wide = new Float32Array(batch * heads * to * size);
    for (let h = 0; h < batch * heads; h++) wide.set(values[name].subarray(h * tokens * size, (h + 1) * tokens * size), h * to * size);
    return wide;
  };
  const sets = (plan.band ? [] : idSetsOf(lazyMasks(spec))).map(({ lengths }) => {
    const sequences = lengths ? 1 : spec.batch;
    const of = (tokens: number, all: number, none: number, segments: ArrayLike<number>) => {
      const ids = new Int32Array(sequences * all).fill(none);
      for (let b = 0; b < sequences; b++)
        ids.set(lengths ? documentIds(lengths, tokens, none) : Array.from({ length: tokens }, (_, i) => segments[b * tokens + i]), b * all);
      return ids;
    };
    const q = of(spec.queries, blocks.queries, -1, values.qSegments);
    const kv = of(spec.keys, blocks.keys, -2, values.kvSegments);
    const [start, end] = [new Int32Array(sequences * rows), new Int32Array(sequences * rows)];
    for (let b = 0; b < sequences; b++)
      for (let row = 0; row < rows; row++) {
        const mine = new Set(
          q.subarray(b * blocks.queries + row * blockQ, b * blocks.queries + Math.min((row + 1) * blockQ, spec.queries)),
        );
        const has = Array.from({ length: columns }, (_, c) =>
          kv.subarray(b * blocks.keys + c * blockK, b * blocks.keys + (c + 1) * blockK).some((id) => mine.has(id)),
        );
        start[b * rows + row] = has.indexOf(true) < 0 ? columns : has.indexOf(true);
        end[b * rows + row] = has.lastIndexOf(true) + 1;
      }
    return { q, kv, start, end };
  });
  const inputs = [
    ...sets.flatMap(({ start, end }) => [start, end]),
    ...(values.keyLengths ? [values.keyLengths] : []),
    ...(spec.sinks ? [Float32Array.from(values.sinks, (sink) => sink * Math.LOG2E)] : []),
    ...(['q', 'k', 'v'] as const).map(padded),
    ...(withDelta ? [padded('dOut')] : []),
    ...sets.flatMap(({ q, kv }) => [q, kv]),
  ];
  const [out, logSumExp, delta] = interpret(forwardKernel(spec, plan), inputs, {
    // Half of the cases each: data may move as late as a copy's wait, and as early as its start.
    transfers: spec.dtype === 'f32' ? 'late' : 'early',
  });
  const expected = reference(spec, values);
  const cut = (data: Float32Array, size: number) => {
    const kept = new Float32Array(spec.batch * spec.heads * spec.queries * size);
    for (let h = 0; h < spec.batch * spec.heads; h++)
      kept.set(data.subarray(h * blocks.queries * size, (h * blocks.queries + spec.queries) * size), h * spec.queries * size);
    return kept;
  };
  const products = Float64Array.from(expected.logSumExp, (_, row) => {
    let sum = 0;
    for (let d = row * spec.valueDim; d < (row + 1) * spec.valueDim; d++) sum += expected.out[d] * (values.dOut?.[d] ?? 0);
    return sum;
  });
  return {
    out: maxError(cut(out, spec.valueDim), expected.out),
    logSumExp: maxError(cut(logSumExp, 1), expected.logSumExp),
    delta: delta ? maxError(cut(delta, 1), products) : 0,
  };
}

describe.each(['f32', 'bf16'] as const)('%s', (dtype) => {
  // bf16 rounds the weights and the output; both are at most 1 in size times a value of about 3.
  const tolerance = dtype === 'f32' ? 2e-6 : 2e-2;

  test.each(maskTexts)('%s, sizes that no block divides, two query heads a kv head', (text) => {
    const mask = parseMask(text, 150, 290);
    const errors = run({ heads: 2, kvHeads: 1, headDim: 16, queries: 150, keys: 290, dtype, mask }, { blockQ: 128, blockK: 128 });
    expect(errors.out).toBeLessThan(tolerance);
    expect(errors.logSumExp).toBeLessThan(1e-4);
  });

  test.each([
    ['heads of a group share keys and values', { heads: 8, kvHeads: 2, headDim: 16, queries: 300 }, { blockQ: 128, blockK: 128, heads: 4 }],
    ['a group in two steps', { heads: 8, kvHeads: 1, headDim: 16, queries: 200 }, { blockQ: 128, blockK: 128, heads: 4 }],
    ['heads with keys and values of their own', { heads: 4, headDim: 16, queries: 390 }, { blockQ: 128, blockK: 128, heads: 2 }],
    ['blocks of several groups of queries', { heads: 2, headDim: 8, queries: 600 }, { blockQ: 256, blockK: 256, heads: 1 }],
    ['parts of a wide block', { heads: 2, headDim: 8, queries: 1100, mask: 'local(700, 0)' }, { blockQ: 1024, blockK: 1024, heads: 1 }],
    ['a window of whole blocks', { heads: 2, headDim: 8, queries: 640, mask: 'local(255, 0)' }, { blockQ: 128, blockK: 128, heads: 1 }],
    [
      'a window that no block divides',
      { heads: 2, headDim: 8, queries: 640, mask: 'local(299, 0)' },
      { blockQ: 128, blockK: 128, heads: 1 },
    ],
    ['a window to both sides', { heads: 2, headDim: 8, queries: 512, mask: 'local(130, 50)' }, { blockQ: 128, blockK: 128, heads: 1 }],
    [
      'more keys than queries',
      { heads: 2, headDim: 8, queries: 256, keys: 640, mask: 'causal(384)' },
      { blockQ: 128, blockK: 128, heads: 1 },
    ],
    [
      'tiles that are not square',
      { heads: 2, headDim: 8, queries: 100, keys: 700, mask: 'causal(600)' },
      { blockQ: 128, blockK: 256, heads: 1 },
    ],
    [
      'all keys, the last tile ragged',
      { heads: 4, kvHeads: 2, headDim: 8, queries: 300, keys: 450, mask: 'full' },
      { blockQ: 128, blockK: 128, heads: 2 },
    ],
    [
      'batches, heads split over two cores, a value size of its own, rows before the first key',
      { batch: 2, heads: 4, kvHeads: 2, headDim: 24, valueDim: 160, queries: 96, keys: 256, mask: 'local(20, 0, -50)' },
      { blockQ: 128, blockK: 128, heads: 2 },
    ],
    [
      'rows of tiles that see nothing',
      { batch: 2, heads: 2, headDim: 8, queries: 520, mask: 'causal(-300) | documents(5)' },
      { blockQ: 128, blockK: 128, heads: 1 },
    ],
    ['an odd head, rows split over two cores', { heads: 1, headDim: 8, queries: 500 }, { blockQ: 128, blockK: 128, heads: 1 }],
    ['the same, an odd number of rows', { heads: 3, headDim: 8, queries: 300, mask: 'full' }, { blockQ: 128, blockK: 128, heads: 1 }],
    ['the same, no band', { heads: 1, headDim: 8, queries: 600, mask: 'prefix(140)' }, { blockQ: 128, blockK: 128, heads: 1 }],
    [
      'delta for the backward pass',
      { batch: 2, heads: 4, kvHeads: 2, headDim: 16, valueDim: 24, queries: 300, pass: 'forward+backward' },
      { blockQ: 128, blockK: 128, heads: 2 },
    ],
    [
      'the same, no band',
      { heads: 2, headDim: 16, queries: 300, pass: 'forward+backward', mask: 'causal(-140) | prefix(3)' },
      { blockQ: 128, blockK: 128, heads: 1 },
    ],
    ['a soft cap', { heads: 2, headDim: 16, queries: 300, softCap: 3 }, { blockQ: 128, blockK: 128, heads: 1 }],
    [
      'sinks, rows that see nothing among them',
      { batch: 2, heads: 4, kvHeads: 2, headDim: 16, queries: 300, sinks: true, mask: 'causal(-140)' },
      { blockQ: 128, blockK: 128, heads: 2 },
    ],
    [
      'masks of heads in one step',
      { heads: 8, kvHeads: 4, headDim: 8, queries: 300, mask: 'perHead(causal, local(100, 20))' },
      { blockQ: 128, blockK: 128, heads: 2 },
    ],
  ] as [string, Omit<AttentionOptions, 'mask'> & { mask?: string }, ForwardChoice][])(
    '%s',
    (_, { mask = 'causal', ...options }, choice) => {
      const errors = run({ ...options, dtype, mask: parseMask(mask, options.queries, options.keys ?? options.queries) }, choice);
      expect(errors.out).toBeLessThan(tolerance);
      expect(errors.logSumExp).toBeLessThan(1e-4);
    },
  );

  test('one head, one query', () => {
    const errors = run({ heads: 1, headDim: 8, queries: 1, keys: 130, dtype }, { blockQ: 128, blockK: 128 });
    expect(errors.out).toBeLessThan(tolerance);
  });
});

test('random masks up to four deep', () => {
  fc.assert(
    fc.property(anyMask, (mask) => {
      const { out, logSumExp } = run({ heads: 1, headDim: 8, queries: 140, keys: 270, mask }, { blockQ: 128, blockK: 128, heads: 1 });
      if (!(out < 2e-6 && logSumExp < 1e-4)) throw new Error(`${maskText(mask)}: ${out}, ${logSumExp}`);
    }),
    fuzz(60),
  );
});

test('the text of the kernel is as long at a million tokens as at 4096, but for the digits of T', () => {
  const text = (queries: number) => {
    const spec = attention({ heads: 16, kvHeads: 2, headDim: 256, queries, dtype: 'bf16', mask: causal() });
    return kernelText(forwardKernel(spec, forwardPlan(spec, forwardChoice(spec, 'fast', 2), 2)));
  };
  expect(text(1048576).replace(/\d+/g, 'n')).toBe(text(4096).replace(/\d+/g, 'n'));
});

describe('the interpreter refuses what a TPU would do wrong', () => {
  const frame = (body: (x: m.V, slot: m.V, semaphore: m.V, out: m.V) => void) => ({
    grid: [{ steps: 1, semantics: 'arbitrary' as const }],
    prefetch: [],
    inputs: [{ element: 'f32' as const, shape: [8, 128] }],
    outputs: [{ element: 'f32' as const, shape: [8, 128], window: { block: [8, 128], at: (i: m.V) => [i, m.constant(0)] } }],
    scratch: [m.ref('vmem', 'f32', [8, 128]), m.ref('semaphore_mem', 'dma_semaphore', [1])],
    body: (_: readonly m.V[], [x, out, slot, semaphores]: readonly m.V[]) =>
      body(x, slot, m.squeeze(m.slice(semaphores, [0], [1]), []), out),
  });
  const input = new Float32Array(1024).fill(3);

  test('a copy gives its data after the wait', () => {
    const [out] = interpret(
      frame((x, slot, semaphore, out) => {
        m.startCopy(x, slot, semaphore);
        m.waitCopy(x, slot, semaphore);
        m.store(m.load(slot), out);
      }),
      [input],
    );
    expect(out[1023]).toBe(3);
  });
  test('reading before the wait', () => {
    expect(() =>
      interpret(
        frame((x, slot, semaphore, out) => {
          m.startCopy(x, slot, semaphore);
          m.store(m.load(slot), out);
          m.waitCopy(x, slot, semaphore);
        }),
        [input],
      ),
    ).toThrow('scratch 0 (vmem) is read while a copy into it is in flight');
  });
  test('a wait without a start', () => {
    expect(() =>
      interpret(
        frame((x, slot, semaphore) => m.waitCopy(x, slot, semaphore)),
        [input],
      ),
    ).toThrow('none is in flight');
  });
  test('a copy that is never waited for', () => {
    expect(() =>
      interpret(
        frame((x, slot, semaphore) => m.startCopy(x, slot, semaphore)),
        [input],
      ),
    ).toThrow('1 on one semaphore were not');
  });
  test('a part out of bounds', () => {
    expect(() =>
      interpret(
        frame((x, slot, semaphore) => m.startCopy(m.slice(x, [4, 0], [8, 128]), slot, semaphore)),
        [input],
      ),
    ).toThrow('got offsets [4,0] and sizes [8,128]');
  });
});
