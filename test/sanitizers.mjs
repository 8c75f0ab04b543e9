/** What the checks with sanitizers share: whether the compiler has them, and the addon built with them. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const compiler = process.env.CXX ?? 'g++';
export const sanitizers = 'address,undefined';
export const addonFolder = 'build/sanitized';
/** The addon's object files, by the names of their sources. */
export const objects = (source) => `${addonFolder}/CMakeFiles/node_pjrt.dir/native/${source}.o`;

/** A folder for this process, without spaces: the sanitizers' options have none. */
export function scratchFolder(name) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `node-pjrt-${name}-`));
  process.once('exit', () => fs.rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a command in the root; what it says is shown as it comes. Returns whether it succeeded. */
export function run(command, args, env = {}) {
  const [file, ...first] = command.split(' ');
  const stdio = ['ignore', 'inherit', 'inherit'];
  return spawnSync(file, [...first, ...args], { cwd: root, env: { ...process.env, ...env }, stdio }).status === 0;
}

/** Why programs with a sanitizer do not run here: their libraries are packages of their own on some systems. Undefined where they do. */
export function hindrance(command, flag, scratch, program = 'int main() {}') {
  const [file, ...first] = command.split(' ');
  const built = spawnSync(file, [...first, flag, '-x', 'c++', '-', '-o', path.join(scratch, 'nothing')], { input: program });
  if (built.error) return `there is no ${file}`;
  if (built.status !== 0) return `${command} cannot link ${flag}`;
  return spawnSync(path.join(scratch, 'nothing'), ['-runs=1']).status === 0 ? undefined : `programs with ${flag} do not run`;
}

/** Builds the addon with sanitizers, what has changed of it. */
export function buildAddon() {
  const prefix = path.resolve(process.execPath, '../..');
  // Beside many a Node lie its headers; cmake-js downloads them otherwise.
  const nodedir = fs.existsSync(path.join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
  const options = ['compile', '--out', addonFolder, `--CDSANITIZE=${sanitizers}`, '--log-level', 'warn'];
  return run(process.execPath, ['node_modules/cmake-js/bin/cmake-js', ...options], { CXX: compiler, ...nodedir });
}
