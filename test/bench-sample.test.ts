/** Measurement hygiene on real clocks: warm-up, budget, tightness, preparation, other load. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { loadMeter, sample, sampleOf } from '../lib/bench/sample';

/** Takes the processor for so long. */
function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('work of one length is warm after six runs, and the first of them do not count', async () => {
  let runs = 0;
  const taken = await sample(
    () => {
      runs++;
      spin(3);
    },
    { budgetMs: 60_000, tolerance: 0.5 },
  );
  expect(taken.times.length + taken.warmup.length).toBe(runs);
  expect(taken.steady).toBe(true);
  expect(taken.warmup.length).toBeGreaterThanOrEqual(3);
  // Ten that count are enough where half the median is wide enough; more are taken beside other work.
  expect(taken.times.length).toBeGreaterThanOrEqual(10);
  expect(taken.min).toBeGreaterThanOrEqual(3);
  expect(taken.interval?.[0]).toBeLessThanOrEqual(taken.median);
});

test('slow first runs are the warm-up', async () => {
  let runs = 0;
  const taken = await sample(() => spin(runs++ < 4 ? 30 : 2), { budgetMs: 5000, tolerance: 0.9 });
  expect(taken.warmup.length).toBeGreaterThanOrEqual(4);
  expect(taken.warmup[0]).toBeGreaterThanOrEqual(30);
  expect(taken.median).toBeLessThan(20);
});

test('a budget ends it, and one run is the least', async () => {
  const began = performance.now();
  const taken = await sample(() => spin(20), { budgetMs: 100, tolerance: 0 });
  expect(performance.now() - began).toBeLessThan(2000);
  expect(taken.times.length).toBeGreaterThanOrEqual(1);
  const once = await sample(() => spin(20), { budgetMs: 0 });
  expect(once).toMatchObject({ warmup: [], steady: false, interval: null });
  expect(once.times).toHaveLength(1);
});

test('runs at the most, and what is prepared is not part of them', async () => {
  let prepared = 0;
  const prepare = () => {
    prepared++;
    spin(20);
  };
  const taken = await sample(() => undefined, { budgetMs: 60_000, tolerance: 0, maxRuns: 7, prepare });
  expect(taken.times.length + taken.warmup.length).toBe(7);
  expect(prepared).toBe(7);
  expect(taken.median).toBeLessThan(10);
});

test('what the work throws comes out', async () => {
  await expect(
    sample(
      () => {
        throw new Error('no');
      },
      { budgetMs: 10 },
    ),
  ).rejects.toThrow('no');
});

test('processor time is of this process, wall time of everything', async () => {
  // The least of some runs: V8 has threads of its own, which at times collect or compile for longer than a run.
  const idle = await sample(() => sleep(30), { budgetMs: 60_000, tolerance: 0, maxRuns: 12 });
  expect(Math.min(...idle.times)).toBeGreaterThanOrEqual(29);
  expect(Math.min(...idle.cpu)).toBeLessThan(15);
  const busy = await sample(() => spin(30), { budgetMs: 0 });
  expect(busy.cpu[0]).toBeGreaterThan(5);
});

test('the figures of runs', () => {
  expect(sampleOf({ times: [3, 1, 2, 5, 4, 6, 7], cpu: [1, 1, 1, 1, 1, 1, 1], warmup: [9], steady: true }, 0.25)).toEqual({
    times: [3, 1, 2, 5, 4, 6, 7],
    cpu: [1, 1, 1, 1, 1, 1, 1],
    warmup: [9],
    min: 1,
    median: 4,
    quartiles: [2.5, 5.5],
    interval: [1, 7],
    steady: true,
    load: 0.25,
  });
});

const isProcThere = process.platform === 'linux';

(isProcThere ? test : test.skip)('the work of other processes is noticed, and its own is not', async () => {
  const cores = cpus().length;
  const others: ChildProcess[] = [];
  try {
    for (let i = 0; i < cores; i++) others.push(spawn(process.execPath, ['-e', 'for (;;);']));
    await sleep(200);
    const load = loadMeter();
    await sleep(1500);
    // Each of them wants a core.
    expect(load()).toBeGreaterThan(0.5);
  } finally {
    for (const child of others) child.kill();
  }
});

test('a load is not told of a time too short to tell', () => {
  const load = loadMeter();
  spin(5);
  expect(load()).toBeUndefined();
});
