/** Where what is installed lies: a per-user cache, one directory a package, version and architecture. Nothing here fetches or loads. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PluginError, shown } from '../errors';
import { type PluginName, type Row, rows, type SupplyName, supplyNames, type Wheel, wheelOf } from './packages';

/** What one installed package holds: each file's size and sha256. Written last, so that where it is, all is. */
export interface Manifest {
  readonly wheel: string;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** A row of the table on this machine. `path` is the plugin's library or, of headers, the include directory; absent where not installed. */
export interface Supply {
  readonly name: SupplyName;
  readonly package: string;
  readonly version: string;
  readonly state: 'installed' | 'missing' | 'no wheel for this platform';
  readonly directory: string;
  readonly path?: string;
  readonly bytes?: number;
}

/** `$NODE_PJRT_CACHE`, else `$XDG_CACHE_HOME/node-pjrt`, else `~/.cache/node-pjrt`. */
export function cacheDirectory(): string {
  const { NODE_PJRT_CACHE, XDG_CACHE_HOME } = process.env;
  return path.resolve(NODE_PJRT_CACHE || path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'node-pjrt'));
}

/** Where a package is installed: one directory a version and architecture. */
export function directoryOf(name: SupplyName): string {
  return path.join(cacheDirectory(), `${rows[name].package}-${rows[name].version}-${process.arch}`);
}

/** The manifest of what is whole in `directory` by the files' sizes. */
export function manifestIn(directory: string, wheel: Wheel): Manifest | undefined {
  try {
    const manifest: Manifest = JSON.parse(fs.readFileSync(path.join(directory, 'manifest.json'), 'utf8'));
    const whole = Object.entries(manifest.files).every(([file, { bytes }]) => fs.statSync(path.join(directory, file)).size === bytes);
    return whole && manifest.wheel === wheel.sha256 ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Every package and whether it is installed, by the sizes of its files (under a millisecond). */
export function supplies(): Supply[] {
  return supplyNames.map((name) => {
    const { package: title, version, wheels, library, include } = rows[name];
    const directory = directoryOf(name);
    const base = { name, package: title, version, directory };
    if (!wheels[process.arch]) return { ...base, state: 'no wheel for this platform' };
    const manifest = manifestIn(directory, wheels[process.arch]);
    if (!manifest) return { ...base, state: 'missing' };
    const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
    return { ...base, state: 'installed', path: path.join(directory, library ?? include ?? ''), bytes };
  });
}

/** What is installed. */
export function installed(): Supply[] {
  return supplies().filter(({ state }) => state === 'installed');
}

/** The sha256 that an installed plugin's library had when it was installed, by its real path; undefined for any other file. */
export function installedSha256(library: string): string | undefined {
  for (const name of supplyNames) {
    const { library: file, wheels } = rows[name];
    const wheel = wheels[process.arch];
    const directory = directoryOf(name);
    const manifest = file && wheel && manifestIn(directory, wheel);
    if (manifest && fs.realpathSync(path.join(directory, file)) === library) return manifest.files[file]?.sha256;
  }
  return undefined;
}

/** sha256 of a file, in hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Hashes every installed file of a package again. Throws PluginError that names the first file that changed. */
export async function verify(name: SupplyName): Promise<void> {
  const directory = directoryOf(name);
  const manifest = manifestIn(directory, wheelOf(name));
  const again = `run npx node-pjrt plugins install --force ${name}`;
  if (!manifest) throw new PluginError(`${name} is not installed whole: ${again}`);
  for (const [file, { sha256 }] of Object.entries(manifest.files)) {
    const at = path.join(directory, file);
    if ((await sha256Of(at)) !== sha256) throw new PluginError(`an installed file never changes, and ${at} did: ${again}`);
  }
}

/**
 * The path of a plugin's shared library. A name with a '/' or that ends in '.so' is a path already; 'cpu' and 'tpu' are what
 * `PJRT_CPU_LIBRARY_PATH` and `TPU_LIBRARY_PATH` say, else what is installed. Throws PluginError, which names the command to run.
 */
export function pluginPath(name: string): string {
  if (typeof name !== 'string') throw new PluginError(`a plugin is cpu, tpu or the path of a library; got ${shown(name)}`);
  if (name.includes('/') || name.endsWith('.so')) return existing(name, 'a plugin path');
  const { library, variable } = Object.hasOwn(rows, name) ? rows[name as SupplyName] : ({} as Partial<Row>);
  if (!library || !variable) throw new PluginError(`a plugin is cpu, tpu or the path of a library; got '${name}'`);
  const override = process.env[variable];
  if (override) return existing(override, variable);
  const wheel = wheelOf(name as PluginName);
  const directory = directoryOf(name as PluginName);
  if (!manifestIn(directory, wheel))
    throw new PluginError(`the ${name} plugin is not installed: run npx node-pjrt plugins install ${name}`);
  return path.join(directory, library);
}

function existing(file: string, what: string): string {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return path.resolve(file);
  throw new PluginError(`${what} names a shared library; there is no file at ${path.resolve(file)}`);
}

/** The installed directories that the addon is compiled with: those of `pjrt_c_api.h` and of `xla/ffi/api/ffi.h`. */
export function includeDirs(): string[] {
  return (['cpu', 'headers'] as const).map((name) => {
    if (manifestIn(directoryOf(name), wheelOf(name))) return path.join(directoryOf(name), 'include');
    throw new PluginError(`the addon's headers are not installed: run npx node-pjrt plugins install cpu headers`);
  });
}
