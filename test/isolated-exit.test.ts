/** However the process ends that has an isolated plugin, the plugin's ends with it. Each in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { elementwise, loop } from './pjrt-programs';

const dist = path.join(__dirname, '..', 'dist', 'pjrt');
const prelude = `
  const { Client, liveHandles } = require(${JSON.stringify(dist)});
  const { Worker, isMainThread, parentPort } = require('node:worker_threads');
  const type = { dtype: 'f32', shape: [8] };
  const add = ${JSON.stringify(elementwise('add', '8xf32'))}, endless = ${JSON.stringify(loop(2 ** 31 - 1))};
  const open = async (text) => {
    const client = await Client.open('cpu', { isolated: true });
    const program = await client.compile(text);
    const a = client.upload(type, new Float32Array(8).fill(3));
    return { client, pid: client.plugin.pid, run: () => program.run(text === add ? { a, b: a } : { a }) };
  };`;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly lines: readonly string[];
  readonly err: string;
  readonly ms: number;
}

/** Runs `body` in a process. */
async function node(body: string, options: readonly string[] = []): Promise<Ended> {
  const start = performance.now();
  const child = spawn(process.execPath, [...options, '-e', `${prelude} (async () => { ${body} })();`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, lines: out.trim().split('\n'), err, ms: performance.now() - start };
}

/** Waits until a process is gone, or is merely to be collected by whoever inherits it. */
async function gone(pid: string): Promise<boolean> {
  for (let i = 0; i < 300; i++) {
    try {
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return true;
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

const cases: [string, string, { code: number | null; signal?: string; err?: RegExp }][] = [
  ['by itself, with nothing left to do', `const { pid } = await open(add); console.log(pid);`, { code: 0 }],
  [
    'by process.exit, with a run under way',
    `const { pid, run } = await open(endless); run(); console.log(pid); setTimeout(() => process.exit(7), 50);`,
    { code: 7 },
  ],
  [
    'by an error',
    `const { pid, run } = await open(endless); run(); console.log(pid); throw new Error('out');`,
    { code: 1, err: /Error: out/ },
  ],
  [
    'by SIGTERM',
    `const { pid, run } = await open(endless); run(); console.log(pid); setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50);`,
    { code: null, signal: 'SIGTERM' },
  ],
  [
    'by SIGKILL',
    `const { pid, run } = await open(endless); run(); console.log(pid); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);`,
    { code: null, signal: 'SIGKILL' },
  ],
  [
    'by SIGKILL, while the plugin’s stands still',
    `const { pid } = await open(add); process.kill(pid, 'SIGSTOP'); console.log(pid); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);`,
    { code: null, signal: 'SIGKILL' },
  ],
];

test.each(cases)('%s', async (_, body, { code, signal = null, err = /^$/ }) => {
  const ended = await node(body);
  expect(ended).toMatchObject({ code, signal, err: expect.stringMatching(err) });
  expect(await gone(ended.lines[0])).toBe(true);
});

test('a thread that ends, by itself or terminated with a run under way', async () => {
  const ended = await node(`
    const source = ${JSON.stringify(prelude)} + '(async () => { const { pid, run } = await open(require("node:worker_threads").workerData); run(); parentPort.postMessage(pid); })()';
    for (const text of [add, endless]) {
      const worker = new Worker(source, { eval: true, workerData: text });
      const pid = await new Promise((resolve) => worker.once('message', resolve));
      if (text === endless) await worker.terminate();
      else await new Promise((resolve) => worker.once('exit', resolve));
      console.log(pid);
      const start = Date.now();
      while (require('node:fs').existsSync('/proc/' + pid) && Date.now() - start < 3000) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(require('node:fs').existsSync('/proc/' + pid));
    }
    const { client, run } = await open(add);
    const { out } = await run();
    console.log((await out.read())[0]);
    client.dispose();
    console.log(liveHandles());`);
  expect(ended).toMatchObject({ code: 0, signal: null, err: '' });
  const [first, isThere, second, isThere2, ...rest] = ended.lines;
  expect([isThere, isThere2, ...rest]).toEqual(['false', 'false', '6', '0']);
  for (const pid of [first, second]) expect(await gone(pid)).toBe(true);
});

test('an open client does not keep a process, and work under way does', async () => {
  const ended = await node(
    `const { pid, run } = await open(add); console.log(pid); run().then(({ out }) => out.read()).then((values) => console.log(values[7]));`,
  );
  expect(ended).toMatchObject({ code: 0, lines: [expect.anything(), '6'], err: '' });
  expect(ended.ms).toBeLessThan(20_000);
  expect(await gone(ended.lines[0])).toBe(true);
});

test('a client that is forgotten, and collected', async () => {
  const ended = await node(
    `let pid;
    await (async () => { ({ pid } = await open(add)); })();
    const isThere = () => require('node:fs').existsSync('/proc/' + pid);
    for (let i = 0; i < 200 && isThere(); i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
    console.log(pid);
    console.log(isThere(), liveHandles());`,
    ['--expose-gc'],
  );
  expect(ended).toMatchObject({ code: 0, lines: [expect.anything(), 'false 0'], err: '' });
});

test('a Node that cannot be started', async () => {
  const ended = await node(`
    process.execPath = '/nowhere/node';
    await Client.open('cpu', { isolated: true }).catch((error) => console.log(error.name, error.message));
    console.log(liveHandles());`);
  expect(ended).toMatchObject({ code: 0, lines: [expect.stringMatching(/^PluginCrashError .* did not start: .*ENOENT/), '0'], err: '' });
});

test('a terminal’s Ctrl-C is for this process, which goes on if it likes', async () => {
  const ended = await node(`
    const { pid, client, run } = await open(add);
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM']) process.kill(pid, signal);
    console.log(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log((await (await run()).out.read())[0]);
    client.dispose();`);
  expect(ended).toMatchObject({ code: 0, lines: [expect.anything(), '6'], err: '' });
});
