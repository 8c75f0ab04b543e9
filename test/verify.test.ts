/** The verifier and what a kernel's memory counts, side by side with libtpu; every builder compiles for every generation. */
import { Topology } from '../lib';
import { chips } from '../lib/ir/chips';
import type { Kernel } from '../lib/ir/kernel';
import * as m from '../lib/ir/mosaic';
import { fitting, largestFitting, paddedBytes, smemBytes, verify, vmemBytes } from '../lib/ir/verify';
import { array, frame, type FrameArray, hbm, programOf, semaphoreOf, semaphores, smem, unary, versionCases } from './frames';
import { describeTpu } from './helpers';

const { v5p } = chips;

test('bytes are those of tiles', () => {
  expect(paddedBytes('f32', [5, 100])).toBe(8 * 128 * 4);
  expect(paddedBytes('f32', [1, 512])).toBe(512 * 4);
  expect(paddedBytes('bf16', [1, 512])).toBe(2 * 512 * 2);
  expect(paddedBytes('bf16', [3, 24, 160])).toBe(3 * 24 * 256 * 2);
});

/** Windows of so many KiB, over two steps; `fixed` ones stay on their first block. */
const windows = (sizes: readonly { kib: number; fixed?: boolean }[], scratchKib: number, steps = 2): Kernel => ({
  grid: [{ steps, semantics: 'arbitrary' }],
  prefetch: [],
  inputs: sizes.map(({ kib, fixed }) => ({
    element: 'f32',
    shape: [steps, kib * 2, 128],
    window: { block: [1, kib * 2, 128], at: (i) => [fixed ? m.constant(0) : i, m.constant(0), m.constant(0)] },
  })),
  outputs: [{ element: 'f32', shape: [8, 128], window: { block: [8, 128], at: () => [m.constant(0), m.constant(0)] } }],
  scratch: [m.ref('vmem', 'f32', [scratchKib * 2, 128])],
  body: (_, refs) => {
    const [out, scratch] = refs.slice(sizes.length);
    const first = refs.slice(0, sizes.length).map((x) => m.reshape(m.load(x, [1, 8, 128]), [8, 128]));
    // What one step leaves in scratch the next one reads, or the compiler would do without it.
    const sum = first.reduce((a, b) => m.add(a, b), m.load(scratch, [8, 128]));
    m.store(sum, scratch, [0, 0]);
    m.store(sum, out);
  },
});
const MiB = 1024;

describe('the verifier', () => {
  test('counts windows twice where their block changes', () => {
    expect(vmemBytes(windows([{ kib: 100 }], 64))).toBe((200 + 64 + 4) * 1024);
    expect(vmemBytes(windows([{ kib: 100, fixed: true }], 64))).toBe((100 + 64 + 4) * 1024);
    expect(vmemBytes(windows([{ kib: 100 }], 64, 1))).toBe((100 + 64 + 4) * 1024);
    expect(smemBytes({ ...windows([], 64), prefetch: [{ shape: [3, 5] }], body: () => undefined })).toBe(60);
  });
  test('names the next block size that fits', () => {
    const build = (mib: number) => windows([{ kib: mib * MiB }], 4 * MiB);
    expect(largestFitting([40, 32, 24, 16], build, v5p)).toBe(24);
    expect(largestFitting([40], build, v5p)).toBeUndefined();
    expect(fitting(24, [16], build, v5p).scratch).toHaveLength(1);
    expect(() => fitting(40, [32, 24, 16], build, v5p)).toThrow(
      'a kernel on v5p has 63.94 MiB of vector memory; got 84.00 MiB: 80.00 MiB of windows, each twice where its block changes, and 4.00 MiB of scratch, ' +
        'at block size 40; the next block size that fits is 24',
    );
    expect(() => fitting(40, [32], build, v5p)).toThrow('none of 32 fits');
    expect(() => fitting(8, [4], build, chips.v4)).toThrow('a kernel on v4 has 16.00 MiB of vector memory; got 20.00 MiB');
  });
});

const dynamic = (body: (x: m.V, out: m.V, i: m.V) => void, x: FrameArray, out: FrameArray) =>
  frame([x], [out], [smem([1])], (source, target, table) => body(source, target, m.loadScalar(table, 0)));
const copied = (offsets: (i: m.V) => (m.V | number)[], sizes: number[], x: FrameArray) =>
  frame([x], [array(sizes, x.element)], [smem([1]), semaphores(1)], (source, out, table, all) => {
    const part = m.slice(source, offsets(m.loadScalar(table, 0)), sizes);
    m.startCopy(part, out, semaphoreOf(all, 0));
    m.waitCopy(part, out, semaphoreOf(all, 0));
  });
