/** What listeners on `node:diagnostics_channel` hear of real work, and that the work is the same with them. */
import * as diagnostics from 'node:diagnostics_channel';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Client, Plugin, Topology } from '../lib/pjrt';
import { channelOf, eventNames, type EventName, observed, observedNow } from '../lib/pjrt/observe/events';
import { tensor } from '../lib/types';
import { testTpu } from './helpers';
import { elementwise, matmul } from './pjrt-programs';
import { withCpu } from './with-target';

type Heard = { name: EventName; begin: number; durationMs: number; error?: Error } & Record<string, unknown>;

let heard: Heard[];
const listeners = eventNames.map(
  (name) => [channelOf(name), (message: unknown) => heard.push({ name, ...(message as object) } as Heard)] as const,
);
const untimed = () => heard.map(({ begin: _, durationMs: __, ...rest }) => rest);

beforeEach(() => {
  heard = [];
  for (const [name, listener] of listeners) diagnostics.subscribe(name, listener);
});
afterEach(() => {
  for (const [name, listener] of listeners) diagnostics.unsubscribe(name, listener);
});

describe('the CPU plugin', () => {
  let cpu: Client;
  withCpu((opened) => {
    cpu = opened;
  });

  test('load, compile, upload, execute, read: each with its size, in order and in time', async () => {
    const from = performance.now();
    await Plugin.load('cpu');
    using program = await cpu.compile(matmul(64));
    using a = cpu.upload(tensor('f32', [64, 64]), new Float32Array(64 * 64));
    using result = await program.run({ a });
    await result.out.read();
    const bytes = 64 * 64 * 4;
    expect(untimed()).toEqual([
      { name: 'load', plugin: cpu.plugin.path },
      { name: 'compile', platform: 'cpu', characters: matmul(64).length, fromCache: false },
      { name: 'upload', bytes },
      { name: 'execute', program: 'matmul', inputBytes: bytes, outputBytes: bytes },
      { name: 'read', bytes },
    ]);
    let last = from;
    for (const { begin, durationMs } of heard) {
      expect(begin).toBeGreaterThanOrEqual(last);
      expect(durationMs).toBeGreaterThan(0);
      last = begin + durationMs;
    }
    expect(last).toBeLessThanOrEqual(performance.now());
  });

  test('a failure is heard with its error, and thrown as ever; what a check refuses is not heard', async () => {
    const bad = matmul(8).replace('dot_general', 'dot_particular');
    const error = await cpu.compile(bad).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'PjrtError' });
    expect(untimed()).toEqual([{ name: 'compile', platform: 'cpu', characters: bad.length, fromCache: false, error }]);
    await expect(cpu.compile('func.func @main()')).rejects.toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(heard).toHaveLength(1);
  });

  test('a program that is disposed while it runs', async () => {
    const program = await cpu.compile(elementwise('add', '2xf32'));
    using a = cpu.upload(tensor('f32', [2]), Float32Array.of(1, 2));
    const run = program.run({ a, b: a });
    program.dispose();
    using result = await run;
    expect(await result.out.read()).toEqual(Float32Array.of(2, 4));
    expect(heard.map(({ name }) => name)).toEqual(['compile', 'upload', 'execute', 'read']);
  });

  test('a program that a cache has says so', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pjrt-events-'));
    using cached = await Client.open('cpu', { cache: folder });
    for (let i = 0; i < 2; i++) (await cached.compile(matmul(8))).dispose();
    expect(heard.filter(({ name }) => name === 'compile').map(({ fromCache }) => fromCache)).toEqual([false, true]);
    fs.rmSync(folder, { recursive: true });
  });

  test('without a listener nothing is heard, and nothing is asked', async () => {
    for (const [name, listener] of listeners) diagnostics.unsubscribe(name, listener);
    using program = await cpu.compile(matmul(8));
    const never = () => {
      throw new Error('asked');
    };
    expect(program.name).toBe('matmul');
    expect([await observed('read', async () => 1, never), observedNow('upload', () => 2, never)]).toEqual([1, 2]);
    expect(heard).toEqual([]);
  });
});

testTpu('the TPU compiler', async () => {
  using v5p = await Topology.open('tpu', 'v5p:2x2x1');
  using program = await v5p.compile(matmul(64));
  expect(program.fromCache).toBe(false);
  expect(untimed()).toEqual([
    { name: 'load', plugin: v5p.plugin.path },
    { name: 'compile', platform: 'tpu', characters: matmul(64).length, fromCache: false },
  ]);
});
