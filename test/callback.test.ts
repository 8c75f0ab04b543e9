/** JavaScript functions as custom calls: what they are given and give, and that nothing waits for ever, whatever they do. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as s from '../lib/ir/stablehlo';
import { type Buffer, type CallbackFunction, Client, type HostData } from '../lib/pjrt';
import { type DType, dtypes, hostLength, type Module, tensor, type TensorType } from '../lib/types';
import { withCpu } from './with-target';

const root = path.join(__dirname, '..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt callback '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const failure = (message: RegExp | string, code: string) =>
  expect.objectContaining({ name: 'PjrtError', code, message: expect.stringMatching(message) });
const four = tensor('f32', [4]);

/** A program that returns what the callback makes of x. */
const through = (name: string, type: TensorType = four, result = type): Module =>
  s.program('through', { x: type }, ({ x }) => ({ y: s.callback(name, [x], [result])[0] }));

async function run(module: Module | string, data: HostData = Float32Array.of(1, 2, 3, 4), client = cpu): Promise<number[]> {
  using executable = await client.compile(module);
  using x = client.upload(executable.inputs[0].type, data);
  using outputs = await executable.run({ x });
  return [...((await Object.values(outputs as Record<string, Buffer>)[0].read()) as Float32Array)];
}

/** Runs the program with the callback registered as its name, and not longer. */
async function runWith(name: string, callback: CallbackFunction, module: Module | string = through(name)): Promise<number[]> {
  using _ = cpu.plugin.callback(name, callback);
  return await run(module);
}

const dtypeNames = (Object.keys(dtypes) as DType[]).filter((dtype) => dtype === 'i1' || !dtypes[dtype].bits);

test.each(dtypeNames)('%s, through a callback and back', async (dtype) => {
  for (const shape of [[], [0], [3], [2, 5]]) {
    const type = tensor(dtype, shape);
    const bits = new dtypes[dtype].host(hostLength(type));
    for (let i = 0; i < bits.length; i++) bits[i] = (typeof bits[i] === 'bigint' ? BigInt(i % 2) : i % 2) as never;
    let given: unknown;
    using _ = cpu.plugin.callback('same', ([x], results) => {
      given = [x.type, results];
      return x.data;
    });
    using executable = await cpu.compile(through('same', type));
    using x = cpu.upload(type, bits);
    using outputs = await executable.run({ x });
    expect(given).toEqual([type, [type]]);
    expect(await outputs.y.bits()).toEqual(bits);
  }
});

test('several tensors in and out, of other types; bf16 as f32; arrays are the callback’s own', async () => {
  const [half, whole] = [tensor('bf16', [2]), tensor('i32', [])];
  const module = s.program('several', { x: four, h: half }, ({ x, h }) => {
    const [a, b, c] = s.callback('several', [x, h], [half, whole, four]);
    return { a, b, c: s.add(c, x) };
  });
  using _ = cpu.plugin.callback('several', ([x, h]) => {
    expect([x.data, h.data]).toEqual([Float32Array.of(1, 2, 3, 4), Float32Array.of(0.5, -2)]);
    (x.data as Float32Array).fill(100);
    return [h.data.map((value) => (value as number) * 2) as Float32Array, Int32Array.of(-7), x.data];
  });
  using executable = await cpu.compile(module);
  using x = cpu.upload(four, Float32Array.of(1, 2, 3, 4));
  using h = cpu.upload(half, Float32Array.of(0.5, -2));
  using outputs = await executable.run({ x, h });
  expect(await outputs.a.read()).toEqual(Float32Array.of(1, -4));
  expect(await outputs.b.read()).toEqual(Int32Array.of(-7));
  expect(await outputs.c.read()).toEqual(Float32Array.of(101, 102, 103, 104));
});