const blocked = (shape: number[], block: number[]): Kernel => ({
  ...unary((x) => x, block),
  inputs: [{ element: 'f32', shape, window: { block, at: () => block.map(() => m.constant(0)) } }],
});

const alignment = 'an offset along the last dimension is a constant or, for sure, a multiple of 128';
const narrow = 'an offset along the last dimension but one, of elements below 32 bits, is a constant or, for sure, a multiple of 8';
const starts = 'a window of a reference starts, along its last two dimensions, for sure at a multiple of 8 and 128';
const has = 'a window of a reference has, along its last two dimensions, multiples of 8 and 128 elements or all';
const block = "the last two sizes of a window's block are multiples of 8 and 128, or all of the array's";
/** Kernels, and what the verifier says of them: nothing where libtpu takes them. */
const cases = (
  [
    [
      'a load at any lane',
      () => dynamic((x, out, i) => m.store(m.load(x, [16, 128], [0, i]), out), array([16, 512]), array([16, 128])),
      alignment,
    ],
    [
      'a load at a lane that is a multiple',
      () => dynamic((x, out, i) => m.store(m.load(x, [16, 128], [0, m.mul(i, 128)]), out), array([16, 512]), array([16, 128])),
    ],
    [
      'a load at a lane known to be',
      () => dynamic((x, out, i) => m.store(m.load(x, [16, 128], [0, m.assumeMultiple(i, 128)]), out), array([16, 512]), array([16, 128])),
    ],
    [
      'a load at a constant lane',
      () => dynamic((x, out) => m.store(m.load(x, [16, 128], [0, 5]), out), array([16, 512]), array([16, 128])),
    ],
    ['a load at any row', () => dynamic((x, out, i) => m.store(m.load(x, [16, 128], [i, 0]), out), array([64, 128]), array([16, 128]))],
    [
      'a bf16 load at any row',
      () => dynamic((x, out, i) => m.store(m.load(x, [16, 128], [i, 0]), out), array([64, 128], 'bf16'), array([16, 128], 'bf16')),
      narrow,
    ],
    [
      'a bf16 load at a row that is a multiple',
      () =>
        dynamic(
          (x, out, i) => m.store(m.load(x, [16, 128], [m.add(m.mul(i, 16), 8), 0]), out),
          array([64, 128], 'bf16'),
          array([16, 128], 'bf16'),
        ),
    ],
    ['a store at any lane', () => dynamic((x, out, i) => m.store(m.load(x), out, [0, i]), array([16, 128]), array([16, 512])), alignment],
    ['a copy at any row', () => copied((i) => [i, 0], [16, 256], hbm([64, 256])), starts],
    ['a copy at a row of 3', () => copied(() => [3, 0], [16, 256], hbm([64, 256])), starts],
    ['a copy at a row that is a multiple', () => copied((i) => [m.mul(i, 8), 0], [16, 256], hbm([64, 256], 'bf16'))],
    [
      'a copy at a row chosen of multiples',
      () => copied((i) => [m.select(m.gt(i, 1), m.sub(m.mul(i, 16), 8), m.min(m.constant(8), m.mul(i, 24))), 0], [16, 256], hbm([64, 256])),
    ],
    ['a copy of 100 lanes of 256', () => copied(() => [0, 0], [64, 100], hbm([64, 256])), has],
    ['a copy of 5 bf16 rows of 64', () => copied(() => [0, 0], [5, 256], hbm([64, 256], 'bf16')), has],
    ['a copy of 5 f32 rows of 64', () => copied(() => [0, 0], [5, 256], hbm([64, 256]))],
    ['a copy of all of a ragged array', () => copied((i) => [i, 0, 0], [1, 5, 100], hbm([4, 5, 100]))],
    ['a block of 5 rows', () => blocked([64, 256], [5, 128]), `${block}; got [5,128] of input 0, [64,256]`],
    ['a block of 64 lanes', () => blocked([64, 256], [8, 64]), block],
    ['a block that is ragged as its array is', () => blocked([5, 100], [5, 100])],
    [
      'windows past vector memory',
      () => windows([{ kib: 20 * MiB }], 24 * MiB),
      'a kernel on v5p has 63.94 MiB of vector memory; got 64.00 MiB',
    ],
    ['windows that just fit', () => windows([{ kib: 20 * MiB }], 23 * MiB + 900)],
    ['a window that stays fits', () => windows([{ kib: 20 * MiB, fixed: true }], 24 * MiB)],
    [
      'scalar memory',
      () =>
        frame([array([8, 128])], [array([8, 128])], [smem([256 * 1024])], (x, out, s) => {
          m.storeScalar(1, s, m.loadScalar(s, 5));
          m.store(m.load(x), out);
        }),
      'a kernel on v5p has 1047552 bytes of scalar memory for prefetched arrays and scratch; got 1048576',
    ],
  ] as [string, () => Kernel, string?][]
).map(([name, build, message = '']) => [name, build, message] as const);

