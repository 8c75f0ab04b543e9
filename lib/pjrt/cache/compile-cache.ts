/** Compiling by way of a cache: whose programs these are, when one of the folder serves, and what is done where it does not. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { checkOptions, PjrtError, ShapeError, shown } from '../../errors';
import { cacheDirectory, installedSha256 } from '../../supply';
import { CacheFolder, type Entry, formatVersion, keyOf, warn } from './cache';
import { observed } from '../observe/events';
import type { Executable } from '../executable';
import type { Attribute, PlatformFacts } from '../native';
import type { Plugin } from '../plugin';

/**
 * Whether compiled programs are kept and looked for, and where: a folder; or true, for `$NODE_PJRT_COMPILE_CACHE`, else `compiled` in this
 * library's own folder (`~/.cache/node-pjrt`). Undefined is on where `$NODE_PJRT_COMPILE_CACHE` names a folder, and off elsewhere.
 * `maxBytes` bounds the folder, 1 GiB by default. Entries are machine code: whoever may write the folder runs it in this process.
 */
export type CacheOption = boolean | string | { readonly folder?: string; readonly maxBytes?: number };

const defaultBytes = 2 ** 30;

/** The folder that an option means, undefined where it is off. Throws ShapeError for what is no such option. */
export function cacheFolder(option: CacheOption | undefined): CacheFolder | undefined {
  const named = process.env.NODE_PJRT_COMPILE_CACHE;
  if (option === false || (option === undefined && !named)) return undefined;
  const given = optionsOf(option);
  checkOptions('a cache', ['folder', 'maxBytes'], given);
  const { folder = named || path.join(cacheDirectory(), 'compiled'), maxBytes = defaultBytes } = given;
  if (typeof folder !== 'string' || folder === '') throw new ShapeError(`a cache's folder is a path; got ${shown(folder) || "''"}`);
  if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0))
    throw new ShapeError(`a cache's maxBytes is a whole number above 0; got ${shown(maxBytes)}`);
  return new CacheFolder(path.resolve(folder), maxBytes);
}

function optionsOf(option: unknown): Exclude<CacheOption, boolean | string> {
  if (option === undefined || option === true) return {};
  if (typeof option === 'string') return { folder: option };
  if (typeof option === 'object' && option !== null && !Array.isArray(option)) return option;
  throw new ShapeError(`a cache is true, false, a folder or { folder, maxBytes }; got ${shown(option)}`);
}

/** What a program is compiled for, or loaded as. */
interface Ways<E> {
  load(entry: Entry): Promise<E>;
  compile(): Promise<E>;
  /** What is kept beside the bytes. */
  facts?(executable: E): unknown;
}

/** The cache of a client or topology. */
export class CompileCache {
  /** Programs that were loaded instead of compiled. */
  hits = 0;
  /** Programs that were compiled. */
  misses = 0;
  #isAble = true;
  readonly #folder: CacheFolder;
  readonly #compiler: string;

  private constructor(folder: CacheFolder, compiler: string) {
    this.#folder = folder;
    this.#compiler = compiler;
  }

  /** @internal */
  static async open(folder: CacheFolder | undefined, plugin: Plugin, facts: PlatformFacts, name = ''): Promise<CompileCache | undefined> {
    return folder && new CompileCache(folder, await compilerText(plugin, facts, name));
  }

  get folder(): string {
    return this.#folder.path;
  }

  get maxBytes(): number {
    return this.#folder.maxBytes;
  }

