/** Large arrays for programs on several devices: cut, converted and copied in turns, once for however many devices have the same tile. */
import { setImmediate } from 'node:timers/promises';
import { Client, type HostData, hostArray, liveHandles, type ShardedExecutable } from '../lib/pjrt';
import { Arrival } from '../lib/pjrt/arrival';
import { native } from '../lib/pjrt/native';
import { type DType, type HostArray, hostLength, tensor, toBits } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
}, 4);
afterEach(() => expect(liveHandles()).toBe(1));

// Columns do not go up, so that the last tile is cut: 8 MiB of f32.
const [rows, columns] = [1025, 2050];
const size = rows * columns;
const byColumns = '{devices=[1,4]<=[4]}';
const byRows = '{devices=[4,1]<=[4]}';

/** `-a`, or its complement, split over 4 devices; donated, the output takes the input's memory. */
async function compiled(dtype: DType, sharding: string, { isDonated = false, client = cpu } = {}): Promise<ShardedExecutable> {
  const type = `${rows}x${columns}x${dtype}`;
  const text = elementwise(/^i1|^ui/.test(dtype) ? 'not' : 'negate', type, 1);
  const split = `mhlo.sharding = "${sharding}"`;
  return client.compileSharded(
    text
      .replace(`%a: tensor<${type}>`, `%a: tensor<${type}> {${split}${isDonated ? ', tf.aliasing_output = 0 : i32' : ''}}`)
      .replace(`-> tensor<${type}>`, `-> (tensor<${type}> {${split}})`),
    { partitions: 4 },
  );
}

const counted = () => Float32Array.from({ length: size }, (_, i) => i % 4099);
const bytesOf = ({ buffer, byteOffset, byteLength }: HostArray) => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
const isSame = (a: HostArray, b: HostArray) => bytesOf(a).equals(bytesOf(b));

/** The bytes of a tile of 513 columns, row by row; outside of the whole 0. */
function tileOf(bits: HostArray, place: number): Buffer {
  const bytes = bytesOf(bits);
  const unit = bytes.length / size;
  const width = Math.ceil(columns / 4) * unit;
  const tile = Buffer.alloc(rows * width);
  for (let row = 0; row < rows; row++)
    bytes.copy(
      tile,
      row * width,
      row * columns * unit + place * width,
      row * columns * unit + Math.min((place + 1) * width, columns * unit),
    );
  return tile;
}

const random = (array: HostArray) => {
  const bytes = bytesOf(array);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 13;
  return array;
};
const small = (length: number) => Float32Array.from({ length }, (_, i) => (i % 255) - 127);

test.each<[string, DType, HostData, HostArray]>([
  ['f32, NaNs as they are', 'f32', random(new Float32Array(size)), random(new Float32Array(size))],
  ['f32 as bytes', 'f32', random(new Uint8Array(4 * size)), random(new Float32Array(size))],
  ['bf16 of f32', 'bf16', small(size), toBits('bf16', small(size))],
  ['f16 of f32', 'f16', small(size), toBits('f16', small(size))],
  ['bits of bf16', 'bf16', random(new Uint16Array(size)), random(new Uint16Array(size))],
  ['i64', 'i64', random(new BigInt64Array(size)), random(new BigInt64Array(size))],
  ['complex<f64>', 'complex<f64>', random(new Float64Array(2 * size)), random(new Float64Array(2 * size))],
  ['i4', 'i4', Int8Array.from({ length: size }, (_, i) => (i % 16) - 8), Int8Array.from({ length: size }, (_, i) => (i % 16) - 8)],
])('%s, by columns that do not go up', async (_, dtype, data, bits) => {
  using program = await compiled(dtype, byColumns);
  expect(hostLength(program.inputs[0].type)).toBe(bits.length);
  using a = program.upload('a', data);
  for (const [place, shard] of a.shards.entries())
    expect([place, bytesOf(await shard.bits()).equals(tileOf(bits, place))]).toEqual([place, true]);
  expect(isSame(await a.bits(), bits)).toBe(true);
});

test('a run waits for it', async () => {
  using program = await compiled('f32', byColumns);
  using a = program.upload('a', counted());
  using outputs = await program.run({ a });
  expect(
    isSame(
      await outputs.out.read(),
      counted().map((value) => -value),
    ),
  ).toBe(true);
});

test('up to 4 MiB on all devices together are copied at once; more may change when it is ready', async () => {
  const run = jest.spyOn(Arrival.prototype, 'run');
  using program = await compiled('f32', byRows);
  const array = counted();
  using a = program.upload('a', array);
  expect(run).toHaveBeenCalledTimes(4);
  await a.ready();
  array.fill(-1);
  expect(isSame(await a.read(), counted())).toBe(true);
  using few = await cpu.compileSharded(
    elementwise('negate', '4x4xf32', 1).replace('%a: tensor<4x4xf32>', `%a: tensor<4x4xf32> {mhlo.sharding = "${byColumns}"}`),
    { partitions: 4 },
  );
  const values = Float32Array.from({ length: 16 }, (_, i) => i);
  using b = few.upload('a', values);
  values.fill(-1);
  expect(run).toHaveBeenCalledTimes(4);
  expect(Array.from((await b.read()) as Float32Array)).toEqual(Array.from({ length: 16 }, (_, i) => i));
  run.mockRestore();
});