test('a callback without results is called, and a promise is waited for', async () => {
  const seen: unknown[] = [];
  const module = s.program('log', { x: four }, ({ x }) => {
    s.callback('log', [s.multiply(x, 2)]);
    return { y: s.add(x, 1) };
  });
  const result = await runWith(
    'log',
    async ([x]) => {
      await later(20);
      seen.push(x.data);
    },
    module,
  );
  expect([result, seen]).toEqual([[2, 3, 4, 5], [Float32Array.of(2, 4, 6, 8)]]);
});

test('calls are in the order of their data, and in a loop one for each turn; the event loop is free', async () => {
  const index = tensor('i32', []);
  const module = s.program('turns', { x: four }, ({ x }) => {
    const [first] = s.callback('step', [x], [four]);
    const state = s.whileLoop(
      { i: s.constant(0, index), x: first },
      ({ i }) => s.compare(i, 50, 'LT'),
      ({ i, x }) => ({ i: s.add(i, 1), x: s.callback('step', [x], [four])[0] }),
    );
    return { y: s.callback('step', [state.x], [four])[0] };
  });
  const seen: number[] = [];
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const result = await runWith(
    'step',
    async ([x]) => {
      seen.push((x.data as Float32Array)[0]);
      await later(1);
      return (x.data as Float32Array).map((value) => value + 1);
    },
    module,
  );
  clearInterval(timer);
  expect(seen).toEqual(Array.from({ length: 52 }, (_, i) => i + 1));
  expect(result).toEqual([53, 54, 55, 56]);
  expect(ticks).toBeGreaterThan(10);
});

const wrong: [what: string, callback: CallbackFunction, message: RegExp, code: string][] = [
  ['throws', () => { throw new RangeError('out of é range'); }, /^UNKNOWN: the callback bad: out of é range$/, 'UNKNOWN'], // biome-ignore format: a row
  ['rejects', async () => Promise.reject('a string'), /the callback bad: a string$/, 'UNKNOWN'],
  ['rejects with a zero', async () => Promise.reject(new Error('a\0b')), /the callback bad: a\ufffdb$/, 'UNKNOWN'],
  ['gives nothing', () => {}, /an array for each of its 1 results; got 0$/, 'INVALID_ARGUMENT'],
  ['gives too many', ([x]) => [x.data, x.data], /an array for each of its 1 results; got 2$/, 'INVALID_ARGUMENT'],
  [
    'gives another kind',
    () => new Float64Array(4),
    /f32 is uploaded from Float32Array or Uint8Array; got Float64Array$/,
    'INVALID_ARGUMENT',
  ],
  ['gives another length', () => new Float32Array(5), /tensor<4xf32> has 4 elements; the array has 5$/, 'INVALID_ARGUMENT'],
  ['gives a number', () => 5 as never, /f32 is uploaded from Float32Array or Uint8Array; got number$/, 'INVALID_ARGUMENT'],
  ['gives null', () => null as never, /f32 is uploaded from Float32Array or Uint8Array; got object$/, 'INVALID_ARGUMENT'],
];

test.each(wrong)('a callback that %s fails its run, and the next one works', async (_, callback, message, code) => {
  await expect(runWith('bad', callback)).rejects.toEqual(failure(message, code));
  expect(await runWith('bad', ([x]) => x.data)).toEqual([1, 2, 3, 4]);
});

test('the cause of a run’s error is what the callback threw, for each of several runs', async () => {
  const errors = [1, 2, 3].map((n) => new RangeError(`number ${n}`));
  using _ = cpu.plugin.callback('bad', async ([x]) => {
    throw errors[x.data[0] as number];
  });
  const results = await Promise.allSettled([2, 0, 1].map((n) => run(through('bad'), new Float32Array(4).fill(n))));
  const causes = results.map((result) => result.status === 'rejected' && result.reason.cause);
  expect(causes.map((cause, i) => cause === errors[[2, 0, 1][i]])).toEqual([true, true, true]);
});

