// Makes the npm packages: node-pjrt, and for each processor one with the addon built, which node-pjrt's package has as optional
// dependencies of its own version. The repository's package.json has none, so that `npm ci` asks for no package that is not published.
//   node pack/pack.mjs [--out FOLDER] [--cpu x64] [--cpu arm64] [--any-library]
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkAddon } from './check.mjs';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...names) => path.join(root, ...names);
const manifest = require('../package.json');
const { prebuiltCpus, prebuiltName } = require('../dist/pjrt/prebuilt');

/** The first word of the names of a processor's cross tools. */
const tuples = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

function main() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: at('build', 'packages') },
      cpu: { type: 'string', multiple: true, default: [...prebuiltCpus] },
      'any-library': { type: 'boolean', default: false },
    },
  });
  const unknown = values.cpu.find((cpu) => !prebuiltCpus.includes(cpu));
  if (unknown !== undefined) throw new Error(`--cpu is one of ${prebuiltCpus.join(', ')}; got ${unknown}`);
  const out = path.resolve(values.out);
  const work = path.join(out, 'work');
  fs.rmSync(work, { recursive: true, force: true });
  for (const cpu of values.cpu) packAddon(cpu, out, path.join(work, cpu), values['any-library']);
  packMain(out, path.join(work, 'main'));
  fs.rmSync(work, { recursive: true });
}

/** The package of one processor. Where its compiler is missing, it is left out in one line. */
function packAddon(cpu, out, work, anyLibrary) {
  const name = prebuiltName(cpu);
  const isOwn = cpu === process.arch;
  const compiler = `${tuples[cpu]}-g++`;
  if (!isOwn && spawnSync(compiler, ['--version']).error) {
    console.log(`left out ${name}: ${compiler} is not here (apt-get install g++-${tuples[cpu].replace('_', '-')})`);
    return;
  }
  const built = isOwn ? at('build', 'Release', 'node_pjrt.node') : crossBuild(cpu, compiler, path.join(work, 'build'));
  const folder = path.join(work, 'package');
  const file = path.join(folder, 'node_pjrt.node');
  fs.mkdirSync(folder, { recursive: true });
  execFileSync(isOwn ? 'strip' : `${tuples[cpu]}-strip`, ['--strip-unneeded', '-o', file, built]);
  const { needs, isLoaded } = checkAddon(file, cpu, { anyLibrary });
  const said = Object.entries(needs).map(([library, version]) => `${library} ${version}`);
  writeAddonPackage(folder, name, cpu, said);
  console.log(`${pack(folder, out)}: needs ${said.join(', ')}; ${isLoaded ? 'loads' : `not loaded, as this is ${process.arch}`}`);
}

function writeAddonPackage(folder, name, cpu, needs) {
  const { version, license, engines } = manifest;
  const description = `The addon of node-pjrt, built for ${cpu} Linux with glibc`;
  const platform = { os: ['linux'], cpu: [cpu], libc: ['glibc'] };
  const main = 'node_pjrt.node';
  writeJson(path.join(folder, 'package.json'), {
    name,
    version,
    description,
    license,
    engines,
    ...platform,
    type: 'commonjs',
    main,
    files: [main],
  });
  fs.writeFileSync(
    path.join(folder, 'README.md'),
    `# ${name}\n\n${description}. npm installs it with node-pjrt, as an optional dependency. It needs ${needs.join(', ')} or newer.\n`,
  );
  fs.copyFileSync(at('LICENSE'), path.join(folder, 'LICENSE'));
}

/** Builds the addon for another processor, by binding.gyp, in a folder of its own: build/ is this machine's. Returns the file. */
function crossBuild(cpu, compiler, folder) {
  fs.mkdirSync(folder, { recursive: true });
  for (const name of ['native', 'binding.gyp', 'package.json']) fs.cpSync(at(name), path.join(folder, name), { recursive: true });
  for (const name of ['dist', 'node_modules']) fs.symlinkSync(at(name), path.join(folder, name));
  const prefix = path.resolve(process.execPath, '../..');
  // Beside many a Node lie its headers; node-gyp downloads them otherwise.
  const nodedir = fs.existsSync(path.join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
  const env = { ...process.env, ...nodedir, CXX: compiler, CC: compiler.replace('g++', 'gcc') };
  const args = [require.resolve('node-gyp/bin/node-gyp.js'), 'rebuild', `--arch=${cpu}`, '--jobs=max', '--loglevel=warn'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`the build for ${cpu} failed:\n${stdout}${stderr}`);
  return path.join(folder, 'build', 'Release', 'node_pjrt.node');
}

/** node-pjrt itself: what package.json lists, its JavaScript without maps of sources that are not in it. */
function packMain(out, folder) {
  const [{ files }] = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts'], root));
  for (const { path: file } of files.filter(({ path: name }) => !name.startsWith('dist/'))) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.copyFileSync(at(file), path.join(folder, file));
  }
  const tsc = require.resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', at('tsconfig.json'), '--outDir', path.join(folder, 'dist'), '--sourceMap', 'false']);
  fs.chmodSync(path.join(folder, 'dist', 'cli', 'main.js'), 0o755);
  // What only a clone uses.
  const { devDependencies: _, jest: __, scripts: ___, ...published } = manifest;
  const optionalDependencies = Object.fromEntries(prebuiltCpus.map((cpu) => [prebuiltName(cpu), manifest.version]));
  writeJson(path.join(folder, 'package.json'), { ...published, optionalDependencies });
  console.log(pack(folder, out));
}

/** Returns the path of the tarball. */
function pack(folder, out) {
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', out], folder));
  return path.join(out, filename.replace(/^@/, '').replace('/', '-'));
}

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 });
}

function writeJson(file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

try {
  main();
} catch (error) {
  console.error(`pack: ${error.message}`);
  process.exitCode = 1;
}
