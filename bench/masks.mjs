/**
 * Masks: analysis at a million tokens, the same analysis by JAX, and steps on the CPU against what the active blocks predict.
 *   node bench/masks.mjs [runs]
 *
 * Analysis (block classes, counts, pairs, sparsity, empty rows at block 512) should take under 1 ms for closed kinds and compositions of depth 3. With
 * JAX_PYTHON naming a Python that has jax, splash attention's mask processing of the same masks is measured in turn. A step should take what its share of
 * the full mask's active blocks says, within 10 %.
 */
import { execFileSync } from 'node:child_process';
import { analyze, attention, Client, lower, lowerBlocking, parseMask } from 'node-pjrt';

const runs = Number(process.argv[2] ?? 7);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const T = 1048576;
const texts = {
  causal: 'causal',
  window: 'local(1023, 0)',
  chunks: 'chunkedCausal(8192)',
  prefix: 'prefix(5000)',
  '64 documents': `documents(${Array(64).fill(T / 64)})`,
  stride: 'strided(64)',
  'depth 3': '(local(1023, 0) | globalTokens(64)) & causal & ~keyLimit(300)',
  'depth 3, chunks': '(chunkedCausal(8192) & ~local(100, 0)) | (causal & keyLimit(1000))',
};

console.log(`analysis at T ${T}, block 512${' '.repeat(14)}first ms   min ms   median ms   active blocks`);
for (const [name, text] of Object.entries(texts)) {
  const mask = parseMask(text, T, T);
  const results = Array.from({ length: 200 }, () => analyze(mask, { queries: T, keys: T, blockQ: 512, blockK: 512 }));
  const times = results.map(({ analysisMs }) => analysisMs);
  const figures = [times[0], Math.min(...times), median(times)].map((value) => value.toFixed(2).padStart(9)).join('');
  console.log(`  ${name.padEnd(38)}${figures}   ${String(results[0].blocks.active).padStart(12)}`);
}

const jax = `
import sys, time, json, os
os.environ['JAX_PLATFORMS'] = 'cpu'
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask as sm, splash_attention_mask_info as si
kind, T = sys.argv[1], int(sys.argv[2])
t = time.time()
mask = sm.CausalMask((T, T)) if kind == 'causal' else sm.LocalMask((T, T), (1023, 0), 0)
si.process_mask(sm.MultiHeadMask([mask]), (512, 512), head_shards=1, q_seq_shards=1)
print(json.dumps(1e3 * (time.time() - t)))
`;
if (process.env.JAX_PYTHON) {
  console.log('\nmask of one head, block 512, a fresh process each   ours ms   jax ms   jax / ours (medians of 3)');
  const ours = `const { analyze, parseMask } = require('node-pjrt'); const T = Number(process.argv[2]);
    const begin = performance.now(); analyze(parseMask(process.argv[1], T, T), { queries: T, keys: T, blockQ: 512, blockK: 512 }); console.log(performance.now() - begin);`;
  for (const [kind, text] of [
    ['causal', 'causal'],
    ['local', 'local(1023, 0)'],
  ])
    for (const tokens of ['8192', '32768']) {
      const samples = Array.from({ length: 3 }, () => [
        Number(execFileSync(process.execPath, ['-e', ours, text, tokens], { encoding: 'utf8' })),
        Number(execFileSync(process.env.JAX_PYTHON, ['-c', jax, kind, tokens], { encoding: 'utf8' }).trim().split('\n').pop()),
      ]);
      const [mine, theirs] = [0, 1].map((which) => median(samples.map((sample) => sample[which])));
      console.log(
        `  ${kind.padEnd(8)}T ${tokens.padEnd(40)}${mine.toFixed(2).padStart(8)}${theirs.toFixed(0).padStart(9)}${(theirs / mine).toFixed(0).padStart(13)}`,
      );
    }
}

const client = await Client.open('cpu', { cache: false });
const shape = { heads: 8, headDim: 128, queries: 4096, dtype: 'f32' };
const full = analyze(parseMask('full', shape.queries, shape.queries), {
  queries: shape.queries,
  keys: shape.queries,
  ...lowerBlocking(attention(shape), 'cpu'),
}).blocks.active;
const cases = [
  'full',
  'causal',
  'prefix(1024)',
  'chunkedCausal(1024)',
  'documents(1000, 500, 1596, 1000)',
  'documents(1000, 500, 1596, 1000) & causal',
  'local(511, 0) | globalTokens(64)',
];
const programs = [];
for (const text of cases) {
  const spec = attention({ ...shape, mask: parseMask(text, shape.queries, shape.queries) });
  const { active } = analyze(spec.mask, { queries: shape.queries, keys: shape.queries, ...lowerBlocking(spec, 'cpu') }).blocks;
  programs.push({ text, share: active / full, executable: await client.compile(lower(spec, 'cpu')), ms: [] });
}
const { inputs: types } = attention(shape);
const inputs = Object.fromEntries(
  Object.entries(types).map(([name, type]) => [
    name,
    client.upload(
      type,
      Float32Array.from({ length: 8 * 4096 * 128 }, () => Math.random() - 0.5),
    ),
  ]),
);
for (let i = -1; i < runs; i++)
  for (const program of programs) {
    const begin = performance.now();
    const outputs = await program.executable.run(inputs);
    await outputs.out.ready();
    if (i >= 0) program.ms.push(performance.now() - begin);
    outputs.out.dispose();
  }
console.log(
  `\nCPU step, 8 heads x 128, T 4096, f32 (${runs} runs in turn)          min ms   median ms   active share   step / (share x full), minima`,
);
const whole = Math.min(...programs[0].ms);
for (const { text, share, ms } of programs) {
  const least = Math.min(...ms);
  console.log(
    `  ${text.padEnd(54)}${least.toFixed(1).padStart(8)}${median(ms).toFixed(1).padStart(12)}${share.toFixed(3).padStart(15)}${(least / (share * whole)).toFixed(2).padStart(15)}`,
  );
}
client.dispose();
