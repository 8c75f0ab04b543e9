/**
 * What the runtime costs on an attached accelerator, beside JAX on the same plugin: runs, waited for or dispatched, 1 GiB in and out, and a
 * dense attention's step. The peer's process comes after this one's, since a device's memory is one process's.
 *
 *     node bench/device.mjs xla_cuda_plugin.so [python with jax]
 */
import { execFileSync } from 'node:child_process';
import { attention, causal, Client, hostArray, lower, tensor } from 'node-pjrt';
import { heldBy } from '../dist/timing/event-loop.js';
import { addition, dispose, figures, ready, times } from './times.mjs';

const [plugin, python] = process.argv.slice(2);
const client = await Client.open(plugin, { cache: false });

const add = await client.compile(addition);
const a = client.upload(tensor('f32', [8]), new Float32Array(8).fill(1));
async function chain() {
  let sum = a;
  for (let i = 0; i < 100; i++) {
    const { out } = await add.dispatch({ a: sum, b: a });
    if (sum !== a) sum.dispose();
    sum = out;
  }
  return ready(sum);
}

const gibibyte = tensor('f32', [2 ** 28]);
const plain = new Float32Array(2 ** 28).fill(1);
const shared = hostArray(gibibyte).fill(2);
const buffer = client.upload(gibibyte, shared);
await buffer.ready();

const spec = attention({ heads: 16, headDim: 128, queries: 4096, dtype: 'bf16', mask: causal() });
const step = await client.compile(lower(spec, 'dense'));
const inputs = Object.fromEntries(
  Object.entries(spec.inputs).map(([name, type]) => [name, client.upload(type, new Float32Array(16 * 4096 * 128).fill(0.1))]),
);

/** By the name that the peer has for the same: how often, its unit in milliseconds, and the work. */
const rows = {
  'run of 8 additions, waited for': [3000, 'us', 1e3, async () => dispose((await add.run({ a, b: a })).out)],
  'run of 8 additions, dispatched': [3000, 'us', 1e3, async () => dispose((await add.dispatch({ a, b: a })).out)],
  'one of 100 dispatched runs, each of the last one’s output': [40, 'us', 10, chain],
  '1 GiB uploaded': [5, 'ms', 1, async () => ready(client.upload(gibibyte, shared))],
  '1 GiB uploaded, from an array that is not hostArray’s': [5, 'ms', 1, async () => ready(client.upload(gibibyte, plain))],
  '1 GiB read': [5, 'ms', 1, async () => void (await buffer.read())],
  'attention, dense, causal, 16 heads x 128, T 4096, bf16': [
    20,
    'ms',
    1,
    async () => {
      const { out } = await step.run(inputs);
      return dispose(out);
    },
  ],
};

const { kind } = client.devices[0];
const measured = {};
for (const [what, [runs, , scale, work]] of Object.entries(rows)) {
  await times(2, work);
  const { min, median } = await times(runs, work);
  measured[what] = [min * scale, median * scale];
}
const held = [];
for (let i = 0; i < 5; i++) held.push((await heldBy(async () => (await ready(client.upload(gibibyte, shared)))())).heldMs);
client.dispose();

const peer = python ? JSON.parse(execFileSync(python, [new URL('peers/device.py', import.meta.url).pathname], { encoding: 'utf8' })) : {};
console.log(`${client.platformVersion}, ${kind}; JAX ${peer.version ?? 'not given'}\n`);
console.log('| | min | median | JAX, median | JAX / this |\n| --- | --- | --- | --- | --- |');
for (const [what, [, unit]] of Object.entries(rows)) {
  const [min, median] = measured[what].map((value) => `${value.toPrecision(3)} ${unit}`);
  const its = peer[what];
  const beside = its === undefined ? '| |' : `${its.toPrecision(3)} ${unit} | ${(its / measured[what][1]).toFixed(2)} |`;
  console.log(`| ${what} | ${min} | ${median} | ${beside}`);
}
console.log(
  `\nevent loop held up by an upload of 1 GiB, median and most of 5: ${[figures(held).median, Math.max(...held)].map((ms) => ms.toFixed(1)).join(', ')} ms`,
);
