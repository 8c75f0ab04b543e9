/** Native handlers of custom calls: what is registered, what they are given, and what is refused. ffi-example.test.ts has a whole package. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { Client, liveHandles, type LoadedExecutable, Plugin } from '../lib/pjrt';
import * as s from '../lib/ir/stablehlo';
import { includeDirs } from '../lib/supply';
import { tensor } from '../lib/types';
import { testTpu } from './helpers';
import { withCpu } from './with-target';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt handlers '));
const library = path.join(scratch, 'handlers.so');

beforeAll(() => {
  const include = [path.join(__dirname, '..', 'include'), ...includeDirs()];
  const flags = ['-std=c++17', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-fvisibility=hidden'];
  const dirs = include.flatMap((dir, i) => [i ? '-isystem' : '-I', dir]);
  const [compiler, ...first] = (process.env.CXX ?? 'g++').split(' ');
  execFileSync(compiler, [...first, ...flags, ...dirs, path.join(__dirname, 'ffi-handlers.cc'), '-o', library]);
});
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const refused = (name: string, message: RegExp) => expect.objectContaining({ name, message: expect.stringMatching(message) });
const source = (execute: string) => ({ library, execute });
const vector = tensor('f32', [4]);

/** Compiles and runs a program of one call of x, [1, 2, 3, 4]. */
async function called(target: string, attributes: Parameters<typeof s.ffiCall>[2]['attributes'], result = vector) {
  const module = s.program('call', { x: vector }, ({ x }) => ({ y: s.ffiCall(target, [x], { results: [result], attributes })[0] }));
  using executable = await cpu.compile(module);
  using x = cpu.upload(vector, Float32Array.of(1, 2, 3, 4));
  using outputs = await executable.run({ x });
  return [...(await outputs.y.read())];
}

test('attributes of every kind arrive as they were given', async () => {
  cpu.plugin.register('test.describe', source('test_describe'));
  const attributes = {
    ...{ on: true, number: 0.1, big: 2n ** 63n - 1n, text: 'a "b" \\ é' },
    ...{
      i8: s.scalar('i8', -128),
      i16: s.scalar('i16', -5),
      i32: s.scalar('i32', 7),
      ui8: s.scalar('ui8', 255),
      ui16: s.scalar('ui16', 9),
    },
    ...{ ui32: s.scalar('ui32', 2 ** 32 - 1), ui64: s.scalar('ui64', 2n ** 64n - 1n), f32: s.scalar('f32', 0.5), nan: Number.NaN },
    ...{ a8: Int8Array.of(1, -2), a16: Int16Array.of(3), a32: Int32Array.of(4, 5), a64: BigInt64Array.of(-6n), none: new BigInt64Array() },
    ...{ af: Float32Array.of(1, Number.POSITIVE_INFINITY), ad: Float64Array.of(-0.25, 3), inner: { deep: { off: false }, n: 1n } },
  };
  await expect(called('test.describe', attributes)).rejects.toMatchObject({
    code: 'OUT_OF_RANGE',
    message:
      'OUT_OF_RANGE: ' +
      'a16=3[3:3], a32=4[4:4 4:5], a64=5[5:-6], a8=2[2:1 2:-2], ad=12[12:-0.250000 12:3.000000], af=11[11:1.000000 11:inf], ' +
      'big=5:9223372036854775807, f32=11:0.500000, i16=3:-5, i32=4:7, i8=2:-128, inner={deep={off=1:0}, n=5:1}, nan=12:nan, ' +
      'none=5[], number=12:0.100000, on=1:1, text=\'a "b" \\ é\', ui16=7:9, ui32=8:4294967295, ui64=9:18446744073709551615, ui8=6:255 ' +
      '(11[ 4 ]) -> 1',
  });
});

test('buffers begin at lines of 64 bytes: arguments of the program, what it computes, constants', async () => {
  cpu.plugin.register('test.place', source('test_place'));
  for (const size of [1, 3, 1000, 100_001]) {
    const type = tensor('f32', [size]);
    const module = s.program('places', { x: type }, ({ x }) => {
      const operands = [
        x,
        s.sine(x),
        s.constant(new Float32Array(size).fill(0.5), type),
        s.iota(type, 0),
        s.slice(x, { start: [0], limit: [1] }),
      ];
      return { y: s.ffiCall('test.place', operands, { results: [type] })[0] };
    });
    using executable = await cpu.compile(module);
    using x = cpu.upload(type, new Float32Array(size));
    await expect(executable.run({ x })).rejects.toEqual(refused('PjrtError', /^OUT_OF_RANGE: 0 0 0 0 0 -> 0$/));
  }
});