test('on several devices, each calls, and an error of one is that of the run', async () => {
  using client = await Client.open('cpu', { devices: 4 });
  const seen: unknown[] = [];
  let fails = false;
  using _ = client.plugin.callback('each', async ([x]) => {
    await later(5);
    seen.push(x.data);
    if (fails && x.data[0] === 3) throw new Error('not the third');
    return (x.data as Float32Array).map((value) => value * 10);
  });
  using program = await client.compileSharded(through('each'), { replicas: 4 });
  using x = program.upload(
    'x',
    [1, 2, 3, 4].map((n) => new Float32Array(4).fill(n)),
  );
  using outputs = await program.run({ x });
  const values = await Promise.all([0, 1, 2, 3].map(async (replica) => (await outputs.y.read(replica))[0]));
  expect([values, seen.length]).toEqual([[10, 20, 30, 40], 4]);
  fails = true;
  const error = await program.run({ x }).catch((caught) => caught);
  // The plugin puts words of its own, and another code, before that of one device.
  expect(error).toEqual(failure(/the callback each: not the third$/, 'INTERNAL'));
  expect(error.cause).toEqual(new Error('not the third'));
});

test('a callback of a run on several devices waits for no run and no read: an error, and no deadlock; after it, both are there again', async () => {
  using client = await Client.open('cpu', { devices: 2 });
  using several = await client.compileSharded(through('inner'), { replicas: 2 });
  using one = await client.compile(through('inner'));
  using outer = await client.compileSharded(through('outer'), { replicas: 2 });
  using onInner = client.plugin.callback('inner', ([x]) => (x.data as Float32Array).map((value) => value + 1));
  using x = outer.upload('x', Float32Array.of(1, 2, 3, 4));
  using alone = client.upload(four, Float32Array.of(1, 2, 3, 4));
  const waits: (() => Promise<unknown>)[] = [
    async () => (await several.run({ x }))[Symbol.dispose](),
    async () => (await one.run({ x: alone }))[Symbol.dispose](),
    () => alone.read(),
    () => alone.ready(),
  ];
  for (const wait of waits) {
    using _ = client.plugin.callback('outer', async () => {
      await later(1);
      await wait();
    });
    const error = await outer.run({ x }).catch((caught) => caught);
    expect(error.cause).toEqual(
      failure(/a callback, while .* is on several devices, waits for no (run|read|tensor)$/, 'FAILED_PRECONDITION'),
    );
    await wait();
  }
  expect(onInner).toBeDefined();
});

test('an error of the runtime in a callback keeps its code', async () => {
  const inner: CallbackFunction = async () => void (await run(through('nobody')));
  await expect(runWith('outer', inner)).rejects.toEqual(
    failure(/^NOT_FOUND: the callback outer: the callback nobody: it is not registered; this thread has outer$/, 'NOT_FOUND'),
  );
});

test('names: taken until they are disposed, and none at all', async () => {
  const { plugin } = cpu;
  const first = plugin.callback('mine', ([x]) => x.data);
  expect(() => plugin.callback('mine', () => {})).toThrow(
    expect.objectContaining({ name: 'ShapeError', message: 'a callback has a name of its own, until it is disposed; mine is taken' }),
  );
  first[Symbol.dispose]();
  await expect(run(through('mine'))).rejects.toEqual(
    failure(/the callback mine: it is not registered; this thread has none$/, 'NOT_FOUND'),
  );
  using second = plugin.callback('mine', () => new Float32Array(4));
  first[Symbol.dispose]();
  expect(await run(through('mine'))).toEqual([0, 0, 0, 0]);
  expect(second).toHaveProperty([Symbol.dispose]);
  for (const name of ['', 'a b', '1', 7, undefined])
    expect(() => plugin.callback(name as string, () => {})).toThrow(/^the name of a callback is a letter or _ and then/);
  expect(() => plugin.callback('none', 5 as never)).toThrow('a callback is a function; none is number');
});

