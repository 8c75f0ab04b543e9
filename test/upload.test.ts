/** Large arrays on their way to a device: copied in turns, and as good as there for whoever uses the buffer. */
import { channel } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as path from 'node:path';
import { type Client, Client as Clients, type HostData, hostArray, liveHandles } from '../lib/pjrt';
import { Arrival, Staging } from '../lib/pjrt/arrival';
import { Buffer } from '../lib/pjrt/buffer';
import { rawOf } from '../lib/pjrt/handle';
import { hostParts } from '../lib/pjrt/host-data';
import { native } from '../lib/pjrt/native';
import { type DType, dtypes, tensor } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});
afterEach(() => expect(liveHandles()).toBe(1));

// 24 MiB of f32: several turns.
const length = 3 * 2 ** 21;
const type = tensor('f32', [3, 2 ** 21]);
const counted = () => Float32Array.from({ length }, (_, i) => i % 4099);
const same = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>) => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

test.each<[DType, HostData]>([
  ['f32', counted()],
  ['f32', new Uint8Array(counted().buffer)],
  ['bf16', Float32Array.from({ length }, (_, i) => (i % 255) - 127)],
  ['f16', Float32Array.from({ length }, (_, i) => (i % 511) / 8)],
  ['i4', Int8Array.from({ length }, (_, i) => (i % 16) - 8)],
  ['i2', Int8Array.from({ length }, (_, i) => (i % 4) - 2)],
  ['ui2', Uint8Array.from({ length }, (_, i) => i % 4)],
  ['f4E2M1FN', Uint8Array.from({ length }, (_, i) => i % 16)],
  ['i64', BigInt64Array.from({ length }, (_, i) => BigInt(i) << 20n)],
  ['i1', Uint8Array.from({ length }, (_, i) => i % 2)],
])('an array of %s comes as it is', async (dtype, data) => {
  using buffer = cpu.upload(tensor(dtype, [length]), data);
  const read = await buffer.read();
  const wanted = data instanceof Uint8Array && dtype === 'f32' ? new Float32Array(data.buffer) : data;
  expect([read.constructor.name, same(read, wanted)]).toEqual([wanted.constructor.name, true]);
});

test('the array may change when the buffer is ready', async () => {
  const array = counted();
  using buffer = cpu.upload(type, array);
  await buffer.ready();
  array.fill(-1);
  expect(same(await buffer.read(), counted())).toBe(true);
});

test('where the plugin copies all that it is given, a hostArray is not copied before', async () => {
  const array = hostArray(type) as Float32Array;
  array.set(counted());
  const stage = jest.spyOn(native(), 'stage');
  const place = [rawOf(cpu), 0, -1, dtypes.f32.pjrt, type.shape] as const;
  using buffer = new Buffer(new Arrival(new Staging(hostParts(type, array), false, true), place), cpu, type, cpu.devices[0]);
  using atOnce = new Buffer(new Arrival(new Staging(hostParts(type, array), false, true), place), cpu, type, cpu.devices[0]);
  expect(atOnce.deviceBytes).toBe(4 * length);
  for (const one of [buffer, atOnce]) expect(same(await one.read(), array)).toBe(true);
  expect(stage).not.toHaveBeenCalled();
  stage.mockRestore();
});

test('a run waits for its inputs, and takes them', async () => {
  using program = await cpu.compile(elementwise('add', `3x${2 ** 21}xf32`));
  using a = cpu.upload(type, counted());
  using b = cpu.upload(type, counted());
  using result = await program.run({ a, b });
  const read = (await result.out.read()) as Float32Array;
  expect(
    same(
      read,
      counted().map((value) => 2 * value),
    ),
  ).toBe(true);
});

test('what is asked at once is answered: the copy is finished first', async () => {
  using buffer = cpu.upload(type, counted());
  expect([buffer.bytes, buffer.deviceBytes, buffer.memory.kind]).toEqual([4 * length, 4 * length, 'device']);
  using other = cpu.upload(type, counted());
  using copy = other.copyTo(cpu.devices[0].memories[1]);
  expect(same(await copy.read(), counted())).toBe(true);
  expect(same(await buffer.view(), counted())).toBe(true);
});