test('narrow integers are packed, the first in the low half of a byte', async () => {
  cpu.plugin.register('test.bytes', source('test_bytes'));
  const type = tensor('i4', [8]);
  const module = s.program('bytes', { x: type }, ({ x }) => ({ y: s.ffiCall('test.bytes', [x], { results: [type] })[0] }));
  using executable = await cpu.compile(module);
  using x = cpu.upload(type, Int8Array.of(1, 2, 3, 4, 5, 6, 7, -1));
  await expect(executable.run({ x })).rejects.toEqual(refused('PjrtError', /^OUT_OF_RANGE: 33 67 101 247$/));
});

test('a handler asks for its attributes by name and type', async () => {
  cpu.plugin.register('test.typed', source('test_typed'));
  const attributes = { title: 'up', steps: BigInt64Array.of(10n, 20n), by: s.scalar('f32', 0.5), inner: { on: true } };
  expect(await called('test.typed', attributes)).toEqual([6, 12, 8, 14]);
  const cases: [attributes: Parameters<typeof called>[1], message: RegExp][] = [
    [{ ...attributes, steps: Int32Array.of(1) }, /the attribute steps is of XLA type 5; got 4/],
    [{ ...attributes, steps: 3n }, /the attribute steps is an array; got another kind/],
    [{ ...attributes, by: 0.5 }, /the attribute by is of XLA type 11; got 12/],
    [{ ...attributes, inner: 'none' }, /the attribute inner is a dictionary; got another kind/],
    [{ title: 'up' }, /the attribute steps is an array; got none/],
    [{ ...attributes, title: 'down' }, /other attributes/],
  ];
  for (const [given, message] of cases) await expect(called('test.typed', given)).rejects.toEqual(refused('PjrtError', message));
});

test('what a handler throws is the error of the run', async () => {
  const cases: [symbol: string, message: RegExp][] = [
    ['test_throws', /^UNKNOWN: a plain exception$/],
    ['test_throws_other', /^UNKNOWN: the handler threw what is no std::exception$/],
    ['test_third', /^INVALID_ARGUMENT: a call here has at least 3 arguments; got 1$/],
    ['test_wrong', /^INVALID_ARGUMENT: a buffer here has elements of XLA type 3; got 11$/],
  ];
  for (const [symbol, message] of cases) {
    cpu.plugin.register(`test.${symbol}`, source(symbol));
    await expect(called(`test.${symbol}`, {})).rejects.toEqual(refused('PjrtError', message));
  }
});

test('a dispatched run that fails while it is launched', async () => {
  cpu.plugin.register('test.third.dispatched', source('test_third'));
  const module = s.program('call', { x: vector }, ({ x }) => ({ y: s.ffiCall('test.third.dispatched', [x], { results: [vector] })[0] }));
  using x = cpu.upload(vector, Float32Array.of(1, 2, 3, 4));
  // On this thread, and on another one.
  for (const hiddenFlops of [1, 1e9]) {
    using executable = await cpu.compile({ ...module, hiddenFlops });
    const failed = refused('PjrtError', /^INVALID_ARGUMENT: a call here has at least 3 arguments; got 1$/);
    await expect(executable.dispatch({ x })).rejects.toEqual(failed);
  }
});

test('tasks on the plugin’s threads: each runs once, and the first to fail is the error', async () => {
  cpu.plugin.register('test.squares', source('test_squares'));
  const squares = (count: number, bad = -1n) => called('test.squares', { bad }, tensor('i32', [count]));
  for (const count of [0, 1, 2, 1000]) expect(await squares(count)).toEqual(Array.from({ length: count }, (_, i) => i * i));
  await expect(squares(1000, 500n)).rejects.toEqual(refused('PjrtError', /^OUT_OF_RANGE: task 500 of 1000$/));
  expect(await Promise.all(Array.from({ length: 20 }, () => squares(50)))).toEqual(
    Array(20).fill(Array.from({ length: 50 }, (_, i) => i * i)),
  );
});

