/** Arrays that buffers are, and buffers that are looked at in place, on the CPU plugin. */
import { Worker } from 'node:worker_threads';
import * as path from 'node:path';
import { type Buffer, type Client, hostArray, liveHandles } from '../lib/pjrt';
import { type DType, tensor } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});
afterEach(() => expect(liveHandles()).toBe(1));

const type = tensor('f32', [1024]);
const counted = () => {
  const array = hostArray(type) as Float32Array;
  for (let i = 0; i < array.length; i++) array[i] = i;
  return array;
};
const addressed = (array: ArrayLike<number>) => Array.from(array).slice(0, 3);

test.each<[DType, string]>([
  ['f32', 'Float32Array'],
  ['bf16', 'Uint16Array'],
  ['i64', 'BigInt64Array'],
  ['i1', 'Uint8Array'],
])('hostArray of %s is a %s of zeros', (dtype, kind) => {
  const array = hostArray(tensor(dtype, [3, 5]));
  expect([array.constructor.name, array.length]).toEqual([kind, 15]);
  expect(Array.from(array as Float32Array).every((value) => !value)).toBe(true);
  expect(hostArray(tensor(dtype, [0])).length).toBe(0);
});

test('an alias is the array: a view of it is the same memory', async () => {
  const array = counted();
  using buffer = cpu.alias(type, array);
  expect(await buffer.read()).toEqual(array);
  const view = await buffer.view();
  // Not allowed to users: here it shows that nothing was copied.
  array[1] = -7;
  expect(addressed(view as Float32Array)).toEqual([0, -7, 2]);
});

test('an upload is a copy', async () => {
  const array = counted();
  using buffer = cpu.upload(type, array);
  array[1] = -7;
  expect(addressed((await buffer.read()) as Float32Array)).toEqual([0, 1, 2]);
});

test('runs take aliases, and outputs are viewed', async () => {
  using program = await cpu.compile(elementwise('add', '1024xf32'));
  using a = cpu.alias(type, counted());
  using b = cpu.alias(type, (counted() as Float32Array).subarray(0));
  let view: ArrayLike<number>;
  {
    using result = await program.run({ a, b });
    view = (await result.out.view()) as Float32Array;
    expect(await result.out.view()).toEqual(view);
  }
  // The buffer is disposed; its memory is there as long as the array.
  expect(addressed(view)).toEqual([0, 2, 4]);
  expect(view).toEqual(await twice());
});

async function twice(): Promise<Float32Array> {
  return counted().map((value) => 2 * value);
}

test('the array may go before the buffer', async () => {
  const make = (): Buffer => cpu.alias(type, counted());
  using buffer = make();
  for (let i = 0; i < 50; i++) hostArray(tensor('f32', [2 ** 20]));
  expect(await buffer.read()).toEqual(counted());
});

test('parts of an array, and empty ones', async () => {
  const array = counted();
  using part = cpu.alias(tensor('f32', [16]), array.subarray(32, 48));
  expect(await part.read()).toEqual(array.subarray(32, 48));
  using empty = cpu.alias(tensor('f32', [0, 4]), hostArray(tensor('f32', [0, 4])));
  expect((await empty.view()).length).toBe(0);
  expect(() => cpu.alias(tensor('f32', [16]), array.subarray(1, 17))).toThrow('multiple of 64 bytes of its memory; got 4');
  expect(() => cpu.alias(tensor('f32', [4]), new Float32Array(4))).toThrow('an array that a buffer is in place is one of hostArray');
  expect(() => cpu.alias(tensor('bf16', [4]), new Float32Array(4))).toThrow('bf16 takes Uint16Array, got Float32Array');
  expect(() => cpu.alias(tensor('f32', [5]), array.subarray(0, 4))).toThrow('has 5 elements; the array has 4');
});

const inPlace = `module @in_place {
  func.func @main(%a: tensor<1024xf32> {tf.aliasing_output = 0 : i32}) -> tensor<1024xf32> {
    %0 = stablehlo.add %a, %a : tensor<1024xf32>
    return %0 : tensor<1024xf32>
  }
}`;

test('a run that takes its input over leaves the array alone', async () => {
  const array = counted();
  using program = await cpu.compile(inPlace);
  using result = await program.run({ a: cpu.alias(type, array) });
  expect(await result.out.read()).toEqual(await twice());
  expect(array).toEqual(counted());
});

test('a buffer that is looked at is not donated', async () => {
  using program = await cpu.compile(inPlace);
  using a = cpu.upload(type, counted());
  const view = await a.view();
  await expect(program.run({ a })).rejects.toThrow('the input a is donated; a view holds its memory');
  expect(addressed(view as Float32Array)).toEqual([0, 1, 2]);
});

test('what is packed has no view', async () => {
  using nibbles = cpu.upload(tensor('i4', [8]), Int8Array.of(1, -2, 3, -4, 5, -6, 7, -8));
  await expect(nibbles.view()).rejects.toThrow('row-major and whole bytes; tensor<8xi4> does not');
  using same = cpu.alias(tensor('i4', [8]), (hostArray(tensor('i4', [8])) as Int8Array).fill(-3));
  expect(await same.read()).toEqual(new Int8Array(8).fill(-3));
});

test('a worker ends while its arrays are in use', async () => {
  const script = `
    const { Client, hostArray, tensor } = require(${JSON.stringify(path.join(__dirname, '..', 'dist', 'index.js'))});
    (async () => {
      const cpu = await Client.open('cpu');
      const type = tensor('f32', [2 ** 20]);
      const a = cpu.alias(type, hostArray(type).fill(1));
      const program = await cpu.compile(${JSON.stringify(elementwise('add', '1048576xf32'))});
      const view = await (await program.run({ a, b: a })).out.view();
      for (let i = 0; i < 20; i++) void program.run({ a, b: a });
      require('node:worker_threads').parentPort.postMessage(view[5]);
      process.exit(0);
    })();`;
  const worker = new Worker(script, { eval: true });
  const values: unknown[] = [];
  worker.on('message', (value) => values.push(value));
  const code = await new Promise((resolve) => worker.on('exit', resolve));
  expect([values, code]).toEqual([[2], 0]);
});
