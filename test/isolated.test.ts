/** Plugins in processes of their own: the same answers, and an error where one crashes, hangs or is killed. */
import { appendFileSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { Client, liveHandles, Topology } from '../lib/pjrt';
import { rawOf } from '../lib/pjrt/handle';
import { native } from '../lib/pjrt/native';
import { bytesOf, type DType, tensor } from '../lib/types';
import { testTpu } from './helpers';
import { elementwise, loop, matmul } from './pjrt-programs';

const open = (isolated: object | true = true, devices = 1) => Client.open('cpu', { isolated, devices });
const eight = tensor('f32', [8]);
const counted = (length: number) => Float32Array.from({ length }, (_, i) => i);
const crash = (facts: object) => expect.objectContaining({ name: 'PluginCrashError', ...facts });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether a process is there and not merely waiting to be collected. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 500 && isAlive(pid); i++) await sleep(10);
  return !isAlive(pid);
}

/** What a file descriptor of this process is. */
function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

/** Runs a program and looks at the result: whether all works. */
async function addsUp(client: Client): Promise<boolean> {
  using program = await client.compile(elementwise('add', '8xf32'));
  using a = client.upload(eight, counted(8));
  using outputs = await program.run({ a, b: a });
  return (await outputs.out.read())[7] === 14;
}

const noneLeft = () => expect(liveHandles()).toBe(0);

