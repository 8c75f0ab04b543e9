/** `bench story`: which cases it has, the report of whatever was measured, and what happens when part of it cannot be. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attentionCase } from '../lib/bench/cases';
import { originCompileMs, originRows } from '../lib/bench/origin';
import { type BenchmarkFile, type BenchmarkRow, readRecord } from '../lib/bench/record';
import { emptyRow } from '../lib/bench/run';
import { sampleOf } from '../lib/bench/sample';
import { figures } from '../lib/bench/story/figures';
import { finding } from '../lib/bench/story/finding';
import { labelsOf } from '../lib/bench/story/labels';
import { sentence } from '../lib/bench/story/markup';
import { type PeerOptions, peerRows } from '../lib/bench/story/peer';
import { plan } from '../lib/bench/story/plan';
import { warnings } from '../lib/bench/story/prose';
import { Story } from '../lib/bench/story/run';
import { prepared } from '../lib/bench/story/series';
import { digits, rangeText, shortTokens, timeText } from '../lib/bench/story/words';
import { withTarget } from '../lib/cli/target';
import { testTpu } from './helpers';

const dist = path.join(__dirname, '..', 'dist');
const main = path.join(dist, 'cli', 'main.js');
const scratch = mkdtempSync(path.join(tmpdir(), 'node-pjrt story '));
afterAll(() => rmSync(scratch, { recursive: true }));

const story = (...args: string[]) => spawnSync(process.execPath, [main, 'bench', 'story', '--quick', ...args], { encoding: 'utf8' });
const read = (folder: string, name: string) => readFileSync(path.join(scratch, folder, name), 'utf8');
const sizes = { modelDim: 4096, heads: 16, kvHeads: 2 };
const once = (...times: number[]) => sampleOf({ times, cpu: times, warmup: [], steady: true });

/** A row of given milliseconds. */
function row(target: string, seq: number, mask: string, compile: number, step?: number): BenchmarkRow {
  const phases = { build: once(1), lower: once(2), compile: once(compile), ...(step === undefined ? {} : { step: once(step) }) };
  return { ...emptyRow(attentionCase({ ...sizes, seq }, { mask }), target), phases };
}

