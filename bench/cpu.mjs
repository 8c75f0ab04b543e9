/**
 * The CPU attention through the public API beside its peers on the same machine, in turn (A B A B) in one run, as shares of what the cores
 * and the memory can do (bench/peak.cc, compiled with g++). A line a case as it is measured; then Markdown tables for bench/results.md.
 *   node bench/cpu.mjs [--peers FOLDER] [--python PATH] [--quick] [--only TEXT]
 *
 * The peers are PyTorch's scaled_dot_product_attention and compiled flex_attention, and the quickest of onnxruntime-node's operators:
 *   python3 -m venv FOLDER/venv && FOLDER/venv/bin/pip install torch numpy
 *   npm install --prefix FOLDER --ignore-scripts onnxruntime-node
 * Without one of them the rest goes on. --python names another Python with PyTorch; --quick divides every T by 4 and takes few rounds;
 * --only takes the cases whose name has TEXT in it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { attention, causal, Client, flops, full, local, lower, materialize } from 'node-pjrt';
import { places, values } from './peers/values.mjs';

const {
  peers: folder,
  python,
  quick,
  only,
} = parseArgs({
  options: { peers: { type: 'string' }, python: { type: 'string' }, quick: { type: 'boolean' }, only: { type: 'string', default: '' } },
}).values;
const [least, most, budgetMs] = quick ? [3, 5, 1000] : [5, 25, 6000];
const tokens = (count) => (quick ? Math.ceil(count / 4) : count);
const here = path.dirname(fileURLToPath(import.meta.url));
const threads = availableParallelism();
const client = await Client.open('cpu', { cache: false });
const say = (text) => process.stderr.write(`${text}\n`);

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
const digits = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const medianAndMin = (ms, figure = digits) => `${figure(median(ms))} / ${figure(Math.min(...ms))}`;
/** How many times as long as `ms` the others took: in each round, and of these the median, which the machine's other work moves least. */
const ratio = (others, ms) => median(others.map((other, round) => other / ms[round])).toFixed(2);

const peakFolder = mkdtempSync(path.join(tmpdir(), 'node-pjrt-peak-'));
process.on('exit', () => rmSync(peakFolder, { recursive: true }));
execFileSync('g++', ['-O3', '-march=native', '-pthread', '-o', path.join(peakFolder, 'peak'), path.join(here, 'peak.cc')]);
const measurePeak = () => JSON.parse(execFileSync(path.join(peakFolder, 'peak'), { encoding: 'utf8' }));
const peakText = ({ vectorBits, f32, bf16, read }) =>
  `${threads} cores of ${cpus()[0].model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${vectorBits}-bit vectors; f32 ${f32} GFLOP/s, bf16 ${bf16} GFLOP/s, reading ${read} GB/s`;
/** Of two measurements the higher, figure by figure. */
const higher = (one, other) => Object.fromEntries(Object.keys(one).map((name) => [name, Math.max(one[name], other[name])]));

/** A process of bench/peers, which answers a line of JSON with a line of JSON. */
function startPeer(name, command, args, isThere) {
  if (!isThere) return { name, absent: 'not installed' };
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-2000);
  });
  child.stdin.on('error', () => {});
  const end = new Promise((resolve) => {
    child.on('error', (error) => resolve({ done: error.message }));
    child.on('close', () => resolve({ done: complaint.trim().split('\n').pop() || 'its process ended' }));
  });
  const ask = async (request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await Promise.race([lines.next(), end]);
    if (value === undefined) throw new Error(typeof done === 'string' ? done : (await end).done);
    return JSON.parse(value);
  };
  return { name, ask, pid: child.pid, stop: () => child.stdin.end() };
}

/** Ours, or with target `dense` the plugin's own attention. */
async function ours(spec, target = 'cpu') {
  const executable = await client.compile(lower(spec, target));
  const inputs = {};
  for (const [n, [name, type]] of Object.entries(spec.inputs).entries()) {
    const length = type.shape.reduce((product, size) => product * size, 1);
    inputs[name] = client.upload(type, values(n + 1, length));
  }
  const run = async () => {
    const begin = performance.now();
    const outputs = await executable.run(inputs);
    await Promise.all(Object.values(outputs).map((output) => output.ready()));
    const ms = performance.now() - begin;
    for (const output of Object.values(outputs)) output.dispose();
    return ms;
  };
  const samples = {};
  for (const [name, output] of Object.entries(await executable.run(inputs))) {
    const array = await output.read();
    samples[name] = places(array.length).map((place) => array[place]);
    output.dispose();
  }
  const dispose = () => {
    for (const handle of [executable, ...Object.values(inputs)]) handle.dispose();
  };
  return { run, samples, dispose };
}