test('a state for each call of a program: made with it, kept from run to run, destroyed with it', async () => {
  cpu.plugin.register('test.sum', { library, execute: 'test_add', instantiate: 'test_make_sum' });
  const [one, live] = [tensor('i64', [1]), tensor('i32', [1])];
  const sum = (first: bigint) =>
    s.program('sum', { x: one }, ({ x }) => {
      const add = (from: bigint) => s.ffiCall('test.sum', [x], { results: [one, live], hasSideEffect: true, attributes: { first: from } });
      const [[a, states], [b]] = [add(first), add(first + 100n)];
      return { a, b, states };
    });
  using x = cpu.upload(one, BigInt64Array.of(5n));
  const run = async (program: LoadedExecutable) => {
    using outputs = await program.run({ x });
    return Promise.all([outputs.a, outputs.b, outputs.states].map(async (buffer) => Number((await buffer.read())[0])));
  };
  const program = await cpu.compile(sum(0n));
  const loaded = await cpu.deserialize(await program.serialize(), sum(0n));
  expect([await run(program), await run(program), await run(loaded)]).toEqual([
    [5, 105, 4],
    [10, 110, 4],
    [5, 105, 4],
  ]);
  loaded.dispose();
  // A program is freed on another thread.
  while ((await run(program))[2] > 2) await new Promise((resolve) => setTimeout(resolve, 1));
  program.dispose();
  await expect(cpu.compile(sum(-1n))).rejects.toEqual(refused('PjrtError', /^INTERNAL: .*a state was to be made; got none/));
});

test('a state for each call of a program, with XLA’s own headers: made when the program is compiled, and when it is loaded', async () => {
  cpu.plugin.register('test.count', { library, execute: 'test_count', instantiate: 'test_make_count' });
  const one = tensor('i32', [1]);
  const first = (n: number) =>
    s.ffiCall('test.count', [], { results: [one], hasSideEffect: true, attributes: { first: s.scalar('i32', n) } })[0];
  const module = s.program('count', {}, () => ({ a: first(5), b: first(100) }));
  using executable = await cpu.compile(module);
  using loaded = await cpu.deserialize(await executable.serialize(), module);
  const run = async (program: typeof executable) => {
    using outputs = await program.run({});
    return [(await outputs.a.read())[0], (await outputs.b.read())[0]];
  };
  expect([await run(executable), await run(executable), await run(loaded)]).toEqual([
    [5, 100],
    [6, 101],
    [5, 100],
  ]);
});