describe('the same on all devices', () => {
  test('is converted and copied once', async () => {
    const stage = jest.spyOn(native(), 'stage');
    using program = await compiled('bf16', '{replicated}');
    using a = program.upload('a', small(size));
    expect(stage.mock.calls).toEqual([[2 * size, false]]);
    for (const shard of a.shards) expect(isSame(await shard.bits(), toBits('bf16', small(size)))).toBe(true);
    const views = await Promise.all(a.shards.map((shard) => shard.view()));
    a.shards[0].dispose();
    for (const view of views) expect(isSame(view, toBits('bf16', small(size)))).toBe(true);
    stage.mockRestore();
  });

  test('a donated one does not change the others', async () => {
    using program = await compiled('f32', '{replicated}', { isDonated: true });
    using kept = program.upload('a', counted());
    const given = program.upload('a', counted());
    const views = await Promise.all(kept.shards.map((shard) => shard.view()));
    using outputs = await program.run({ a: given });
    for (const shard of outputs.out.shards)
      expect(
        isSame(
          await shard.read(),
          counted().map((value) => -value),
        ),
      ).toBe(true);
    for (const view of views) expect(isSame(view, counted())).toBe(true);
    expect(() => given.shards[0].layout).toThrow('was donated');
  });

  test('one that goes before it is there leaves the others', async () => {
    using program = await compiled('f32', '{replicated}');
    using a = program.upload('a', counted());
    a.shards[0].dispose();
    expect(a.shards[1].deviceBytes).toBe(4 * size);
    for (const shard of a.shards.slice(1)) expect(isSame(await shard.read(), counted())).toBe(true);
  });

  test('of replicas with the same array, and others', async () => {
    const text = elementwise('negate', `${rows}x${columns}xf32`, 1);
    using program = await cpu.compileSharded(text, { replicas: 4 });
    const stage = jest.spyOn(native(), 'stage');
    const [one, two] = [counted(), counted().reverse()];
    using a = program.upload('a', [one, two, one, one]);
    expect(stage).toHaveBeenCalledTimes(2);
    stage.mockRestore();
    for (const [replica, array] of [one, two, one, one].entries()) expect(isSame(await a.read(replica), array)).toBe(true);
  });

  test('in another process each has its own memory', async () => {
    using isolated = await Client.open('cpu', { devices: 4, isolated: true, cache: false });
    using program = await compiled('f32', '{replicated}', { client: isolated });
    using a = program.upload('a', counted());
    await a.ready();
    a.shards[0].dispose();
    for (let i = 0; i < 4; i++) {
      using other = program.upload('a', new Float32Array(size));
      await other.ready();
    }
    for (const shard of a.shards.slice(1)) expect(isSame(await shard.read(), counted())).toBe(true);
  });
});

describe('what goes wrong', () => {
  let program: ShardedExecutable;
  beforeEach(async () => {
    program = await compiled('f32', byColumns);
  });
  afterEach(() => program.dispose());

  test('a wrong kind or length is wrong at once', () => {
    expect(() => program.upload('a', new Float32Array(size - 1))).toThrow(`has ${size} elements; the array has ${size - 1}`);
    expect(() => program.upload('a', new Float64Array(size))).toThrow('f32 is uploaded from Float32Array or Uint8Array; got Float64Array');
  });

  test('what it belongs to is disposed meanwhile', async () => {
    const dropped = jest.spyOn(native(), 'dropStage');
    const a = program.upload('a', counted());
    await setImmediate();
    a.dispose();
    await expect(a.ready()).rejects.toThrow(expect.objectContaining({ name: 'DisposedError' }));
    await expect(program.run({ a })).rejects.toThrow('this ShardedBuffer has been disposed');
    for (let i = 0; i < 100 && dropped.mock.calls.length < 4; i++) await setImmediate();
    expect(dropped).toHaveBeenCalledTimes(4);
    dropped.mockRestore();
    const client = await Client.open('cpu', { devices: 4, cache: false });
    const other = await compiled('f32', byColumns, { client });
    const b = other.upload('a', counted());
    client.dispose();
    await expect(b.ready()).rejects.toThrow(expect.objectContaining({ name: 'DisposedError' }));
  });

  test('an array that goes away is an error of whatever uses it', async () => {
    const array = counted();
    using a = program.upload('a', array);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    const gone = 'an array that is uploaded stays until the buffer is ready; it was transferred';
    await expect(a.ready()).rejects.toThrow(gone);
    await expect(program.run({ a })).rejects.toThrow(gone);
  });

  test('a value that a narrow integer does not have is found when it is copied; in a small array at once', async () => {
    const rule = 'a value of i4 is from -8 to 7; the array has 8';
    using narrow = await compiled('i4', '{replicated}');
    const values = new Int8Array(size);
    values[size - 5] = 8;
    using a = narrow.upload('a', values);
    await expect(a.ready()).rejects.toThrow(rule);
    await expect(narrow.run({ a })).rejects.toThrow(rule);
    using split = await compiled('i4', byColumns);
    expect(() => split.upload('a', values)).toThrow(rule);
  });
});

test('rows of a hostArray lie in it as they are, columns do not', async () => {
  const array = hostArray(tensor('f32', [rows, columns])) as Float32Array;
  array.set(counted());
  for (const sharding of [byRows, byColumns, '{replicated}']) {
    using program = await compiled('f32', sharding);
    using a = program.upload('a', array);
    expect(isSame(await a.read(), counted())).toBe(true);
  }
});
