/**
 * The TPU kernels against the best peers', v5p, bf16, 16 heads: times estimated from the schedule of the same compiler by the same model
 * (for the peers without HBM), build and compile times side by side (A B A B). Prints markdown tables for bench/results.md.
 *   JAX_PYTHON=python-with-jax-and-libtpu TOKAMAX_SRC=folder-with-tokamax node bench/tpu.mjs [schedule] [compile] [memory] [--long]
 *
 * `pip install jax==0.10.2 libtpu==0.0.52 numpy` makes such a Python; `pip download --no-deps tokamax==0.0.12` and unzip make such a
 * folder. Without JAX_PYTHON our column stands alone. --long adds peers' cases that take minutes: masks of 131072 tokens.
 */
import { execFileSync } from 'node:child_process';
import { attention, estimate, flops, lower, parseMask } from 'node-pjrt';
import { compileInChild } from '../dist/timing/child.js';
import { compilePeer, peers, schedulePeer } from './peers/peers.mjs';

const parts = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const isLong = process.argv.includes('--long');
const wants = (part) => !parts.length || parts.includes(part);
const peak = 459e12;
const micro = (seconds) => (1e6 * seconds).toFixed(seconds < 1e-3 ? 1 : 0);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const head = (...titles) => {
  console.log();
  row(...titles);
  row(...titles.map(() => '---'));
};
const say = (text) => process.stderr.write(`${text}\n`);

const specOf = ({ T, D, mask = 'causal', kvHeads = 16, pass = 'forward' }) =>
  attention({ heads: 16, kvHeads, headDim: D, queries: T, dtype: 'bf16', mask: parseMask(mask, T, T), pass });

/** What a peer is tried with: the tiles that were found best for it. */
function jobs(peer, { T, D, mask = 'causal', pass = 'forward' }) {
  const base = { peer, T, D, heads: 16, kvHeads: 16, pass: pass === 'forward' ? 'forward' : 'forward+backward' };
  const shape = mask === 'causal' ? { mask } : { mask: 'local', window: 1024 };
  const tiles =
    mask === 'causal'
      ? [{ block: 1024, compute: D === 128 ? 256 : 512 }]
      : [
          { block: 512, compute: 512 },
          { block: 1024, compute: 512 },
        ];
  // At head_dim 128 its kernel is quicker on transposed keys; what XLA takes to transpose them is in its own column.
  if (peer === 'tokamax' && D === 128) tiles.push({ ...tiles[0], minor: ['HEAD_DIM', 'SEQ', 'HEAD_DIM'] });
  const backward = peer === 'jax' ? { block: 512, compute: 512, fused: false } : { block: 1024, compute: 512, fused: true };
  return tiles.map((tile) => ({ ...base, ...shape, ...tile, ...(pass === 'forward' ? {} : { backward }) }));
}

/** The quickest of the peers' kernels for a case. */
async function bestPeer(shape) {
  let best;
  for (const peer of peers)
    for (const job of jobs(peer, shape))
      try {
        const { forward, backward, around, tempBytes } = await schedulePeer(job);
        const kernels = (shape.pass === 'backward' ? 0 : forward) + backward;
        if (!best || kernels < best.kernels)
          best = { name: `${peer} ${job.block}/${job.compute}${job.minor ? ', keys transposed' : ''}`, kernels, around, tempBytes };
      } catch (error) {
        say(
          `${JSON.stringify(job)}: ${String(error.stderr ?? error.message)
            .trim()
            .split('\n')
            .pop()
            .slice(0, 200)}`,
        );
      }
  return best;
}

async function schedules() {
  const both = 'forward+backward';
  const window = 'local(1023, 0)';
  const cases = [
    { D: 256, T: 4096 },
    { D: 256, T: 32768 },
    { D: 128, T: 4096 },
    { D: 128, T: 32768 },
    { D: 256, T: 32768, mask: window },
    { D: 256, T: 4096, pass: 'backward' },
    { D: 256, T: 4096, pass: both },
    { D: 256, T: 32768, pass: both },
    { D: 128, T: 4096, pass: both },
    { D: 256, T: 32768, mask: window, pass: both },
    { D: 256, T: 4096, kvHeads: 2 },
    { D: 256, T: 32768, kvHeads: 2 },
    { D: 256, T: 4096, kvHeads: 2, pass: both },
    { D: 256, T: 32768, kvHeads: 2, pass: both },
  ];
  head(
    'what',
    'us',
    'useful',
    'of it HBM waits, us',
    'HBM alone, us',
    "XLA's operations, us",
    'best peer',
    'us',
    'useful',
    'its XLA, us',
    'peer / ours',
  );
  for (const shape of cases) {
    const { D, T, mask = 'causal', pass = 'forward', kvHeads = 16 } = shape;
    const spec = specOf(shape);
    const useful = (seconds) => percent(flops(spec) / seconds / peak);
    const { seconds, cycles, operationSeconds, scheduleCycles, hbmCycles } = await estimate(lower(spec, 'tpu'));
    const kernels = seconds - operationSeconds;
    const hertz = cycles / seconds;
    const ours = [
      micro(kernels),
      useful(kernels),
      micro(Math.max(0, kernels - scheduleCycles / hertz)),
      micro(hbmCycles / hertz),
      micro(operationSeconds),
    ];
    const peer = kvHeads === 16 ? await bestPeer(shape) : undefined;
    const theirs = peer
      ? [peer.name, micro(peer.kernels), useful(peer.kernels), micro(peer.around), (peer.kernels / kernels).toFixed(2)]
      : ['', '', '', '', ''];
    row(`${pass} ${mask}, D ${D}, T ${T}${kvHeads === 16 ? '' : `, 16/${kvHeads}`}`, ...ours, ...theirs);
  }
}

