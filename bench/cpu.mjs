/**
 * The CPU kernel with a lazy causal mask against the dense StableHLO lowering of the same attention, in turn in one process. Should be at least
 * 1.7 times as fast at T 4096; at T 32768 the dense one does not fit in memory.   node bench/cpu.mjs [runs]
 */
import { totalmem } from 'node:os';
import { attention, causal, Client, local, lower } from 'node-pjrt';

const runs = Number(process.argv[2] ?? 5);
const client = await Client.open('cpu');
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function compare(shape, contenders) {
  const spec = attention({ ...shape, mask: causal() });
  const inputs = Object.fromEntries(
    Object.entries(spec.inputs).map(([name, type]) => {
      const length = type.shape.reduce((product, n) => product * n, 1);
      return [
        name,
        client.upload(
          type,
          Float32Array.from({ length }, () => Math.random() - 0.5),
        ),
      ];
    }),
  );
  const samples = {};
  const executables = {};
  for (const [name, [mask, target]] of Object.entries(contenders)) {
    executables[name] = await client.compile(lower(attention({ ...shape, mask }), target));
    samples[name] = [];
  }
  for (let i = -1; i < runs; i++)
    for (const [name, executable] of Object.entries(executables)) {
      const start = performance.now();
      const { out } = await executable.run(inputs);
      await out.ready();
      if (i >= 0) samples[name].push(performance.now() - start);
      out.dispose();
    }
  const { heads, kvHeads, headDim, queries, dtype } = shape;
  console.log(`${heads}/${kvHeads} heads x ${headDim}, T ${queries}, ${dtype}`);
  for (const [name, values] of Object.entries(samples)) {
    const ratio = median(values.map((value, i) => samples['dense causal']?.[i] / value));
    console.log(
      `  ${name.padEnd(18)} min ${Math.min(...values)
        .toFixed(1)
        .padStart(8)} ms   median ${median(values).toFixed(1).padStart(8)} ms` +
        (Number.isFinite(ratio) ? `   dense / this: ${ratio.toFixed(2)}` : ''),
    );
  }
  for (const handle of [...Object.values(executables), ...Object.values(inputs)]) handle.dispose();
}

const lazy = { 'lazy causal': [causal(), 'cpu'], 'lazy window 1024': [local(1023, 0), 'cpu'] };
const all = { 'dense causal': [causal(), 'dense'], ...lazy };
for (const dtype of ['f32', 'bf16']) {
  await compare({ heads: 16, kvHeads: 2, headDim: 256, queries: 1024, dtype }, all);
  await compare({ heads: 16, kvHeads: 2, headDim: 256, queries: 4096, dtype }, all);
}
const long = { heads: 4, kvHeads: 1, headDim: 64, queries: 32768, dtype: 'f32' };
await compare(long, lazy);
const dense = await client.compile(lower(attention({ ...long, mask: causal() }), 'dense'));
const gib = (bytes) => `${(bytes / 2 ** 30).toFixed(0)} GiB`;
console.log(
  `  dense causal       not run: it needs ${gib(dense.memory.tempBytes)} of temporary memory, and this machine has ${gib(totalmem())}`,
);
dense.dispose();
client.dispose();