test('more runs than threads, whose callbacks wait for files and for runs with callbacks, all come to an end', async () => {
  using inner = cpu.plugin.callback('inner', async ([x]) => {
    await fs.promises.readFile(__filename);
    return (x.data as Float32Array).map((value) => value * 10);
  });
  using outer = cpu.plugin.callback('outer', async ([x]) => Float32Array.from(await run(through('inner'), x.data)));
  const results = await Promise.all(Array.from({ length: 24 }, (_, i) => run(through('outer'), new Float32Array(4).fill(i))));
  expect(results.map(([value]) => value)).toEqual(Array.from({ length: 24 }, (_, i) => 10 * i));
  expect([inner, outer]).toHaveLength(2);
});

test('however the call is spelled, a program that runs on the JavaScript thread is an error and no deadlock', async () => {
  using _ = cpu.plugin.callback('spelled', ([x]) => x.data);
  const spelled = (options: Partial<Module>): Module => {
    const { text, ...ports } = through('spelled');
    return { ...ports, text: text.replace('"node_pjrt_callback"', '"node_pjrt\\5Fcallback"'), ...options };
  };
  expect(await run(spelled({}))).toEqual([1, 2, 3, 4]);
  await expect(run(spelled({ hiddenFlops: 0 }))).rejects.toEqual(
    failure(/a callback waits for the JavaScript thread, on which the program itself runs$/, 'FAILED_PRECONDITION'),
  );
  expect(await run({ ...through('spelled'), hiddenFlops: 0 })).toEqual([1, 2, 3, 4]);
});

test('tensors of less than a byte, and attributes that are none, are errors', async () => {
  const call = (type: string, config: string) =>
    `func.func @main(%x: tensor<${type}>) -> tensor<${type}> {
      %0 = stablehlo.custom_call @node_pjrt_callback(%x) {api_version = 4 : i32, backend_config = {${config}}} : (tensor<${type}>) -> tensor<${type}>
      return %0 : tensor<${type}>
    }`;
  using _ = cpu.plugin.callback('same', ([x]) => x.data);
  for (const dtype of ['i2', 'ui2', 'i4', 'ui4', 'f4E2M1FN'] as const)
    await expect(run(call(`4x${dtype}`, 'name = "same"'), new dtypes[dtype].host(4))).rejects.toEqual(
      failure(/elements of whole bytes/, 'INVALID_ARGUMENT'),
    );
  for (const config of ['', 'name = 1 : i64', 'names = "same"', 'name = "same", more = true'])
    await expect(run(call('4xf32', config))).rejects.toEqual(failure(/is a dictionary of a string, name; got \d attr/, 'INVALID_ARGUMENT'));
  await expect(run(call('4xf32', 'name = "é \\00"'))).rejects.toEqual(failure(/the callback é \ufffd: it is not registered/, 'NOT_FOUND'));
});

test('a library that is loaded anew, as by this test, has its own callbacks', async () => {
  using old = cpu.plugin.callback('mine', () => new Float32Array(4).fill(1));
  expect(await run(through('mine'))).toEqual([1, 1, 1, 1]);
  let again: typeof import('../lib/pjrt') | undefined;
  jest.isolateModules(() => {
    again = require('../lib/pjrt');
  });
  using client = await (again as typeof import('../lib/pjrt')).Client.open('cpu');
  using _ = client.plugin.callback('mine', () => new Float32Array(4).fill(2));
  expect(await run(through('mine'), undefined, client as unknown as Client)).toEqual([2, 2, 2, 2]);
  expect(old).toBeDefined();
  // For the tests after this one.
  cpu.plugin.callback('last', () => {})[Symbol.dispose]();
});

test('a program of a cache calls the function that has its name now', async () => {
  using client = await Client.open('cpu', { cache: path.join(scratch, 'cache') });
  for (const factor of [2, 3]) {
    using _ = client.plugin.callback('scale', ([x]) => (x.data as Float32Array).map((value) => value * factor));
    expect(await run(through('scale'), undefined, client)).toEqual([1, 2, 3, 4].map((value) => value * factor));
  }
  expect(client.cache).toMatchObject({ hits: 1, misses: 1 });
});

