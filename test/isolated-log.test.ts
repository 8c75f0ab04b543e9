/** What isolated plugins log is heard and printed as that of a plugin in this process, and their ends still tell of it. Each in a process of its own. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { closeSync, writeSync } from 'node:fs';
import { LogReader } from '../lib/pjrt/isolated/log-reader';
import { native } from '../lib/pjrt/native';
import { testTpu } from './helpers';
import { node, quiet } from './node-process';

const hear = `
  const heard = [];
  const listen = () => require('node:diagnostics_channel').subscribe('node-pjrt:log', (line) => heard.push(line));
  const open = (options) => Client.open('cpu', { isolated: true, devices: 2, ...options });`;
// What the CPU plugin says at the level of information when it opens a client.
const opening = 'cpu_device_count set via create_options: 2';
const printed = new RegExp(`^node-pjrt: \\d\\d:\\d\\d:\\d\\d\\.\\d{3} info xla_cpu_pjrt\\.so [\\w.]+:\\d+: ${opening}$`);

test('nothing is said unless it is asked for', async () => {
  expect(await node(`${hear} (await open()).dispose();`)).toMatchObject(quiet());
  expect(await node(`${hear} listen(); (await open()).dispose(); console.log(heard.length);`)).toMatchObject(quiet('0\n'));
});

test('the same line as of a plugin in this process, printed and published before the client is there', async () => {
  const ended = await node(
    `${hear} listen();
    const here = await open({ isolated: false });
    await sleep(20);
    process.stderr.write('between\\n');
    const there = await open();
    process.stderr.write('after\\n');
    console.log(JSON.stringify([heard, here.plugin.path]));
    there.dispose();`,
    { env: { NODE_PJRT_LOG: 'info' } },
  );
  const [first, between, second, ...rest] = ended.err.split('\n');
  expect([between, ...rest]).toEqual(['between', 'after', '']);
  for (const line of [first, second]) expect(line).toMatch(printed);
  const [[here, there, ...others], plugin] = JSON.parse(ended.out);
  expect(others).toEqual([]);
  const { time, thread, ...facts } = here;
  expect(there).toEqual({ ...facts, plugin, time: expect.any(Number), thread: expect.any(Number) });
  expect(there.thread).not.toBe(thread);
  expect(there.time - time).toBeGreaterThan(0);
  expect(there.time - time).toBeLessThan(30_000);
});

test('NODE_PJRT_LOG of its environment is that of one client', async () => {
  const ended = await node(`${hear} listen();
    for (const env of [{}, { NODE_PJRT_LOG: 'info' }, { NODE_PJRT_LOG: 'error' }]) (await open({ isolated: { env } })).dispose();
    await open({ isolated: { env: { NODE_PJRT_LOG: 'loud' } } }).catch(({ name, message }) => console.log(name, message));
    console.log(heard.length, liveHandles());`);
  const [line, ...rest] = ended.err.split('\n');
  expect(line).toMatch(printed);
  expect({ ...ended, err: rest.join() }).toMatchObject(quiet('ShapeError NODE_PJRT_LOG is info, warning, error, off; got loud\n1 0\n'));
});

test('what is only heard is not on stderr, and is heard to the end of the process', async () => {
  const ended = await node(
    `${hear} listen(); await open(); await open();
    process.on('exit', () => console.log(heard.map(({ level, message }) => level + ' ' + message).join()));`,
    { env: { TF_CPP_MIN_LOG_LEVEL: '0' } },
  );
  expect(ended).toMatchObject(quiet(`info ${opening},info ${opening}\n`));
});

test('lines before a crash are heard before its error, which has them too', async () => {
  const ended = await node(
    `${hear} const { native } = require(dist + '/native'), { rawOf } = require(dist + '/handle');
    require('node:diagnostics_channel').subscribe('node-pjrt:log', ({ message }) => console.log('heard ' + message));
    const client = await open();
    await native().compile(rawOf(client), Buffer.from(add), new Uint8Array()).catch(({ name, message, log }) => {
      console.log(name, message);
      console.log(log);
    });`,
    { env: { TF_CPP_MIN_LOG_LEVEL: '0' } },
  );
  expect(ended).toMatchObject({ code: 0, err: '' });
  const [line, error, ...log] = ended.out.trimEnd().split('\n');
  expect(line).toBe(`heard ${opening}`);
  expect(error).toMatch(/^PluginCrashError .*was ended by SIGABRT; it said: F\d{4} .*Check failed: /);
  expect(log.filter((one) => one.includes(opening))).toEqual([expect.stringMatching(/^I\d{4} /)]);
  expect(log.some((one) => /^F\d{4} .*Check failed: /.test(one))).toBe(true);
});

test('a listener may ask the plugin itself, and throw', async () => {
  const ended = await node(
    `${hear} const client = await open();
    const a = zeros(client, 8);
    require('node:diagnostics_channel').subscribe('node-pjrt:log', () => {
      console.log(a.deviceBytes);
      throw new Error('mine');
    });
    process.on('uncaughtException', ({ message }) => console.log(message));
    const other = await open();
    await sleep(20);
    other.dispose();`,
    { env: { NODE_PJRT_LOG: 'info' } },
  );
  expect(ended).toMatchObject({ code: 0, out: '32\nmine\n' });
});

test('a worker hears its own', async () => {
  const ended = await node(`${hear} listen(); new Worker(__filename).on('exit', () => console.log(heard.length));`, {
    worker: `${hear} listen(); const client = await open(); console.log(heard[0].message); client.dispose();`,
    env: { NODE_PJRT_LOG: 'info' },
  });
  expect(ended).toMatchObject({
    code: 0,
    out: `${opening}\n0\n`,
    err: expect.stringMatching(new RegExp(printed.source.replace('$', '\n$'))),
  });
});

test('a flood: no plugin waits for a thread that is busy; what there is no room for is counted, the rest is in order', async () => {
  // The plugin's most talkative level: some thousand lines a compilation.
  const ended = await node(`${hear} listen();
    const fs = require('node:fs');
    const warnings = [];
    process.on('warning', ({ message }) => warnings.push(message));
    const client = await open({ cache: false, isolated: { env: { TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_MAX_VLOG_LEVEL: '5' } } });
    const compiled = [];
    for (let i = 0; i < 12; i++) compiled.push(client.compile(add));
    await sleep(20);
    // This thread does nothing until the other process has nothing to do any more, which it would if it waited for this one, too.
    const tasks = '/proc/' + client.plugin.pid + '/task/';
    const isAsleep = (task) => {
      try {
        return /^S /.test(fs.readFileSync(tasks + task + '/stat', 'utf8').split(') ').pop());
      } catch {
        return false; // it has ended meanwhile
      }
    };
    for (let quiet = 0; quiet < 5; quiet = fs.readdirSync(tasks).every(isAsleep) ? quiet + 1 : 0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    const free = Date.now();
    const { blocks } = fs.statSync('/proc/' + client.plugin.pid + '/fd/2');
    await Promise.all(compiled);
    await sleep(50);
    const last = new Map();
    let disordered = 0;
    for (const { thread, time } of heard) {
      if (time < (last.get(thread) ?? 0)) disordered++;
      last.set(thread, time);
    }
    console.log(JSON.stringify([heard.length, disordered, warnings, free - Math.max(...last.values()), 512 * blocks]));
    client.dispose();`);
  expect(ended).toMatchObject({ code: 0 });
  const [lines, disordered, warnings, msBefore, logBytes] = JSON.parse(ended.out);
  // As many as the pipe and what waits for it hold.
  expect(lines).toBeGreaterThan(10_000);
  expect(disordered).toBe(0);
  expect(warnings).toEqual([
    expect.stringMatching(/^\d+ lines of plugins' logs came faster than they could be published, and were left out$/),
  ]);
  expect(msBefore).toBeGreaterThan(0);
  // Of some 5 MB that were written.
  expect(logBytes).toBeLessThan(3 << 20);
});

describe('what comes through the pipe', () => {
  const frame = (record: string) => {
    const body = Buffer.from(record);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.length);
    return Buffer.concat([length, body]);
  };
  const heard: unknown[] = [];
  const hear = (line: unknown) => heard.push(line);
  beforeEach(() => {
    heard.length = 0;
    subscribe('node-pjrt:log', hear);
  });
  afterEach(() => unsubscribe('node-pjrt:log', hear));

  test('may be cut anywhere', () => {
    const [pipe, written] = native().newLogPipe();
    const reader = new LogReader(pipe, () => {});
    reader.plugin = '/a/plugin.so';
    const bytes = Buffer.concat([frame('1 1700000000000250 42 7 \na file.cc\nfirst, é\nsecond\n'), frame('0 1000 1 2 \nb.cc\n')]);
    for (const byte of bytes) {
      writeSync(written, Uint8Array.of(byte));
      reader.take();
    }
    const plugin = '/a/plugin.so';
    expect(heard).toEqual([
      { plugin, level: 'warning', time: 1700000000000.25, thread: 42, file: 'a file.cc', line: 7, message: 'first, é\nsecond\n' },
      { plugin, level: 'info', time: 1, thread: 1, file: 'b.cc', line: 2, message: '' },
    ]);
    reader.close();
    closeSync(written);
  });

  test('is no more read where it is of nobody’s', () => {
    const [pipe, written] = native().newLogPipe();
    const reader = new LogReader(pipe, () => {});
    for (const bytes of [frame(''), frame('no line'), Buffer.from('longer than any record')]) {
      writeSync(written, bytes);
      reader.take();
    }
    expect(() => writeSync(written, frame('0 1000 1 2 \nb.cc\nlate'))).toThrow('EPIPE');
    expect(heard).toEqual([]);
    closeSync(written);
  });
});

testTpu('libtpu', async () => {
  const ended = await node(
    `${hear} listen();
    const topology = await Topology.open('tpu', 'v5p:2x2x1', { isolated: true });
    await topology.compile(matmul[8]);
    console.log(JSON.stringify(heard));
    topology.dispose();`,
    { env: { NODE_PJRT_LOG: 'info' } },
  );
  expect(ended).toMatchObject({ code: 0, signal: null });
  const heard = JSON.parse(ended.out) as { message: string; file: string; line: number; level: string; plugin: string }[];
  expect(heard.length).toBeGreaterThan(20);
  expect(heard.some(({ message }) => message.includes('END_TO_END stage duration'))).toBe(true);
  const ours = ended.err.split('\n').filter((line) => line.startsWith('node-pjrt: '));
  expect(ours.slice(0, heard.length).map((line) => line.split(' ').slice(2, 5).join(' '))).toEqual(
    heard.map(({ level, file, line }) => `${level} libtpu.so ${file}:${line}:`),
  );
});
