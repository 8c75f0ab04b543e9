/** setup.mjs: on this clone, where all is done, and on a folder of stand-ins, where nothing is. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const root = path.join(__dirname, '..');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt setup '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

test('a second run says nothing, and needs neither tools nor a network', () => {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ['setup.mjs'], {
    cwd: root,
    env: { ...process.env, PATH: scratch },
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  // 0.12 s on an idle machine.
  expect(performance.now() - began).toBeLessThan(2000);
});

/** A folder that is PATH, with links to real commands and stand-ins for others. */
function pathOf(commands: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(scratch, 'path '));
  for (const [name, script] of Object.entries(commands))
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return folder;
}

const python = 'exit 0';

test.each([
  ['a compiler', { make: '', python3: python }, 'a C++ compiler, which this machine lacks; get it with: apt-get install g++'],
  ['make', { clang: '', 'clang++': '', python3: python }, 'make, which this machine lacks; get it with: apt-get install make'],
  ['pip', { 'g++': '', make: '', python3: 'exit 1' }, 'pip, which this machine lacks; get it with: apt-get install python3-pip'],
  ['Python', { 'g++': '', make: '' }, 'python3 and pip, which this machine lacks; get it with: apt-get install python3 python3-pip'],
  [
    'everything',
    { dnf: '' },
    'a C++ compiler, make, python3, and pip, which this machine lacks; get it with: dnf install gcc-c++ make python3 python3-pip',
  ],
])('says in one line that it lacks %s', (_, commands, said) => {
  const { CXX: __, ...env } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [path.join(standIn(), 'setup.mjs')], {
    env: { ...env, PATH: pathOf(commands) },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 1, stderr: `setup: node-pjrt needs ${said}\n` });
});

/** A package whose plugin supply and node-gyp only write down that they ran, and take half a second each. */
function standIn(): string {
  const folder = fs.mkdtempSync(path.join(scratch, 'package '));
  const write = (file: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  };
  const log = (what: string) => `fs.appendFileSync(${JSON.stringify(path.join(folder, 'log'))}, ${what} + '\\n')`;
  fs.copyFileSync(path.join(root, 'setup.mjs'), path.join(folder, 'setup.mjs'));
  write('native/addon.cc', '');
  write('binding.gyp', '');
  write('dist/cli/progress.js', 'exports.progressBar = () => {};');
  write('dist/pjrt/prebuilt.js', "exports.prebuiltName = () => 'prebuilt';");
  write(
    'dist/supply/index.js',
    `const fs = require('fs'), path = require('path');
    const marker = (name) => path.join(${JSON.stringify(folder)}, 'installed-' + name);
    const stateOf = (name) => {
      if (name === 'tpu' && fs.existsSync('no-tpu')) return 'no wheel for this platform';
      return fs.existsSync(marker(name)) ? 'installed' : 'missing';
    };
    exports.supplies = () => ['headers', 'cpu', 'tpu'].map((name) => ({ name, package: 'lib' + name, version: '1', state: stateOf(name) }));
    exports.includeDirs = () => ['include'];
    exports.install = async (names) => {
      for (const name of names) if (!fs.existsSync(marker(name))) {
        ${log("'install ' + name")};
        await new Promise((resolve) => setTimeout(resolve, 500));
        fs.writeFileSync(marker(name), '');
      }
    };`,
  );
  write(
    'node_modules/node-gyp/bin/node-gyp.js',
    `const fs = require('fs');
    fs.rmSync('build', { recursive: true, force: true });
    ${log("'build'")};
    setTimeout(() => {
      if (fs.existsSync('broken')) { console.log('no such thing'); process.exit(3); }
      fs.mkdirSync('build/Release', { recursive: true });
      fs.writeFileSync('build/Release/node_pjrt.node', '');
    }, 500);`,
  );
  return folder;
}

function start(folder: string): ChildProcess & { said: string } {
  const child = spawn(process.execPath, ['setup.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const withSaid = Object.assign(child, { said: '' });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      withSaid.said += chunk;
    });
  return withSaid;
}

const logOf = (folder: string) => fs.readFileSync(path.join(folder, 'log'), 'utf8').trim().split('\n').sort();

test('two at once do everything once, and a change of native/ builds again', async () => {
  const folder = standIn();
  const [a, b] = [start(folder), start(folder)];
  expect(await Promise.all([once(a, 'close'), once(b, 'close')])).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(logOf(folder)).toEqual(['build', 'install cpu', 'install headers', 'install tpu']);
  expect(`${a.said}${b.said}`).toContain('setup: another setup is at work here; waiting for it\n');

  fs.writeFileSync(path.join(folder, 'native/addon.cc'), '// changed');
  const again = start(folder);
  expect(await once(again, 'close')).toEqual([0, null]);
  expect(again.said).toMatch(/^setup: addon\nsetup: ready after \d\.\d s\n$/);
});

test('a plugin that there is none of for this machine is left out in one line', async () => {
  const folder = standIn();
  fs.writeFileSync(path.join(folder, 'no-tpu'), '');
  const run = start(folder);
  expect(await once(run, 'close')).toEqual([0, null]);
  expect(run.said).toContain(`\nsetup: left out libtpu 1, which has no wheel for ${process.arch}\n`);
  expect(logOf(folder)).toEqual(['build', 'install cpu', 'install headers']);
});

test('an addon that came built and loads is not built; one that does not load is', async () => {
  const folder = standIn();
  fs.writeFileSync(path.join(folder, 'node_modules', 'prebuilt.js'), 'exports.fine = true;');
  const run = start(folder);
  expect(await once(run, 'close')).toEqual([0, null]);
  expect(logOf(folder)).toEqual(['install cpu', 'install headers', 'install tpu']);
  fs.writeFileSync(path.join(folder, 'node_modules', 'prebuilt.js'), 'throw new Error("no such symbol version");');
  const again = start(folder);
  expect(await once(again, 'close')).toEqual([0, null]);
  expect(logOf(folder)).toContain('build');
});

test('one that was killed is taken up by the next', async () => {
  const folder = standIn();
  const first = start(folder);
  while (!fs.existsSync(path.join(folder, 'log')) || !logOf(folder).includes('build'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  first.kill('SIGKILL');
  await once(first, 'close');
  const second = start(folder);
  expect(await once(second, 'close')).toEqual([0, null]);
  expect(fs.existsSync(path.join(folder, 'build/Release/node_pjrt.node'))).toBe(true);
  const third = start(folder);
  expect(await once(third, 'close')).toEqual([0, null]);
  expect(third.said).toBe('');
});

test('a build that fails shows what it said, and exits with 1', async () => {
  const folder = standIn();
  fs.writeFileSync(path.join(folder, 'broken'), '');
  const run = start(folder);
  expect(await once(run, 'close')).toEqual([1, null]);
  expect(run.said).toContain(
    'no such thing\nsetup: `node node_modules/node-gyp/bin/node-gyp.js rebuild --jobs=max --loglevel=warn` failed with status 3\n',
  );
});
