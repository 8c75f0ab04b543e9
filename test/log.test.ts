/** What plugins log is heard and printed as asked for, and nothing else of stderr is touched. Each in a process of its own. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { testTpu } from './helpers';
import { node, quiet } from './node-process';

const hear = `
  const heard = [];
  const listen = () => require('node:diagnostics_channel').subscribe('node-pjrt:log', (line) => heard.push(line));
  const two = () => Client.open('cpu', { devices: 2 });`;
const printed = (level: string) => new RegExp(`^node-pjrt: \\d\\d:\\d\\d:\\d\\d\\.\\d{3} ${level} xla_cpu_pjrt\\.so [\\w.]+:\\d+: (.*)$`);
// What the CPU plugin says at the level of information when it opens a client.
const opening = 'cpu_device_count set via create_options: 2';

test('nothing is said unless it is asked for', async () => {
  expect(await node(`${hear} await two();`)).toMatchObject(quiet());
  expect(await node(`${hear} await two();`, { env: { NODE_PJRT_LOG: 'off' } })).toMatchObject(quiet());
  expect(await node(`${hear} await two();`, { env: { NODE_PJRT_LOG: 'warning' } })).toMatchObject(quiet());
});

test('NODE_PJRT_LOG prints lines from a level on, at once, and publishes them', async () => {
  const ended = await node(
    `${hear} listen();
    const start = Date.now();
    process.stderr.write('before\\n');
    const opened = two();
    const client = await opened;
    process.stderr.write('after\\n');
    await sleep(20);
    console.log(JSON.stringify([heard, client.plugin.path, Date.now() - start]));`,
    { env: { NODE_PJRT_LOG: 'info' } },
  );
  const [before, line, after, end] = ended.err.split('\n');
  expect({ before, after, end }).toEqual({ before: 'before', after: 'after', end: '' });
  expect(printed('info').exec(line)?.[1]).toBe(opening);
  const [[message, ...others], plugin, ms] = JSON.parse(ended.out);
  expect(others).toEqual([]);
  expect(message).toEqual({
    ...{ plugin, level: 'info', message: opening },
    ...{ time: expect.any(Number), thread: expect.any(Number), file: expect.stringMatching(/\.cc$/), line: expect.any(Number) },
  });
  expect(Math.abs(Date.now() - message.time)).toBeLessThan(ms + 20_000);
});

test('whoever listens before a plugin is loaded hears its lines, and none is on stderr', async () => {
  const script = (listenFirst: boolean) => `${hear}
    ${listenFirst ? 'listen();' : ''} await two(); ${listenFirst ? '' : 'listen();'} await two();
    process.on('exit', () => console.log(heard.map(({ level, message }) => level + ' ' + message).join()));`;
  // The user's own variable decides what there is to hear: this plugin has no warning at hand.
  const env = { TF_CPP_MIN_LOG_LEVEL: '0' };
  expect(await node(script(true), { env })).toMatchObject(quiet(`info ${opening},info ${opening}\n`));
  const late = await node(script(false), { env });
  expect(late).toMatchObject({ code: 0, out: '\n', err: expect.stringContaining(opening) });
  expect(late.err).not.toContain('node-pjrt:');
});

test('a worker hears what it listens to, and main does not hear it for it', async () => {
  const ended = await node(`${hear} listen(); new Worker(__filename).on('exit', () => console.log(heard.length));`, {
    worker: `${hear} listen(); await two(); await sleep(20); console.log(heard[0].message);`,
    env: { TF_CPP_MIN_LOG_LEVEL: '0' },
  });
  expect(ended).toMatchObject(quiet(`${opening}\n0\n`));
});

test('lines that wait are bounded, and those left out are counted', async () => {
  const ended = await node(
    `${hear} let calls = 0;
    const take = require(dist + '/native').native().takeLogs(3, () => calls++, 2);
    for (let i = 0; i < 5; i++) await two();
    await sleep(20);
    const [lines, leftOut] = take();
    await two();
    console.log(lines.length, leftOut, lines[1].message, calls > 0, JSON.stringify(take()[1]));`,
    { env: { TF_CPP_MIN_LOG_LEVEL: '0' } },
  );
  expect(ended).toMatchObject(quiet(`2 3 ${opening} true 0\n`));
});

test('workers that end while a plugin logs', async () => {
  const ended = await node(
    `for (let i = 0; i < 5; i++) {
      const worker = new Worker(__filename);
      await new Promise((resolve) => worker.on('message', resolve));
      await sleep(20 * Math.random());
      await worker.terminate();
    }`,
    { worker: `${hear} listen(); parentPort.postMessage(0); for (;;) (await two()).dispose();`, env: { TF_CPP_MIN_LOG_LEVEL: '0' } },
  );
  expect(ended).toMatchObject(quiet());
});

test('the last words of a plugin that ends the process are on stderr', async () => {
  // Options that no function of this library makes: the plugin checks them by ending the process.
  const ended = await node(
    `const { native } = require(dist + '/native'), { rawOf } = require(dist + '/handle');
    const client = await two();
    process.stderr.write('before\\n');
    const text = new Uint8Array(native().hostMemory(add.length));
    text.set(Buffer.from(add));
    await native().compile(rawOf(client), text, new Uint8Array());`.replace(/^/, hear),
    { env: { NODE_PJRT_LOG: 'info' } },
  );
  expect(ended.signal).toBe('SIGABRT');
  const [line, before, ...last] = ended.err.split('\n');
  expect(line).toMatch(printed('info'));
  expect(before).toBe('before');
  expect(last.join('\n')).toMatch(/^F\d{4} .*\.(cc|h):\d+\] Check failed: /m);
});

testTpu('libtpu: formatted to the last line, and no files', async () => {
  const logs = () =>
    [tmpdir(), path.join(tmpdir(), 'tpu_logs')].flatMap((folder) => {
      try {
        return readdirSync(folder).filter((name) => name.startsWith('tpu_driver'));
      } catch {
        return [];
      }
    });
  const before = logs();
  const ended = await node(
    `${hear} listen();
    const topology = await Topology.open('tpu', 'v5p:2x2x1');
    await topology.compile(matmul[8]);
    console.log(process.pid);
    process.on('exit', () => console.log(JSON.stringify(heard)));`,
    { env: { NODE_PJRT_LOG: 'info' } },
  );
  expect(ended).toMatchObject({ code: 0, signal: null });
  const [pid, json] = ended.out.split('\n');
  const heard = JSON.parse(json) as { message: string; file: string; line: number; level: string }[];
  expect(heard.length).toBeGreaterThan(20);
  expect(heard.some(({ message }) => message.includes('END_TO_END stage duration'))).toBe(true);
  // A line that begins in no way of ours: what libtpu writes past its own logging.
  const lines = ended.err.trimEnd().split('\n');
  expect(lines.filter((line) => !/^(node-pjrt: | {2})/.test(line) && !/ RAW: /.test(line))).toEqual([]);
  const ours = lines.filter((line) => line.startsWith('node-pjrt: '));
  expect(ours.map((line) => line.split(' ').slice(2, 5).join(' '))).toEqual(
    heard.map(({ level, file, line }) => `${level} libtpu.so ${file}:${line}:`),
  );
  expect(logs().filter((name) => !before.includes(name) && name.endsWith(`.${pid}`))).toEqual([]);
});

test('another level is an error that says which there are', async () => {
  const ended = await node(`await Client.open('cpu').catch(({ name, message }) => console.log(name, message));`, {
    env: { NODE_PJRT_LOG: 'loud' },
  });
  expect(ended).toMatchObject(quiet('ShapeError NODE_PJRT_LOG is info, warning, error, off; got loud\n'));
});
