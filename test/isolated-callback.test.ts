/** Callbacks of isolated plugins: functions of this process that another one's programs call, and what ends while one is under way. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import * as s from '../lib/ir/stablehlo';
import { Client, liveHandles } from '../lib/pjrt';
import { type DType, dtypes, hostLength, type Module, tensor, type TensorType } from '../lib/types';
import { node, quiet } from './node-process';

const four = tensor('f32', [4]);
const values = Float32Array.of(1, 2, 3, 4);
const failure = (facts: object) => expect.objectContaining(facts);

/** A program that returns what the callback makes of x. */
const through = (name: string, type: TensorType = four): Module =>
  s.program('through', { x: type }, ({ x }) => ({ y: s.callback(name, [x], [type])[0] }));

async function run(client: Client, name: string, data = values): Promise<number[]> {
  using executable = await client.compile(through(name));
  using x = client.upload(four, data);
  using outputs = await executable.run({ x });
  return [...((await outputs.y.read()) as Float32Array)];
}

describe('while its process is there', () => {
  let cpu: Client;
  beforeAll(async () => {
    cpu = await Client.open('cpu', { isolated: true, devices: 2 });
  });
  afterEach(() => expect(liveHandles()).toBe(1));
  afterAll(() => {
    cpu.dispose();
    expect(liveHandles()).toBe(0);
  });

  // Some go as messages, some as memory.
  test.each<[DType, number]>([
    ['f32', 0],
    ['f32', 3],
    ['f64', 2047],
    ['f64', 2048],
    ['i64', 1 << 18],
    ['bf16', 100_000],
    ['i1', 33_333],
    ['f8E4M3FN', 70_000],
  ])('%s of %i elements, through a callback and back', async (dtype, length) => {
    const type = tensor(dtype, [length]);
    const bits = new dtypes[dtype].host(hostLength(type));
    for (let i = 0; i < bits.length; i++) bits[i] = (typeof bits[i] === 'bigint' ? BigInt(i % 2) : i % 2) as never;
    let given: unknown;
    using _ = cpu.plugin.callback('same', ([x], results) => {
      given = [x.type, results];
      const { data } = x;
      const copy = data.slice();
      data.fill((typeof data[0] === 'bigint' ? 0n : 0) as never);
      return copy;
    });
    using executable = await cpu.compile(through('same', type));
    using x = cpu.upload(type, bits);
    for (let i = 0; i < 3; i++) {
      using outputs = await executable.run({ x });
      expect(given).toEqual([type, [type]]);
      expect(await outputs.y.bits()).toEqual(bits);
    }
  });

  test('what it throws is the run’s error and its cause; one that rejects, gives nothing, or is not there', async () => {
    const thrown = new RangeError('out of é range');
    using _ = cpu.plugin.callback('bad', ([x]) => {
      if (x.data[0] === 1) throw thrown;
      return x.data[0] === 2 ? Promise.reject('a \0 string') : undefined;
    });
    const error = await run(cpu, 'bad').catch((caught) => caught);
    expect([error, error.cause === thrown]).toEqual([
      failure({ name: 'PjrtError', code: 'UNKNOWN', message: 'UNKNOWN: the callback bad: out of é range' }),
      true,
    ]);
    await expect(run(cpu, 'bad', Float32Array.of(2, 0, 0, 0))).rejects.toThrow('UNKNOWN: the callback bad: a \ufffd string');
    await expect(run(cpu, 'bad', new Float32Array(4))).rejects.toThrow(/^INVALID_ARGUMENT: .* each of its 1 results; got 0$/);
    await expect(run(cpu, 'nobody')).rejects.toThrow('NOT_FOUND: the callback nobody: it is not registered; this thread has bad');
  });

  test('names are each plugin’s own: of this process, and of each isolated one', async () => {
    using here = await Client.open('cpu');
    using other = await Client.open('cpu', { isolated: true });
    const clients = [here, cpu, other];
    const times =
      (factor: number) =>
      ([x]: readonly { data: unknown }[]) =>
        (x.data as Float32Array).map((value) => value * factor);
    const all = clients.map((client, i) => client.plugin.callback('scale', times(i + 1)));
    expect(() => cpu.plugin.callback('scale', () => {})).toThrow('a callback has a name of its own, until it is disposed; scale is taken');
    const results = await Promise.all(clients.map((client) => run(client, 'scale')));
    expect(results.map(([, two]) => two)).toEqual([2, 4, 6]);
    for (const one of all) one[Symbol.dispose]();
    await expect(run(other, 'scale')).rejects.toThrow('it is not registered; this thread has none');
  });

  test('it may read, upload, ask and run programs of the same plugin, many at once; the event loop is free', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    using inner = cpu.plugin.callback('inner', async ([x]) => {
      await later(5);
      return (x.data as Float32Array).map((value) => value * 10);
    });
    using outer = cpu.plugin.callback('outer', async ([x]) => {
      using copy = cpu.upload(four, x.data as Float32Array);
      expect(copy.deviceBytes).toBe(16);
      return Float32Array.from(await run(cpu, 'inner', (await copy.read()) as Float32Array));
    });
    const results = await Promise.all(Array.from({ length: 24 }, (_, i) => run(cpu, 'outer', new Float32Array(4).fill(i))));
    clearInterval(timer);
    expect(results.map(([value]) => value)).toEqual(Array.from({ length: 24 }, (_, i) => 10 * i));
    expect([inner, outer].length + turns).toBeGreaterThan(4);
  });

  test('on several devices', async () => {
    const seen: number[] = [];
    using _ = cpu.plugin.callback('each', async ([x]) => {
      await later(5);
      seen.push(x.data[0] as number);
      using other = cpu.upload(four, values);
      if (x.data[0] === 7) await other.read();
      return x.data;
    });
    using program = await cpu.compileSharded(through('each'), { replicas: 2 });
    const [good, bad] = [2, 7].map((n) => program.upload('x', [new Float32Array(4).fill(1), new Float32Array(4).fill(n)]));
    using outputs = await program.run({ x: good });
    expect([(await outputs.y.read(1))[0], seen.sort()]).toEqual([2, [1, 2]]);
    await expect(program.run({ x: bad })).rejects.toThrow(/on several devices, waits for no read$/);
    good.dispose();
    bad.dispose();
  });

  test('memory goes with the arrays', async () => {
    const large = tensor('f32', [1 << 16]);
    using _ = cpu.plugin.callback('same', ([x]) => x.data);
    using executable = await cpu.compile(through('same', large));
    using x = cpu.upload(large, new Float32Array(1 << 16));
    const there = () => readFileSync(`/proc/${cpu.plugin.pid}/maps`, 'utf8').split('memfd:node-pjrt').length - 1;
    const files = (pid: number | string) => readdirSync(`/proc/${pid}/fd`).length;
    const before = [files('self'), files(cpu.plugin.pid)];
    for (let i = 0; i < 300; i++) (await executable.run({ x }))[Symbol.dispose]();
    // Those of some that garbage collection has not come to yet.
    expect(there()).toBeLessThan(200);
    expect([files('self') - before[0], files(cpu.plugin.pid) - before[1]].every((more) => more < 8)).toBe(true);
  });
});

