/** Plugin supply on a wheel made here, which pip takes from a folder, so that no test needs the network. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDirectory, install, installed, type Progress, pluginPath, supplies, verify } from '../lib/supply';
import { type Row, rows } from '../lib/supply/packages';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt supply '));
const wheel = path.join(scratch, 'good', 'fake_pjrt-1.2-py3-none-any.whl');
const real = { ...rows };

beforeAll(() => {
  fs.mkdirSync(path.dirname(wheel));
  const make = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('fake_pjrt/fake.so', bytes(range(256)) * 400)
    z.writestr('fake_pjrt/include/pjrt_c_api.h', '// header')
    z.writestr('fake_pjrt/unwanted.py', 'raise SystemExit')
    z.writestr('fake_pjrt-1.2.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: fake-pjrt\\nVersion: 1.2\\n')
    z.writestr('fake_pjrt-1.2.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    z.writestr('fake_pjrt-1.2.dist-info/RECORD', '')
`;
  execFileSync('python3', ['-c', make, wheel]);
  const bytes = fs.readFileSync(wheel);
  const pinned = { tag: 'py3-none-any', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  const fake: Row = {
    package: 'fake-pjrt',
    version: '1.2',
    wheels: { [process.arch]: pinned },
    files: { 'fake_pjrt/fake.so': 'fake.so', 'fake_pjrt/include/pjrt_c_api.h': 'include/pjrt_c_api.h' },
    library: 'fake.so',
    variable: 'PJRT_CPU_LIBRARY_PATH',
    include: 'include',
  };
  Object.assign(rows, { cpu: fake, tpu: { ...real.tpu, wheels: { sparc: pinned } } });
});

const environment = { ...process.env };

beforeEach(() => {
  process.env = {
    ...environment,
    NODE_PJRT_CACHE: fs.mkdtempSync(path.join(scratch, 'cache ')),
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: pathToFileURL(path.dirname(wheel)).href,
    PIP_RETRIES: '0',
  };
  delete process.env.PJRT_CPU_LIBRARY_PATH;
  delete process.env.TPU_LIBRARY_PATH;
});

afterAll(() => {
  process.env = environment;
  Object.assign(rows, real);
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** Every file under the cache. */
const inCache = () =>
  fs
    .readdirSync(cacheDirectory(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();

/** A folder on PATH whose python3 says something and fails. */
function failingPython(said: string): string {
  const folder = fs.mkdtempSync(path.join(scratch, 'python '));
  fs.writeFileSync(path.join(folder, 'python3'), `#!/bin/sh\necho "${said}" >&2\nexit 1\n`, { mode: 0o755 });
  return folder;
}

test('installs what is pinned, keeps only the files it needs, and tells its progress', async () => {
  const told: Progress[] = [];
  const [supply] = await install(['cpu'], { onProgress: (progress) => told.push(progress) });
  expect(supply).toMatchObject({ name: 'cpu', package: 'fake-pjrt', version: '1.2', state: 'installed', bytes: 102409 });
  expect(supply.path).toBe(path.join(cacheDirectory(), `fake-pjrt-1.2-${process.arch}`, 'fake.so'));
  expect(inCache()).toEqual(['fake.so', 'manifest.json', 'pjrt_c_api.h']);
  expect([...new Set(told.map(({ stage }) => stage))]).toEqual(['downloading', 'unpacking', 'installed']);
  expect(pluginPath('cpu')).toBe(supply.path);
  expect(installed().map(({ name }) => name)).toEqual(['cpu']);
  await verify('cpu');
});

test('does nothing for what is installed, without python3 or a network', async () => {
  await install(['cpu']);
  process.env.PATH = scratch;
  expect((await install(['cpu'])).map(({ state }) => state)).toEqual(['installed']);
});

test('installs again what lost a file or its size, and with force what changed', async () => {
  const [{ path: library = '' }] = await install(['cpu']);
  fs.truncateSync(library, 1000);
  expect(supplies().find(({ name }) => name === 'cpu')?.state).toBe('missing');
  expect(() => pluginPath('cpu')).toThrow('the cpu plugin is not installed: run npx node-pjrt plugins install cpu');
  await install(['cpu']);
  await verify('cpu');
  const same = fs.readFileSync(library).fill(7);
  fs.writeFileSync(library, same);
  await expect(verify('cpu')).rejects.toThrow(
    `an installed file never changes, and ${library} did: run npx node-pjrt plugins install --force cpu`,
  );
  await install(['cpu'], { force: true });
  await verify('cpu');
  expect(inCache()).toEqual(['fake.so', 'manifest.json', 'pjrt_c_api.h']);
});

test('two installs at once both end well', async () => {
  await Promise.all([install(['cpu']), install(['cpu']), install(['cpu'], { force: true })]);
  await verify('cpu');
  expect(inCache()).toEqual(['fake.so', 'manifest.json', 'pjrt_c_api.h']);
});

test.each([
  ['truncated', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
  ['tampered with', (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)))],
])('refuses a wheel that is %s, and leaves nothing', async (_, spoil) => {
  const folder = fs.mkdtempSync(path.join(scratch, 'bad '));
  const bytes = spoil(fs.readFileSync(wheel));
  fs.writeFileSync(path.join(folder, path.basename(wheel)), bytes);
  process.env.PIP_FIND_LINKS = pathToFileURL(folder).href;
  const got = createHash('sha256').update(bytes).digest('hex');
  const { sha256 } = rows.cpu.wheels[process.arch];
  await expect(install(['cpu'])).rejects.toMatchObject({
    name: 'PluginError',
    message: `the wheel of fake-pjrt 1.2 has sha256 ${sha256}; got ${got}: it is truncated or was tampered with`,
  });
  expect(inCache()).toEqual([]);
});

test.each<[string, () => NodeJS.ProcessEnv, RegExp]>([
  [
    'no python3',
    () => ({ PATH: scratch }),
    /^installing a plugin needs python3; there is none on PATH \(.*apt-get install python3 python3-pip\)$/,
  ],
  [
    'no pip',
    () => ({ PATH: failingPython('/usr/bin/python3: No module named pip') }),
    /^installing a plugin needs pip; python3 has none \(.*\)$/,
  ],
  [
    'no network',
    () => ({ PIP_NO_INDEX: undefined, PIP_FIND_LINKS: undefined, PIP_INDEX_URL: 'http://127.0.0.1:9/simple', PIP_RETRIES: '1' }),
    /^fake-pjrt 1.2 is downloaded from pip's package index, which cannot be reached: .*refused.*$/,
  ],
  [
    'an index without it',
    () => ({ PIP_FIND_LINKS: path.join(scratch, 'nothing') }),
    /^fake-pjrt 1.2 is downloaded from pip's package index, which does not have it for py3-none-any or is out of reach$/,
  ],
  [
    'a full disk',
    () => ({ PATH: failingPython('ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device') }),
    /^the disk is full: fake-pjrt 1.2 did not fit into .+$/,
  ],
  [
    'a cache that cannot be',
    () => ({ NODE_PJRT_CACHE: path.join(wheel, 'cache') }),
    /^fake-pjrt 1.2 could not be installed in .+: ENOTDIR.*$/,
  ],
])('says in one line what is wrong: %s', async (_, change, message) => {
  for (const [name, value] of Object.entries(change())) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await expect(install(['cpu'])).rejects.toMatchObject({ name: 'PluginError', message: expect.stringMatching(message) });
});

test('a platform without a wheel is told so', async () => {
  const message = `libtpu 0.0.52 has no wheel for ${process.arch} (it has sparc); set TPU_LIBRARY_PATH to a library of your own`;
  await expect(install(['tpu'])).rejects.toMatchObject({ name: 'PluginError', message });
  expect(() => pluginPath('tpu')).toThrow(message);
  expect(supplies().find(({ name }) => name === 'tpu')?.state).toBe('no wheel for this platform');
});

test('a path, or the variable of a plugin, names another library', () => {
  expect(pluginPath(wheel)).toBe(wheel);
  process.env.TPU_LIBRARY_PATH = path.relative(process.cwd(), wheel);
  expect(pluginPath('tpu')).toBe(wheel);
  process.env.TPU_LIBRARY_PATH = '/nowhere/libtpu.so';
  expect(() => pluginPath('tpu')).toThrow('TPU_LIBRARY_PATH names a shared library; there is no file at /nowhere/libtpu.so');
  expect(() => pluginPath('./nowhere.so')).toThrow(
    `a plugin path names a shared library; there is no file at ${path.resolve('nowhere.so')}`,
  );
  expect(() => pluginPath('gpu')).toThrow("a plugin is cpu, tpu or the path of a library; got 'gpu'");
  expect(() => pluginPath('headers')).toThrow("a plugin is cpu, tpu or the path of a library; got 'headers'");
});

test('the cache is where the user says, then where XDG says, then in ~/.cache', () => {
  process.env.XDG_CACHE_HOME = '/xdg';
  expect(cacheDirectory()).toContain(scratch);
  delete process.env.NODE_PJRT_CACHE;
  expect(cacheDirectory()).toBe('/xdg/node-pjrt');
  delete process.env.XDG_CACHE_HOME;
  expect(cacheDirectory()).toBe(path.join(os.homedir(), '.cache', 'node-pjrt'));
});