test.each(cases)('the verifier on %s', (_, build, message) => {
  if (message) expect(() => verify(build(), v5p)).toThrow(message);
  else verify(build(), v5p);
});

describeTpu('libtpu', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.open('tpu', v5p.topology);
  });
  afterAll(() => topology.dispose());

  test.each(cases)('says the same of %s', async (_, build, message) => {
    const compiled = topology.compile(programOf(build(), 64 * 2 ** 20));
    if (message) await expect(compiled).rejects.toThrow();
    else (await compiled).dispose();
  });

  test.each(versionCases)('takes %s at the version printed', async (_, kernel) => {
    (await topology.compile(programOf(kernel))).dispose();
  });

  const everything = frame(
    [array([16, 128]), array([16, 128], 'bf16'), hbm([4, 8, 128])],
    [array([16, 128]), hbm([4, 8, 128])],
    [smem([4]), smem([2, 3], 'f32'), semaphores(2), m.ref('vmem', 'f32', [2, 8, 128])],
    (x, y, far, out, farOut, table, floats, all, slots) => {
      m.mark(table, 1);
      const slot = m.squeeze(m.slice(slots, [1, 0, 0], [1, 8, 128]), [8, 128]);
      const part = m.squeeze(m.slice(far, [m.rem(m.loadScalar(table, 1), 4), 0, 0], [1, 8, 128]), [8, 128]);
      m.startCopy(part, slot, semaphoreOf(all, 0));
      m.waitCopy(part, slot, semaphoreOf(all, 0));
      m.storeScalar(m.convert(m.gt(m.loadScalar(table, 2), 3), 'i32'), table, 3);
      m.storeScalar(m.constant(2, m.scalar('f32')), floats, [m.rem(m.loadScalar(table, 3), 2), 1]);
      let v = m.load(x);
      for (const of of [m.exp2, m.exp, m.log, m.log2, m.tanh, m.abs, m.neg, m.reciprocal]) v = m.add(v, of(v));
      v = m.add(v, m.loadScalar(floats, [0, 1]));
      v = m.add(v, m.reshape(m.reduce('maximumf', v, 0), [1, 128]));
      v = m.add(v, m.reshape(m.reduce('minimumf', v, 1), [16, 1]));
      v = m.select(m.lt(m.iota([16, 128], 1), m.convert(v, 'i32')), m.max(v, 0), m.min(v, 1));
      v = m.add(v, m.reshape(m.reduce('add', m.matmul(m.load(y), m.load(y), true)), [16, 1]));
      v = m.add(v, m.reshape(m.reduce('add', m.matmul(m.load(y), m.load(y), { transposeLeft: true }), 0), [1, 128]));
      v = m.concat([m.part(v, [8, 0], [8, 128]), m.part(v, [0, 0], [8, 128])], 0);
      v = m.transpose(m.transpose(v));
      const [n, w] = m.forLoop(0, m.loadScalar(table, 0), [m.constant(0), v], (i, sum, u) => [m.add(sum, i), m.mul(u, 0.5)]);
      const [chosen] = m.cond(
        m.gt(n, 3),
        () => [w],
        () => [m.tile(m.corner(v, [16, 64]), 128)],
      );
      m.store(m.convert(m.convert(chosen, 'bf16'), 'f32'), out);
      const back = m.squeeze(m.slice(farOut, [2, 0, 0], [1, 8, 128]), [8, 128]);
      m.startCopy(slot, back, semaphoreOf(all, 1));
      m.waitCopy(slot, back, semaphoreOf(all, 1));
    },
  );
  test.each(Object.values(chips))('compiles every builder for $name', async (chip) => {
    verify(everything, chip);
    using other = await Topology.open('tpu', chip.topology);
    (await other.compile(programOf(everything))).dispose();
    const { num_cores: cores } = other.devices[0].attributes as { num_cores: number };
    expect(cores).toBe(chip.cores);
  });
});
