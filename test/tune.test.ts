/** Tuning: candidates, picks, the table that keeps them, and the commands. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attention } from '../lib/attention';
import { lowerTpu } from '../lib/lower/tpu';
import { backwardCandidates, forwardCandidates } from '../lib/lower/tpu-candidates';
import { headsOfStep } from '../lib/lower/tpu-choice';
import table from '../lib/lower/tuned.json';
import { backwardFor, forwardFor, tunedClass, tunedKey, type TunedTable } from '../lib/lower/tuned';
import { causal, full, local, type PerHead, strided } from '../lib/mask';
import { best, pareto, storeTuned, tune, type Trial } from '../lib/timing/tune';
import { describeTpu } from './helpers';

const spec = (more: object = {}) => attention({ heads: 16, headDim: 256, queries: 4096, dtype: 'bf16', mask: causal(), ...more });
const cli = path.join(__dirname, '..', 'dist', 'cli', 'main.js');

test('candidates are multiples of 128 tokens, no larger than the attention, of heads that a step may have', () => {
  const found = forwardCandidates(spec(), 2);
  expect(found).toContainEqual({ blockQ: 512, blockK: 512, heads: 2 });
  expect(new Set(found.map((choice) => JSON.stringify(choice))).size).toBe(found.length);
  for (const { blockQ, blockK, heads } of found) {
    expect([blockQ % 128, blockK % 128]).toEqual([0, 0]);
    expect(headsOfStep(spec(), 2)).toContain(heads);
  }
  expect(forwardCandidates(spec({ queries: 200 }), 2).every(({ blockQ }) => blockQ <= 256)).toBe(true);
  expect(backwardCandidates(spec({ queries: 300 })).map(({ block }) => block)).toEqual([384, 256, 128]);
});

const trial = (seconds: number, compileMs: number): Trial => ({
  choice: { block: seconds },
  seconds,
  usefulShare: 0,
  compileMs,
  codeBytes: 0,
  vmemBytes: 0,
});

test('the front is what none beats in both; a preset is a tolerance on the step', () => {
  const trials = [trial(100, 9000), trial(102, 4000), trial(105, 1000), trial(109, 500), trial(130, 100), trial(131, 150)];
  expect(pareto(trials).map(({ seconds }) => seconds)).toEqual([100, 102, 105, 109, 130]);
  expect(best(trials, 'fast')?.seconds).toBe(102);
  expect(best(trials, 'lean')?.seconds).toBe(109);
  expect(best([], 'fast')).toBeUndefined();
});

test('classes: what one choice serves', () => {
  expect(tunedClass(spec(), 'forward')).toEqual({ kernel: 'forward', dtype: 'bf16', size: 256, group: 1, mask: 'causal', tokens: 'short' });
  expect(tunedClass(spec({ queries: 2000 }), 'forward').tokens).toBe('few');
  const of = (more: object) => tunedClass(spec(more), 'forward');
  expect(of({ mask: full() }).mask).toBe('full');
  expect(of({ mask: local(1023, 0) }).mask).toBe('window 1024');
  expect(of({ mask: local(700, 0) }).mask).toBe('window 1024');
  expect(of({ mask: strided(2) }).mask).toBe('other');
  // A window that is wider than the attention is none.
  expect(of({ mask: local(5000, 0) }).mask).toBe('causal');
  expect(of({ kvHeads: 2, headDim: 80, queries: 32768 })).toMatchObject({ group: 8, size: 128, tokens: 'long' });
});

test('the table that ships is in order, of known words, and what is chosen by it is possible', () => {
  const { version, entries } = table as unknown as TunedTable;
  expect(version).toBe(1);
  const keys = entries.map(tunedKey);
  expect(keys).toEqual([...new Set(keys)].sort());
  expect(entries.length).toBeGreaterThan(0);
  for (const { kernel, size, group, tokens, mask, fast, lean } of entries) {
    const masks: Record<string, unknown> = { causal: causal(), full: full(), 'window 1024': local(1023, 0), other: strided(3) };
    const one = spec({ headDim: size, kvHeads: 16 / group, queries: tokens === 'short' ? 4096 : 32768, mask: masks[mask] as PerHead });
    for (const [preset, choice] of Object.entries({ fast, lean }) as ['fast' | 'lean', object][])
      expect(kernel === 'forward' ? forwardFor(one, { preset }) : backwardFor(one, { preset })).toEqual(choice);
  }
  // Another number of heads than the entry's step takes: the preset's own choice.
  expect(headsOfStep(spec({ heads: 3 }), 2)).toContain(forwardFor(spec({ heads: 3 })).heads);
});

test('storing replaces the class of the chip and keeps the rest, in order', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tuned-'));
  const file = path.join(folder, 'tuned.json');
  try {
    writeFileSync(file, '{ "version": 1, "entries": [] }');
    const store = (chip: string, more: object, block: number) =>
      storeTuned(file, chip, tunedClass(spec(more), 'backward'), { fast: { block }, lean: { block: 128 } });
    store('v6e', {}, 512);
    store('v5p', { headDim: 128 }, 256);
    store('v5p', {}, 512);
    const before = readFileSync(file, 'utf8');
    store('v5p', { headDim: 128 }, 1024);
    const { entries } = JSON.parse(readFileSync(file, 'utf8')) as TunedTable;
    expect(entries.map(({ chip, size, fast }) => [chip, size, fast.block])).toEqual([
      ['v5p', 128, 1024],
      ['v5p', 256, 512],
      ['v6e', 256, 512],
    ]);
    store('v5p', { headDim: 128 }, 256);
    expect(readFileSync(file, 'utf8')).toBe(before);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describeTpu('with the TPU compiler', () => {
  test('every candidate is tried; one that does not compile is a failure', async () => {
    const small = attention({ heads: 2, headDim: 128, queries: 512, dtype: 'bf16', mask: causal() });
    const candidates = [128, 256].map((block) => {
      const forward = { blockQ: block, blockK: block, heads: 1 };
      return { choice: forward, lower: () => lowerTpu(small, { forward }) };
    });
    const broken = { choice: { block: 1 }, lower: () => ({ ...lowerTpu(small), text: 'module {' }) };
    const seen: number[] = [];
    const { trials, failures } = await tune([...candidates, broken], {
      topology: 'v5p:2x2x1',
      processes: 2,
      onProgress: (done) => seen.push(done),
    });
    expect(seen).toEqual([1, 2, 3]);
    expect(trials.map(({ choice }) => choice)).toEqual(candidates.map(({ choice }) => choice));
    expect(trials[1].seconds).toBeLessThan(trials[0].seconds);
    expect(failures).toHaveLength(1);
    expect(failures[0].choice).toEqual({ block: 1 });
  });

  test('node-pjrt estimate --json: the figures', () => {
    const text = execFileSync(process.execPath, [cli, 'estimate', '--heads', '2', '--head-dim', '128', '-T', '512', '--json'], {
      encoding: 'utf8',
    });
    const figures = JSON.parse(text) as Record<string, number> & { loops: Record<string, unknown>[] };
    expect(Object.keys(figures)).toEqual([
      ...['cycles', 'seconds', 'usefulShare', 'mxuShare', 'tempBytes', 'vmemBytes', 'codeBytes', 'buildMs', 'compileMs', 'loops'],
    ]);
    for (const [name, value] of Object.entries(figures)) if (name !== 'loops' && name !== 'tempBytes') expect(value).toBeGreaterThan(0);
    expect(figures.loops[0]).toMatchObject({ kernel: 'forward', runs: 1 });
  });

  test('node-pjrt tune: a front, and which trial is whose', () => {
    const run = (...more: string[]) =>
      spawnSync(process.execPath, [cli, 'tune', '--heads', '2', '--head-dim', '128', '-T', '256', ...more], { encoding: 'utf8' });
    const { stdout, stderr } = run('--pass', 'forward+backward');
    expect(stdout).toMatch(/^forward +step us/m);
    expect(stdout).toMatch(/^block 256 .* fast/m);
    expect(stderr).toContain('backward: compiling: 2 in ');
    expect(run('--mask', 'dense(causal)').stderr).toContain('node-pjrt: tune: a dense mask has no kernel to tune');
  });
});