describe('the same as in this process', () => {
  let cpu: Client;
  beforeAll(async () => {
    cpu = await open(true, 2);
  });
  afterAll(async () => {
    const { pid } = cpu.plugin;
    cpu.dispose();
    expect(await gone(pid)).toBe(true);
  });
  // Below, what a test leaves is of this client.
  afterEach(() => expect(liveHandles()).toBe(1));

  test('what it says of itself', async () => {
    using here = await Client.open('cpu', { devices: 2 });
    const facts = ({ platform, devices, plugin }: Client) => [
      platform,
      plugin.path,
      plugin.apiVersion,
      plugin.capabilities,
      devices.map(({ id, kind, description, attributes, memories }) => [
        id,
        kind,
        description,
        attributes,
        memories.map((memory) => memory.kind),
      ]),
    ];
    expect(facts(cpu)).toEqual(facts(here));
    expect([here.plugin.pid, cpu.plugin.pid === process.pid]).toEqual([process.pid, false]);
    using there = await cpu.compile(matmul(8));
    using local = await here.compile(matmul(8));
    for (const name of ['name', 'cost', 'memory', 'replicas', 'deviceOutputs', 'codeBytes'] as const)
      expect(there[name]).toEqual(local[name]);
    expect((await there.optimizedProgram()).format).toBe((await local.optimizedProgram()).format);
    expect(() => cpu.devices[0].memoryStats()).toThrow(expect.objectContaining({ name: 'PjrtError', code: 'UNIMPLEMENTED' }));
  });

  // Some go as messages, some as memory.
  test.each<[DType, number]>([
    ['f32', 0],
    ['f32', 3],
    ['f32', 4095],
    ['f32', 4096],
    ['f32', 1 << 17],
    ['f32', 3 << 19],
    ['bf16', 100_000],
    ['i4', 100_000],
    ['i64', 33_333],
    ['complex<f32>' as DType, 20_000],
  ])('%s of %i elements, there and back', async (dtype, length) => {
    const type = tensor(dtype, [length]);
    const bytes = globalThis.Buffer.alloc(bytesOf(type), Uint8Array.of(0, 1, 2, 3, 4, 5, 6));
    const before = globalThis.Buffer.from(bytes);
    using buffer = cpu.upload(type, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    await buffer.ready();
    bytes.fill(0);
    using copy = buffer.copyTo(cpu.devices[1]);
    for (const one of [buffer, copy]) {
      const back = await one.bits();
      expect(before.equals(new Uint8Array(back.buffer, back.byteOffset, back.byteLength))).toBe(true);
    }
    if (dtype !== 'i4') {
      const view = await buffer.view();
      expect(before.equals(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))).toBe(true);
    }
    expect(buffer.layout).toEqual({ minorToMajor: [0], tiles: [] });
  });

  test('runs, donation, serialized programs, and many at once', async () => {
    const text = elementwise('add', '8xf32').replace('%a: tensor<8xf32>', '%a: tensor<8xf32> {tf.aliasing_output = 0 : i32}');
    using program = await cpu.compile(text);
    const a = cpu.upload(eight, counted(8));
    using b = cpu.upload(eight, counted(8));
    using first = await program.run({ a, b });
    await expect(a.read()).rejects.toThrow('was donated to a run of add');
    expect(await first.out.read()).toEqual(counted(8).map((value) => 2 * value));
    using plain = await cpu.compile(elementwise('add', '8xf32'));
    using again = await cpu.deserialize(await plain.serialize(), plain);
    const results = await Promise.all(Array.from({ length: 300 }, () => again.run({ a: b, b })));
    for (const { out } of results) {
      expect((await out.read())[3]).toBe(6);
      out.dispose();
    }
  });

  test('errors of the plugin, and of this library', async () => {
    await expect(cpu.compile(elementwise('addd', '8xf32'))).rejects.toMatchObject({
      name: 'PjrtError',
      message: expect.stringMatching(/stablehlo\.addd/),
    });
    await expect(cpu.compile('func.func private @main()')).rejects.toMatchObject({ name: 'ShapeError' });
    using program = await cpu.compile(elementwise('add', '8xf32'));
    await expect(program.run({ a: 1 as never, b: 2 as never })).rejects.toMatchObject({ name: 'ShapeError' });
    using other = await open();
    using foreign = other.upload(eight, counted(8));
    await expect(program.run({ a: foreign, b: foreign })).rejects.toThrow('of the client that compiled the program');
  });

  test('more at once than the sockets between the processes hold, both ways', async () => {
    const type = tensor('f32', [1 << 13]);
    using a = cpu.upload(type, new Float32Array(1 << 13).fill(2));
    const bad = elementwise('addd', '8xf32') + ' '.repeat(1 << 17);
    const work = Array.from({ length: 1000 }, (_, i) => (i % 4 ? a.read() : cpu.compile(bad).catch((error: Error) => error.name)));
    // Messages that nobody reads before the next line, of more bytes than a socket holds.
    const ready = Array.from({ length: 20_000 }, () => a.ready());
    expect(a.deviceBytes).toBe(1 << 15);
    await Promise.all(ready);
    const results = await Promise.all(work);
    expect(results.every((result, i) => (i % 4 ? result[77] === 2 : result === 'PjrtError'))).toBe(true);
  });

  test('a program of 4 MB', async () => {
    using program = await cpu.compile(`${elementwise('add', '8xf32')} // ${'x'.repeat(4 << 20)}`);
    expect(program.name).toBe('add');
  });

  test('the event loop goes on while it works', async () => {
    using program = await cpu.compile(loop(2 ** 20));
    using a = cpu.upload(eight, counted(8));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    using _ = await program.run({ a });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  test('a log that grows is emptied, and its end is kept', async () => {
    const client = await open();
    const log = `/proc/${client.plugin.pid}/fd/2`;
    appendFileSync(log, 'x'.repeat(3 << 20));
    expect(statSync(log).blocks * 512).toBeGreaterThanOrEqual(3 << 20);
    using a = client.upload(eight, counted(8));
    for (let i = 0; i < 256; i++) expect(a.deviceBytes).toBe(32);
    expect(statSync(log).size).toBe(0);
    appendFileSync(log, 'last words\n');
    process.kill(client.plugin.pid, 'SIGKILL');
    expect(() => a.deviceBytes).toThrow(crash({ log: 'last words', message: expect.stringMatching(/SIGKILL; it said: last words$/) }));
  });

  test('a large array that is used, or not wanted any more, before it is there', async () => {
    const length = 3 << 19;
    const type = tensor('f32', [length]);
    const array = new Float32Array(length).fill(3);
    const [used, unwanted] = [cpu.upload(type, array), cpu.upload(type, array)];
    expect(used.deviceBytes).toBe(4 * length);
    unwanted.dispose();
    using program = await cpu.compile(elementwise('negate', `${length}xf32`, 1));
    using outputs = await program.run({ a: used });
    expect((await outputs.out.read())[length - 1]).toBe(-3);
    used.dispose();
    await expect(unwanted.read()).rejects.toMatchObject({ name: 'DisposedError' });
  });
});

describe('memory that both processes have', () => {
  const mappings = (pid: number) => readFileSync(`/proc/${pid}/maps`, 'utf8').split('memfd:node-pjrt').length - 1;
  const eventually = async (count: () => number, expected: number) => {
    for (let i = 0; i < 1500 && count() !== expected; i++) await sleep(10);
    expect(count()).toBe(expected);
  };

  test('goes with the buffers', async () => {
    using client = await open();
    const there = () => mappings(client.plugin.pid);
    const buffers = Array.from({ length: 8 }, () => client.upload(tensor('f32', [1 << 16]), new Float32Array(1 << 16)));
    await Promise.all(buffers.map((buffer) => buffer.read()));
    expect(there()).toBe(8);
    for (const buffer of buffers) buffer.dispose();
    await eventually(there, 0);
  });

  test('of large arrays is used again, and given back after some seconds', async () => {
    const client = await open();
    const type = tensor('f32', [1 << 21]);
    const array = new Float32Array(1 << 21);
    const ours = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).includes('memfd:node-pjrt (')).length;
    for (let i = 0; i < 24; i++) {
      array.fill(i);
      using buffer = client.upload(type, array);
      await buffer.ready();
      const last = (await buffer.read())[type.shape[0] - 1];
      expect(last).toBe(i);
    }
    // The ones before may not be let go of there yet when the next one begins; 24, where none is used again.
    expect(ours()).toBeLessThan(12);
    const held = client.upload(type, array);
    await held.ready();
    process.kill(client.plugin.pid, 'SIGKILL');
    await gone(client.plugin.pid);
    await expect(held.read()).rejects.toEqual(crash({ signal: 'SIGKILL' }));
    await eventually(ours, 0);
  });
});