/** Whether what a contender computes is what ours does, to the dtype's rounding. */
function isSame(samples, own, dtype) {
  return Object.entries(samples).every(([name, numbers]) => {
    const tolerance = (dtype === 'bf16' ? 5e-2 : 1e-3) * Math.max(...own[name].map(Math.abs));
    return numbers.every((number, i) => Math.abs(number - own[name][i]) <= tolerance);
  });
}

/** Seconds of cores that were taken so far by anyone but this process and the peers: other work, and other virtual machines. */
function othersSeconds() {
  const seconds = (text, fields) => fields.reduce((sum, field) => sum + Number(text.split(/ +/)[field]), 0) / 100;
  const all = seconds(readFileSync('/proc/stat', 'utf8'), [1, 2, 3, 6, 7, 8]);
  const pids = ['self', ...peers.flatMap(({ pid, absent }) => (absent ? [] : [pid]))];
  const own = pids.map((pid) => seconds(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, ''), [11, 12]));
  return all - own.reduce((sum, one) => sum + one);
}

/**
 * Milliseconds of each contender, round by round, of which the first does not count, and how many cores others took meanwhile. Runs of
 * less than half a second are made twice and timed the second time: after another's turn cores sleep or free its memory, and caches hold
 * what was the other's.
 */
async function inTurn(runs) {
  const ms = runs.map(() => []);
  const last = runs.map(() => Infinity);
  const begin = performance.now();
  const before = othersSeconds();
  for (let round = -1; round < most && (round < least || performance.now() - begin < budgetMs); round++)
    for (const [n, run] of runs.entries()) {
      // Some threads spin for a while after their work.
      await sleep(10);
      if (last[n] < 500) await run();
      last[n] = await run();
      if (round >= 0) ms[n].push(last[n]);
    }
  const cores = (1e3 * (othersSeconds() - before)) / (performance.now() - begin);
  return { ms, others: { "others' cores": Math.max(0, cores).toFixed(1) } };
}

const masks = { full: full(), causal: causal(), window: local(tokens(1024) - 1, 0) };
const specOf = ({ mask, backward, ...shape }) =>
  attention({ ...shape, mask: masks[mask] ?? mask, pass: backward ? 'forward+backward' : 'forward' });

const rates = (spec, ms) => ({
  'GFLOP/s': digits(flops(spec) / median(ms) / 1e6),
  'of the peak': (peak) => `${medianAndMin(ms, (one) => (flops(spec) / one / 1e4 / peak[spec.dtype]).toFixed(0))} %`,
});
const bandwidth = ({ kvHeads, keys, headDim }, ms) => {
  const gigabytes = 2 * 2 * kvHeads * keys * headDim * 1e-6;
  return {
    'GB/s of K and V': digits(gigabytes / median(ms)),
    'of reading memory': (peak) => `${medianAndMin(ms, (one) => ((100 * gigabytes) / one / peak.read).toFixed(0))} %`,
  };
};

/** Ours and all peers that have the case; `rate` gives the columns of ours. */
async function besidePeers(shape, rate = rates) {
  const spec = specOf(shape);
  const own = await ours(spec);
  const contenders = [];
  for (const peer of peers) {
    if (peer.absent) continue;
    try {
      const { version, peers: found } = await peer.ask({ open: { ...shape, window: tokens(1024), backward: Boolean(shape.backward) } });
      peer.version = version;
      for (const [name, { samples, error }] of Object.entries(found))
        if (error) say(`  ${name}: ${error}`);
        else if (!isSame(samples, own.samples, shape.dtype)) say(`  ${name} computes something else than ours: left out`);
        else contenders.push({ name, run: async () => (await peer.ask({ run: name })).ms });
    } catch (error) {
      peer.absent = error.message;
      say(`  ${peer.name}: ${error.message}`);
    }
  }
  const {
    ms: [ms, ...theirs],
    others,
  } = await inTurn([own.run, ...contenders.map(({ run }) => run)]);
  own.dispose();
  const row = { 'ours ms': medianAndMin(ms), ...rate(spec, ms), ...others };
  for (const [n, { name }] of contenders.entries()) {
    const [column, operator] = name.split(' ');
    row[`${column} ms`] = medianAndMin(theirs[n]) + (operator ? ` (${operator})` : '');
    row[`${column} / ours`] = ratio(theirs[n], ms);
  }
  return [row];
}

