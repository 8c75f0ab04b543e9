/**
 * What it costs to cut 256 MiB of f32 for the CPU plugin's devices, and to put them together: the time, and how long the event loop is held up
 * meanwhile.   node bench/sharded.mjs
 */
import { Client } from 'node-pjrt';
import { heldBy } from '../dist/timing/event-loop.js';
import { figures } from './times.mjs';

const side = 2 ** 13;
const array = new Float32Array(side * side).fill(1.5);

/** How they are split, and what they become. */
const cases = (devices) => ({
  'by rows': [`${side}x${side}xf32`, `{devices=[${devices},1]<=[${devices}]}`],
  'by columns': [`${side}x${side}xf32`, `{devices=[1,${devices}]<=[${devices}]}`],
  'by columns of few elements': [`${side * 256}x32xf32`, `{devices=[1,${devices}]<=[${devices}]}`],
  'by rows, to bf16': [`${side}x${side}xbf16`, `{devices=[${devices},1]<=[${devices}]}`],
  'the same on all, to bf16': [`${side}x${side}xbf16`, '{replicated}'],
});

const program = (
  type,
  sharding,
) => `func.func @main(%a: tensor<${type}> {mhlo.sharding = "${sharding}"}) -> (tensor<${type}> {mhlo.sharding = "${sharding}"}) {
  %0 = stablehlo.negate %a : tensor<${type}>
  return %0 : tensor<${type}>
}`;

console.log(
  '| | devices | first, ms | min | median | held up: first, ms | median | most after the first |\n| --- | --- | --- | --- | --- | --- | --- | --- |',
);
for (const devices of [4, 8]) {
  const client = await Client.open('cpu', { devices, cache: false });
  for (const [what, [type, sharding]] of Object.entries(cases(devices))) {
    const split = await client.compileSharded(program(type, sharding), { partitions: devices });
    const uploaded = async () => {
      const tensor = split.upload('a', array);
      await tensor.ready();
      return tensor;
    };
    await timed(`upload ${what}`, devices, async () => (await uploaded()).dispose());
    const there = await uploaded();
    if (what === 'by columns') await timed(`read ${what}`, devices, () => there.read());
    there.dispose();
    split.dispose();
  }
  client.dispose();
}

async function timed(what, devices, work) {
  const all = [];
  for (let i = 0; i < 8; i++) {
    let ms;
    const { heldMs } = await heldBy(async () => {
      const begin = performance.now();
      await work();
      ms = performance.now() - begin;
    });
    all.push({ ms, heldMs });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [first, ...later] = all;
  const [time, held] = ['ms', 'heldMs'].map((key) => later.map((one) => one[key]));
  const row = [first.ms, figures(time).min, figures(time).median, first.heldMs, figures(held).median, Math.max(...held)];
  console.log(`| ${[what, devices, ...row.map((one) => one.toPrecision(3))].join(' | ')} |`);
}
