// What an addon has to be before it is packed for other machines. Reads it with binutils' readelf, which knows every architecture.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

/** ELF's numbers of machines, by Node's names. */
const machines = { x64: 62, arm64: 183 };

/** The newest symbol versions of RHEL 9 and Amazon Linux 2023: glibc 2.34, and libstdc++ of GCC 11. */
const newest = { GLIBC: '2.34', GLIBCXX: '3.4.29', CXXABI: '1.3.13' };

/** The Node-API version that binding.gyp asks for, which every Node from 12.22 on has. */
const napi = 8;

/**
 * Throws Error where the addon in `file` is for another processor than `cpu`, is no Node-API module, asks Node for more than Node-API 8,
 * names a folder of this machine, does not load here if it is for this processor or, unless `anyLibrary`, needs newer libraries than
 * `newest`. Returns the newest version of each library that it needs and whether it was loaded.
 */
export function checkAddon(file, cpu, { anyLibrary = false } = {}) {
  const bytes = fs.readFileSync(file);
  const machine = bytes.subarray(1, 4).toString() === 'ELF' ? bytes.readUInt16LE(18) : undefined;
  if (machine !== machines[cpu]) throw new Error(`an addon for ${cpu} is an ELF file for machine ${machines[cpu]}; got ${machine}`);
  const symbols = symbolsOf(file);
  checkNapi(symbols);
  checkPaths(bytes.toString('latin1'), file);
  const needs = needsOf(symbols);
  if (!anyLibrary) checkNeeds(needs);
  const isLoaded = cpu === process.arch;
  if (isLoaded) execFileSync(process.execPath, ['-e', `require(${JSON.stringify(path.resolve(file))}).live(false)`]);
  return { needs, isLoaded };
}

/** Dynamic symbols: `isOwn` is what the file defines; `version` is that of a library's symbol, as `GLIBC_2.34`. */
function symbolsOf(file) {
  const lines = execFileSync('readelf', ['--dyn-syms', '--wide', file], { encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n');
  return lines.flatMap((line) => {
    const [, , , , , , section, symbol] = line.trim().split(/\s+/);
    if (!symbol) return [];
    const [name, version] = symbol.split(/@+/);
    return [{ name, version, isOwn: section !== 'UND' }];
  });
}

function checkNapi(symbols) {
  if (!symbols.some(({ name, isOwn }) => isOwn && name === 'napi_register_module_v1'))
    throw new Error('a Node-API module exports napi_register_module_v1; this one does not');
  const { js_native_api_symbols, node_api_symbols } = require('node-api-headers').symbols[`v${napi}`];
  const known = new Set([...js_native_api_symbols, ...node_api_symbols]);
  const more = symbols.filter(({ name, isOwn }) => !isOwn && /^(napi|node_api)_/.test(name) && !known.has(name));
  if (more.length) throw new Error(`an addon asks for Node-API ${napi} only; got ${more.map(({ name }) => name).join(', ')}`);
}

function checkPaths(text, file) {
  const source = /(?<![\w.>-])(?:\/[\w.@+ -]+)+\.(?:h|hpp|inc|cc|cpp)\b/.exec(text)?.[0];
  const folder = [root, os.homedir()].find((one) => one.length > 1 && text.includes(one));
  const dynamic = execFileSync('readelf', ['--dynamic', '--wide', file], { encoding: 'utf8' });
  const found = source ?? folder ?? /\((?:RPATH|RUNPATH)\).*/.exec(dynamic)?.[0];
  if (found) throw new Error(`an addon names no folder of the machine that built it; got ${found}`);
}

function needsOf(symbols) {
  const needs = {};
  for (const { version } of symbols) {
    const [, library, number] = /^(\w+)_(\d[\d.]*)$/.exec(version ?? '') ?? [];
    if (library && !(compare(number, needs[library] ?? '0') < 0)) needs[library] = number;
  }
  return needs;
}

function checkNeeds(needs) {
  for (const [library, number] of Object.entries(newest))
    if (needs[library] && compare(needs[library], number) > 0)
      throw new Error(
        `an addon needs ${library} ${number} or older, so that it loads on RHEL 9, Amazon Linux 2023, Ubuntu 22.04 and Debian 12; got ${needs[library]}`,
      );
}

function compare(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}