describe('the end of a process', () => {
  afterEach(noneLeft);

  test('a client has one of its own, and the next one another', async () => {
    const clients = await Promise.all([open(), open(), open()]);
    const pids = clients.map(({ plugin }) => plugin.pid);
    expect(new Set([process.pid, ...pids]).size).toBe(4);
    for (const client of clients) {
      expect(await addsUp(client)).toBe(true);
      client.dispose();
    }
    for (const pid of pids) expect(await gone(pid)).toBe(true);
  });

  test('work that is under way when a client is disposed is finished first', async () => {
    const client = await open();
    const buffer = client.upload(tensor('f32', [1 << 20]), new Float32Array(1 << 20).fill(3));
    const read = buffer.read();
    client.dispose();
    expect((await read)[99]).toBe(3);
    await expect(buffer.read()).rejects.toMatchObject({ name: 'DisposedError' });
    expect(await gone(client.plugin.pid)).toBe(true);
  });

  test.each(['SIGKILL', 'SIGABRT', 'SIGSEGV'] as const)(
    'by %s: what waits is rejected, what asks throws, and the next client works',
    async (signal) => {
      const client = await open();
      using program = await client.compile(loop(2 ** 30));
      using a = client.upload(eight, counted(8));
      const run = program.run({ a });
      process.kill(client.plugin.pid, signal);
      const ended = crash({
        pid: client.plugin.pid,
        reason: 'ended',
        signal,
        message: expect.stringMatching(`process ${client.plugin.pid} was ended by ${signal}`),
      });
      expect(() => a.deviceBytes).toThrow(ended);
      await expect(run).rejects.toEqual(ended);
      await expect(a.read()).rejects.toEqual(ended);
      expect(() => client.upload(eight, counted(8))).toThrow(ended);
      expect(liveHandles()).toBe(0);
      using next = await open();
      expect(await addsUp(next)).toBe(true);
    },
  );

  test('before anything is known of it, whatever is sent', async () => {
    for (const length of [8, 1 << 16]) {
      const client = await open();
      using program = await client.compile(elementwise('add', '8xf32'));
      process.kill(client.plugin.pid, 'SIGKILL');
      while (isAlive(client.plugin.pid)); // without a turn of the event loop
      const killed = crash({ reason: 'ended', signal: 'SIGKILL' });
      const compiled = client.compile(`${elementwise('add', '8xf32')} // ${'x'.repeat(length)}`);
      const run = program.run({ a: 1 as never, b: 1 as never });
      const late = length > 8 && client.upload(tensor('f32', [3 << 19]), new Float32Array(3 << 19));
      expect(() => client.upload(tensor('f32', [length]), new Float32Array(length))).toThrow(killed);
      await expect(compiled).rejects.toEqual(killed);
      await expect(run).rejects.toMatchObject({ name: 'ShapeError' });
      if (late) await expect(late.ready()).rejects.toEqual(killed);
    }
  });

  test('while nobody asks, it is told at the next call', async () => {
    const client = await open();
    process.kill(client.plugin.pid, 'SIGKILL');
    await gone(client.plugin.pid);
    await sleep(50);
    await expect(client.compile(elementwise('add', '8xf32'))).rejects.toEqual(crash({ signal: 'SIGKILL' }));
    expect(() => client.devices[0].memories).toThrow(crash({ signal: 'SIGKILL' }));
  });

  test('a plugin that exits over its environment, which another one does not have', async () => {
    const opened = open({ env: { XLA_FLAGS: '--xla_no_such_flag=1' } }).then(async (client) => await addsUp(client));
    const told = {
      message: expect.stringMatching(/exited with status 1; it said: .*xla_no_such_flag/),
      log: expect.stringMatching(/xla_no_such_flag/),
    };
    await expect(opened).rejects.toEqual(crash({ reason: 'ended', exitCode: 1, ...told }));
    using other = await open({ env: { XLA_FLAGS: '--xla_cpu_enable_fast_math=false' } });
    expect([await addsUp(other), other.plugin.flags]).toEqual([true, '[["--xla_cpu_enable_fast_math=false"],[]]']);
    using plain = await open();
    expect([await addsUp(plain), plain.plugin.flags]).toEqual([true, '[[],[]]']);
  });

  test('a run without an end, by its time limit', async () => {
    const client = await open({ timeoutMs: 4000 });
    using program = await client.compile(loop(2 ** 31 - 1));
    using a = client.upload(eight, counted(8));
    const start = performance.now();
    await expect(program.run({ a })).rejects.toEqual(
      crash({ reason: 'timeout', message: expect.stringMatching(/did not answer to execute within 4000 ms/) }),
    );
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(await gone(client.plugin.pid)).toBe(true);
  });

  test('a process that stands still, by the time limit of what blocks this one', async () => {
    const client = await open({ timeoutMs: 4000 });
    process.kill(client.plugin.pid, 'SIGSTOP');
    expect(() => client.devices[0].memories).toThrow(crash({ reason: 'timeout' }));
    expect(await gone(client.plugin.pid)).toBe(true);
  });

  test('by an AbortSignal', async () => {
    const controller = new AbortController();
    const client = await open({ signal: controller.signal });
    using program = await client.compile(loop(2 ** 31 - 1));
    using a = client.upload(eight, counted(8));
    const run = program.run({ a });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(run).rejects.toEqual(crash({ reason: 'aborted', cause: new Error('enough') }));
    expect(await gone(client.plugin.pid)).toBe(true);
    await expect(open({ signal: controller.signal })).rejects.toThrow('enough');
  });

  test('open files are as before', async () => {
    const files = () => readdirSync('/proc/self/fd').length;
    (await open()).dispose();
    await sleep(100);
    const before = files();
    for (let i = 0; i < 4; i++) {
      const client = await open();
      if (i % 2) process.kill(client.plugin.pid, 'SIGKILL');
      client.dispose();
      await gone(client.plugin.pid);
    }
    await expect(Client.open('/nowhere/plugin.so', { isolated: true })).rejects.toMatchObject({ name: 'PluginError' });
    await sleep(100);
    expect(files()).toBeLessThanOrEqual(before);
  });
});

