/** The compile cache's folder: entries come back whole or not at all, whatever is in the files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { CacheFolder, EntryError, entryBytes, keyOf, parseEntry } from '../lib/pjrt/cache/cache';
import { fuzz } from './fuzz/budget';

const key = 'ab'.repeat(32);
const entry = { facts: { name: 'add', cost: { flops: 8 } }, bytes: Uint8Array.from({ length: 300 }, (_, i) => i % 256) };
const keyNumber = (i: number) => i.toString(16).padStart(64, '0');

let folder: string;
let warnings: (Error & { code?: string })[];
const onWarning = (warning: Error) => warnings.push(warning);
const codes = async () => {
  // A warning is emitted in the next tick.
  await new Promise(setImmediate);
  return warnings.map(({ code }) => code);
};

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pjrt-cache-'));
  warnings = [];
  jest
    .spyOn(process, 'emitWarning')
    .mockImplementation(((message: string, options: { code: string }) =>
      onWarning(Object.assign(new Error(message), options))) as typeof process.emitWarning);
});
afterEach(() => {
  jest.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

const fileOf = (of = key) => path.join(folder, `${of}.pjrt`);

describe('an entry', () => {
  test('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json(),
        fc.uint8Array({ maxLength: 2000 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        async (json, bytes, id) => {
          const of = Buffer.from(id).toString('hex');
          const file = await entryBytes(of, { facts: JSON.parse(json), bytes });
          const read = await parseEntry(file, of);
          expect(JSON.stringify(read.facts)).toBe(JSON.stringify(JSON.parse(json)));
          expect(Buffer.compare(read.bytes, bytes)).toBe(0);
        },
      ),
      fuzz(200),
    );
  });

  test('is refused when anything in it is changed, cut off or added', async () => {
    const file = await entryBytes(key, entry);
    const refused = (bytes: Uint8Array) => expect(parseEntry(bytes, key)).rejects.toThrow(EntryError);
    for (let at = 0; at < file.length; at++) {
      const flipped = Uint8Array.from(file);
      flipped[at] ^= 1 << (at % 8);
      await refused(flipped);
      await refused(file.subarray(0, at));
    }
    await refused(Buffer.concat([file, Buffer.of(0)]));
    await refused(Buffer.concat([Buffer.of(0), file]));
    await expect(parseEntry(file, keyNumber(1))).rejects.toThrow('it is the entry of another key');
  });

  test('any bytes are an entry or an EntryError', async () => {
    const file = await entryBytes(key, entry);
    const start = fc.nat({ max: file.length }).map((length) => file.subarray(0, length));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(new Uint8Array(), file.subarray(0, 48)),
        start,
        fc.uint8Array({ maxLength: 200 }),
        async (head, some, rest) => {
          for (const bytes of [Buffer.concat([head, rest]), Buffer.concat([some, rest]), Buffer.concat([rest, some])]) {
            if (Buffer.compare(bytes, file) === 0) continue;
            await expect(parseEntry(bytes, key)).rejects.toThrow(EntryError);
          }
        },
      ),
      fuzz(500),
    );
  });

  test('of another format version is refused by that name', async () => {
    const file = Buffer.from(await entryBytes(key, entry));
    file.writeUInt32LE(1, 8);
    await expect(parseEntry(file, key)).rejects.toThrow('its format is version 1, not 3');
  });
});

test('a key tells parts apart, whole and at their borders, and large ones in slices', async () => {
  const keys = await Promise.all([['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], [Buffer.from('abc')], ['ab', 'd']].map(keyOf));
  expect(new Set(keys).size).toBe(keys.length);
  const large = 'é'.repeat(3 * 2 ** 20);
  expect(await keyOf([large])).toBe(await keyOf([`${large}`]));
  expect(await keyOf([large])).not.toBe(await keyOf([`${large.slice(0, -1)}e`]));
});

describe('a folder', () => {
  test('gives what was written, is made when it is needed, and holds nothing else', async () => {
    const cache = new CacheFolder(path.join(folder, 'a', 'b'), 2 ** 20);
    expect(await cache.read(key)).toBeUndefined();
    await cache.write(key, entry);
    expect(await cache.read(key)).toEqual({ facts: entry.facts, bytes: Buffer.from(entry.bytes) });
    expect(fs.readdirSync(path.join(folder, 'a', 'b'))).toEqual([`${key}.pjrt`]);
    expect(fs.statSync(path.join(folder, 'a')).mode & 0o077).toBe(0);
    expect(await codes()).toEqual([]);
  });

  test.each<[string, (file: Uint8Array) => Uint8Array]>([
    ['empty', () => new Uint8Array()],
    ['cut', (file) => file.subarray(0, 100)],
    ['foreign', () => Buffer.from('#!/bin/sh\necho not a program\n'.repeat(10))],
    ['flipped', (file) => file.map((byte, i) => (i === 200 ? byte ^ 4 : byte))],
  ])('with an entry that is %s: a warning, the file is gone, and another may be written', async (_, spoil) => {
    const cache = new CacheFolder(folder, 2 ** 20);
    await cache.write(key, entry);
    fs.writeFileSync(fileOf(), spoil(fs.readFileSync(fileOf())));
    expect(await cache.read(key)).toBeUndefined();
    expect(await codes()).toEqual(['PJRT_CACHE_CORRUPT']);
    expect(fs.existsSync(fileOf())).toBe(false);
    await cache.write(key, entry);
    expect(await cache.read(key)).toBeDefined();
    expect(warnings).toHaveLength(1);
  });

  test('with a directory in place of an entry: warnings, no error', async () => {
    fs.mkdirSync(fileOf());
    const cache = new CacheFolder(folder, 2 ** 20);
    expect(await cache.read(key)).toBeUndefined();
    await cache.write(key, entry);
    expect(await codes()).toEqual(['PJRT_CACHE_CORRUPT', 'PJRT_CACHE_UNWRITABLE']);
    expect(fs.readdirSync(folder)).toEqual([`${key}.pjrt`]);
  });

  test('that cannot be written is said once', async () => {
    fs.writeFileSync(path.join(folder, 'file'), '');
    const cache = new CacheFolder(path.join(folder, 'file', 'cache'), 2 ** 20);
    for (let i = 0; i < 3; i++) await cache.write(keyNumber(i), entry);
    expect(await codes()).toEqual(['PJRT_CACHE_UNWRITABLE']);
  });

  test('that is read-only still gives what it has', async () => {
    const cache = new CacheFolder(folder, 2 ** 20);
    await cache.write(key, entry);
    fs.chmodSync(folder, 0o555);
    // Root may write anything: another user's eyes, then.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      expect(await cache.read(key)).toBeDefined();
      await cache.write(keyNumber(1), entry);
      await cache.write(keyNumber(2), entry);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    expect(await codes()).toEqual(['PJRT_CACHE_UNWRITABLE']);
    expect(fs.readdirSync(folder)).toEqual([`${key}.pjrt`]);
  });

  test('keeps to its bound: what was used least recently goes, other files stay', async () => {
    const size = (await entryBytes(key, entry)).length;
    const cache = new CacheFolder(folder, 4 * size);
    fs.writeFileSync(path.join(folder, 'README'), 'mine'.repeat(1000));
    const abandoned = path.join(folder, `${key}.${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}.tmp`);
    fs.writeFileSync(abandoned, 'half');
    fs.utimesSync(abandoned, 1000, 1000);
    for (let i = 0; i < 4; i++) {
      await cache.write(keyNumber(i), entry);
      fs.utimesSync(fileOf(keyNumber(i)), 1000 + i, 1000 + i);
    }
    expect(fs.existsSync(abandoned)).toBe(false);
    expect(await cache.read(keyNumber(0))).toBeDefined();
    for (let i = 4; i < 6; i++) await cache.write(keyNumber(i), entry);
    const left = fs.readdirSync(folder).sort();
    expect(left).toEqual([...[0, 3, 4, 5].map((i) => `${keyNumber(i)}.pjrt`), 'README']);
    await new CacheFolder(folder, size - 1).write(key, entry);
    expect(fs.existsSync(fileOf())).toBe(false);
    expect(await codes()).toEqual([]);
  });

  test('processes that write and read the same entries never see half of one', async () => {
    const script = `
      const { CacheFolder } = require(${JSON.stringify(path.join(__dirname, '..', 'dist', 'pjrt', 'cache', 'cache.js'))});
      process.on('warning', (warning) => { console.log(warning.message); process.exitCode = 1; });
      (async () => {
        const cache = new CacheFolder(process.argv[1], 2 ** 30);
        const own = Number(process.argv[2]);
        let seen = 0;
        for (let i = 0; i < 60; i++) {
          const key = (i % 3).toString(16).padStart(64, '0');
          await cache.write(key, { facts: { own }, bytes: new Uint8Array(200_000 + own * 50_000).fill(own) });
          const entry = await cache.read(key);
          if (!entry.bytes.every((byte) => byte === entry.facts.own) || entry.bytes.length !== 200_000 + entry.facts.own * 50_000) throw new Error('torn');
          if (entry.facts.own !== own) seen++;
        }
        console.log('seen', seen);
      })();`;
    const both = [1, 2].map((own) =>
      spawn(process.execPath, ['-e', script, folder, String(own)], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    const texts = await Promise.all(
      both.map(async (child) => {
        let text = '';
        child.stdout.on('data', (data) => {
          text += data;
        });
        await once(child, 'close');
        return [child.exitCode, text.replace(/\d+/, 'n')];
      }),
    );
    expect(texts).toEqual([
      [0, 'seen n\n'],
      [0, 'seen n\n'],
    ]);
    expect(fs.readdirSync(folder).filter((name) => !name.endsWith('.pjrt'))).toEqual([]);
  });
});
