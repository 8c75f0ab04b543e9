/** The pages of the public API, which typedoc makes. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const root = path.join(__dirname, '..');
const out = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt api '));
afterAll(() => fs.rmSync(out, { recursive: true, force: true }));

test('they are made without a warning, and have every public name', () => {
  const typedoc = path.join(root, 'node_modules/typedoc/bin/typedoc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, '--out', out], { cwd: root, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).not.toMatch(/warning/);
  const pages = fs
    .readdirSync(out, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.html'))
    .map((file) => path.basename(file, '.html'));
  expect(pages).toEqual(expect.arrayContaining(Object.keys(require('../lib'))));
  expect(pages).toEqual(expect.arrayContaining(['AttentionSpec', 'InstallOptions', 'LoadedExecutable', 'Module', 'TpuOptions']));
});
