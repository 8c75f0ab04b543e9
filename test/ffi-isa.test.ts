/** The attention kernels of other instruction sets than the one this machine chooses, each under the kernels' own tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { cpuKernels } from '../lib/pjrt';

const root = path.join(__dirname, '..');
const info = readFileSync('/proc/cpuinfo', 'utf8');
const flags = new Set(info.match(/^(?:flags|Features)\s*:.*$/m)?.[0].split(/\s+/));
const has = (...names: string[]) => names.every((name) => flags.has(name));

test('the kernels of this machine, fastest first', () => {
  const avx512 = has('avx512f', 'avx512bw', 'avx512dq', 'avx512vl');
  const pairs = avx512 && has('avx512_bf16');
  const wide = [pairs && 'avx512_bf16', avx512 && 'avx512'];
  const names = [
    pairs && has('amx_tile', 'amx_bf16') && 'avx512_amx',
    ...(info.includes('GenuineIntel') ? wide.reverse() : wide),
    has('avx2', 'fma') && 'avx2',
    process.arch === 'arm64' && has('bf16') && 'neon_bf16',
    'generic',
  ];
  expect(cpuKernels()).toEqual(names.filter((name) => name !== false));
});

// The other files have run the first one.
const [, ...others] = cpuKernels();
const suites = [['test/ffi.test.ts'], ['test/ffi-mask.test.ts', '--testNamePattern', 'masks of random shape'], ['test/cpu.test.ts']];

const cases = others.flatMap((isa) => suites.map((suite) => [isa, suite] as const));

if (!cases.length) test.skip('this machine has one kernel', () => {});
else
  test.each(cases)('%s: %s', (isa, suite) => {
    const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
    const env = { ...process.env, NODE_PJRT_ISA: isa };
    const { status, stderr } = spawnSync(process.execPath, [jest, ...suite], { cwd: root, env, encoding: 'utf8' });
    expect({ status, failed: status === 0 ? '' : stderr }).toEqual({ status: 0, failed: '' });
    expect(stderr).toMatch(/Tests: .*\d+ passed/);
  });
