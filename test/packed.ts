/** node-pjrt as npm gives it: packed, and installed into a folder of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';

export const root = path.join(__dirname, '..');
export const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));

/** Makes the packages of this processor in a folder. Returns the tarballs: node-pjrt, and its addon. */
export function pack(folder: string): string[] {
  // Whatever this machine's compiler and libraries are.
  execFileSync(process.execPath, ['pack/pack.mjs', '--out', folder, '--cpu', process.arch, '--any-library'], { cwd: root });
  const { version } = manifest;
  return [`node-pjrt-${version}.tgz`, `node-pjrt-linux-${process.arch}-gnu-${version}.tgz`].map((name) => path.join(folder, name));
}

/**
 * Makes a new folder with tarballs installed into it as npm does, but offline and with an empty cache. What they depend on comes from this
 * repository's node_modules, as links. `scripts`: also those that packages run when they are installed, which build addons.
 */
export function installIn(folder: string, packages: string[], { scripts = false } = {}): string {
  fs.mkdirSync(folder);
  const overrides = Object.fromEntries(Object.keys(manifest.dependencies).map((one) => [one, `file:${root}/node_modules/${one}`]));
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, overrides }));
  const flags = [
    '--offline',
    `--ignore-scripts=${!scripts}`,
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--cache',
    path.join(folder, 'cache'),
  ];
  execFileSync('npm', ['install', ...flags, ...packages], { cwd: folder, env: { ...process.env, ...nodedir() } });
  return folder;
}

// Beside many a Node lie its headers; node-gyp downloads them otherwise.
function nodedir() {
  const prefix = path.resolve(process.execPath, '../..');
  return fs.existsSync(path.join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
}

export function run(folder: string, command: string, ...args: string[]) {
  // Without the colours that some tools have in CI.
  const { NODE_PJRT_ADDON: _, ...environment } = process.env;
  const env = { ...environment, NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Runs a program's text under a name, whose extension says how it is loaded. */
export function program(folder: string, name: string, text: string) {
  fs.writeFileSync(path.join(folder, name), text);
  return run(folder, process.execPath, name);
}
