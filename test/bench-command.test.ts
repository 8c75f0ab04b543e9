/** `node-pjrt bench` as a person runs it: dist/cli/main.js in a process of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type BenchmarkRow, readRecord } from '../lib/bench/record';
import { testTpu } from './helpers';

const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt bench '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => path.join(scratch, name);

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'bench', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

const small = ['attention', '--model-dim', '16', '--heads', '2', '--kv-heads', '1', '--seq', '70', '--benchmark_min_time', '0.05s'];
const name = 'FlashAttentionBenchmark/16/2/1/70';

test("attention: google-benchmark's table, and the phases below", () => {
  const { status, stdout, stderr } = run(...small, '--impl', 'flash', 'reference', '--pass', 'forward', 'forward+backward');
  expect({ status, failure: /^node-pjrt:.*/m.exec(stderr)?.[0] }).toEqual({ status: 0, failure: undefined });
  expect(stderr).toMatch(/^\d{4}-.*\nRunning node-pjrt bench\nRun on \(\d+ X [\d.]+ MHz CPU s?\)\n/);
  expect(stderr).toMatch(
    /^8 of 8, about \d+ s left: FlashAttentionBenchmark\/16\/2\/1\/70\/mask:dense\(causal\)\/pass:forward\+backward\/impl:reference$/m,
  );
  const lines = stdout.split('\n');
  const width = `${name}/mask:dense(causal)/pass:forward+backward/impl:reference`.length;
  expect(lines[1]).toBe(`${'Benchmark'.padEnd(width)}          Time             CPU   Iterations UserCounters...`);
  expect([lines[0], lines[2]]).toEqual(Array(2).fill('-'.repeat(lines[1].length)));
  for (const line of lines.slice(3, 11)) expect(line).toMatch(/^FlashAttentionBenchmark\/\S+ +[\d.]+ ms +[\d.]+ ms +\d+ HBM=[\d.]+k$/);
  expect(lines[12]).toMatch(/^ +ms each +min +median +spread +95 % of median +CPU +runs +settled +cold$/);
  for (const phase of ['build', 'lower', 'compile', 'first', 'step'])
    expect(stdout.match(new RegExp(`^  ${phase} +[\\d.]+ `, 'gm'))).toHaveLength(8);
  expect(stdout).toMatch(/^ {2}text \d+ B, temporaries .*, HBM .*, peak of this process .*, \d of \d blocks, error \d\.\de-\d$/m);
});

/** google-benchmark's fields of a row, and their kinds. */
const googleFields = {
  name: 'string',
  family_index: 'number',
  per_family_instance_index: 'number',
  run_name: 'string',
  run_type: 'string',
  repetitions: 'number',
  repetition_index: 'number',
  threads: 'number',
  iterations: 'number',
  real_time: 'number',
  cpu_time: 'number',
  time_unit: 'string',
};

test("JSON has google-benchmark's fields, and its file is the same", () => {
  const { status, stdout } = run(...small, '--mask', 'causal', '--benchmark_format', 'json', '--benchmark_out', at('out.json'));
  expect(status).toBe(0);
  expect(fs.readFileSync(at('out.json'), 'utf8')).toBe(stdout);
  const { context, benchmarks } = JSON.parse(stdout) as { context: Record<string, unknown>; benchmarks: Record<string, unknown>[] };
  expect(context).toMatchObject({
    date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    host_name: expect.any(String),
    executable: 'node-pjrt bench',
    num_cpus: expect.any(Number),
    mhz_per_cpu: expect.any(Number),
    caches: expect.any(Array),
    load_avg: [expect.any(Number), expect.any(Number), expect.any(Number)],
    library_version: expect.any(String),
    library_build_type: 'release',
    json_schema_version: 1,
  });
  expect(benchmarks).toHaveLength(1);
  for (const [field, kind] of Object.entries(googleFields)) expect([field, typeof benchmarks[0][field]]).toEqual([field, kind]);
  expect(benchmarks[0]).toMatchObject({ name, run_name: name, run_type: 'iteration', time_unit: 'ms', threads: 1, repetition_index: 0 });
});