test('a buffer that is disposed before it is there', async () => {
  await idle();
  const dropped = jest.spyOn(native(), 'dropStage');
  const made = jest.spyOn(native(), 'uploadStageLater');
  const buffer = cpu.upload(type, counted());
  buffer.dispose();
  await expect(buffer.ready()).rejects.toThrow(expect.objectContaining({ name: 'DisposedError' }));
  expect([dropped.mock.calls.length, made.mock.calls.length]).toEqual([1, 0]);
  const under = cpu.upload(type, counted());
  await setImmediate();
  under.dispose();
  for (let i = 0; i < 100 && dropped.mock.calls.length < 2; i++) await setImmediate();
  expect(dropped.mock.calls.length).toBe(2);
  jest.restoreAllMocks();
});

// Whatever the tests before have left under way.
async function idle(): Promise<void> {
  for (let i = 0; i < 100; i++) await setImmediate();
}

test('a client that is disposed before it is there', async () => {
  const client = await Clients.open('cpu');
  const buffer = client.upload(type, counted());
  client.dispose();
  await expect(buffer.read()).rejects.toThrow(expect.objectContaining({ name: 'DisposedError' }));
});

test('an array that goes away meanwhile is an error, of whatever uses the buffer', async () => {
  using program = await cpu.compile(elementwise('negate', `3x${2 ** 21}xf32`, 1));
  const array = counted();
  using a = cpu.upload(type, array);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  const gone = expect.objectContaining({
    name: 'ShapeError',
    message: 'an array that is uploaded stays until the buffer is ready; it was transferred',
  });
  await expect(a.ready()).rejects.toEqual(gone);
  await expect(program.run({ a })).rejects.toEqual(gone);
  expect(() => a.layout).toThrow(gone);
});

test('a value that a narrow integer does not have is found when it is copied', async () => {
  const values = new Int8Array(length);
  values[length - 5] = 8;
  using buffer = cpu.upload(tensor('i4', [length]), values);
  const rule = 'a value of i4 is from -8 to 7; the array has 8';
  await expect(buffer.ready()).rejects.toThrow(rule);
  await expect(buffer.read()).rejects.toThrow(rule);
  // A wrong kind or length is wrong at once.
  expect(() => cpu.upload(tensor('i4', [length]), new Float32Array(length))).toThrow('i4 is uploaded from Int8Array or Uint8Array');
  expect(() => cpu.upload(type, new Float32Array(length - 1))).toThrow(`has ${length} elements; the array has ${length - 1}`);
});

test('listeners hear how long it took until the array is free', async () => {
  const heard: unknown[] = [];
  const listen = (message: unknown) => heard.push(message);
  channel('node-pjrt:upload').subscribe(listen);
  using buffer = cpu.upload(type, counted());
  expect(heard).toEqual([]);
  await buffer.ready();
  channel('node-pjrt:upload').unsubscribe(listen);
  expect(heard).toEqual([{ begin: expect.any(Number), durationMs: expect.any(Number), bytes: 4 * length }]);
});

test('upload after upload takes no more memory than a few', async () => {
  const array = new Float32Array(2 ** 24);
  const big = tensor('f32', [2 ** 24]);
  const once = async (i: number) => {
    array[i] = i;
    using buffer = cpu.upload(big, array);
    await buffer.ready();
    expect(((await buffer.view()) as Float32Array)[i]).toBe(i);
  };
  for (let i = 0; i < 4; i++) await once(i);
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 24; i++) await once(i);
  expect(process.memoryUsage.rss() - before).toBeLessThan(6 * 2 ** 26);
});

test('a worker that ends in the middle of one', async () => {
  const script = `
    const { Client, tensor } = require(${JSON.stringify(path.join(__dirname, '..', 'dist'))});
    const { parentPort } = require('node:worker_threads');
    Client.open('cpu').then((client) => {
      for (let i = 0; i < 4; i++) client.upload(tensor('f32', [2 ** 24]), new Float32Array(2 ** 24));
      parentPort.postMessage('under way');
    });`;
  const worker = new Worker(script, { eval: true });
  await new Promise((resolve) => worker.once('message', resolve));
  expect(await worker.terminate()).toBe(1);
});
