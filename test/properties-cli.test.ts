/** The command line on arguments that are nearly right or not at all: an exit code, and at most a line that says what is wrong. */
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import fc from 'fast-check';
import { fuzz } from './fuzz/budget';

const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.on('close', (status, signal) => resolve({ status, signal, stderr }));
  });
}

// Commands that take seconds at most when nothing is wrong with them.
const attention = ['--heads', '2', '--head-dim', '8', '-T', '16', '--dtype', 'f32', '--mask', 'causal'];
const commands: readonly (readonly string[])[] = [
  ['attention', ...attention, '--target', 'cpu', '--runs', '1', '--preset', 'lean'],
  ['shard', ...attention, '--mesh', 'heads=2', '--target', 'cpu', '--runs', '1'],
  ['mask', 'local(7, 0)', '--seq', '64', '--keys', '64', '--block', '8', '--width', '8'],
  ['devices', '--plugin', 'cpu', '--count', '2'],
  ['compile', 'none.mlir', '--target', 'cpu'],
  ['bench', 'compare', 'none.json', 'other.json', '--metric', 'step', '--fail-above', '1.1'],
  ['plugins', 'path', 'cpu'],
];
const odd = [
  '',
  '-1',
  '0',
  '1.5',
  'NaN',
  'cpu',
  'causal(',
  'local(1, 2) &',
  '☃',
  '--',
  '-',
  '[]',
  '1e400',
  '__proto__',
  '/dev/null',
  '\u0007',
  'a=b',
];
const flags = ['--json', '--nothing', '-x', '--sinks', '--soft-cap', '--heads', '--mask', '--target', '--topology', '--help'];

const changes = fc.array(
  fc.tuple(
    fc.nat(20),
    fc.constantFrom('replace', 'insert', 'remove'),
    fc.oneof(fc.constantFrom(...odd), fc.constantFrom(...flags), fc.string()),
  ),
  { minLength: 1, maxLength: 3 },
);

function changed(command: readonly string[], edits: readonly (readonly [number, string, string])[]): string[] {
  const args = [...command];
  for (const [place, how, text] of edits) {
    // What command it is stays. An argument of a process has no NUL.
    const at = 1 + (place % args.length);
    args.splice(at, how === 'insert' ? 0 : 1, ...(how === 'remove' ? [] : [text.replaceAll('\0', '')]));
  }
  return args;
}

test('it never dies of what was typed', async () => {
  const property = fc.asyncProperty(fc.constantFrom(...commands), changes, async (command, edits) => {
    const { status, signal, stderr } = await run(changed(command, edits));
    expect(signal).toBeNull();
    expect([0, 1, 2]).toContain(status);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(stderr.length).toBeLessThan(3000);
    if (status) expect(stderr).toMatch(/\S/);
  });
  await fc.assert(property, fuzz(60));
});