/** Against the plugin's own attention, plain StableHLO. */
async function besideDense(shape) {
  const spec = specOf(shape);
  const [own, dense] = [await ours(spec), await ours(spec, 'dense')];
  if (!isSame(dense.samples, own.samples, shape.dtype)) say('  the dense lowering computes something else than ours');
  const {
    ms: [ms, denseMs],
    others,
  } = await inTurn([own.run, dense.run]);
  own.dispose();
  dense.dispose();
  return [
    { 'ours ms': medianAndMin(ms), ...rates(spec, ms), 'dense ms': medianAndMin(denseMs), 'dense / ours': ratio(denseMs, ms), ...others },
  ];
}

/** GFLOP/s of a shape that the kernels' blocks do not divide against one nearby. */
async function besideNeighbour(shape, neighbour) {
  const specs = [specOf(shape), specOf({ ...shape, ...neighbour })];
  const both = [await ours(specs[0]), await ours(specs[1])];
  const {
    ms: [ms, theirs],
    others,
  } = await inTurn(both.map(({ run }) => run));
  for (const one of both) one.dispose();
  const scaled = theirs.map((one) => (one * flops(specs[0])) / flops(specs[1]));
  return [
    {
      'ours ms': medianAndMin(ms),
      ...rates(specs[0], ms),
      neighbour: sizes({ ...shape, ...neighbour }),
      'its GFLOP/s': digits(flops(specs[1]) / median(theirs) / 1e6),
      'GFLOP/s of its': `${ratio(scaled, ms)} / ${(Math.min(...scaled) / Math.min(...ms)).toFixed(2)}`,
      ...others,
    },
  ];
}

/** A causal mask in closed form against the same one as T x T bits. */
async function besideBits(shape) {
  const rows = [];
  const contenders = [];
  for (const [name, target, mask] of [
    ['causal()', 'cpu', () => masks.causal],
    ['causal, dense bits', 'dense', () => materialize(masks.causal, shape.queries, shape.queries)],
  ]) {
    const begin = performance.now();
    const spec = specOf({ ...shape, mask: mask() });
    const program = lower(spec, target);
    const built = performance.now();
    const executable = await client.compile(program);
    const compiled = performance.now();
    const { tempBytes } = executable.memory;
    executable.dispose();
    const fits = tempBytes < totalmem();
    if (fits) contenders.push(await ours(spec, target));
    const step = fits ? undefined : `not run: this machine has ${digits(totalmem() / 2 ** 30)} GiB`;
    const temporaries = `${digits(tempBytes / 2 ** 20)} MiB`;
    rows.push({ mask: name, 'build ms': digits(built - begin), 'compile ms': digits(compiled - built), temporaries, 'step ms': step });
  }
  const { ms, others } = await inTurn(contenders.map(({ run }) => run));
  for (const [n, contender] of contenders.entries()) {
    contender.dispose();
    Object.assign(rows[n], { 'step ms': medianAndMin(ms[n]), 'step / causal()': ratio(ms[n], ms[0]), ...others });
  }
  return rows;
}

const sizes = ({ heads, kvHeads, headDim, queries, keys }) =>
  `${heads}/${kvHeads} x ${headDim}, ${queries === keys ? `T ${queries}` : `${queries} x ${keys}`}`;
const shapeOf = (heads, kvHeads, queries, headDim, keys = queries) => ({
  heads,
  kvHeads,
  queries: queries < 64 ? queries : tokens(queries),
  keys: tokens(keys),
  headDim,
});
const dtypes = ['f32', 'bf16'];
const [small, medium, wide, widest] = [
  shapeOf(8, 8, 1024, 64),
  shapeOf(8, 8, 4096, 64),
  shapeOf(32, 8, 2048, 128),
  shapeOf(16, 2, 4096, 256),
];