test('a filter, a list of names, and no case left', () => {
  const listed = run('attention', '--benchmark_list_tests', '--benchmark_filter', '/(512|1024)(/|$)', '--mask', 'causal');
  expect(listed).toEqual({
    status: 0,
    stderr: '',
    stdout: ['256/2/2/512', '2048/16/2/1024', '4096/16/2/1024'].map((sizes) => `FlashAttentionBenchmark/${sizes}\n`).join(''),
  });
  const both = run('attention', '--benchmark_list_tests', '--mask', 'causal', '--family', 'FlashAttentionBenchmark', 'MQABenchmark');
  expect(both.stdout.split('\n').filter((line) => line.startsWith('MQABenchmark/'))).toHaveLength(6);
  expect(run(...small, '--benchmark_filter', 'nothing')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'node-pjrt: no case has a name that /nothing/ finds; --benchmark_list_tests prints them\n',
  });
});

test.each<[string[], string]>([
  [['attention', '--mask', 'caus'], 'a mask is full, causal'],
  [['attention', '--heads', '3'], 'model_dim is heads x head_dim; got 4096 with 3 heads'],
  [['attention', '--seq', '0'], "option '--seq <n...>' argument '0' is invalid."],
  [['attention', '--benchmark_min_time', 'soon'], "option '--benchmark_min_time <time>' argument 'soon' is invalid."],
  [['attention', '--benchmark_filter', '('], "option '--benchmark_filter <regex>' argument '(' is invalid."],
  [['attention', '--benchmark_out', '/nowhere/x.json', '--model-dim', '16', '--heads', '2', '--seq', '8', '--last', 'build'], 'ENOENT'],
  [['layers', '--model', '7b'], "option '--model <model...>' argument '7b' is invalid."],
  [['compare', '/nowhere.json', '/nowhere.json'], 'ENOENT: no such file or directory'],
  [['compare', main, main], 'a benchmark file is JSON; '],
])('%j is an error of one line', (args, message) => {
  const { status, stderr } = run(...args);
  expect(status).toBe(1);
  expect(stderr.trimEnd().split('\n').pop()).toContain(`node-pjrt: ${message}`);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('a target that cannot be had is in its rows, the others go on, and the exit code tells', () => {
  const { status, stdout, stderr } = run(...small, '--mask', 'causal', '--target', 'nowhere', 'cpu');
  expect(status).toBe(1);
  expect(stdout).toMatch(/^FlashAttentionBenchmark\/16\/2\/1\/70\/target:nowhere ERROR OCCURRED: '.+'$/m);
  expect(stdout).toMatch(/^FlashAttentionBenchmark\/16\/2\/1\/70 +[\d.]+ ms/m);
  expect(stderr).toMatch(/^node-pjrt: FlashAttentionBenchmark\/16\/2\/1\/70\/target:nowhere: .+\n$/m);
});

test('what needs too much memory says so, and the rest goes on', () => {
  const { status, stdout } = run(...small, '--max-memory', '0.0001', '--impl', 'flash', 'reference', '--mask', 'causal');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^FlashAttentionBenchmark\/16\/2\/1\/70 +[\d.]+ ms/m);
  expect(stdout).toMatch(/impl:reference SKIPPED: 'needs .* kB; 100 kB are the limit that --max-memory sets'$/m);
});

test('layers: the lines of the original', () => {
  const layers = [
    'layers',
    '--model',
    '1.2b',
    '12.6b',
    '--batch',
    '1',
    '--seq',
    '64',
    '--window',
    '16',
    '--benchmark_min_time',
    '2x',
    '--no-phases',
  ];
  const { status, stdout, stderr } = run(...layers);
  expect(status).toBe(0);
  const lines = (model: string) => [
    `Benchmarking attention representative of ${model} model layer on cpu.`,
    expect.stringMatching(/^ref_fwd:\d\.\d{4}s, flash_fwd:\d\.\d{4}s$/),
    expect.stringMatching(/^ref_bwd:\d\.\d{4}s, flash_bwd:\d\.\d{4}s$/),
    '',
  ];
  expect(stdout.split('\n')).toEqual([...lines('1.2b'), ...lines('12.6b'), '']);
  expect(stderr).toMatch(/^Reference: compiled, masked like flash, local\(16, 0\)\. The original's is causal without the window/m);
  const alone = run(...layers, '--no-run-reference', '--benchmark_filter', '1.2b');
  expect(alone.stdout).toMatch(/^Benchmarking .*\nflash_fwd:\d\.\d{4}s\nflash_bwd:\d\.\d{4}s\n/);
});

testTpu('layers for v5p: estimated, beside what the origin measured', () => {
  const { status, stdout } = run('layers', '--model', '1.2b', '--target', 'v5p', '--preset', 'lean', '--no-run-reference', '--quick');
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^Benchmarking attention representative of 1\.2b model layer on TPU v5.*\.\nflash_fwd:0\.\d{4}s \(estimated\)\nflash_bwd:0\.\d{4}s \(estimated\)\n/,
  );
  expect(stdout).toMatch(/^apple\/axlearn, pull request 908, measured on TPU v5p: ref_fwd:0\.2291s, flash_fwd:0\.0014s/m);
});

test('compare: no difference, a difference, and its exit code', () => {
  run(...small, '--mask', 'causal', '--benchmark_out', at('a.json'));
  const same = run('compare', at('a.json'), at('a.json'), '--fail-above', '1.0001');
  expect(same).toMatchObject({ status: 0, stderr: '' });
  expect(same.stdout.split('\n')[0]).toMatch(/^Benchmark +metric +before +after +ratio +95 % +verdict$/);
  expect(same.stdout).toMatch(/ text_bytes +\d+ B +\d+ B +1\.000 +1\.000 \.\. 1\.000 +no difference$/m);
  expect(same.stdout).not.toMatch(/slower|faster|larger|smaller/);

  const { context, benchmarks } = readRecord(at('a.json'));
  const [{ text_bytes = 0 }] = benchmarks as BenchmarkRow[];
  fs.writeFileSync(at('b.json'), JSON.stringify({ context, benchmarks: [{ ...benchmarks[0], text_bytes: 2 * text_bytes }] }));
  const larger = run('compare', at('a.json'), at('b.json'), '--metric', 'text_bytes', '--fail-above', '1.1');
  expect(larger.status).toBe(1);
  expect(larger.stdout).toMatch(/ 2\.000 +2\.000 \.\. 2\.000 +larger$/m);
  expect(larger.stderr).toBe(`node-pjrt: above 1.1: ${name} text_bytes 2.000\n`);
  expect(run('compare', at('a.json'), at('b.json'), '--metric', 'code_bytes').stderr).toBe(
    'node-pjrt: the files have nothing in common to compare: no metric of a name that is in both\n',
  );
  const json = JSON.parse(run('compare', at('a.json'), at('b.json'), '--json', '--metric', 'text_bytes').stdout);
  expect(json).toMatchObject({ comparisons: [{ name, metric: 'text_bytes', ratio: 2, verdict: 'larger' }], gone: [], added: [] });
});

test('an interrupt prints what there is, writes the file, and ends with 130', async () => {
  const args = ['bench', ...small.slice(0, -4), '--seq', '70', '4000', '--mask', 'causal', '--benchmark_out', at('part.json')];
  const child = spawn(process.execPath, [main, ...args, '--benchmark_min_time', '600s'].concat(['--benchmark_filter', '4000|70']), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => {
    stdout += data;
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data;
    // The first case is measured until its interval is narrow; the second is under way.
    if (/^2 of 2/m.test(stderr)) child.kill('SIGINT');
  });
  const [status] = await once(child, 'close');
  expect(status).toBe(130);
  expect(stderr).toMatch(/^node-pjrt: interrupted; 1 of 2 cases are done$/m);
  expect(stdout).toMatch(/^FlashAttentionBenchmark\/16\/2\/1\/70 +[\d.]+ ms/m);
  expect(stdout).toMatch(/^FlashAttentionBenchmark\/16\/2\/1\/4000 +SKIPPED: 'interrupted during \w+'$/m);
  expect(stdout).toMatch(/^ {2}ms each/m);
  const { benchmarks } = readRecord(at('part.json'));
  expect(benchmarks.map(({ name, skipped }) => [name, skipped])).toEqual([
    ['FlashAttentionBenchmark/16/2/1/70', undefined],
    ['FlashAttentionBenchmark/16/2/1/4000', true],
  ]);
});