test('names and sources that are none', () => {
  const { plugin } = cpu;
  for (const name of ['', '1st', 'a b', 'a/b', 'é', 7, undefined, null])
    expect(() => plugin.register(name as string, source('test_describe'))).toThrow(
      refused('ShapeError', /^the name of a handler is a letter or _ and then/),
    );
  for (const name of ['node_pjrt_attention', 'node_pjrt_callback', 'xla.sdy.Round', 'tpu_custom_call', '__onednn$matmul'])
    expect(() => plugin.register(name, source('test_describe'))).toThrow(refused('ShapeError', /kept for the compiler and this library/));
  const sources: [source: unknown, name: string, message: RegExp][] = [
    [undefined, 'ShapeError', /^execute is a symbol's name; got undefined/],
    [{ library }, 'ShapeError', /^execute is a symbol's name; got undefined/],
    [{ library, execute: '' }, 'ShapeError', /^execute is a symbol's name; got ''/],
    [{ library, execute: 'test_describe', instantiate: 3 }, 'ShapeError', /^instantiate is a symbol's name; got 3/],
    [{ library, execute: 'test_describe', finish: 'x' }, 'ShapeError', /^a handler is of library, execute, .*; got finish/],
    [{ library: '', execute: 'test_describe' }, 'ShapeError', /^library is a path; got ''/],
    [{ library: `${scratch}/none.so`, execute: 'x' }, 'PluginError', /^a library of handlers is a file; there is no .*none\.so/],
    [
      { library: __filename, execute: 'x' },
      'PluginError',
      /^a library of handlers is a shared library of this machine; .*handlers\.test\.ts/,
    ],
    [source('test_none'), 'PluginError', /^a handler is a symbol that its library exports; .*handlers\.so has no test_none/],
    [source('test_later'), 'PluginError', /^a handler is built for XLA FFI 0\.2, the plugin's; test_later is for 0\.3/],
    [source('test_refuses'), 'PluginError', /^a handler is built for XLA FFI 0\.2, the plugin's; test_refuses says: not today/],
    [{ ...source('test_describe'), instantiate: 'test_later' }, 'PluginError', /test_later is for 0\.3/],
  ];
  for (const [given, name, message] of sources) expect(() => plugin.register('test.bad', given as never)).toThrow(refused(name, message));
});

test('a name is its functions’, for all threads; the same again is nothing', async () => {
  const { plugin } = cpu;
  plugin.register('test.name', source('test_describe'));
  plugin.register('test.name', source('test_describe'));
  const link = path.join(scratch, 'link.so');
  fs.symlinkSync(library, link);
  plugin.register('test.name', { library: link, execute: 'test_describe' });
  const taken = refused('PjrtError', /^ALREADY_EXISTS: a handler's name is its own for the life of the process; test\.name is registered/);
  expect(() => plugin.register('test.name', source('test_typed'))).toThrow(taken);
  expect(() => plugin.register('test.name', { ...source('test_describe'), instantiate: 'test_describe' })).toThrow(taken);
  const code = `const { parentPort, workerData } = require('node:worker_threads');
    const { Plugin } = require(workerData.index);
    Plugin.load('cpu').then((plugin) => {
      plugin.register('test.name', { library: workerData.library, execute: 'test_describe' });
      try { plugin.register('test.name', { library: workerData.library, execute: 'test_typed' }); }
      catch (error) { parentPort.postMessage(error.code); }
    });`;
  const worker = new Worker(code, { eval: true, workerData: { library, index: path.join(__dirname, '..', 'dist') } });
  const message = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  expect(message).toBe('ALREADY_EXISTS');
});

test('an isolated plugin has handlers in its process, which may crash, and names of its own', async () => {
  using client = await Client.open('cpu', { isolated: true });
  const crash = async (target: string, attributes = {}) => {
    const call = () => ({ y: s.ffiCall(target, [], { results: [tensor('i32', [3])], attributes })[0] });
    using executable = await client.compile(s.program('crash', {}, call));
    using outputs = await executable.run({});
    return [...(await outputs.y.read())];
  };
  client.plugin.register('test.isolated', source('test_squares'));
  expect(() => client.plugin.register('test.isolated', source('test_typed'))).toThrow(refused('PjrtError', /^ALREADY_EXISTS/));
  expect(() => client.plugin.register('test.none', source('test_none'))).toThrow(refused('PluginError', /has no test_none$/));
  expect(await crash('test.isolated', { bad: -1n })).toEqual([0, 1, 4]);
  using _here = cpu.plugin.callback('mine', () => {});
  using _there = client.plugin.callback('mine', () => {});
  expect(() => client.plugin.callback('mine', () => {})).toThrow(refused('ShapeError', /mine is taken$/));
  client.plugin.register('test.crashes', source('test_crashes'));
  await expect(crash('test.crashes')).rejects.toEqual(refused('PluginCrashError', /was ended by SIGABRT$/));
  expect(await called('test.isolated.here', {}).catch((error) => error.code)).toBe('NOT_FOUND');
});

test('a program with a call that nobody registered does not compile', async () => {
  await expect(called('test.nobody', {})).rejects.toEqual(refused('PjrtError', /^NOT_FOUND: .*test\.nobody/));
  expect(liveHandles()).toBe(1);
});

testTpu('a TPU calls no handlers', async () => {
  const plugin = await Plugin.load('tpu');
  expect(() => plugin.register('test.tpu', source('test_describe'))).toThrow(
    refused('PjrtError', /^UNIMPLEMENTED: handlers are functions/),
  );
  expect(() => plugin.callback('test', () => {})).toThrow(refused('PjrtError', /^UNIMPLEMENTED: callbacks are called by/));
});