const cases = [];
const add = (section, { dtype, mask, backward, ...shape }, measure, ...more) => {
  const name = `${section.toLowerCase()} ${dtype}${mask === 'full' ? '' : ` ${mask === 'window' ? `window ${tokens(1024)}` : mask}`}, ${sizes(shape)}`;
  cases.push({ section, name, measure: () => measure({ ...shape, dtype, mask, backward }, ...more) });
};
for (const [section, backward] of [
  ['Forward', false],
  ['Forward + backward', true],
])
  for (const dtype of dtypes)
    for (const mask of ['causal', 'window'])
      for (const shape of [small, medium, wide, widest])
        if (mask === 'causal' || shape === wide || shape === widest || (backward && shape === medium))
          add(section, { ...shape, dtype, mask, backward }, besidePeers);
for (const queries of [1, 4, 16])
  add('Decode', { ...shapeOf(32, 8, queries, 128, 32768), dtype: 'bf16', mask: 'full' }, besidePeers, bandwidth);
for (const backward of [false, true])
  for (const dtype of dtypes) {
    const section = `Ragged, forward${backward ? ' + backward' : ''}`;
    const causalShape = (queries, headDim) => ({ ...shapeOf(8, 8, queries, headDim), dtype, mask: 'causal', backward });
    add(section, causalShape(4097, 64), besideNeighbour, medium);
    add(section, { ...shapeOf(8, 8, 5000, 64, 3001), dtype, mask: 'full', backward }, besideNeighbour, shapeOf(8, 8, 5008, 64, 3008));
    for (const headDim of [64, 96, 128]) add(section, causalShape(4096, 80), besideNeighbour, { headDim });
  }
for (const backward of [false, true])
  for (const shape of [small, medium])
    for (const dtype of dtypes)
      add(`Dense lowering, forward${backward ? ' + backward' : ''}`, { ...shape, dtype, mask: 'causal', backward }, besideDense);
for (const queries of [8192, 32768]) add('Masks', { ...shapeOf(4, 1, queries, 64), dtype: 'f32', mask: 'causal' }, besideBits);

function table(rows) {
  const titles = [...new Set(rows.flatMap(Object.keys))];
  const lines = [titles, titles.map(() => ''), ...rows.map((row) => titles.map((title) => row[title] ?? ''))];
  const widths = titles.map((_, n) => Math.max(3, ...lines.map((cells) => cells[n].length)));
  return lines.map(
    (cells, line) => `| ${cells.map((cell, n) => (line === 1 ? '-'.repeat(widths[n]) : cell.padEnd(widths[n]))).join(' | ')} |`,
  );
}

let limits = measurePeak();
let highest = limits;
say(peakText(limits));
const pythonPath = python ?? path.join(folder ?? '', 'venv/bin/python');
const peers = [
  startPeer(
    'PyTorch',
    pythonPath,
    [path.join(here, 'peers/torch_attention.py'), threads],
    Boolean(python) || (folder && existsSync(pythonPath)),
  ),
  startPeer(
    'onnxruntime-node',
    process.execPath,
    [path.join(here, 'peers/ort_attention.mjs'), threads, folder],
    folder && existsSync(path.join(folder, 'node_modules/onnxruntime-node')),
  ),
];
for (const { name, absent } of peers) if (absent) say(`${name}: absent, ${absent}`);

const sections = new Map();
for (const { section, name, measure } of cases.filter((one) => one.name.includes(only)))
  try {
    const found = await measure();
    // The clock and the memory of a machine that others share change from minute to minute.
    const [before, after] = [limits, measurePeak()];
    limits = after;
    highest = higher(highest, after);
    for (const figures of found) {
      const row = { case: name };
      for (const [title, cell] of Object.entries(figures)) row[title] = typeof cell === 'function' ? cell(higher(before, after)) : cell;
      sections.set(section, [...(sections.get(section) ?? []), row]);
      say(
        Object.entries(row)
          .map(([title, cell]) => (title === 'case' ? `${cell}:` : `${title} ${cell}`))
          .join('   '),
      );
    }
  } catch (error) {
    process.exitCode = 1;
    say(`${name}: ${error.name}: ${error.message}`);
  }
for (const { stop } of peers) stop?.();
client.dispose();

console.log(`${peakText(highest)} at most; Node ${process.versions.node}.`);
console.log(
  `Peers: ${peers.map(({ name, version, absent }) => (absent ? `${name} absent (${absent})` : (version ?? `${name} not asked`))).join(', ')}.`,
);
console.log(
  "Two figures are the median and the least of the rounds, or of these; one ratio is the median over the rounds. The peak and reading memory are the higher of before and after the case. Others' cores: taken by other work meanwhile.",
);
for (const [section, rows] of sections) console.log(`\n### ${section}\n\n${table(rows).join('\n')}`);
