/**
 * Ahead of time for v5p in a fresh process: node's start, addon, libtpu's load, mask, build and compile, all told. Causal forward, 16 heads,
 * 2 kv heads, head_dim 256, bf16. Should be under 2.5 s at T 32768.   node bench/v5p.mjs [runs]
 *
 * With JAX_PYTHON naming a Python that has jax and libtpu, JAX's splash attention of the same shape (block 512) is measured in turn, A B A B: its own
 * process, from Python's start to the compiled kernel.
 */
import { execFileSync } from 'node:child_process';

const runs = Number(process.argv[2] ?? 5);
const ours = `
  const { attention, causal, lower, Topology } = require('node-pjrt');
  const loaded = performance.now();
  (async () => {
    const topology = await Topology.open('tpu', 'v5p:2x2x1', { cache: false });
    const opened = performance.now();
    const module = lower(attention({ heads: 16, kvHeads: 2, headDim: 256, queries: Number(process.argv[1]), dtype: 'bf16', mask: causal() }), topology.target, { preset: process.argv[2] });
    const built = performance.now();
    const compiled = await topology.compile(module);
    const done = performance.now();
    console.log(JSON.stringify({ build: built - opened, compile: done - built, codeBytes: compiled.codeBytes }));
  })();
`;
const jax = `
import os, sys, time, json
os.environ.update(JAX_PLATFORMS='cpu', TPU_SKIP_MDS_QUERY='1', ALLOW_MULTIPLE_LIBTPU_LOAD='1', TPU_ACCELERATOR_TYPE='v5p-8', TPU_WORKER_HOSTNAMES='localhost')
import jax, jax.numpy as jnp
from jax.experimental import topologies
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as sk, splash_attention_mask as sm
from jax.sharding import SingleDeviceSharding
T = int(sys.argv[1])
where = SingleDeviceSharding(topologies.get_topology_desc(platform='tpu', topology_name='v5p:2x2x1').devices[0])
q = jax.ShapeDtypeStruct((16, T, 256), jnp.bfloat16, sharding=where)
kv = jax.ShapeDtypeStruct((2, T, 256), jnp.bfloat16, sharding=where)
def f(q, k, v):
    sizes = sk.BlockSizes(block_q=512, block_kv=512, block_kv_compute=512)
    return sk.make_splash_mha(mask=sm.MultiHeadMask([sm.CausalMask((T, T))] * 16), head_shards=1, q_seq_shards=1, block_sizes=sizes)(q, k, v)
t0 = time.time(); lowered = jax.jit(f).trace(q, kv, kv).lower(lowering_platforms=('tpu',)); t1 = time.time(); lowered.compile(); t2 = time.time()
print(json.dumps(dict(build=1e3 * (t1 - t0), compile=1e3 * (t2 - t1))))
`;

function measure(command, args) {
  const start = performance.now();
  const { build, compile } = JSON.parse(execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n').pop());
  return { build, compile, process: performance.now() - start };
}
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const figures = (samples, what) => {
  const values = samples.map((sample) => sample[what]);
  return `${Math.min(...values)
    .toFixed(0)
    .padStart(7)} ${median(values).toFixed(0).padStart(7)}`;
};

console.log(
  `${''.padEnd(22)}${['build ms', 'compile ms', 'process ms'].map((title) => title.padStart(16)).join('')}   (min, median of ${runs})`,
);
for (const queries of ['4096', '32768', '1048576']) {
  const systems = Object.fromEntries(
    ['lean', 'fast'].map((preset) => [`ours, ${preset}`, () => measure(process.execPath, ['-e', ours, queries, preset])]),
  );
  // JAX's mask analysis of a million tokens takes hours.
  if (process.env.JAX_PYTHON && queries !== '1048576') systems['jax splash'] = () => measure(process.env.JAX_PYTHON, ['-c', jax, queries]);
  const samples = Object.fromEntries(Object.keys(systems).map((name) => [name, []]));
  for (let i = -1; i < runs; i++)
    for (const [name, run] of Object.entries(systems)) {
      const sample = run();
      if (i >= 0) samples[name].push(sample);
    }
  for (const [name, list] of Object.entries(samples))
    console.log(
      `${name.padEnd(12)}T ${queries.padEnd(8)}${['build', 'compile', 'process'].map((what) => ` ${figures(list, what)}`).join('')}`,
    );
  if (samples['jax splash']) {
    const ratio = samples['jax splash'].map((peer, i) => peer.process / samples['ours, lean'][i].process);
    console.log(`${''.padEnd(12)}whole process, jax splash / ours, lean: ${median(ratio).toFixed(2)} (median of pairs)`);
  }
}
