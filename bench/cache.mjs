/**
 * The compile cache: compiling without it, compiling and keeping, and loading, in turn; causal, 16 heads, 2 kv heads, head_dim 256, bf16, T 4096.
 *   node bench/cache.mjs [runs]
 *
 * Milliseconds of `compile` alone: client and topology are open, the program is built.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { attention, causal, Client, lower, Topology } from 'node-pjrt';

const runs = Number(process.argv[2] ?? 7);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt-cache-'));
const shape = { heads: 16, kvHeads: 2, headDim: 256, queries: 4096, dtype: 'bf16', mask: causal() };
const forward = attention(shape);
const both = attention({ ...shape, pass: 'forward+backward' });
const cpu = (cache) => Client.open('cpu', { cache });
const v5p = (cache) => Topology.open('tpu', 'v5p:2x2x1', { cache });
const cases = [
  ['cpu, forward', cpu, lower(forward, 'cpu')],
  ['cpu, forward + backward', cpu, lower(both, 'cpu')],
  ['cpu, dense, forward', cpu, lower(forward, 'dense')],
  ['cpu, dense, forward + backward', cpu, lower(both, 'dense')],
  ['v5p, forward', v5p, lower(forward, 'tpu')],
  ['v5p, forward, lean', v5p, lower(forward, 'tpu', { preset: 'lean' })],
  ['v5p, forward + backward, lean', v5p, lower(both, 'tpu', { preset: 'lean' })],
];

async function compileMs(on, module, fromCache) {
  const begin = performance.now();
  const executable = await on.compile(module);
  const ms = performance.now() - begin;
  if (executable.fromCache !== fromCache)
    throw new Error(`a program that is ${fromCache ? '' : 'not '}to be loaded was ${fromCache ? 'not' : ''}`);
  executable.dispose();
  return ms;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const figures = (values) =>
  `${Math.min(...values)
    .toFixed(1)
    .padStart(9)} ${median(values).toFixed(1).padStart(8)}`;
const columns = ['compile ms', 'compile, keep ms', 'load ms'];
console.log(
  `${'T 4096'.padEnd(32)}${columns.map((name) => name.padStart(18)).join('')}   compile / load   entry   (min, median of ${runs})`,
);
try {
  for (const [name, open, module] of cases) {
    const samples = { compile: [], keep: [], load: [] };
    let bytes = 0;
    const [without, kept] = [await open(false), await open(folder)];
    for (let i = -1; i < runs; i++) {
      fs.rmSync(folder, { recursive: true, force: true });
      const times = [await compileMs(without, module, false), await compileMs(kept, module, false), await compileMs(kept, module, true)];
      bytes = fs.statSync(path.join(folder, fs.readdirSync(folder)[0])).size;
      if (i >= 0) Object.values(samples).forEach((list, which) => void list.push(times[which]));
    }
    const lists = Object.values(samples);
    const ratio = median(samples.compile) / median(samples.load);
    console.log(`${name.padEnd(32)}${lists.map(figures).join('')}${ratio.toFixed(1).padStart(17)}   ${(bytes / 1000).toFixed(0)} kB`);
    for (const opened of [without, kept]) opened.dispose();
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