test.each([
  [{ timeoutMs: 0 }, /timeoutMs is a whole number of milliseconds, 1 to 2\^31 - 1; got 0/],
  [{ timeoutMs: 1.5 }, /got 1\.5/],
  [{ env: { A: 1 } }, /env is an object of strings/],
  [{ env: { 'A=B': '1' } }, /env is an object of strings/],
  [{ env: 'A=1' }, /env is an object of strings/],
  [{ signal: 1 }, /signal is an AbortSignal; got 1/],
  [{ timeout: 1 }, /the options of isolated are: timeoutMs, signal, env; got timeout/],
  ['yes', /isolated is true, false or \{ timeoutMs, signal, env \}; got yes/],
])('the option %j', async (isolated, message) => {
  await expect(Client.open('cpu', { isolated: isolated as never })).rejects.toMatchObject({
    name: 'ShapeError',
    message: expect.stringMatching(message),
  });
});

test('a function where none is asked for is the same error as in this process', async () => {
  using client = await open();
  using here = await Client.open('cpu');
  for (const one of [client, here]) expect(() => native().deviceMemory(rawOf(one), (() => 0) as never)).toThrow('A number was expected');
  expect(await addsUp(client)).toBe(true);
});

testTpu('a topology', async () => {
  const topology = await Topology.open('tpu', 'v5p:2x2x1', { isolated: true });
  using program = await topology.compile(matmul(256));
  expect([topology.devices.length, program.name, program.codeBytes > 0, (await program.serialize()).length > 20_000]).toEqual([
    4,
    'matmul',
    true,
    true,
  ]);
  expect(topology.serialize().length).toBeGreaterThan(0);
  topology.dispose();
  expect(await gone(topology.plugin.pid)).toBe(true);
});
