/**
 * What the runtime itself costs on the CPU plugin: a run of a program of 8 additions, JavaScript to JavaScript, and 1 GiB in and out, copied
 * or shared, beside a copy in memory.   node bench/runtime.mjs
 */
import { Client, hostArray, tensor } from 'node-pjrt';

const client = await Client.open('cpu', { cache: false });

function figures(ms) {
  const sorted = [...ms].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1] };
}

async function times(runs, work) {
  const ms = [];
  for (let i = 0; i < runs; i++) {
    const begin = performance.now();
    const done = await work();
    ms.push(performance.now() - begin);
    done?.();
  }
  return figures(ms.slice(runs >> 3));
}

function say(what, { min, median }, unit = 'ms', scale = 1) {
  console.log(`| ${what} | ${(scale * min).toPrecision(3)} ${unit} | ${(scale * median).toPrecision(3)} ${unit} |`);
}

console.log('| | min | median |\n| --- | --- | --- |');
const eight = tensor('f32', [8]);
const text = `func.func @main(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32> {
  %0 = stablehlo.add %a, %b : tensor<8xf32>
  return %0 : tensor<8xf32>
}`;
const program = await client.compile(text);
const a = client.upload(eight, new Float32Array(8));
const run = async () => {
  const { out } = await program.run({ a, b: a });
  return () => out.dispose();
};
say('run of 8 additions', await times(20_000, run), 'us', 1000);

const gibibyte = tensor('f32', [2 ** 28]);
const array = hostArray(gibibyte).fill(1);
const copy = hostArray(gibibyte).fill(2);
const dispose = (buffer) => () => buffer.dispose();
const ready = async (buffer) => {
  await buffer.ready();
  return dispose(buffer);
};
say('1 GiB copied, array to array', await times(8, () => void copy.set(array)));
say('1 GiB uploaded', await times(8, () => ready(client.upload(gibibyte, array))));
say('1 GiB aliased', await times(8, () => ready(client.alias(gibibyte, array))));
const buffer = client.upload(gibibyte, array);
say('1 GiB read', await times(8, async () => void (await buffer.read())));
say('1 GiB viewed', await times(8, async () => void (await buffer.view())));
client.dispose();