test('the example of docs/ffi.md', () => {
  const [, text] = /## A JavaScript callback[^`]*```js\n([\s\S]*?)```/.exec(fs.readFileSync(path.join(root, 'docs/ffi.md'), 'utf8')) ?? [];
  // In the repository, so that the package finds itself by its name.
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', text], { cwd: root, encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'squares: 1 4 9 16\ny: 2 5 10 17\n', stderr: '' });
});

/** A program of its own, given the body of an async function of a client and of `through`, which runs a callback by its name. */
const script = (body: string) => `const { Client, stablehlo: s, tensor } = require(${JSON.stringify(path.join(root, 'dist'))});
  const four = tensor('f32', [4]);
  async function through(client, name) {
    const program = await client.compile(s.program('through', { x: four }, ({ x }) => ({ y: s.callback(name, [x], [four])[0] })));
    const { y } = await program.run({ x: client.upload(four, Float32Array.of(1, 2, 3, 4)) });
    return [...(await y.read())];
  }
  Client.open('cpu').then(async (client) => {${body}});`;

function runs(body: string, ...flags: string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', script(body)], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, signal, stdout, stderr };
}

test('the process may exit while a callback is under way: at once, with its own status', () => {
  const started = Date.now();
  const body = `client.plugin.callback('never', () => { setTimeout(() => process.exit(7), 50); return new Promise(() => {}); });
    await through(client, 'never').catch(() => console.log('not reached'));`;
  expect(runs(body)).toEqual({ status: 7, signal: null, stdout: '', stderr: '' });
  expect(Date.now() - started).toBeLessThan(4500); // the limit of an exit with work in flight, 5 s, was not needed
});

test('a promise that nobody can settle any more fails its run', () => {
  const body = `client.plugin.callback('never', () => new Promise(() => {}));
    const timer = setInterval(gc, 10);
    await through(client, 'never').catch((error) => console.log(error.message));
    clearInterval(timer);`;
  expect(runs(body, '--expose-gc')).toEqual({
    status: 0,
    signal: null,
    stdout: 'CANCELLED: the callback never: its promise is gone, and was never settled\n',
    stderr: '',
  });
});

async function worker(body: string): Promise<Worker> {
  return new Worker(`const { parentPort } = require('node:worker_threads'); ${script(body)}`, { eval: true });
}
const message = (from: Worker) => new Promise((resolve, reject) => from.once('message', resolve).once('error', reject));

test('each thread has its own callbacks, by the same names', async () => {
  using _ = cpu.plugin.callback('scale', ([x]) => (x.data as Float32Array).map((value) => value * 2));
  const answers = [10, 20].map(async (factor) => {
    const one = await worker(`client.plugin.callback('scale', ([x]) => x.data.map((value) => value * ${factor}));
      const results = [];
      for (let i = 0; i < 20; i++) results.push((await through(client, 'scale'))[3]);
      client.dispose();
      parentPort.postMessage(results);`);
    return message(one);
  });
  for (let i = 0; i < 20; i++) expect(await run(through('scale'))).toEqual([2, 4, 6, 8]);
  expect(await Promise.all(answers)).toEqual([Array(20).fill(40), Array(20).fill(80)]);
  const none = await worker(`await through(client, 'scale').catch((error) => parentPort.postMessage(error.message));`);
  expect(await message(none)).toBe(
    'FAILED_PRECONDITION: the callback scale: nobody listens: the thread that runs a program registers its callbacks',
  );
});

test('a worker may be terminated while its callbacks are under way', async () => {
  for (let i = 0; i < 3; i++) {
    const one = await worker(`client.plugin.callback('never', () => { parentPort.postMessage('called'); return new Promise(() => {}); });
      await Promise.all(Array.from({ length: 5 }, () => through(client, 'never')));`);
    expect(await message(one)).toBe('called');
    const started = Date.now();
    await one.terminate();
    expect(Date.now() - started).toBeLessThan(4500);
  }
  expect(await runWith('after', ([x]) => x.data)).toEqual([1, 2, 3, 4]);
});
