// Makes a clone ready to run: packages, TypeScript, plugins, addon. It comes before anything is installed, hence Node's own modules only.
// What is done already is not done again; where all is done it says nothing, uses no network and takes a tenth of a second.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);
const compiler = [process.env.CXX, 'g++', 'c++', 'clang++'].find((name) => name && onPath(name.split(' ')[0]));
// A published package has dist/ and no lock file: its packages and JavaScript come as they are.
const isClone = fs.existsSync(path.join(root, 'package-lock.json'));
// The state of a package that there is nothing to do about (see lib/supply/cache.ts): libtpu on arm64.
const noWheel = 'no wheel for this platform';

/** What a step needs of the machine: how to tell that it is there, and its name for package managers. */
const tools = {
  compiler: { title: 'a C++ compiler', isThere: () => compiler, apt: 'g++', dnf: 'gcc-c++' },
  make: { title: 'make', isThere: () => onPath('make'), apt: 'make', dnf: 'make' },
  python: { title: 'python3', isThere: () => onPath('python3'), apt: 'python3', dnf: 'python3' },
  pip: {
    title: 'pip',
    isThere: () => spawnSync('python3', ['-m', 'pip', '--version']).status === 0,
    apt: 'python3-pip',
    dnf: 'python3-pip',
  },
};

/** A step starts when those `after` which it comes are done; `isDone` is asked then. */
const steps = [
  {
    name: 'packages',
    after: [],
    needs: [],
    isDone: () => !isClone || packagesAreInstalled(),
    run: () => npm('ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'),
  },
  {
    name: 'TypeScript',
    after: ['packages'],
    needs: [],
    isDone: () => !isClone || readStamp('dist') === fingerprint(['lib', 'tsconfig.json', 'package-lock.json']),
    run: async () => {
      fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
      await node(require.resolve('typescript/bin/tsc'));
      // npx runs a package's own command as it lies.
      fs.chmodSync(path.join(root, 'dist', 'cli', 'main.js'), 0o755);
      writeStamp('dist', fingerprint(['lib', 'tsconfig.json', 'package-lock.json']));
      for (const file of Object.keys(require.cache)) delete require.cache[file];
    },
  },
  {
    name: 'CPU plugin and headers',
    after: ['TypeScript'],
    needs: ['python', 'pip'],
    isDone: () => areInstalled('headers', 'cpu'),
    run: () => install('headers', 'cpu'),
  },
  {
    name: 'TPU compiler',
    after: ['CPU plugin and headers'],
    needs: ['python', 'pip'],
    isDone: () => areInstalled('tpu'),
    run: () => install('tpu'),
  },
  {
    name: 'addon',
    after: ['CPU plugin and headers'],
    needs: ['compiler', 'make', 'python'],
    isDone: () => isPrebuilt() || isBuilt(),
    run: async () => {
      await node(require.resolve('node-gyp/bin/node-gyp.js'), 'rebuild', '--jobs=max', '--loglevel=warn');
      writeStamp('build', addonFingerprint());
    },
  },
];

