/** Every example of the README runs as it stands there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { testTpu } from './helpers';

const root = path.join(__dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/** The first block of a language under a heading. */
function example(heading: string, language: string): string {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(section);
  if (!block) throw new Error(`the README has no ${language} example under ${heading}`);
  return block[1];
}

// In the repository, so that the package finds itself by its name.
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(root, '.readme-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, args: string[]) => spawnSync(command, args, { cwd: folder, encoding: 'utf8' });

testTpu('the library example has 30 lines, type-checks and runs', () => {
  const source = example('From Node', 'ts');
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
  writeFileSync(path.join(folder, 'attention.mts'), source);
  const [, command] = /`npx tsc (.*?) && node attention\.mjs`/.exec(readme) ?? [];
  execFileSync('npx', ['tsc', ...command.split(' ')], { cwd: folder, stdio: 'inherit' });
  const { stdout, stderr, status } = run('node', ['attention.mjs']);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^v5p: \d+ bytes of code, 0 of temporary memory\nv5p:2x2x1, estimated from the compiler's schedule: [\s\S]*\nout: 4194304 values; .* ms min, .* ms median of 10 runs/,
  );
  expect(readFileSync(path.join(folder, 'attention.v5p.bin')).length).toBeGreaterThan(10000);
});

test('the TPU VM example runs on the CPU, and says that there is no TPU where there is none', () => {
  writeFileSync(path.join(folder, 'tpu.js'), example('On a TPU VM', 'js'));
  expect(run('node', ['tpu.js', 'cpu']).stdout).toMatch(/^cpu: .* ms min/);
  const here = run('node', ['tpu.js']);
  if (here.status === 0) expect(here.stdout).toMatch(/^tpu: .* ms min/);
  else expect(here.stderr).toMatch(/^PjrtError: UNAVAILABLE: a TPU client needs a TPU, and this machine has none/);
});

testTpu('the CI example', () => {
  const { stdout, status } = spawnSync('bash', ['-ec', example('In CI', 'sh')], { cwd: root, encoding: 'utf8' });
  expect(status).toBe(0);
  const rows = JSON.parse(stdout.slice(stdout.indexOf('['))) as { target: string; mask: string; compileMs: number; failure?: string }[];
  expect(rows.map(({ target, mask, failure }) => [target, mask, failure])).toEqual([
    ['cpu', 'causal', undefined],
    ['cpu', 'local(127, 0)', undefined],
    ['v5p:2x2x1', 'causal', undefined],
    ['v5p:2x2x1', 'local(127, 0)', undefined],
  ]);
});

testTpu(
  'the examples of estimating and tuning',
  () => {
    const { stdout, stderr, status } = spawnSync('bash', ['-ec', example('How fast', 'sh')], { cwd: root, encoding: 'utf8' });
    expect(stderr).not.toMatch(/error/i);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^v5p:2x2x1, estimated from the compiler's schedule: .* us, 9\d\.\d % of the peak useful/);
    expect(stdout).toMatch(/Steps are estimated from the compiler's schedule/);
  },
  180_000,
);
