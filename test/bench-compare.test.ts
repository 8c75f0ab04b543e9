/** Files of results: reading, writing, and what two of them say of each other. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { compare, type Metric, regressions, unmatched } from '../lib/bench/compare';
import { context } from '../lib/bench/machine';
import { type AnyRow, type BenchmarkRow, readRecord, recordText, writeRecord } from '../lib/bench/record';
import { sampleOf } from '../lib/bench/sample';
import { fuzz } from './fuzz/budget';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt bench '));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Milliseconds around one value, none of them the same. */
const around = (ms: number, runs = 12) => Array.from({ length: runs }, (_, i) => ms * (1 + (((i * 7) % runs) - runs / 2) / 1000));

function row(name: string, fields: Partial<BenchmarkRow> = {}, ms?: number): BenchmarkRow {
  const times = around(ms ?? 10);
  const step = sampleOf({ times, cpu: times.map((time) => 2 * time), warmup: [], steady: true });
  return {
    name,
    run_name: name,
    run_type: 'iteration',
    family_index: 0,
    per_family_instance_index: 0,
    repetitions: 1,
    repetition_index: 0,
    threads: 1,
    iterations: times.length,
    real_time: ms ?? 10,
    cpu_time: 2 * (ms ?? 10),
    time_unit: 'ms',
    target: 'cpu',
    mask: 'causal',
    pass: 'forward',
    impl: 'flash',
    dtype: 'bf16',
    batch: 1,
    heads: 1,
    kv_heads: 1,
    head_dim: 8,
    queries: 8,
    keys: 8,
    phases: { step },
    ...fields,
  };
}

const verdicts = (before: AnyRow[], after: AnyRow[], metrics: Metric[], options = {}) =>
  compare(before, after, { metrics, ...options }).map(({ name, metric, verdict }) => [name, metric, verdict]);

test('a file against itself has no difference in anything', () => {
  const rows = [row('a', { text_bytes: 644, code_bytes: 10, hbm_bytes: 5 }), row('b', {}, 3)];
  const all = compare(rows, rows);
  expect(all.map(({ name, metric }) => `${name} ${metric}`)).toEqual([
    'a step',
    'a step_cpu',
    'a text_bytes',
    'a code_bytes',
    'a hbm_bytes',
    'b step',
    'b step_cpu',
  ]);
  for (const { ratio, verdict } of all) {
    expect(ratio).toBeCloseTo(1, 6);
    expect(verdict).toBe('no difference');
  }
  expect(regressions(all, 1)).toEqual([]);
});

test('slower, faster, and too near to tell', () => {
  expect(verdicts([row('a')], [row('a', {}, 15)], ['step', 'step_cpu'])).toEqual([
    ['a', 'step', 'slower'],
    ['a', 'step_cpu', 'slower'],
  ]);
  expect(verdicts([row('a')], [row('a', {}, 5)], ['step'])).toEqual([['a', 'step', 'faster']]);
  // 3 % is certain in these samples, and still no more than processes differ by.
  expect(verdicts([row('a')], [row('a', {}, 10.3)], ['step'])).toEqual([['a', 'step', 'no difference']]);
  expect(verdicts([row('a')], [row('a', {}, 10.3)], ['step'], { noise: 0.001 })).toEqual([['a', 'step', 'slower']]);
});

test('bytes are exact', () => {
  const [before, more, less] = [1000, 1001, 999].map((text_bytes) => [row('a', { text_bytes })]);
  expect(verdicts(before, more, ['text_bytes'])).toEqual([['a', 'text_bytes', 'larger']]);
  expect(verdicts(before, less, ['text_bytes'])).toEqual([['a', 'text_bytes', 'smaller']]);
  const label = 'estimated';
  const step = (ms: number) => [row('a', { phases: {}, estimated_step: { ms, label } })];
  expect(verdicts(step(1), step(1.01), ['estimated_step'])).toEqual([['a', 'estimated_step', 'slower']]);
});

test('single runs are too few, and skipped and failed rows are nothing', () => {
  const once = (ms: number) => [row('a', { phases: { compile: sampleOf({ times: [ms], cpu: [ms], warmup: [], steady: false }) } })];
  const [found] = compare(once(1), once(9), { metrics: ['compile'] });
  expect(found).toMatchObject({ ratio: 9, interval: null, verdict: 'too few runs' });
  expect(regressions([found], 1.1)).toEqual([]);
  expect(compare([row('a')], [row('a', { skipped: true })])).toEqual([]);
  expect(compare([row('a')], [row('a', { error_occurred: true })])).toEqual([]);
});

test('a failure is an interval that is above as a whole', () => {
  const rows = compare([row('a'), row('b')], [row('a', {}, 13), row('b', {}, 11.02)], { metrics: ['step'] });
  expect(regressions(rows, 1.1).map(({ name }) => name)).toEqual(['a']);
  expect(regressions(rows, 1.05).map(({ name }) => name)).toEqual(['a', 'b']);
});

