/** The attention kernels of other instruction sets than the one this machine chooses, each under all of ffi.test.ts and ffi-mask.test.ts. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';

const flags = readFileSync('/proc/cpuinfo', 'utf8');
const others = / avx512f /.test(flags) ? ['generic', 'avx2'] : ['generic'];

test.each(others)(
  '%s',
  (isa) => {
    const root = path.join(__dirname, '..');
    const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
    const env = { ...process.env, NODE_PJRT_ISA: isa };
    const { status, stderr } = spawnSync(process.execPath, [jest, 'test/ffi.test.ts', 'test/ffi-mask.test.ts'], {
      cwd: root,
      env,
      encoding: 'utf8',
    });
    expect({ status, failed: status === 0 ? '' : stderr }).toEqual({ status: 0, failed: '' });
    expect(stderr).toMatch(/Tests: +\d{2,} passed, \d+ total/);
  },
  240_000,
);
