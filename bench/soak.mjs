/**
 * Whether memory stays flat: the runtime's work over and over on the CPU plugin, a process for each kind, with the resident memory after it
 * against that after the first tenth.   node bench/soak.mjs [share of the whole, 1 by default] [kind...]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Client, liveHandles, tensor } from 'node-pjrt';

const file = fileURLToPath(import.meta.url);
const eight = tensor('f32', [8]);
const program = (constant) => `func.func @main(%a: tensor<8xf32>) -> tensor<8xf32> {
  %c = stablehlo.constant dense<${constant}.0> : tensor<8xf32>
  %0 = stablehlo.add %a, %c : tensor<8xf32>
  return %0 : tensor<8xf32>
}`;

async function run(executable, client) {
  const a = client.upload(eight, new Float32Array(8));
  const { out } = await executable.run({ a });
  const [first] = await out.read();
  if (!Number.isInteger(first)) throw new Error(`the program adds a whole number to 0; got ${first}`);
  for (const buffer of [a, out]) buffer.dispose();
}

/** What is done over and over: `open` gives the step, and what ends it. */
const kinds = {
  executes: {
    times: 100_000,
    async open() {
      const client = await Client.open('cpu', { cache: false });
      const executable = await client.compile(program(1));
      return { step: () => run(executable, client), close: () => client.dispose() };
    },
  },
  compiles: {
    times: 10_000,
    async open() {
      const client = await Client.open('cpu', { cache: false });
      const step = async (i) => {
        const executable = await client.compile(program(i));
        await run(executable, client);
        executable.dispose();
      };
      return { step, close: () => client.dispose() };
    },
  },
  clients: {
    times: 1000,
    async open() {
      const step = async () => {
        const client = await Client.open('cpu', { cache: false });
        await client.upload(eight, new Float32Array(8)).ready();
        client.dispose();
      };
      return { step, close() {} };
    },
  },
  // Each of them runs and compiles on a client of its own, all at the same time.
  'executes of 8 workers': { times: 100_000, workers: 8, kind: 'executes' },
  'compiles of 8 workers': { times: 10_000, workers: 8, kind: 'compiles' },
  // One after another: loaded, at work, and ended while work is under way.
  'ended workers': {
    times: 100,
    async open() {
      const step = async () => {
        const worker = new Worker(file, { workerData: { kind: 'executes' } });
        worker.on('message', () => worker.postMessage(2 ** 30));
        await once(worker, 'message');
        await new Promise((resolve) => setTimeout(resolve, 5));
        await worker.terminate();
      };
      return { step, close() {} };
    },
  },
};

async function repeat(kind, times, seen) {
  const { step, close } = await kinds[kind].open();
  const every = Math.max(Math.floor(times / 50), 1);
  for (let i = 0; i < times; i++) {
    await step(i);
    if ((i + 1) % every === 0) await seen(i + 1);
  }
  close();
  if (liveHandles() !== 0) throw new Error(`all handles are disposed at the end; ${liveHandles()} are not`);
}

function residentBytes() {
  // Twice: what a finalizer lets go of goes by the second.
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage.rss();
}

async function withWorkers({ workers, kind }, times, seen) {
  const all = Array.from({ length: workers }, () => new Worker(file, { workerData: { kind } }));
  const each = Math.floor(times / workers);
  await Promise.all(all.map((worker) => once(worker, 'message')));
  for (let done = 0; done < each; ) {
    const now = Math.min(Math.max(Math.floor(each / 50), 1), each - done);
    await Promise.all(all.map((worker) => told(worker, now, 'message')));
    done += now;
    await seen(done * workers);
  }
  await Promise.all(all.map((worker) => told(worker, 0, 'exit')));
}

function told(worker, message, answer) {
  worker.postMessage(message);
  return once(worker, answer);
}

/** In a worker: as many steps as a message says, and back; the end at 0. */
async function work({ kind }) {
  const { step, close } = await kinds[kind].open();
  let at = 0;
  parentPort.postMessage('ready');
  for await (const [times] of incoming()) {
    if (times === 0) break;
    for (const end = at + times; at < end; at++) await step(at);
    parentPort.postMessage('done');
  }
  close();
  parentPort.close();
}

async function* incoming() {
  for (;;) yield await once(parentPort, 'message');
}

async function measure(name, share) {
  const { times: whole, workers, kind } = kinds[name];
  const times = Math.max(Math.round(whole * share), 10);
  const samples = [];
  const begin = performance.now();
  const seen = async (done) => {
    await new Promise(setImmediate);
    samples.push({ done, bytes: residentBytes() });
  };
  await (workers ? withWorkers({ workers, kind }, times, seen) : repeat(name, times, seen));
  process.send({ name, times, seconds: (performance.now() - begin) / 1000, samples });
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

function figures({ times, seconds, samples }) {
  const warm = samples.filter(({ done }) => done >= times / 10);
  const part = Math.max(warm.length >> 3, 1);
  const of = (some) => ({ done: median(some.map(({ done }) => done)), bytes: median(some.map(({ bytes }) => bytes)) });
  const [first, last] = [of(warm.slice(0, part)), of(warm.slice(-part))];
  return { seconds, first: first.bytes, last: last.bytes, each: (last.bytes - first.bytes) / Math.max(last.done - first.done, 1) };
}

async function main([share = '1', ...names]) {
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
  console.log(
    '| over and over | times | seconds | MiB after a tenth | at the end | growth | bytes each |\n| --- | --- | --- | --- | --- | --- | --- |',
  );
  for (const name of names.length ? names : Object.keys(kinds)) {
    const child = fork(file, [], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, SOAK: JSON.stringify({ name, share: Number(share) }) },
    });
    let result;
    child.once('message', (message) => {
      result = message;
    });
    const [status] = await once(child, 'exit');
    if (status !== 0 || !result) throw new Error(`${name}: the process ended with ${status}`);
    const { seconds, first, last, each } = figures(result);
    const growth = last / first - 1;
    console.log(
      `| ${name} | ${result.times} | ${seconds.toFixed(1)} | ${mib(first)} | ${mib(last)} | ${(100 * growth).toFixed(1)} % | ${each.toFixed(0)} |`,
    );
    if (growth > 0.05) process.exitCode = 1;
  }
}

if (!isMainThread) await work(workerData);
else if (process.env.SOAK) {
  const { name, share } = JSON.parse(process.env.SOAK);
  await measure(name, share);
  process.disconnect();
} else await main(process.argv.slice(2));