  /** @internal Loads a program where it is there and the plugin takes it, else compiles and keeps it. */
  async executable<E extends Executable>(text: string, options: Uint8Array, ways: Ways<E>): Promise<E> {
    if (!this.#isAble) return this.#compiled(ways);
    const key = await keyOf([this.#compiler, options, text]);
    const entry = await this.#folder.read(key);
    if (entry) {
      try {
        const executable = await ways.load(entry);
        this.hits++;
        return executable;
      } catch (error) {
        await this.#refused(error, key);
      }
    }
    const executable = await this.#compiled(ways);
    await this.#keep(key, executable, ways);
    return executable;
  }

  async #compiled<E>(ways: Ways<E>): Promise<E> {
    const executable = await ways.compile();
    this.misses++;
    return executable;
  }

  async #refused(error: unknown, key: string): Promise<void> {
    if (this.#isUnable(error)) return;
    // A mistake of the caller's is his again from the compilation.
    if (!(error instanceof PjrtError || error instanceof ShapeError)) throw error;
    warn('REFUSED', `a compile cache's entry loads; ${key} in ${this.folder} is compiled again: ${error.message}`);
    await this.#folder.remove(key);
  }

  async #keep<E extends Executable>(key: string, executable: E, ways: Ways<E>): Promise<void> {
    if (!this.#isAble) return;
    let entry: Entry;
    try {
      entry = { facts: ways.facts?.(executable) ?? null, bytes: await executable.serialize() };
    } catch (error) {
      if (this.#isUnable(error) || error instanceof PjrtError) return;
      throw error;
    }
    await this.#folder.write(key, entry);
  }

  // A plugin that lacks the function lacks it next time, too.
  #isUnable(error: unknown): boolean {
    if (!(error instanceof PjrtError) || error.code !== 'UNIMPLEMENTED') return false;
    this.#isAble = false;
    warn('UNSUPPORTED', `a compile cache is for plugins that write and load programs; this one compiles all of them: ${error.message}`);
    return true;
  }
}

/** An executable of a client or topology, by way of its cache where it has one; listeners are told. */
export function compiled<E extends Executable>(
  { platform, cache }: { readonly platform: string; readonly cache?: CompileCache },
  text: string,
  options: Uint8Array,
  ways: Ways<E>,
): Promise<E> {
  return observed(
    'compile',
    () => cache?.executable(text, options, ways) ?? ways.compile(),
    (executable) => ({ platform, characters: text.length, fromCache: executable?.fromCache ?? false }),
  );
}

/** Everything besides program and options that decides on the compiled bytes. */
async function compilerText(plugin: Plugin, { platform, platformVersion, devices }: PlatformFacts, name: string): Promise<string> {
  const [first] = devices;
  return JSON.stringify([
    formatVersion,
    plugin.apiVersion,
    sorted(plugin.attributes),
    plugin.flags,
    await libraryDigest(plugin.path),
    platform,
    platformVersion,
    name,
    [devices.length, first.kind, sorted(first.attributes)],
    // The CPU plugin compiles for the processor that it is on, and splits work by its cores.
    platform === 'cpu' ? [process.arch, os.availableParallelism(), await processor()] : [],
  ]);
}

// A plugin lists its attributes in any order, another one each time.
const sorted = (attributes: Readonly<Record<string, Attribute>>) => Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * Tells builds of a library apart, which its own versions do not always ('cpu' is all that the CPU plugin says, and it has no build id).
 * Of an installed one all of it was hashed then. Of another one the size, the time of modification, and the first and last MiB: to hash
 * all of it takes 0.4 s (CPU plugin) and 0.9 s (libtpu), more than most compilations.
 */
async function libraryDigest(file: string): Promise<string> {
  const installed = installedSha256(file);
  if (installed) return installed;
  const handle = await fs.open(file);
  try {
    const { size, mtimeNs } = await handle.stat({ bigint: true });
    const part = async (position: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(2 ** 20), 0, 2 ** 20, position);
      return buffer.subarray(0, bytesRead);
    };
    return await keyOf([`${size} ${mtimeNs}`, await part(0), await part(Math.max(Number(size) - 2 ** 20, 0))]);
  } finally {
    await handle.close();
  }
}

/** The processor's name and instruction sets, as the kernel lists them. */
async function processor(): Promise<string> {
  const text = await fs.readFile('/proc/cpuinfo', 'utf8').catch(() => os.cpus()[0]?.model ?? '');
  const first = text.split('\n\n')[0].split('\n');
  return (
    first
      .filter((line) => /^(vendor_id|cpu family|model|model name|stepping|flags|Features|CPU (implementer|part))\s*:/.test(line))
      .join('\n') || text
  );
}