describe('what ends while one is under way', () => {
  afterEach(() => expect(liveHandles()).toBe(0));
  const opened = async (isolated: object | true = true) => {
    const client = await Client.open('cpu', { isolated });
    let called = () => {};
    let finish = (_: Float32Array) => {};
    const isCalled = new Promise<void>((resolve) => {
      called = resolve;
    });
    client.plugin.callback('wait', () => {
      called();
      return new Promise<Float32Array>((resolve) => {
        finish = resolve;
      });
    });
    return { client, isCalled, finish: () => finish(values), running: run(client, 'wait') };
  };

  test('its process: the run is rejected, and what the callback gives later goes nowhere', async () => {
    const { client, isCalled, finish, running } = await opened();
    running.catch(() => {});
    await isCalled;
    process.kill(client.plugin.pid, 'SIGKILL');
    await expect(running).rejects.toEqual(failure({ name: 'PluginCrashError', reason: 'ended', signal: 'SIGKILL' }));
    finish();
    await later(20);
    expect(() => client.plugin.callback('more', () => {})).toThrow(failure({ name: 'PluginCrashError' }));
    const again = await opened();
    await again.isCalled;
    again.finish();
    expect(await again.running).toEqual([...values]);
    again.client.dispose();
  });

  test('its time', async () => {
    const { isCalled, finish, running } = await opened({ timeoutMs: 700 });
    const refused = expect(running).rejects.toEqual(
      failure({ name: 'PluginCrashError', reason: 'timeout', message: expect.stringMatching(/did not answer to execute within 700 ms/) }),
    );
    await isCalled;
    await refused;
    finish();
    await later(20);
  });

  test('its client, which waits for it', async () => {
    const { client, isCalled, finish, running } = await opened();
    const refused = expect(running).rejects.toMatchObject({ name: 'DisposedError' });
    await isCalled;
    client.dispose();
    await later(50);
    finish();
    // The run itself is over; what it gave is the client's.
    await refused;
  });

  const script = (body: string) => `const { stablehlo: s, tensor } = require(dist + '/..');
    const four = tensor('f32', [4]);
    const client = await Client.open('cpu', { isolated: true });
    const through = async (name) => {
      const program = await client.compile(s.program('through', { x: four }, ({ x }) => ({ y: s.callback(name, [x], [four])[0] })));
      const { y } = await program.run({ x: client.upload(four, Float32Array.of(1, 2, 3, 4)) });
      return [...(await y.read())];
    };
    ${body}`;

  test('this process: at once, with its own status', async () => {
    const body = `client.plugin.callback('never', () => { setTimeout(() => process.exit(7), 50); return new Promise(() => {}); });
      await through('never').catch(() => console.log('not reached'));`;
    expect(await node(script(body))).toMatchObject({ ...quiet(), code: 7 });
  });

  test('a worker that is terminated', async () => {
    const body = `client.plugin.callback('never', () => { parentPort.postMessage(client.plugin.pid); return new Promise(() => {}); }); await through('never');`;
    const main = `const worker = new Worker(__filename);
      const pid = await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
      console.log(require('node:fs').existsSync('/proc/' + pid), liveHandles());`;
    expect(await node(main, { worker: script(body) })).toMatchObject(quiet('false 0\n'));
  });

  test('the promise itself, which nobody can settle any more', async () => {
    const body = `require('node:v8').setFlagsFromString('--expose-gc');
      const gc = require('node:vm').runInNewContext('gc');
      client.plugin.callback('never', () => new Promise(() => {}));
      const timer = setInterval(gc, 10);
      await through('never').catch((error) => console.log(error.message));
      clearInterval(timer);
      client.plugin.callback('same', ([x]) => x.data);
      console.log(await through('same'));
      client.dispose();`;
    expect(await node(script(body))).toMatchObject(
      quiet('CANCELLED: the callback never: its promise is gone, and was never settled\n[ 1, 2, 3, 4 ]\n'),
    );
  });
});
