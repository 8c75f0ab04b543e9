/**
 * What the runtime itself costs on the CPU plugin: a run of a program of 8 additions, JavaScript to JavaScript, and of one that calls back;
 * 1 GiB in and out, copied or shared, beside a copy in memory in turn; and how long each thing that takes time holds up the event loop.
 * bench/isolated.mjs has what another process costs.   node bench/runtime.mjs
 */
import { Client, hostArray, stablehlo as s, tensor } from 'node-pjrt';
import { heldBy } from '../dist/timing/event-loop.js';
import { addition, figures, ready, times } from './times.mjs';

const client = await Client.open('cpu', { cache: false });

function say(what, { min, median }, unit = 'ms', scale = 1) {
  console.log(`| ${what} | ${(scale * min).toPrecision(3)} ${unit} | ${(scale * median).toPrecision(3)} ${unit} |`);
}

console.log('| | min | median |\n| --- | --- | --- |');
const eight = tensor('f32', [8]);
const program = await client.compile(addition);
const a = client.upload(eight, new Float32Array(8));
const run = async () => {
  const { out } = await program.run({ a, b: a });
  return () => out.dispose();
};
say('run of 8 additions', await times(20_000, run), 'us', 1000);

const callback = client.plugin.callback('same', ([x]) => x.data);
const called = async (turns) => {
  const index = tensor('i32', []);
  const module = s.program('called', { a: eight }, ({ a }) =>
    s.whileLoop(
      { i: s.constant(0, index), x: a },
      ({ i }) => s.compare(i, turns, 'LT'),
      ({ i, x }) => ({ i: s.add(i, 1), x: s.callback('same', [x], [eight])[0] }),
    ),
  );
  const looped = await client.compile(module);
  return async () => {
    const outputs = await looped.run({ a });
    return () => outputs[Symbol.dispose]();
  };
};
say('run with a callback of 8 numbers', await times(4000, await called(1)), 'us', 1000);
say('callback of 8 numbers, one of 1000 in a run', await times(40, await called(1000)), 'us', 1);
callback[Symbol.dispose]();

const gibibyte = tensor('f32', [2 ** 28]);
const array = new Float32Array(2 ** 28).fill(1);
const copy = new Float32Array(2 ** 28).fill(2);
const shared = hostArray(gibibyte).fill(1);
const copied = (to) => to.set(array);

// In turn, so that what else the machine does is everybody's. Fresh memory has no pages yet; warm memory was used just now.
const kinds = {
  'copied to warm memory': () => copied(copy),
  'copied to fresh memory': () => copied(new Float32Array(2 ** 28)),
  'uploaded, memory of the upload before': async () => ready(client.upload(gibibyte, array)),
  'read, memory of the read before': async () => void (await buffer.read()),
};
const buffer = client.alias(gibibyte, shared);
const ms = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
const first = await times(1, kinds['uploaded, memory of the upload before']);
for (let round = 0; round < 9; round++)
  for (const [kind, work] of Object.entries(kinds)) {
    const { median } = await times(1, work);
    ms[kind].push(median);
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
for (const [kind, all] of Object.entries(ms)) say(`1 GiB ${kind}`, figures(all.slice(1)));
say('1 GiB uploaded, the first time: fresh memory', first);
const ratio = (a, b) => figures(ms[a].slice(1).map((one, i) => one / ms[b][i + 1])).median;
const [warm, , upload, read] = Object.keys(kinds);
say('1 GiB aliased', await times(8, () => ready(client.alias(gibibyte, shared))));
say('1 GiB viewed', await times(8, async () => void (await buffer.view())));
console.log(
  `\nspeed of a copy to warm memory, medians of pairs: upload ${percent(ratio(warm, upload))}, read ${percent(ratio(warm, read))}`,
);

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

const sixteen = tensor('f32', [2 ** 24]);
const tanhs = `func.func @main(%a: tensor<${2 ** 24}xf32>) -> tensor<${2 ** 24}xf32> {
  %0 = stablehlo.exponential %a : tensor<${2 ** 24}xf32>
  %1 = stablehlo.tanh %0 : tensor<${2 ** 24}xf32>
  return %1 : tensor<${2 ** 24}xf32>
}`;
const sines = Array.from({ length: 20_000 }, (_, i) => `  %${i + 1} = stablehlo.sine %${i} : tensor<8xf32>`);
const deep = addition.replace('return %0', `${sines.join('\n')}\n  return %20000`);
const exponentials = await client.compile(tanhs);
const held = {
  '5 runs at once of exp and tanh of 16M': async () => {
    const x = client.upload(sixteen, array.subarray(0, 2 ** 24));
    const runs = await Promise.all(Array.from({ length: 5 }, () => exponentials.run({ a: x })));
    for (const { out } of runs) await out.read();
    for (const { out } of [...runs, { out: x }]) out.dispose();
  },
  'compile 20,000 operations': async () => (await client.compile(deep)).dispose(),
  'upload 1 GiB': async () => (await ready(client.upload(gibibyte, array)))(),
  'read 1 GiB': () => buffer.read(),
  'upload 16M bf16 from f32': async () => (await ready(client.upload({ ...sixteen, dtype: 'bf16' }, array.subarray(0, 2 ** 24))))(),
};
console.log('\n| event loop held up by | median of 5, ms | most | of |\n| --- | --- | --- | --- |');
for (const [what, work] of Object.entries(held)) {
  await heldBy(work);
  const runs = [];
  for (let i = 0; i < 5; i++) runs.push(await heldBy(work));
  const all = runs.map(({ heldMs }) => heldMs);
  const { median: total } = figures(runs.map(({ totalMs }) => totalMs));
  console.log(`| ${what} | ${figures(all).median.toFixed(1)} | ${Math.max(...all).toFixed(1)} | ${total.toFixed(0)} |`);
}
client.dispose();
