/**
 * A folder of compiled programs, one file an entry, that processes share: a reader finds a whole entry or none, whatever a writer, a crash
 * or a disk did, and the folder stays within its bound. It knows neither plugins nor programs.
 */
import { createHash, randomUUID, webcrypto } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { nextTurn } from '../turns';

/** What a key stands for: bytes that a plugin loads, and plain data about them. */
export interface Entry {
  readonly facts: unknown;
  readonly bytes: Uint8Array;
}

/** Why a file is not the entry that its name says. */
export class EntryError extends Error {
  override readonly name = 'EntryError';
}

/** Part of every key and entry: another layout, or another meaning of a key, has another number. */
export const formatVersion = 3;

// magic, format version, bytes of facts, key; then facts as JSON, the bytes, and the sha256 of everything before it.
const magic = 'PJRTEXEC';
const [versionAt, factsAt, keyAt, headerBytes, checksumBytes] = [8, 12, 16, 48, 32];
const suffix = '.pjrt';
const hour = 3_600_000;
const slice = 2 ** 20;

/** sha256 of parts in turn, each with its length, in hex. A program may have 100 MB: the event loop has its turn in between. */
export async function keyOf(parts: readonly (string | Uint8Array)[]): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${typeof part} ${part.length}\n`);
    for (let at = 0; at < part.length; at += slice) {
      hash.update(typeof part === 'string' ? part.slice(at, at + slice) : part.subarray(at, at + slice));
      if (part.length > slice) await nextTurn();
    }
  }
  return hash.digest('hex');
}

/** The file of an entry. */
export async function entryBytes(key: string, { facts, bytes }: Entry): Promise<Uint8Array> {
  const json = Buffer.from(JSON.stringify(facts));
  const file = Buffer.alloc(headerBytes + json.length + bytes.length + checksumBytes);
  file.write(magic, 'latin1');
  file.writeUInt32LE(formatVersion, versionAt);
  file.writeUInt32LE(json.length, factsAt);
  file.write(key, keyAt, 'hex');
  file.set(json, headerBytes);
  file.set(bytes, headerBytes + json.length);
  file.set(await checksum(file), file.length - checksumBytes);
  return file;
}

/** Reads a file as the entry of a key. Throws EntryError for any other bytes. */
export async function parseEntry(file: Uint8Array, key: string): Promise<Entry> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.length < headerBytes + checksumBytes || bytes.toString('latin1', 0, versionAt) !== magic)
    throw new EntryError('it is no compiled program');
  const version = bytes.readUInt32LE(versionAt);
  if (version !== formatVersion) throw new EntryError(`its format is version ${version}, not ${formatVersion}`);
  if (bytes.toString('hex', keyAt, headerBytes) !== key) throw new EntryError('it is the entry of another key');
  const end = bytes.length - checksumBytes;
  const bytesAt = headerBytes + bytes.readUInt32LE(factsAt);
  if (bytesAt > end || !bytes.subarray(end).equals(await checksum(bytes))) throw new EntryError('its checksum is wrong');
  return { facts: JSON.parse(bytes.toString('utf8', headerBytes, bytesAt)), bytes: bytes.subarray(bytesAt, end) };
}

// Not createHash: this one has a thread of its own.
async function checksum(file: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.digest('SHA-256', file.subarray(0, file.length - checksumBytes)));
}

/** Says what is wrong with a cache, as a warning of the process with a code. Nothing here ends a compilation. */
export function warn(code: 'CORRUPT' | 'UNREADABLE' | 'UNWRITABLE' | 'UNSUPPORTED' | 'REFUSED', message: string): void {
  process.emitWarning(message, { type: 'PjrtCacheWarning', code: `PJRT_CACHE_${code}` });
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

export class CacheFolder {
  #writable = true;
  // Bytes of the folder at the last look, and what this process has written since; not known before the first one.
  #found = Number.POSITIVE_INFINITY;
  #written = 0;

  /** `maxBytes`: what is used least recently goes when the entries have more. */
  constructor(
    readonly path: string,
    readonly maxBytes: number,
  ) {}

  /** The entry of a key, undefined where there is none or a damaged one, which is said in a warning and removed. */
  async read(key: string): Promise<Entry | undefined> {
    const file = this.#file(key);
    try {
      const stats = await fs.stat(file);
      if (!stats.isFile()) throw new EntryError('it is no file');
      const entry = await parseEntry(await fs.readFile(file), key);
      // When it was last used. Another process may have removed it, or own it.
      await fs.utimes(file, new Date(), new Date()).catch(() => {});
      return entry;
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (!(error instanceof EntryError)) {
        warn('UNREADABLE', `a compile cache's entry is read; ${file} is not, and is compiled: ${(error as Error).message}`);
        return undefined;
      }
      warn('CORRUPT', `a compile cache has whole entries; ${file} is none (${error.message}), and is compiled again`);
      await this.remove(key);
      return undefined;
    }
  }

  /** Keeps an entry. One larger than the bound is not kept; a folder that cannot be written is said once, and left alone from then on. */
  async write(key: string, entry: Entry): Promise<void> {
    if (!this.#writable) return;
    const bytes = await entryBytes(key, entry);
    if (bytes.length > this.maxBytes) return;
    const temporary = path.join(this.path, `${key}.${randomUUID()}.tmp`);
    try {
      await fs.mkdir(this.path, { recursive: true, mode: 0o700 });
      await writeSynced(temporary, bytes);
      // Whole or not at all, over what another process has written by now: it is as good.
      await fs.rename(temporary, this.#file(key));
      this.#written += bytes.length;
      // Other processes write, too: a look now and then, however much was free.
      if (this.#written > Math.min(this.maxBytes - this.#found, this.maxBytes / 16)) await this.#evict();
    } catch (error) {
      this.#writable = false;
      warn('UNWRITABLE', `a compile cache is a folder that can be written; ${this.path} is not: ${(error as Error).message}`);
      await fs.rm(temporary, { force: true }).catch(() => {});
    }
  }

  async remove(key: string): Promise<void> {
    await fs.rm(this.#file(key), { force: true }).catch(() => {});
  }

  #file(key: string): string {
    return path.join(this.path, `${key}${suffix}`);
  }

  /** Removes what was used least recently, and what writers that have died left behind. Other files in the folder are not touched. */
  async #evict(): Promise<void> {
    const entries: { file: string; size: number; mtimeMs: number }[] = [];
    for (const name of await fs.readdir(this.path)) {
      const file = path.join(this.path, name);
      const isTemporary = /^[0-9a-f]{64}\.[0-9a-f-]{36}\.tmp$/.test(name);
      if (!isTemporary && !/^[0-9a-f]{64}\.pjrt$/.test(name)) continue;
      const stats = await fs.stat(file).catch(() => undefined);
      if (!stats?.isFile()) continue;
      if (!isTemporary) entries.push({ file, size: stats.size, mtimeMs: stats.mtimeMs });
      else if (Date.now() - stats.mtimeMs > hour) await fs.rm(file, { force: true });
    }
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    // A little more goes than has to, or a full folder is looked through at every write.
    const enough = total > this.maxBytes ? this.maxBytes * 0.9 : total;
    for (const { file, size } of entries.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (total <= enough) break;
      await fs.rm(file, { force: true });
      total -= size;
    }
    this.#found = total;
    this.#written = 0;
  }
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.open(file, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
