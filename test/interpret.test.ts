/** The interpreter's memory: every promise that a kernel may break is broken here once, whenever data moves, and told with the operation that broke it. */
import { attention, causal } from '../lib';
import { interpret, type InterpretOptions, type Transfers } from '../lib/ir/interpret';
import type { Kernel } from '../lib/ir/kernel';
import * as m from '../lib/ir/mosaic';
import { forwardKernel } from '../lib/lower/tpu-forward';
import { forwardPlan } from '../lib/lower/tpu-walk';
import { frame, type FrameArray, semaphoreOf, semaphores } from './frames';
import { processorMs } from './helpers';

const tile = [8, 128];
const hbm = (rows = 8): FrameArray => ({ shape: [rows, 128], any: true });
const window: FrameArray = { shape: tile };
const scratch = (rows = 8) => m.ref('vmem', 'f32', [rows, 128]);
const rows = (source: m.V, from: m.V | number, count = 8) => m.slice(source, [from, 0], [count, 128]);
const ramp = (length: number) => Float32Array.from({ length }, (_, i) => i);

describe.each<Transfers>(['late', 'early'])('data that moves %s', (transfers) => {
  const run = (kernel: Kernel, inputs: readonly ArrayLike<number>[] = [ramp(1024)], options: InterpretOptions = {}) =>
    interpret(kernel, inputs, { transfers, ...options });

  /** A kernel of one input in HBM, an output window, 16 rows of scratch and two semaphores. */
  const copies = (body: (it: { x: m.V; out: m.V; slot: m.V; first: m.V; second: m.V }) => void) =>
    frame([hbm()], [window], [scratch(16), semaphores(2)], (x, out, slot, all) =>
      body({ x, out, slot, first: semaphoreOf(all, 0), second: semaphoreOf(all, 1) }),
    );

  test('copies that are waited for, in both directions', () => {
    const kernel = frame([hbm()], [hbm(16)], [scratch(), semaphores(2)], (x, out, slot, all) => {
      const [first, second] = [semaphoreOf(all, 0), semaphoreOf(all, 1)];
      m.startCopy(x, slot, first);
      m.waitCopy(x, slot, first);
      m.store(m.add(m.load(slot), 1), slot);
      m.startCopy(slot, rows(out, 8), second);
      m.waitCopy(slot, rows(out, 8), second);
    });
    const [out] = run(kernel);
    expect(out[0]).toBeNaN();
    expect(out.slice(1024)).toEqual(ramp(1024).map((x) => x + 1));
  });

  test.each<[string, Parameters<typeof copies>[0], string]>([
    [
      'reading what a copy writes',
      ({ x, out, slot, first }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.store(m.load(slot, tile), out);
        m.waitCopy(x, rows(slot, 0), first);
      },
      'interpret: scratch 0 (vmem) is read while a copy into it is in flight, started in main, operation 8 (tpu.enqueue_dma); ' +
        'in main, operation 9 (vector.load) at grid step [0]',
    ],
    [
      'reading a part of what a copy writes',
      ({ x, out, slot, first }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.store(m.load(slot, tile, [7, 0]), out);
        m.waitCopy(x, rows(slot, 0), first);
      },
      'is read while a copy into it is in flight',
    ],
    [
      'writing what a copy writes',
      ({ x, out, slot, first }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.store(m.constant(0, m.vector('f32', tile)), slot, [0, 0]);
        m.waitCopy(x, rows(slot, 0), first);
        m.store(m.load(slot, tile), out);
      },
      'scratch 0 (vmem) is written while a copy into it is in flight',
    ],
    [
      'writing what a copy reads',
      ({ out, slot, first }) => {
        m.store(m.constant(1, m.vector('f32', [16, 128])), slot);
        m.startCopy(rows(slot, 0), rows(slot, 8), first);
        m.store(m.constant(2, m.vector('f32', tile)), slot, [0, 0]);
        m.waitCopy(rows(slot, 0), rows(slot, 8), first);
        m.store(m.load(slot, tile), out);
      },
      'scratch 0 (vmem) is written while a copy from it is in flight',
    ],
    [
      'two copies into one place',
      ({ x, slot, first, second }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.startCopy(x, rows(slot, 0), second);
      },
      'is written while a copy into it is in flight, started in main, operation 7 (tpu.enqueue_dma); in main, operation 9 (tpu.enqueue_dma)',
    ],
    [
      'a copy of what a copy writes',
      ({ x, slot, first, second }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.startCopy(rows(slot, 0), rows(slot, 8), second);
      },
      'is read while a copy into it is in flight',
    ],
    ['a wait without a start', ({ x, slot, first }) => m.waitCopy(x, rows(slot, 0), first), 'none is in flight on its semaphore'],
    [
      'a wait on another semaphore',
      ({ x, slot, first, second }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.waitCopy(x, rows(slot, 0), second);
      },
      'none is in flight on its semaphore',
    ],
    [
      'a second wait',
      ({ x, slot, first }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.waitCopy(x, rows(slot, 0), first);
        m.waitCopy(x, rows(slot, 0), first);
      },
      'none is in flight on its semaphore',
    ],
    [
      'a wait for more than was started',
      ({ x, slot, first }) => {
        m.startCopy(rows(x, 0, 4), rows(slot, 0, 4), first);
        m.waitCopy(x, rows(slot, 0), first);
      },
      'got 4096 bytes of 2048 in flight',
    ],
    [
      'one wait of two on a semaphore that two copies share: either may be the one that ended',
      ({ x, out, slot, first }) => {
        m.startCopy(x, rows(slot, 0), first);
        m.startCopy(x, rows(slot, 8), first);
        m.waitCopy(x, rows(slot, 0), first);
        m.store(m.load(slot, tile), out);
        m.waitCopy(x, rows(slot, 8), first);
      },
      'is read while a copy into it is in flight',
    ],
    [
      'a copy never waited for',
      ({ x, slot, first }) => m.startCopy(x, rows(slot, 0), first),
      '1 on one semaphore were not, started in main, operation',
    ],
    [
      'an offset out of bounds',
      ({ x, slot, first }) => m.startCopy(rows(x, 4, 8), rows(slot, 0), first),
      'got offsets [4,0] and sizes [8,128]',
    ],
    ['a load out of bounds', ({ out, slot }) => m.store(m.load(slot, tile, [9, 0]), out), 'got offsets [9,0] and sizes [8,128]'],
    [
      'scratch that was never written',
      ({ out, slot }) => m.store(m.load(slot, tile), out),
      'scratch 0 (vmem) is read at [0,0], which was never written',
    ],
    [
      'scratch that was written in part',
      ({ out, slot }) => {
        m.store(m.constant(0, m.vector('f32', [3, 128])), slot, [0, 0]);
        m.store(m.load(slot, tile), out);
      },
      'scratch 0 (vmem) is read at [3,0], which was never written',
    ],
    ['a copy of what was never written', ({ slot, first }) => m.startCopy(rows(slot, 0), rows(slot, 8), first), 'which was never written'],
    ['an output window before it is written', ({ out }) => m.store(m.add(m.load(out), 1), out), 'the window of output 0 is read at [0,0]'],
  ])('%s', (_, body, message) => {
    expect(() => run(copies(body))).toThrow(message);
  });

  test('two copies on one semaphore, both waited for', () => {
    const kernel = copies(({ x, out, slot, first }) => {
      m.startCopy(x, rows(slot, 0), first);
      m.startCopy(x, rows(slot, 8), first);
      m.waitCopy(x, rows(slot, 8), first);
      m.waitCopy(x, rows(slot, 0), first);
      m.store(m.add(m.load(slot, tile), m.load(slot, tile, [8, 0])), out);
    });
    expect(run(kernel)[0]).toEqual(ramp(1024).map((x) => 2 * x));
  });

  test('an operation in a loop in a branch is told by its path', () => {
    const kernel = copies(({ out, slot }) => {
      m.when(m.lt(m.constant(0), 1), () => {
        m.forLoop(0, 3, [], (i) => {
          m.store(m.load(slot, tile, [i, 0]), out);
          return [];
        });
      });
    });
    expect(() => run(kernel)).toThrow(
      /in main, operation \d+ \(scf.if\), operation 0 \(scf.for\), operation 1 \(vector.load\) at grid step \[0\]$/,
    );
  });

  const blocks = (
    at: (i: m.V, j: m.V) => m.V,
    semantics: readonly ('parallel' | 'arbitrary')[],
    body: (grid: readonly m.V[], out: m.V, sum: m.V) => void,
  ): Kernel => ({
    grid: semantics.map((name) => ({ steps: 2, semantics: name })),
    prefetch: [],
    inputs: [],
    outputs: [{ element: 'f32', shape: [32, 128], window: { block: tile, at: (i, j) => [at(i, j), m.constant(0)] } }],
    scratch: [m.ref('vmem', 'f32', tile)],
    body: (grid, [out, sum]) => body(grid, out, sum),
  });
  const ones = () => m.constant(1, m.vector('f32', tile));

  test('a block that consecutive steps write keeps what they wrote', () => {
    const kernel = blocks(
      (i) => i,
      ['arbitrary', 'arbitrary'],
      ([, j], out) => {
        m.when(m.eq(j, 0), () => m.store(ones(), out));
        m.when(m.eq(j, 1), () => m.store(m.add(m.load(out), ones()), out));
      },
    );
    const [out] = run(kernel, []);
    expect(out.slice(0, 2048)).toEqual(new Float32Array(2048).fill(2));
    expect(out[2048]).toBeNaN();
  });
  test('a block that is left and written again', () => {
    expect(() =>
      run(
        blocks(
          (_, j) => j,
          ['arbitrary', 'arbitrary'],
          (_, out) => m.store(ones(), out),
        ),
        [],
      ),
    ).toThrow('a block of output 0 is written in grid steps that follow each other; block [0,0] was left before at grid step [1,0]');
  });
  test('a block that two cores write', () => {
    const kernel = blocks(
      (_, j) => j,
      ['parallel', 'arbitrary'],
      (_, out) => m.store(ones(), out),
    );
    expect(() => run(kernel, [])).toThrow('a block of output 0 is written by one core; block [0,0] is by two at grid step [1,0]');
    expect(run(kernel, [], { discarded: [0] })[0][0]).toBe(1);
  });
  test('a window past the end of its array', () => {
    expect(() =>
      run(
        blocks(
          (i) => m.add(i, 3),
          ['arbitrary'],
          (_, out) => m.store(ones(), out),
        ),
        [],
      ),
    ).toThrow('got offsets [32,0] and sizes [8,128]');
  });
  test('scratch lasts along arbitrary dimensions, and is each core its own', () => {
    const body = ([, j]: readonly m.V[], out: m.V, sum: m.V) => {
      m.when(m.eq(j, 0), () => m.store(ones(), sum));
      m.store(m.load(sum), out);
    };
    const at = (i: m.V, j: m.V) => m.add(m.mul(i, 2), j);
    expect(run(blocks(at, ['parallel', 'arbitrary'], body), [])[0]).toEqual(new Float32Array(4096).fill(1));
    expect(() => run(blocks(at, ['arbitrary', 'parallel'], body), [])).toThrow(
      'scratch 0 (vmem) is read at [0,0], which was never written',
    );
  });

  test("what another core wrote in HBM is not this one's to read", () => {
    const kernel: Kernel = {
      grid: [{ steps: 2, semantics: 'parallel' }],
      prefetch: [],
      inputs: [],
      outputs: [{ element: 'f32', shape: tile }],
      scratch: [m.ref('vmem', 'f32', tile), semaphores(1)],
      body: ([core], [out, slot, all]) => {
        const copy = (source: m.V, target: m.V) => {
          m.startCopy(source, target, semaphoreOf(all, 0));
          m.waitCopy(source, target, semaphoreOf(all, 0));
        };
        m.store(ones(), slot);
        m.when(m.eq(core, 0), () => copy(slot, out));
        m.when(m.eq(core, 1), () => copy(out, slot));
      },
    };
    expect(() => run(kernel, [])).toThrow('output 0 is read at [0,0], which another core wrote');
  });

  test('a window that moves on under a copy', () => {
    const kernel: Kernel = {
      grid: [{ steps: 2, semantics: 'arbitrary' }],
      prefetch: [],
      inputs: [{ element: 'f32', shape: [16, 128], window: { block: tile, at: (i) => [i, m.constant(0)] } }],
      outputs: [],
      scratch: [m.ref('vmem', 'f32', tile), semaphores(1)],
      body: ([i], [x, slot, all]) => {
        m.when(m.eq(i, 0), () => m.startCopy(x, slot, semaphoreOf(all, 0)));
        m.when(m.eq(i, 1), () => m.waitCopy(x, slot, semaphoreOf(all, 0)));
      },
    };
    expect(() => run(kernel, [ramp(2048)])).toThrow('the window of input 0 is written while a copy from it is in flight');
  });

  /** Sums 6 blocks of x through two slots, each copied in while the one before is added; `mutant` breaks one thing. */
  const pipeline = (mutant?: 'no wait' | 'same slot' | 'one too many' | 'late start' | 'one semaphore') =>
    frame([hbm(48)], [window], [m.ref('vmem', 'f32', [2, ...tile]), semaphores(2)], (x, out, slots, all) => {
      const copy = (block: m.V, slot: m.V, act: typeof m.startCopy) =>
        act(
          rows(x, m.mul(block, 8)),
          m.squeeze(m.slice(slots, [slot, 0, 0], [1, ...tile]), tile),
          m.squeeze(m.slice(all, [mutant === 'one semaphore' ? 0 : slot], [1]), []),
        );
      m.store(m.constant(0, m.vector('f32', tile)), out);
      copy(m.constant(0), m.constant(0), m.startCopy);
      m.forLoop(0, 6, [m.constant(0)], (i, slot) => {
        const other = m.sub(m.constant(1), slot);
        const start = () =>
          m.when(m.lt(i, mutant === 'one too many' ? 6 : 5), () => copy(m.add(i, 1), mutant === 'same slot' ? slot : other, m.startCopy));
        if (mutant !== 'late start') start();
        if (mutant !== 'no wait') copy(i, slot, m.waitCopy);
        m.store(m.add(m.load(out), m.reshape(m.load(slots, [1, ...tile], [slot, 0, 0]), tile)), out);
        if (mutant === 'late start') start();
        return [other];
      });
    });
  test('a pipeline of two slots', () => {
    const expected = ramp(1024).map((i) => 6 * i + 1024 * 15);
    expect(run(pipeline(), [ramp(6144)])[0]).toEqual(expected);
    // Slower, and right.
    expect(run(pipeline('late start'), [ramp(6144)])[0]).toEqual(expected);
  });
  test.each([
    ['no wait', 'scratch 0 (vmem) is read while a copy into it is in flight'],
    ['same slot', 'scratch 0 (vmem) is written while a copy into it is in flight'],
    ['one too many', 'got offsets [48,0] and sizes [8,128]'],
    ['one semaphore', 'scratch 0 (vmem) is read while a copy into it is in flight'],
  ] as const)('the pipeline with %s', (mutant, message) => {
    expect(() => run(pipeline(mutant), [ramp(6144)])).toThrow(message);
  });
});

test('inputs are as many as the kernel takes, and as large', () => {
  const kernel = frame([window], [window], [], (x, out) => m.store(m.load(x), out));
  expect(() => interpret(kernel, [])).toThrow('the kernel takes 1 arrays; got 0');
  expect(() => interpret(kernel, [ramp(1023)])).toThrow('input 0 has 1024 elements; got 1023');
});

test('a causal forward of 2 heads, 1024 tokens, head_dim 128 takes under 20 s (0.5 s on 2 cores of 2026)', () => {
  const spec = attention({ heads: 2, headDim: 128, queries: 1024, dtype: 'bf16', mask: causal() });
  const inputs = [0, 1, 2].map((k) => Float32Array.from({ length: 2 * 1024 * 128 }, (_, i) => ((i * (7 + k)) % 256) / 128 - 1));
  const start = processorMs();
  const [out] = interpret(forwardKernel(spec, forwardPlan(spec, { blockQ: 512, blockK: 512, heads: 1 }, 2)), inputs);
  expect(processorMs() - start).toBeLessThan(20e3);
  expect(out.every(Number.isFinite)).toBe(true);
});
