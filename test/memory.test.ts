/** The memories of devices, and buffers that move between them, on the CPU plugin. */
import { Client, liveHandles } from '../lib/pjrt';
import { tensor } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

const four = tensor('f32', [4]);
const values = Float32Array.of(1, 2, 3, 4);
const kinds = ['device', 'pinned_host', 'unpinned_host'];

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
}, 2);
afterEach(() => expect(liveHandles()).toBe(1));

test('a device has memories, and one is its default', () => {
  const all = cpu.devices.flatMap(({ memories }) => memories);
  expect(all.map(({ kind }) => kind)).toEqual([...kinds, ...kinds]);
  expect(new Set(all.map(({ id }) => id)).size).toBe(6);
  for (const device of cpu.devices) {
    expect(device.memories.filter(({ isDefault }) => isDefault).map(({ kind }) => kind)).toEqual(['device']);
    expect(device.memories.every((memory) => memory.device === device)).toBe(true);
    expect(device.memories).toBe(device.memories);
  }
  expect(cpu.devices[1].memories[1].description).toBe('PINNED_HOST_4');
});

test.each(kinds)('upload to %s, run from there, and copies to every other memory of every device', async (kind) => {
  const from = cpu.devices[0].memories.find((memory) => memory.kind === kind);
  if (!from) throw new Error(`no ${kind}`);
  using x = cpu.upload(four, values, from);
  expect([x.memory, x.device, x.deviceBytes, await x.read()]).toEqual([from, cpu.devices[0], 16, values]);
  using program = await cpu.compile(elementwise('add', '4xf32'));
  using result = await program.run({ a: x, b: x });
  expect(await result.out.read()).toEqual(values.map((value) => 2 * value));
  expect(result.out.memory.kind).toBe('device');
  for (const to of cpu.devices.flatMap(({ memories }) => memories)) {
    if (to === from) continue;
    using copy = x.copyTo(to);
    await copy.ready();
    expect([copy.memory, copy.device, copy.type]).toEqual([to, to.device, four]);
    expect(await copy.read()).toEqual(values);
  }
});

test.each([
  [[], []],
  [[4], [0]],
  [
    [2, 3, 4],
    [2, 1, 0],
  ],
])('the layout of %p', async (shape, minorToMajor) => {
  using x = cpu.upload(tensor('i16', shape), new Int16Array(shape.reduce((product, n) => product * n, 1)));
  expect(x.layout).toEqual({ minorToMajor, tiles: [] });
  x.dispose();
  expect(() => x.layout).toThrow(expect.objectContaining({ name: 'DisposedError' }));
});

test('a device stands for its default memory', async () => {
  using x = cpu.upload(four, values);
  using copy = x.copyTo(cpu.devices[1]);
  expect([copy.device, copy.memory.kind]).toEqual([cpu.devices[1], 'device']);
  using program = await cpu.compile(elementwise('negate', '4xf32', 1), { device: cpu.devices[1] });
  await expect(program.run({ a: x })).rejects.toThrow(/the program runs on CpuDevice\(id=1\); the input a is on CpuDevice\(id=0\)/);
  using result = await program.run({ a: copy });
  expect(await result.out.read()).toEqual(values.map((value) => -value));
});

test('a copy does not need its source any more', async () => {
  const length = 1 << 22;
  const big = cpu.upload(tensor('f32', [length]), new Float32Array(length).fill(3));
  using copy = big.copyTo(cpu.devices[1]);
  big.dispose();
  const read = (await copy.read()) as Float32Array;
  expect(read.length).toBe(length);
  expect(read.every((value) => value === 3)).toBe(true);
});

test('places that are none', async () => {
  using x = cpu.upload(four, values);
  using other = await Client.open('cpu');
  const rule = 'a device is one of its client, client.devices, and a memory one of its device, device.memories';
  for (const place of [other.devices[0], other.devices[0].memories[1], {}, 'device', null]) {
    expect(() => x.copyTo(place as never)).toThrow(rule);
    expect(() => cpu.upload(four, values, place as never)).toThrow(rule);
  }
  for (const same of [cpu.devices[0], cpu.devices[0].memories[0]])
    expect(() => x.copyTo(same)).toThrow('a copy is to another memory; the buffer is in CPU_DEVICE_0');
  const gone = cpu.upload(four, values);
  gone.dispose();
  for (const use of [() => gone.memory, () => gone.deviceBytes, () => gone.copyTo(cpu.devices[1])])
    expect(use).toThrow(expect.objectContaining({ name: 'DisposedError' }));
});
