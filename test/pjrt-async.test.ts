/** Work that takes time leaves the event loop free, and any amount of it may be under way. */
import { type Buffer, Client, type LoadedExecutable, liveHandles } from '../lib/pjrt';
import { native, where } from '../lib/pjrt/native';
import { tensor } from '../lib/types';
import { processorMs } from './helpers';
import { elementwise, loop, matmul } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

/** Runs `work` beside a 1 ms timer: how long it took, how often the timer fired, and the longest it had to wait, all by processor time. */
async function besides(work: () => Promise<unknown>): Promise<{ total: number; ticks: number; longest: number }> {
  const start = processorMs();
  const times = [start];
  const timer = setInterval(() => times.push(processorMs()), 1);
  await work();
  clearInterval(timer);
  const end = processorMs();
  const gaps = [...times.slice(1), end].map((time, i) => time - times[i]);
  return { total: end - start, ticks: gaps.length - 1, longest: Math.max(...gaps) };
}

async function runOn(program: LoadedExecutable, a: Buffer): Promise<void> {
  using _ = await program.run({ a });
}

test('a long run', async () => {
  using a = cpu.upload(tensor('f32', [8]), new Float32Array(8));
  let steps = 2 ** 20;
  for (;;) {
    using program = await cpu.compile(loop(steps));
    const { total, ticks, longest } = await besides(() => runOn(program, a));
    steps *= 2;
    if (total < 150) continue;
    expect(ticks).toBeGreaterThan(total / 20);
    expect(longest).toBeLessThan(total / 2);
    break;
  }
});

test('a long run of a large product, of an upload’s size, and its reading', async () => {
  using program = await cpu.compile(matmul(1024, 6));
  using a = cpu.upload(tensor('f32', [1024, 1024]), new Float32Array(2 ** 20).fill(2 ** -10));
  const { total, longest } = await besides(async () => {
    using result = await program.run({ a });
    expect((await result.out.read())[5]).toBeCloseTo(2 ** -10, 6);
  });
  expect(longest).toBeLessThan(Math.max(total / 2, 20));
});

test('a compilation', async () => {
  const text = elementwise('add', '8xf32').replace(/%0 = .*/, (line) =>
    [line, ...Array.from({ length: 3000 }, (_, i) => `%${i + 1} = stablehlo.sine %${i} : tensor<8xf32>`)].join('\n'),
  );
  const { total, ticks, longest } = await besides(async () => (await cpu.compile(text.replace('return %0', 'return %3000'))).dispose());
  expect(total).toBeGreaterThan(50);
  expect(ticks).toBeGreaterThan(total / 20);
  expect(longest).toBeLessThan(total / 2);
});

test('run after run of a program that runs on this thread', async () => {
  using program = await cpu.compile(elementwise('tanh', '8192xf32', 1));
  using a = cpu.upload(tensor('f32', [8192]), new Float32Array(8192));
  const { total, ticks, longest } = await besides(async () => {
    for (const end = processorMs() + 300; processorMs() < end; ) await runOn(program, a);
  });
  expect(ticks).toBeGreaterThan(total / 60);
  expect(longest).toBeLessThan(100);
});

test('many runs and reads at the same time', async () => {
  using small = await cpu.compile(elementwise('add', '8xf32'));
  using large = await cpu.compile(matmul(160));
  const results = await Promise.all(
    Array.from({ length: 400 }, async (_, i) => {
      if (i % 4 > 0) {
        using a = cpu.upload(tensor('f32', [8]), new Float32Array(8).fill(i));
        using result = await small.run({ a, b: a });
        return (await result.out.read())[7] === 2 * i;
      }
      using a = cpu.upload(tensor('f32', [160, 160]), new Float32Array(160 * 160).fill(i));
      using result = await large.run({ a });
      return (await result.out.read())[77] === 160 * i * i;
    }),
  );
  expect(results.filter((right) => !right)).toEqual([]);
  expect(liveHandles()).toBe(3);
});

test('many compilations at the same time', async () => {
  const programs = await Promise.all(Array.from({ length: 16 }, (_, i) => cpu.compile(elementwise('add', `${i + 1}xf32`))));
  expect(programs.map(({ outputs }) => outputs[0].type.shape[0])).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  for (const program of programs) program.dispose();
});

test('a handle that is disposed while a run uses it stays for the run', async () => {
  const program = await cpu.compile(matmul(256));
  const a = cpu.upload(tensor('f32', [256, 256]), new Float32Array(256 * 256).fill(1));
  const run = program.run({ a });
  program.dispose();
  a.dispose();
  using result = await run;
  expect((await result.out.read())[0]).toBe(256);
});

test('which programs leave this thread', async () => {
  const execute = jest.spyOn(native(), 'execute');
  const onWorker = async (text: string, hiddenFlops?: number) => {
    using read = await cpu.compile(text);
    using program = await cpu.compile({ text, inputs: read.inputs, outputs: read.outputs, hiddenFlops });
    const [{ name, type }] = program.inputs;
    using a = cpu.upload(type, new Float32Array(type.shape.reduce((x, y) => x * y)));
    using _ = await program.run({ [name]: a });
    return execute.mock.lastCall?.[5] !== where.here;
  };
  expect(await onWorker(elementwise('tanh', '64xf32', 1))).toBe(false);
  expect(await onWorker(elementwise('tanh', '65536xf32', 1))).toBe(true);
  expect(await onWorker(elementwise('negate', '65536xf32', 1))).toBe(true);
  expect(await onWorker(matmul(16))).toBe(false);
  expect(await onWorker(matmul(128))).toBe(true);
  expect(await onWorker(loop(10))).toBe(true);
  expect(await onWorker(loop(10), 100)).toBe(false);
  expect(await onWorker(matmul(16), 1e9)).toBe(true);
  execute.mockRestore();
});

test('dispatched runs: one takes the outputs of another that may not be over', async () => {
  using program = await cpu.compile(elementwise('add', '8xf32'));
  using a = cpu.upload(tensor('f32', [8]), new Float32Array(8).fill(1));
  let sum = a;
  // So many that some leave this thread.
  for (let i = 0; i < 5000; i++) {
    const { out } = await program.dispatch({ a: sum, b: a });
    if (sum !== a) sum.dispose();
    sum = out;
  }
  expect(await sum.read()).toEqual(new Float32Array(8).fill(5001));
  sum.dispose();
});

test('a dispatched run that is large, on several devices, or takes what is donated', async () => {
  using client = await Client.open('cpu', { devices: 2 });
  using product = await client.compile(matmul(256));
  using a = client.upload(tensor('f32', [256, 256]), new Float32Array(256 * 256).fill(1));
  using large = await product.dispatch({ a });
  expect((await large.out.read())[0]).toBe(256);

  using both = await client.compileSharded(elementwise('negate', '8xf32', 1), { replicas: 2 });
  using two = both.upload('a', new Float32Array(8).fill(3));
  using outputs = await both.dispatch({ a: two });
  for (const replica of [0, 1]) expect(await outputs.out.read(replica)).toEqual(new Float32Array(8).fill(-3));

  using taking = await client.compile(
    elementwise('negate', '8xf32', 1).replace('%a: tensor<8xf32>', '%a: tensor<8xf32> {tf.aliasing_output = 0 : i32}'),
  );
  const taken = client.upload(tensor('f32', [8]), new Float32Array(8).fill(2));
  using negated = await taking.dispatch({ a: taken });
  await expect(taken.read()).rejects.toThrow('was donated to a run of negate');
  expect(await negated.out.read()).toEqual(new Float32Array(8).fill(-2));
});