/** Writes the report of rows with what is built, in a process of its own. */
function report(folder: string, benchmarks: readonly BenchmarkRow[]): BenchmarkFile['context'] {
  const file = path.join(scratch, `${folder}.json`);
  writeFileSync(file, JSON.stringify(benchmarks));
  const script = `
    const { context } = require('${dist}/bench/machine.js');
    const { writeReport } = require('${dist}/bench/story/report.js');
    const benchmarks = JSON.parse(require('node:fs').readFileSync(process.argv[1], 'utf8'));
    const about = context();
    writeReport(process.argv[2], { file: { context: about, benchmarks }, command: 'node-pjrt bench story', clock: 'wall' }).then(() => console.log(JSON.stringify(about)));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, file, path.join(scratch, folder)], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('a small run on the CPU: the files, the record and the tables agree', () => {
  const folder = path.join(scratch, 'small run');
  const { status, stdout } = story('--target', 'cpu', '--seq', '128', '64', '--window', '32', '--out', folder);
  expect(status).toBe(0);
  const names = ['story.html', 'story.md', 'story.json', 'story-light.svg', 'story-dark.svg'];
  expect(
    stdout
      .trim()
      .split('\n')
      .map((file) => path.resolve(file)),
  ).toEqual(names.map((name) => path.join(folder, name)));
  const { benchmarks } = readRecord(path.join(folder, 'story.json'));
  expect(benchmarks.map(({ name }) => name)).toEqual(
    [64, 128].flatMap((seq) =>
      ['/mask:dense(causal)', '', '/mask:local(31, 0)'].map((mask) => `FlashAttentionBenchmark/4096/16/2/${seq}${mask}`),
    ),
  );
  expect(benchmarks.map((_, i) => i)).toEqual(benchmarks.map(({ per_family_instance_index: i }) => i));
  const markdown = read('small run', 'story.md');
  for (const { phases, max_error: error, mask, queries } of benchmarks as BenchmarkRow[]) {
    expect(Object.keys(phases)).toEqual(['build', 'lower', 'compile', 'first', 'step']);
    expect(error).toBeLessThan(0.02);
    const step = phases.step as NonNullable<typeof phases.step>;
    expect(markdown).toContain(`| ${queries} | ${mask} | node-pjrt |`);
    expect(markdown).toContain(`${rangeText(step.median, step.interval)} ×${step.times.length} |`);
  }
  expect(markdown).toContain('## All phases, CPU plugin');
  // Nothing of a TPU was measured, and nothing of one is told.
  expect(markdown).not.toContain('Beside apple/axlearn');
  expect(read('small run', 'story.html')).toContain('Nothing of this was measured in this run.');
});

test('the plan: dense masks end one T beyond what fits, long steps on a CPU are left out', () => {
  const full = plan({ targets: ['v5p:2x2x1', 'cpu'], quick: false, window: 1024, preset: 'lean' });
  const seqs = (mask: string, cases: (typeof full)[number]['cases']) =>
    cases.filter((one) => one.mask === mask).map(({ options }) => options.queries);
  const [ahead, steps, compiles] = full;
  expect(seqs('dense(causal)', ahead.cases)).toEqual([512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]);
  expect(seqs('causal', ahead.cases).at(-1)).toBe(2 ** 20);
  expect(seqs('local(1023, 0)', ahead.cases)).toHaveLength(12);
  expect(ahead.cases.every(({ name }) => name.endsWith('/preset:lean'))).toBe(true);
  expect(seqs('dense(causal)', steps.cases).at(-1)).toBe(8192);
  expect(compiles.options.last).toBe('compile');
  expect(steps.cases.length + compiles.cases.length).toBe(ahead.cases.length);
  const own = plan({ targets: ['cpu'], quick: true, window: 8, preset: 'fast', tokens: [64] });
  expect(own.map(({ cases }) => cases.map(({ mask }) => mask))).toEqual([['dense(causal)', 'causal', 'local(7, 0)']]);
});

test('the finding is of the rows, and of nothing where there are none', () => {
  const rows = [
    row('v5p:2x2x1', 512, 'causal', 97),
    row('v5p:2x2x1', 512, 'dense(causal)', 997),
    row('v5p:2x2x1', 1024, 'causal', 197),
    row('cpu', 512, 'causal', 7, 10),
    row('cpu', 512, 'dense(causal)', 7, 55),
  ];
  const { sentences, keys } = finding(rows, 'wall');
  expect(sentences.join(' ').replace(/\u00a0/g, ' ')).toBe(
    'For TPU v5p a lazy causal mask of 1,024 tokens is built, lowered and compiled in 200 ms, one of 512 tokens in 100 ms. ' +
      'A causal mask of 512 tokens takes 1.00 s as T × T bits and 100 ms as a lazy mask. ' +
      'On this machine’s CPU a step of 512 tokens takes 10.0 ms with the lazy mask and 55.0 ms with the dense one.',
  );
  expect(keys.map(({ value }) => value.replace(/\u00a0/g, ' '))).toEqual(['200 ms', '10 times', '5.5 times']);
  const peer = [row('v5p:2x2x1', 512, 'causal', 47), row('v5p:2x2x1', 1024, 'causal', 797)].map((one) => ({ ...one, system: 'jax 1.2.3' }));
  expect(finding([...rows, ...peer], 'wall').sentences[2].replace(/\u00a0/g, ' ')).toBe(
    'The splash attention of JAX 1.2.3, compiled in the same run by the same compiler, takes 800 ms for its CausalMask of 1,024 tokens (here 200 ms); at 512 tokens its CausalMask is the faster one.',
  );
  // By processors, of which these phases took half as long.
  const halved = rows.map((one) => ({
    ...one,
    phases: Object.fromEntries(
      Object.entries(one.phases).map(([phase, { times }]) => [phase, { ...once(...times), cpu: times.map((ms) => ms / 2) }]),
    ),
  }));
  expect(finding(halved, 'processor').sentences[0].replace(/\u00a0/g, ' ')).toBe(
    'For TPU v5p a lazy causal mask of 1,024 tokens is built, lowered and compiled in 100 ms of processor time, one of 512 tokens in 50.0 ms.',
  );
  expect(finding([], 'wall')).toEqual({ sentences: ['Nothing was measured to the end, so there is nothing to say yet.'], keys: [] });
});

test('a report of no rows, and one whose texts are HTML, are pages all the same', () => {
  report('empty', []);
  expect(read('empty', 'story.html')).toContain('there is nothing to say yet');
  const evil = `<script>alert("a|b")</script> & 'more'`;
  const about = report('evil', [{ ...row('cpu', 512, 'causal', 9), mask: evil, error_message: evil, error_occurred: true, system: evil }]);
  const html = read('evil', 'story.html');
  expect(html).not.toContain('<script');
  expect(html).toContain('&lt;script&gt;alert(&quot;a|b&quot;)&lt;/script&gt; &amp; &#39;more&#39;');
  const markdown = read('evil', 'story.md');
  expect(markdown).not.toContain('<script');
  expect(markdown).toContain('a\\|b');
  expect(html).toContain(about.cpu_model);
  expect(sentence('a `b < c` d')).toBe('a <code>b &lt; c</code> d');
});

test('points have titles with what was measured; a picture has colours of its own', () => {
  report('points', [row('v5p:2x2x1', 512, 'causal', 97), row('v5p:2x2x1', 1024, 'causal', 197)]);
  const html = read('points', 'story.html').replace(/\u00a0/g, ' ');
  expect(html).toContain(
    '<title>node-pjrt, causal, T 1,024, v5p:2x2x1: 200 ms (build 1.00 ms, lower 2.00 ms, compile 197 ms; medians, one run)</title>',
  );
  expect(html).toContain('apple/axlearn, pull request 908, dense mask, T 32,768: 94.3 s: 94,368 ms with the compile and 116 ms without');
  for (const theme of ['light', 'dark']) {
    const svg = read('points', `story-${theme}.svg`);
    expect(svg).not.toContain('var(--');
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  }
});

test('a target that cannot be had is told in the report, and the rest goes on', async () => {
  const stages = plan({ targets: ['v5p:0x0x0', 'cpu'], quick: true, window: 8, preset: 'lean', tokens: [64] });
  const at: string[] = [];
  const run = new Story({ stages, opens: withTarget, onPhase: (done, total, name, phase) => at.push(`${done}/${total} ${name} ${phase}`) });
  const rows = await run.run();
  expect(rows.map(({ target, error_message: error, phases }) => [target, error, Object.keys(phases).length])).toEqual([
    ...Array(3).fill(['v5p:0x0x0', 'a topology has 1 to 2^15 chips; got v5p:0x0x0', 0]),
    ...Array(3).fill(['cpu', undefined, 5]),
  ]);
  expect(rows.map(({ per_family_instance_index: i }) => i)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(at[0]).toBe('3/6 FlashAttentionBenchmark/4096/16/2/64/mask:dense(causal) build');
  const [ahead] = figures(rows, 'wall');
  expect(ahead.notes).toEqual([
    'node-pjrt dense(causal), node-pjrt causal, and node-pjrt local(7, 0) end before T 64: a topology has 1 to 2^15 chips; got v5p:0x0x0.',
  ]);
  // What others measured there has nothing to stand beside.
  expect(ahead.chart.series.flatMap(({ points }) => points)).toEqual([]);
});

test('Ctrl-C: the report is of what was measured, and says so', async () => {
  const folder = path.join(scratch, 'stopped');
  const child = spawn(process.execPath, [main, 'bench', 'story', '--target', 'cpu', '--seq', '64', '4096', '--out', folder]);
  let words = '';
  child.stderr.on('data', (data: Buffer) => {
    words += data.toString();
    // In the middle of a long case.
    if (words.includes('4 of 6') && !child.killed) child.kill('SIGINT');
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  expect(status).toBe(130);
  expect(words).toMatch(/interrupted/);
  const { benchmarks } = readRecord(path.join(folder, 'story.json'));
  expect(benchmarks.slice(0, 3).map(({ phases }) => phases?.step !== undefined)).toEqual([true, true, true]);
  expect(benchmarks.length).toBeLessThan(6);
  expect(read('stopped', 'story.html')).toContain('The run was interrupted after 3 of 6 cases: the report is of these.');
});

const peer: PeerOptions = { python: 'python3', target: 'v5p:2x2x1', budgetMs: 1, limitMs: 60_000 };
const rowsOf = async (options: Partial<PeerOptions>, seqs: readonly number[], masks = ['causal']) => {
  const rows: BenchmarkRow[] = [];
  const cases = seqs.flatMap((seq) => masks.map((mask) => attentionCase({ ...sizes, seq }, { mask })));
  for await (const one of peerRows(cases, { ...peer, ...options }, () => {})) rows.push(one);
  return rows;
};

testTpu('a peer that cannot be had is told once a mask', async () => {
  const [row, ...others] = await rowsOf({ python: path.join(scratch, 'nowhere') }, [512, 1024]);
  expect(others).toEqual([]);
  expect(row).toMatchObject({
    name: 'FlashAttentionBenchmark/4096/16/2/512/target:v5p:2x2x1/system:jax',
    system: 'jax',
    error_occurred: true,
  });
  expect(row.error_message).toMatch(/^the peer's Python cannot be started: spawn .*ENOENT/);
  // One that has no jax, or has it and not this attention, says what it lacks.
  const [bare] = await rowsOf({ python: 'python3' }, [500], ['causal', 'local(7, 0)']);
  expect(bare.error_message).toMatch(/^the peer ended with code 1: /);
});

// A Python with jax is for whoever has one: NODE_PJRT_PEER_PYTHON names it.
const peerPython = process.env.NODE_PJRT_PEER_PYTHON;
(peerPython && process.arch === 'x64' ? test : test.skip)(
  'the peer, and what of it would take too long',
  async () => {
    const rows = await rowsOf(
      { python: peerPython, limitMs: 4000, budgetMs: 1000 },
      [512, 4096, 131072],
      ['causal', 'dense(causal)', 'local(1023, 0)'],
    );
    for (const one of rows.filter(({ queries }) => queries < 131072)) {
      expect(one.error_message).toBeUndefined();
      expect(one.system).toMatch(/^jax \d/);
      expect(Object.keys(one.phases)).toEqual(['build', 'lower', 'compile']);
      expect(prepared(one, 'wall')?.median).toBeGreaterThan(10);
      expect(one.text_bytes).toBeGreaterThan(1000);
    }
    const skipped = rows.filter((one) => one.skipped);
    expect(skipped.map(({ queries }) => queries)).toEqual([131072, 131072, 131072]);
    for (const { skip_message: reason } of skipped) expect(reason).toMatch(/^would take .*, foreseen from T 4,096; the limit is/);
  },
  120_000,
);

test.each<[string[], string]>([
  [['--window', '0'], "option '--window <n>' argument '0' is invalid. A whole number, 1 or more."],
  [['--peer-limit', '-1'], "option '--peer-limit <seconds>' argument '-1' is invalid. A number above 0."],
  [['--target', 'v5p', 'v4'], 'a report is of cpu and one other target; got v5p:2x2x1 v4:2x2x1'],
  [
    ['--target', 'cpu', '--peer-python', 'python3'],
    '--peer-python compiles for a TPU that need not be here: --target names one such as v5p; got cpu',
  ],
])('%j is an error of one line', (args, message) => {
  const { status, stdout, stderr } = story(...args);
  expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: `node-pjrt: ${message}\n` });
});

test('a load that others made is told', () => {
  const loaded = row('cpu', 64, 'causal', 5);
  const compile = { ...once(5), load: 0.5 };
  const file = { benchmarks: [{ ...loaded, phases: { ...loaded.phases, compile } }, loaded] } as unknown as BenchmarkFile;
  expect(warnings({ file, command: '', clock: 'wall' })).toEqual([
    'Other work on the machine took up to 50 % of its cores, during 1 of 2 cases; their notes say which.',
  ]);
});

test("the origin's compile, un-amortised", () => {
  const all = originRows.map((one) => [one.tokens, Math.round(originCompileMs(one, 'causal')), Math.round(originCompileMs(one, 'dense'))]);
  expect(all).toEqual([
    [4096, 1661, 3599],
    [8192, 1901, 7809],
    [32768, 7525, 94252],
  ]);
});

test('figures as words', () => {
  const texts = [0.00936, 0.0996, 12.34, 999.4, 999.6, 94252, 240_000].map((ms) => timeText(ms).replace('\u00a0', ' '));
  expect(texts).toEqual(['9.36 µs', '0.0996 ms', '12.3 ms', '999 ms', '1.00 s', '94.3 s', '4.00 min']);
  expect(rangeText(4790, [4710, 4905]).replace('\u00a0', ' ')).toBe('4.79 s [4.71–4.91]');
  expect([512, 1024, 1536, 32768, 2 ** 20].map(shortTokens)).toEqual(['512', '1k', '1.50k', '32k', '1M']);
  expect([0, 94368, 0.5].map(digits)).toEqual(['0', '94,368', '0.500']);
});

test('labels stand beside their lines, in the frame and not over each other', () => {
  const frame = { left: 0, right: 300, top: 0, bottom: 200 };
  const lines = ['one', 'another one', 'a third, which is long'].map((words, i) => ({
    words,
    points: [
      { x: 0, y: 100 },
      { x: 200, y: 100 + i },
    ],
  }));
  const fontSize = 12;
  const labels = labelsOf(lines, frame, fontSize);
  for (const [i, { x, y, align }] of labels.entries()) {
    expect(Math.abs(y - 100)).toBeLessThan(40);
    expect(align === 'left' ? x > 200 : x < 200).toBe(true);
    for (const other of labels.slice(0, i)) if (other.align === align) expect(Math.abs(other.y - y)).toBeGreaterThan(fontSize);
  }
});
