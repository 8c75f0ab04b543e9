/** The attention kernels of other instruction sets than the one this machine chooses: each under ffi.test.ts, and under random masks. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';

const root = path.join(__dirname, '..');
const flags = readFileSync('/proc/cpuinfo', 'utf8');
const others = / avx512f /.test(flags) ? ['generic', 'avx2'] : ['generic'];
const suites = [['test/ffi.test.ts'], ['test/ffi-mask.test.ts', '--testNamePattern', 'masks of random shape']];

test.each(others.flatMap((isa) => suites.map((suite) => [isa, suite] as const)))(
  '%s: %s',
  (isa, suite) => {
    const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
    const env = { ...process.env, NODE_PJRT_ISA: isa };
    const { status, stderr } = spawnSync(process.execPath, [jest, ...suite], { cwd: root, env, encoding: 'utf8' });
    expect({ status, failed: status === 0 ? '' : stderr }).toEqual({ status: 0, failed: '' });
    expect(stderr).toMatch(/Tests: .*\d+ passed/);
  },
  240_000,
);
