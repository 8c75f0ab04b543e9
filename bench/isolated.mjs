/** What an isolated client costs beside one in this process: small runs, facts, and 64 MiB in and out.   node bench/isolated.mjs */
import { Client, hostArray, stablehlo, tensor } from 'node-pjrt';
import { addition, dispose, figures, ready, times } from './times.mjs';

const eight = tensor('f32', [8]);

/** What is timed of both, by name: each gives what its client makes of it. */
const large = tensor('f32', [2 ** 24]);
const values = hostArray(large).fill(1);
let callbacks = 0;
const subjects = {
  'run of 8 additions': async (on) => {
    const program = await on.compile(addition);
    const a = on.upload(eight, new Float32Array(8));
    return [2000, async () => dispose((await program.run({ a, b: a })).out)];
  },
  '100 runs of 8 additions at once': async (on) => {
    const program = await on.compile(addition);
    const a = on.upload(eight, new Float32Array(8));
    return [
      100,
      async () => {
        const all = await Promise.all(Array.from({ length: 100 }, () => program.run({ a, b: a })));
        return () => {
          for (const { out } of all) out.dispose();
        };
      },
    ];
  },
  'run with a callback of 8 numbers': async (on) => {
    const name = `same${++callbacks}`;
    const program = await on.compile(
      stablehlo.program('calls', { x: eight }, ({ x }) => ({ y: stablehlo.callback(name, [x], [eight])[0] })),
    );
    on.plugin.callback(name, ([x]) => x.data);
    const x = on.upload(eight, new Float32Array(8));
    return [500, async () => dispose((await program.run({ x })).y)];
  },
  'upload of 8 values': async (on) => [2000, () => dispose(on.upload(eight, new Float32Array(8)))],
  'a fact of a buffer': async (on) => {
    const a = on.upload(eight, new Float32Array(8));
    return [2000, () => void a.deviceBytes];
  },
  '64 MiB uploaded': async (on) => [8, () => ready(on.upload(large, values))],
  '64 MiB read': async (on) => {
    const buffer = on.upload(large, values);
    return [8, async () => void (await buffer.read())];
  },
  '64 MiB viewed': async (on) => {
    const buffer = on.upload(large, values);
    return [8, async () => void (await buffer.view())];
  },
};

const both = [await Client.open('cpu', { cache: false }), await Client.open('cpu', { cache: false, isolated: true })];
const inUs = (ms) => `${(1000 * ms).toPrecision(3)} us`;
console.log('| median of 5 | in this process | isolated | ratio |\n| --- | --- | --- | --- |');
for (const [name, subject] of Object.entries(subjects)) {
  const medians = [[], []];
  // In turn, so that what else goes on meets both.
  for (let round = 0; round < 5; round++)
    for (const [i, on] of both.entries()) medians[i].push((await times(...(await subject(on)))).median);
  const ratios = medians[0].map((here, round) => medians[1][round] / here);
  const [here, there, ratio] = [...medians, ratios].map((list) => figures(list).median);
  console.log(`| ${name} | ${inUs(here)} | ${inUs(there)} | ${ratio.toPrecision(2)} |`);
}
for (const one of both) one.dispose();