async function main() {
  const missing = lacking();
  if (missing) throw new Error(missing);
  const undone = steps.filter(({ isDone }) => !isSure(isDone));
  if (!undone.length) return;
  const needed = new Set(undone.flatMap(({ needs }) => needs));
  const unmet = Object.keys(tools).filter((name) => needed.has(name) && !tools[name].isThere());
  if (unmet.length) throw new Error(howToGet(unmet.map((name) => tools[name])));

  const began = Date.now();
  await lock();
  const running = {};
  for (const { name, after, isDone, run } of steps) {
    running[name] = Promise.all(after.map((earlier) => running[earlier])).then(() => {
      if (isDone()) return;
      console.error(`setup: ${name}`);
      return run();
    });
  }
  await Promise.all(Object.values(running));
  for (const { package: title, version, state } of require('./dist/supply').supplies())
    if (state === noWheel) console.error(`setup: left out ${title} ${version}, which has no wheel for ${process.arch}`);
  console.error(`setup: ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/** Before the packages and dist/ are known to be good, a step that fails to say whether it is done is not. */
function isSure(isDone) {
  try {
    return isDone();
  } catch {
    return false;
  }
}

/** Why this machine can never do, or undefined. */
function lacking() {
  const [major] = process.versions.node.split('.');
  if (Number(major) < 20) return `node-pjrt needs Node 20 or newer; this is ${process.version}`;
  if (process.platform !== 'linux') return `node-pjrt needs Linux, which PJRT plugins are built for; this is ${process.platform}`;
  if (!['x64', 'arm64'].includes(process.arch))
    return `node-pjrt needs x64 or arm64, which PJRT plugins are built for; this is ${process.arch}`;
}

function howToGet(unmet) {
  const manager = ['apt-get', 'dnf'].find(onPath) ?? 'apt-get';
  const packages = unmet.map((tool) => (manager === 'dnf' ? tool.dnf : tool.apt));
  const titles = new Intl.ListFormat('en').format(unmet.map(({ title }) => title));
  return `node-pjrt needs ${titles}, which this machine lacks; get it with: ${manager} install ${packages.join(' ')}`;
}

function onPath(command) {
  const directories = command.includes('/') ? [''] : (process.env.PATH ?? '').split(path.delimiter);
  return directories.some((directory) => {
    try {
      fs.accessSync(path.join(directory, command), fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** One setup at a time in this folder. The lock is a socket without a file, which the kernel takes back however its holder ends. */
async function lock() {
  const name = `\0node-pjrt setup ${createHash('sha256').update(fs.realpathSync(root)).digest('hex').slice(0, 32)}`;
  for (;;) {
    const server = net.createServer((socket) => socket.unref().on('error', () => {}));
    try {
      await once(server.listen(name), 'listening');
      server.unref();
      return;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    }
    console.error('setup: another setup is at work here; waiting for it');
    await new Promise((resolve) =>
      net
        .connect(name)
        .on('error', () => {})
        .on('close', resolve)
        .resume(),
    );
  }
}

/** Whether node_modules is what package-lock.json says, by npm's own record in node_modules, which npm writes last. */
function packagesAreInstalled() {
  const packages = (file) =>
    fs.existsSync(path.join(root, file)) ? JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')).packages : {};
  const got = packages('node_modules/.package-lock.json');
  const isThere = ([where, { version, integrity }]) => got[where]?.version === version && got[where].integrity === integrity;
  return Object.entries(packages('package-lock.json')).every(([where, entry]) => !where || entry.optional || isThere([where, entry]));
}

function areInstalled(...names) {
  const { supplies } = require('./dist/supply');
  return supplies().every(({ name, state }) => !names.includes(name) || state === 'installed' || state === noWheel);
}

async function install(...names) {
  const { progressBar } = require('./dist/cli/progress');
  await require('./dist/supply').install(names, { onProgress: progressBar(process.stderr) });
}

/** sha256 over the names and contents of files and of all files in folders. */
function fingerprint(entries, ...more) {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const entry of entries) {
    const at = path.join(root, entry);
    const files = fs.statSync(at).isDirectory()
      ? fs
          .readdirSync(at, { recursive: true })
          .map((file) => path.join(at, file))
          .sort()
      : [at];
    for (const file of files.filter((one) => fs.statSync(one).isFile()))
      hash.update(`${path.relative(root, file)}\0`).update(fs.readFileSync(file));
  }
  return hash.digest('hex');
}

function isBuilt() {
  return fs.existsSync(path.join(root, 'build/Release/node_pjrt.node')) && readStamp('build') === addonFingerprint();
}

/** Whether the platform's package, an optional dependency of the published one, is there and loads. */
function isPrebuilt() {
  if (isClone) return false;
  const { prebuiltName } = require('./dist/pjrt/prebuilt');
  return isSure(() => require(prebuiltName(process.arch)));
}

function addonFingerprint() {
  return fingerprint(['native', 'binding.gyp'], process.arch, process.versions.modules, require('./dist/supply').includeDirs());
}

/** A folder's stamp is written when the folder is whole, and says what it was made from. */
function readStamp(folder) {
  const stamp = path.join(root, folder, '.setup-stamp');
  return fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : undefined;
}

function writeStamp(folder, made) {
  fs.writeFileSync(path.join(root, folder, '.setup-stamp'), made);
}

function npm(...args) {
  const script = process.env.npm_execpath ?? '';
  return script.endsWith('npm-cli.js') ? command(process.execPath, [script, ...args], 'inherit') : command('npm', args, 'inherit');
}

function node(...args) {
  return command(process.execPath, args, 'pipe');
}

/** Runs a command in the root, with its output shown as it comes (`inherit`) or only if it fails (`pipe`). It does not outlive this process. */
async function command(file, args, output) {
  // Beside many a Node lie its headers; node-gyp and cmake-js download them otherwise.
  const prefix = path.resolve(process.execPath, '../..');
  const nodedir = process.env.npm_config_nodedir ?? (fs.existsSync(path.join(prefix, 'include/node/node_api.h')) ? prefix : undefined);
  const env = { ...process.env, ...(compiler && { CXX: compiler }), ...(nodedir && output === 'pipe' && { npm_config_nodedir: nodedir }) };
  // A process group of its own, to end all of it: make under node-gyp would build on.
  const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', output, output], detached: true });
  const kill = () => child.pid && process.kill(-child.pid);
  process.once('exit', kill);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk));
  const [status, signal] = await once(child, 'close');
  process.off('exit', kill);
  if (status === 0) return;
  process.stderr.write(said);
  const line = [path.basename(file), ...args.map((arg) => (path.isAbsolute(arg) ? path.relative(root, arg) : arg))].join(' ');
  throw new Error(`\`${line}\` failed with ${signal ?? `status ${status}`}`);
}

// Through process.exit, so that what was begun is cleared away: child processes, half-unpacked plugins.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.once(signal, () => process.exit(status));

main().catch((error) => {
  console.error(`setup: ${error.message}`);
  process.exit(1);
});