test('relative to a row, a machine that is three times as slow is no slower', () => {
  const fast = [row('base', { text_bytes: 10 }, 4), row('a', {}, 10)];
  const slow = [row('base', { text_bytes: 10 }, 12), row('a', {}, 30)];
  expect(verdicts(fast, slow, ['step'])).toEqual([
    ['base', 'step', 'slower'],
    ['a', 'step', 'slower'],
  ]);
  const relative = compare(fast, slow, { metrics: ['step', 'text_bytes'], relativeTo: 'base' });
  expect(relative.map(({ verdict }) => verdict)).toEqual(['no difference', 'no difference', 'no difference']);
  expect(relative[2]).toMatchObject({ name: 'a', before: expect.closeTo(2.5, 1), after: expect.closeTo(2.5, 1) });
  expect(() => compare(fast, [row('a')], { relativeTo: 'base' })).toThrow(
    'the row that times are relative to is in both files; base is not',
  );
});

test('whatever the samples, verdicts turn around with the files', () => {
  const samples = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 4, maxLength: 30 });
  const opposite: Record<string, string> = { slower: 'faster', faster: 'slower', 'no difference': 'no difference' };
  fc.assert(
    fc.property(samples, samples, (a, b) => {
      const [before, after] = [a, b].map((times) => [
        row('a', { phases: { step: sampleOf({ times, cpu: times, warmup: [], steady: true }) } }),
      ]);
      const [[there], [back]] = [compare(before, after, { noise: 1e-9 }), compare(after, before, { noise: 1e-9 })];
      expect(back.verdict).toBe(opposite[there.verdict]);
      expect(back.ratio * there.ratio).toBeCloseTo(1, 6);
    }),
    fuzz(50),
  );
});

test('other work is told beside the verdict', () => {
  const loaded = row('a');
  const phases = { step: { ...loaded.phases.step, load: 0.4 } } as BenchmarkRow['phases'];
  expect(compare([row('a')], [{ ...loaded, phases }], { metrics: ['step', 'step_cpu'] }).map(({ load }) => load)).toEqual([0.4, 0.4]);
});

test("google-benchmark's own files: repetitions are a sample, aggregates are not", () => {
  const its = (name: string, time: number, fields = {}) => ({
    name,
    run_type: 'iteration',
    real_time: time,
    cpu_time: time,
    time_unit: 'us',
    ...fields,
  });
  const file = (factor: number) => {
    const rows = around(5).map((time) => its('BM_Sort', factor * time));
    return { context: { json_schema_version: 1 }, benchmarks: [...rows, its('BM_Sort', 1e9, { run_type: 'aggregate' })] };
  };
  const [a, b] = [1, 2].map((factor) => {
    const at = path.join(folder, `google-${factor}.json`);
    fs.writeFileSync(at, JSON.stringify(file(factor)));
    return readRecord(at).benchmarks;
  });
  const [found, cpu, ...others] = compare([...a], [...b]);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ metric: 'real_time', verdict: 'slower', before: expect.closeTo(0.005, 4) });
  expect(found.ratio).toBeCloseTo(2, 3);
  expect(cpu.metric).toBe('cpu_time');
});

test('names of one file only', () => {
  expect(unmatched([row('a'), row('b')], [row('b'), row('c')])).toEqual({ gone: ['a'], added: ['c'] });
});

test('what is written is read, a sample a line', () => {
  const file = { context: context(), benchmarks: [row('a', { text_bytes: 3 })] };
  const at = path.join(folder, 'own.json');
  writeRecord(at, file);
  expect(readRecord(at)).toEqual(JSON.parse(JSON.stringify(file)));
  expect(recordText(file)).toMatch(/^ +"times": \[[\d., ]+\],$/m);
});

test.each<[string, string]>([
  ['{', 'a benchmark file is JSON; '],
  ['[]', "a benchmark file is google-benchmark's JSON: an object with context and benchmarks; got "],
  [
    '{"context": {"json_schema_version": 2}, "benchmarks": []}',
    "a benchmark file is google-benchmark's JSON: json_schema_version is 1, not 2; got ",
  ],
  ['{"context": {}, "benchmarks": [{}]}', "a benchmark file is google-benchmark's JSON: benchmarks[0] has a name; got "],
  [
    '{"context": {}, "benchmarks": [{"name": "a", "phases": {"step": {"times": []}}}]}',
    "a benchmark file is google-benchmark's JSON: a: step has times and cpu; got ",
  ],
  [
    '{"context": {}, "benchmarks": [{"name": "a", "phases": {"sleep": 1}}]}',
    "a benchmark file is google-benchmark's JSON: a: a phase is build, lower, compile, first, step, not sleep; got ",
  ],
])('%s is no such file', (text, message) => {
  const at = path.join(folder, 'bad.json');
  fs.writeFileSync(at, text);
  expect(() => readRecord(at)).toThrow(message);
  expect(() => readRecord(at)).toThrow(at);
});
