/** A Node process of its own, for what a test must not have in this one: exits, signals, and workers that end. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { elementwise, loop, matmul } from './pjrt-programs';

export interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
  ms: number;
}

let directory: string;
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pjrt-'));
});
afterAll(() => {
  fs.rmSync(directory, { recursive: true });
});

/**
 * Runs `main` in a process of its own, and `worker` in each `new Worker(__filename)` of it, with programs and what they need at
 * hand. libtpu's variables are as on a machine that sets none, but `env`.
 */
export function node(main: string, { worker = '', env = {} }: { worker?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  const dist = JSON.stringify(path.join(__dirname, '..', 'dist', 'pjrt'));
  const file = path.join(fs.mkdtempSync(path.join(directory, 'case-')), 'main.js');
  fs.writeFileSync(
    file,
    `const { Client, Topology, hostArray, liveHandles, liveResources } = require(${dist});
    const { Worker, isMainThread, parentPort } = require('node:worker_threads');
    const dist = ${dist};
    const matmul = ${JSON.stringify(Object.fromEntries([8, 256, 512, 1024].map((n) => [n, matmul(n)])))};
    const loop = ${JSON.stringify(loop(2 ** 30))};
    const add = ${JSON.stringify(elementwise('add', '8xf32'))};
    const zeros = (client, ...shape) => client.upload({ dtype: 'f32', shape }, new Float32Array(shape.reduce((a, b) => a * b)));
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    (async () => { if (isMainThread) { ${main} } else { ${worker} } })();`,
  );
  const ours = /^(TPU_(?!LIBRARY)|LIBTPU|ALLOW_MULTIPLE|TF_CPP|NODE_PJRT_(LOG|TRACE))/;
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const start = Date.now();
  return new Promise((resolve) => {
    execFile(process.execPath, [file], { env: { ...clean, ...env }, timeout: 60_000, killSignal: 'SIGKILL' }, (error, out, err) => {
      const ended = error as { code?: number | null; signal?: string } | null;
      resolve({ code: ended ? (ended.code ?? null) : 0, signal: ended?.signal ?? null, out, err, ms: Date.now() - start });
    });
  });
}

export const quiet = (out: unknown = '') => ({ code: 0, signal: null, out, err: '' });