const child = `
  const { attention, causal, lower, Topology } = require('node-pjrt');
  const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
  (async () => {
    const [T, preset] = process.argv.slice(1);
    const topology = await Topology.open('tpu', 'v5p:2x2x1', { cache: false });
    let [build, compile] = [Infinity, Infinity];
    for (let i = 0; i < 3; i++) {
      const begin = used();
      const spec = attention({ heads: 16, headDim: 256, queries: Number(T), dtype: 'bf16', mask: causal(), pass: 'forward+backward' });
      const module = lower(spec, 'tpu', { preset });
      const built = used();
      (await topology.compile(module)).dispose();
      build = Math.min(build, built - begin);
      compile = Math.min(compile, used() - built);
    }
    console.log(JSON.stringify({ build, compile }));
  })();
`;

/**
 * Rounds in turn, each system in a process of its own that builds and compiles three times: the least of each in processor time, and the
 * median of the rounds.
 */
async function compiles(rounds = 3) {
  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
  head('forward + backward causal, D 256', 'build, CPU ms', 'compile, CPU ms', 'both', 'of the quickest peer');
  for (const T of [32768, 1048576]) {
    const systems = {};
    for (const preset of ['fast', 'lean'])
      systems[`ours, ${preset}`] = () => JSON.parse(execFileSync(process.execPath, ['-e', child, T, preset], { encoding: 'utf8' }));
    // The peers' masks of a million tokens take hours.
    if (T === 32768)
      for (const peer of peers)
        systems[`${peer} 512`] = () =>
          compilePeer({
            ...jobs(peer, { T, D: 256, pass: 'backward' })[0],
            block: 512,
            compute: 512,
            backward: { block: 512, compute: 512, fused: peer === 'tokamax' },
            repeats: 3,
          });
    const samples = Object.fromEntries(Object.keys(systems).map((name) => [name, []]));
    for (let i = 0; i < rounds; i++) for (const [name, run] of Object.entries(systems)) samples[name].push(await run());
    const figures = Object.entries(samples).map(([name, list]) => ({
      name,
      build: median(list.map(({ build }) => build)),
      compile: median(list.map(({ compile }) => compile)),
      both: median(list.map(({ build, compile }) => build + compile)),
    }));
    const quickest = Math.min(...figures.filter(({ name }) => !name.startsWith('ours')).map(({ both }) => both));
    for (const { name, build, compile, both } of figures)
      row(
        `T ${T}: ${name}`,
        ...[build, compile, both].map((ms) => ms.toFixed(0)),
        Number.isFinite(quickest) ? (both / quickest).toFixed(2) : '',
      );
  }
}

async function memory() {
  head('backward temporaries, D 256, T 131072, 16/16', 'MB', 'compile ms');
  for (const mask of ['causal', 'local(1023, 0)']) {
    const { tempBytes, compileMs } = await compileInChild({
      text: lower(specOf({ D: 256, T: 131072, mask, pass: 'backward' }), 'tpu').text,
      topology: 'v5p:2x2x1',
    });
    row(`ours, ${mask}`, (tempBytes / 1e6).toFixed(1), compileMs.toFixed(0));
  }
  if (isLong && peers.includes('jax')) {
    const { tempBytes, compile } = await compilePeer({ ...jobs('jax', { D: 256, T: 131072, pass: 'backward' })[0], block: 512 });
    row('jax, two kernels, forward too', (tempBytes / 1e6).toFixed(1), compile.toFixed(0));
  }
}

console.log(
  `v5p, bf16, 16 heads, libtpu's schedule; no TPU has run any of it. Peers: ${peers.join(' and ') || 'none (JAX_PYTHON names no Python)'}.`,
);
if (wants('schedule')) await schedules();
if (wants('compile')) await compiles();
if (wants('memory')) await memory();
