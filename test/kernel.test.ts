/** The TPU kernel, run by the meaning of its operations and compared with the plain loops; its text is flat in T. */
import { type AttentionOptions, attention, reference } from '../lib/attention';
import { interpret } from '../lib/ir/interpret';
import { kernelText } from '../lib/ir/kernel';
import * as m from '../lib/ir/mosaic';
import { attentionKernel, tpuBlocks } from '../lib/lower/tpu-kernel';
import { lazyMasks } from '../lib/lower/lazy';
import { idSetsOf } from '../lib/lower/tpu-mask';
import { causal, documentIds, local, parseMask } from '../lib/mask';
import { testInputs } from '../lib/timing/measure';
import { maxError } from './helpers';

/** Runs the kernel at given block sizes: pads, and makes the id sets' arrays as the lowering's program does. */
function run(options: AttentionOptions, { blockQ, blockK }: { blockQ: number; blockK: number }) {
  const spec = attention({ ...options, logSumExp: true });
  const [rows, columns] = [Math.ceil(spec.queries / blockQ), Math.ceil(spec.keys / blockK)];
  const blocks = { blockQ, blockK, queries: rows * blockQ, keys: columns * blockK };
  const values = testInputs(spec);
  const padded = (name: 'q' | 'k' | 'v') => {
    const [batch, heads, tokens, size] = spec.inputs[name].shape;
    const to = name === 'q' ? blocks.queries : blocks.keys;
    const wide = new Float32Array(batch * heads * to * size);
    for (let h = 0; h < batch * heads; h++) wide.set(values[name].subarray(h * tokens * size, (h + 1) * tokens * size), h * to * size);
    return wide;
  };
  const sets = idSetsOf(lazyMasks(spec)).map(({ lengths }) => {
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
    ...(['q', 'k', 'v'] as const).map(padded),
    ...sets.flatMap(({ q, kv }) => [q, kv]),
  ];
  const [out, logSumExp] = interpret(attentionKernel(spec, blocks), inputs);
  const expected = reference(spec, values);
  const cut = (data: Float32Array, size: number) => {
    const kept = new Float32Array(spec.batch * spec.heads * spec.queries * size);
    for (let h = 0; h < spec.batch * spec.heads; h++)
      kept.set(data.subarray(h * blocks.queries * size, (h * blocks.queries + spec.queries) * size), h * spec.queries * size);
    return kept;
  };
  return { out: maxError(cut(out, spec.valueDim), expected.out), logSumExp: maxError(cut(logSumExp, 1), expected.logSumExp) };
}

const masks = [
  'full',
  'causal',
  'causal(-40)',
  'local(16, 0)',
  'local(3, 200)',
  'local(0, 0, 300)',
  'local(null, 9)',
  'chunkedCausal(50)',
  'prefix(70)',
  'keyLimit(200)',
  'documents(60, 10, 130)',
  'strided(3, 1) & causal',
  'globalTokens(5) | local(10, 0)',
  'causal & ~local(20, 0)',
  '~(documents(40, 100) | prefix(140))',
  'segments',
  'segments & causal | globalTokens(2)',
  '~segments & local(40, 40)',
  'keyLengths & causal',
  '~keyLengths | documents(30, 30)',
  'perHead(causal, local(12, 3))',
  'perHead(full, documents(100, 50) & segments)',
];

describe.each(['f32', 'bf16'] as const)('%s', (dtype) => {
  // bf16 rounds the weights and the output; both are at most 1 in size times a value of about 3.
  const tolerance = dtype === 'f32' ? 2e-6 : 2e-2;

  test.each(masks)('%s, sizes that no block divides, two query heads a kv head', (text) => {
    const mask = parseMask(text, 150, 290);
    const errors = run({ heads: 2, kvHeads: 1, headDim: 16, queries: 150, keys: 290, dtype, mask }, { blockQ: 32, blockK: 128 });
    expect(errors.out).toBeLessThan(tolerance);
    expect(errors.logSumExp).toBeLessThan(1e-4);
  });

  test('batches, heads split over two cores, a value size of its own, rows before the first key', () => {
    const errors = run(
      { batch: 2, heads: 4, kvHeads: 2, headDim: 24, valueDim: 160, queries: 96, keys: 256, dtype, mask: local(20, 0, -50) },
      { blockQ: 32, blockK: 128 },
    );
    expect(errors.out).toBeLessThan(tolerance);
    expect(errors.logSumExp).toBeLessThan(1e-4);
  });

  test('one head, one query', () => {
    const errors = run({ heads: 1, headDim: 8, queries: 1, keys: 130, dtype }, { blockQ: 16, blockK: 128 });
    expect(errors.out).toBeLessThan(tolerance);
  });
});

test('the text of the kernel is as long at a million tokens as at 4096, but for the digits of T', () => {
  const text = (queries: number) => {
    const spec = attention({ heads: 16, kvHeads: 2, headDim: 256, queries, dtype: 'bf16', mask: causal() });
    return kernelText(attentionKernel(spec, tpuBlocks(spec)));
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
