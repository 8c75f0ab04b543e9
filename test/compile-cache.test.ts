/** Compiling by way of a cache on the real plugins: what is loaded is what would have been compiled, and nothing in the folder is fatal. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { attention, causal, type AttentionOptions } from '../lib';
import { PjrtError } from '../lib/errors';
import { lower } from '../lib/lower';
import { Client, liveHandles, type LoadedExecutable, type Plugin, Topology } from '../lib/pjrt';
import { CacheFolder } from '../lib/pjrt/cache/cache';
import { CompileCache } from '../lib/pjrt/cache/compile-cache';
import type { Executable } from '../lib/pjrt/executable';
import { compilerFlags } from '../lib/pjrt/flags';
import { estimate } from '../lib/timing/estimate';
import { installedSha256 } from '../lib/supply';
import { sizeOf, tensor } from '../lib/types';
import { describeTpu } from './helpers';
import { elementwise, matmul } from './pjrt-programs';

let folder: string;
let codes: (string | undefined)[];
const said = async () => {
  await new Promise(setImmediate);
  return codes;
};

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pjrt-cache-'));
  codes = [];
  jest.spyOn(process, 'emitWarning').mockImplementation(((_: string, { code }: { code: string }) => codes.push(code)) as never);
});
afterEach(() => {
  jest.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
  expect(liveHandles()).toBe(0);
});

const entries = () => fs.readdirSync(folder).filter((name) => name.endsWith('.pjrt'));
const only = () => path.join(folder, entries()[0]);
const counts = ({ cache }: { cache: CompileCache | undefined }) => [cache?.hits, cache?.misses];

async function bitsOf(executable: LoadedExecutable): Promise<unknown> {
  const values = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 0.37));
  const inputs = Object.fromEntries(
    executable.inputs.map(({ name, type }) => [name, executable.client.upload(type, values(sizeOf(type)), executable.device)]),
  );
  using outputs = await executable.run(inputs);
  for (const buffer of Object.values(inputs)) buffer.dispose();
  return Object.fromEntries(await Promise.all(Object.entries(outputs).map(async ([name, buffer]) => [name, await buffer.bits()])));
}

describe('the CPU plugin', () => {
  test('is off unless it is asked for', async () => {
    using cpu = await Client.open('cpu');
    using program = await cpu.compile(matmul(4));
    expect([cpu.cache, program.fromCache]).toEqual([undefined, false]);
  });

  const shape: AttentionOptions = { heads: 4, kvHeads: 2, headDim: 64, queries: 256, dtype: 'f32', mask: causal() };
  test.each<[string, 'cpu' | 'dense', AttentionOptions]>([
    ['a custom call of this library', 'cpu', shape],
    ['two of them, in bf16', 'cpu', { ...shape, dtype: 'bf16', pass: 'forward+backward' }],
    ['compiled kernels', 'dense', shape],
    ['a gradient of compiled kernels', 'dense', { ...shape, queries: 64, pass: 'forward+backward' }],
  ])('loads %s: the same to the bit, in another client, and once more', async (_, target, options) => {
    const module = lower(attention(options), target);
    using first = await Client.open('cpu', { cache: folder });
    using compiled = await first.compile(module);
    expect([compiled.fromCache, ...counts(first), entries().length]).toEqual([false, 0, 1, 1]);
    const expected = await bitsOf(compiled);

    using second = await Client.open('cpu', { cache: { folder } });
    using loaded = await second.compile(module);
    expect([loaded.fromCache, ...counts(second), entries().length]).toEqual([true, 1, 0, 1]);
    expect(await bitsOf(loaded)).toEqual(expected);
    for (const fact of ['name', 'cost', 'memory', 'fingerprint', 'codeBytes', 'inputs', 'outputs'] as const)
      expect(loaded[fact]).toEqual(compiled[fact]);

    // What the plugin writes of a loaded program lacks its kernels.
    using again = await second.deserialize(await loaded.serialize(), module);
    using third = await second.deserialize(await again.serialize(), module);
    expect(again.fromCache).toBe(false);
    expect(await bitsOf(third)).toEqual(expected);
    expect(await said()).toEqual([]);
  });

  test('a donated input is gone after a loaded program’s run, too', async () => {
    const text = elementwise('negate', '4xf32', 1).replace('tensor<4xf32>)', 'tensor<4xf32> {tf.aliasing_output = 0 : i32})');
    using cpu = await Client.open('cpu', { cache: folder });
    (await cpu.compile(text)).dispose();
    using loaded = await cpu.compile(text);
    expect([loaded.fromCache, loaded.memory.aliasBytes]).toEqual([true, 16]);
    const a = cpu.upload(tensor('f32', [4]), Float32Array.of(1, 2, 3, 4));
    using result = await loaded.run({ a });
    expect(a.disposed).toBe(true);
    expect(await result.out.read()).toEqual(Float32Array.of(-1, -2, -3, -4));
  });

  test('another text, device, number of devices or set of flags is another entry', async () => {
    using one = await Client.open('cpu', { cache: folder });
    using four = await Client.open('cpu', { cache: folder, devices: 4 });
    const add = elementwise('add', '2xf32');
    const compiled: [boolean, number][] = [];
    const compile = async (client: Client, text: string, device = 0) => {
      using program = await client.compile(text, { device: client.devices[device] });
      compiled.push([program.fromCache, program.device.index]);
      expect((Object.values((await bitsOf(program)) as object)[0] as Float32Array)[1]).not.toBe(0);
    };
    await compile(one, add);
    await compile(one, `${add}\n`);
    await compile(one, elementwise('multiply', '2xf32'));
    await compile(four, add);
    await compile(four, add, 2);
    await compile(four, add, 2);
    await compile(one, add);
    const fresh = [0, 0, 0, 0, 2].map((device) => [false, device]);
    expect(compiled).toEqual([...fresh, [true, 2], [true, 0]]);
    expect(entries()).toHaveLength(5);

    const manifest = JSON.parse(fs.readFileSync(path.join(path.dirname(one.plugin.path), 'manifest.json'), 'utf8'));
    expect(installedSha256(one.plugin.path)).toBe(manifest.files['xla_cpu_pjrt.so'].sha256);
    expect(installedSha256(__filename)).toBeUndefined();

    // Another build of the plugin, by what this one says of itself.
    const facts = { platform: 'cpu', platformVersion: 'cpu', devices: one.devices };
    const store = new CacheFolder(folder, 2 ** 20);
    const keysOf = async (plugin: object, about: object = {}) => {
      const cache = await CompileCache.open(store, plugin as Plugin, { ...facts, ...about });
      const before = entries();
      await cache?.executable(add, new Uint8Array(), {
        load: () => Promise.reject(new Error('hit')),
        compile: async () => ({ serialize: async () => new Uint8Array(8) }) as Executable,
      });
      return entries().length - before.length;
    };
    const { path: library, apiVersion, attributes, flags } = one.plugin;
    const plugin = { path: library, apiVersion, attributes, flags };
    expect(await keysOf(plugin)).toBe(1);
    await expect(keysOf(plugin)).rejects.toThrow('hit');
    const copy = path.join(folder, 'another.so');
    fs.writeFileSync(copy, 'another build');
    for (const other of [
      { ...plugin, path: copy },
      { ...plugin, apiVersion: { major: 0, minor: 1 } },
      { ...plugin, attributes: { ...attributes, xla_version: 3 } },
      { ...plugin, flags: '--xla_cpu_use_fusion_emitters=false' },
    ])
      expect(await keysOf(other)).toBe(1);
    expect(await keysOf(plugin, { platformVersion: 'cpu 2' })).toBe(1);
    // One that was not installed: changed in the middle, where neither end shows it, or at an end at the same time and size.
    const build = Buffer.alloc(4 * 2 ** 20);
    const differs = async (at: number, seconds: number) => {
      build[at]++;
      fs.writeFileSync(copy, build);
      fs.utimesSync(copy, seconds, seconds);
      return keysOf({ ...plugin, path: copy });
    };
    expect([
      await differs(0, 1000),
      await differs(2 * 2 ** 20, 1001),
      await differs(0, 1001),
      await differs(build.length - 1, 1001),
    ]).toEqual([1, 1, 1, 1]);
    await expect(keysOf({ ...plugin, path: copy })).rejects.toThrow('hit');
    // In whatever order a plugin lists them.
    const reversed = Object.fromEntries(Object.entries(attributes).reverse());
    await expect(keysOf({ ...plugin, attributes: reversed })).rejects.toThrow('hit');
  });

  test.each<[string, (file: Buffer) => Uint8Array, string]>([
    ['empty', () => new Uint8Array(), 'PJRT_CACHE_CORRUPT'],
    ['cut off', (file) => file.subarray(0, file.length - 1), 'PJRT_CACHE_CORRUPT'],
    ['flipped in one bit', (file) => file.map((byte, i) => (i === file.length >> 1 ? byte ^ 1 : byte)), 'PJRT_CACHE_CORRUPT'],
    ['of somebody else', () => Buffer.from('\x7fELF and so on'.repeat(100)), 'PJRT_CACHE_CORRUPT'],
  ])('an entry that is %s is compiled again, with a warning', async (_, spoil, code) => {
    using cpu = await Client.open('cpu', { cache: folder });
    (await cpu.compile(matmul(8))).dispose();
    fs.writeFileSync(only(), spoil(fs.readFileSync(only())));
    using program = await cpu.compile(matmul(8));
    using loaded = await cpu.compile(matmul(8));
    expect([program.fromCache, loaded.fromCache, await said()]).toEqual([false, true, [code]]);
    expect(await bitsOf(loaded)).toEqual(await bitsOf(program));
  });

  test('a whole entry that the plugin refuses, or that is of another program, is compiled again', async () => {
    using cpu = await Client.open('cpu', { cache: folder });
    using other = await cpu.compile(elementwise('negate', '3xf32', 1));
    const bytes = await other.serialize();
    fs.rmSync(only());
    (await cpu.compile(matmul(8))).dispose();
    const key = path.basename(only(), '.pjrt');
    for (const wrong of [Buffer.from('no executable'), bytes]) {
      await new CacheFolder(folder, 2 ** 20).write(key, { facts: null, bytes: wrong });
      using program = await cpu.compile(matmul(8));
      expect([program.fromCache, program.name]).toEqual([false, 'matmul']);
    }
    using loaded = await cpu.compile(matmul(8));
    expect([loaded.fromCache, await said()]).toEqual([true, ['PJRT_CACHE_REFUSED', 'PJRT_CACHE_REFUSED']]);
  });

  test('a program that does not compile says so as ever, and leaves no entry', async () => {
    using cpu = await Client.open('cpu', { cache: folder });
    const bad = matmul(8).replace('dot_general', 'dot_particular');
    for (let i = 0; i < 2; i++) await expect(cpu.compile(bad)).rejects.toThrow(PjrtError);
    expect([entries(), counts(cpu), await said()]).toEqual([[], [0, 0], []]);
  });

  test('flags of one variable are not those of another, and this library’s own are none', () => {
    const before = process.env;
    const flags = ['', '--ours', '--a', '--ours  --a']
      .flatMap((value) => [{ XLA_FLAGS: value }, { LIBTPU_INIT_ARGS: value }])
      .map((env) => {
        process.env = { ...before, XLA_FLAGS: '', LIBTPU_INIT_ARGS: '', ...env };
        return compilerFlags(['--ours']);
      });
    process.env = before;
    const [none, xla, tpu] = ['[[],[]]', '[["--a"],[]]', '[[],["--a"]]'];
    expect(flags).toEqual([none, none, none, none, xla, tpu, xla, tpu]);
  });

  test('many at once', async () => {
    using cpu = await Client.open('cpu', { cache: folder });
    const texts = [4, 5, 6, 4, 5, 6].map((n) => matmul(n));
    await Promise.all(texts.map((text) => cpu.compile(text)));
    expect(entries()).toHaveLength(3);
    const loaded = await Promise.all(texts.map((text) => cpu.compile(text)));
    expect(loaded.every(({ fromCache }) => fromCache)).toBe(true);
  });

  test('a plugin that cannot load or write compiles, says so once, and is not asked again', async () => {
    using cpu = await Client.open('cpu');
    for (const lacking of ['load', 'serialize']) {
      const cache = (await CompileCache.open(new CacheFolder(folder, 2 ** 20), cpu.plugin, cpu)) as CompileCache;
      let [loads, writes] = [0, 0];
      const lacks = () => new PjrtError('UNIMPLEMENTED', 'the plugin has no such function');
      const program = {
        async serialize() {
          writes++;
          if (lacking === 'serialize') throw lacks();
          return new Uint8Array(100);
        },
      } as Executable;
      const load = async () => {
        loads++;
        throw lacks();
      };
      const once = (text: string) => cache.executable(text, new Uint8Array(), { load, compile: async () => program });
      codes = [];
      for (let i = 0; i < 3; i++) expect(await once(lacking)).toBe(program);
      expect([loads, writes]).toEqual(lacking === 'load' ? [1, 1] : [0, 1]);
      expect([cache.misses, await said()]).toEqual([3, ['PJRT_CACHE_UNSUPPORTED']]);
    }
  });

  test.each<[unknown, string]>([
    [7, 'a cache is true, false, a folder or { folder, maxBytes }; got 7'],
    [null, 'a cache is true, false, a folder or { folder, maxBytes }; got null'],
    ['', "a cache's folder is a path; got ''"],
    [{ folder: 3 }, "a cache's folder is a path; got 3"],
    [{ maxBytes: 0 }, "a cache's maxBytes is a whole number above 0; got 0"],
    [{ size: 1 }, 'the options of a cache are: folder, maxBytes; got size'],
  ])('the option %j', async (cache, message) => {
    await expect(Client.open('cpu', { cache: cache as string })).rejects.toThrow(expect.objectContaining({ name: 'ShapeError', message }));
  });

  test('by the environment, in two processes at once, and not for what commands measure', async () => {
    const env = { ...process.env, NODE_PJRT_COMPILE_CACHE: folder };
    const root = path.join(__dirname, '..');
    const script = `const { Client } = require(${JSON.stringify(root)});
      (async () => {
        const flags = [];
        for (const cache of [undefined, true, false]) {
          const cpu = await Client.open('cpu', { cache });
          flags.push((await cpu.compile(${JSON.stringify(matmul(16))})).fromCache);
        }
        console.log(JSON.stringify(flags));
      })();`;
    const run = async () => (await promisify(execFile)(process.execPath, ['-e', script], { env })).stdout.trim();
    const [a, b] = await Promise.all([run(), run()]);
    for (const flags of [a, b]) expect(flags).toMatch(/^\[(true|false),true,false\]$/);
    expect(await run()).toBe('[true,true,false]');
    expect(entries()).toHaveLength(1);
    const file = path.join(folder, 'program.mlir');
    fs.writeFileSync(file, matmul(32));
    await promisify(execFile)(process.execPath, [path.join(root, 'dist', 'cli', 'main.js'), 'compile', file], { env });
    expect(entries()).toHaveLength(1);
  });
});

describeTpu('the TPU compiler, with no TPU', () => {
  test('what it compiled stands for itself: facts and bytes, per topology', async () => {
    const module = lower(attention({ heads: 1, headDim: 128, queries: 1024, dtype: 'bf16', mask: causal() }), 'tpu', { preset: 'lean' });
    using v5p = await Topology.open('tpu', 'v5p:2x2x1', { cache: folder });
    const compiled = await v5p.compile(module);
    using again = await Topology.open('tpu', 'v5p:2x2x1', { cache: folder });
    const loaded = await again.compile(module);
    expect([compiled.fromCache, loaded.fromCache, ...counts(again)]).toEqual([false, true, 1, 0]);
    for (const fact of ['name', 'cost', 'memory', 'fingerprint', 'codeBytes', 'inputs', 'outputs'] as const)
      expect(loaded[fact]).toEqual(compiled[fact]);
    expect(Buffer.compare(await loaded.serialize(), await compiled.serialize())).toBe(0);
    // An estimate says what a compilation takes: this one took none.
    expect([loaded.origin?.topology, loaded.origin?.compileMs]).toEqual(['v5p:2x2x1', undefined]);
    expect((await estimate(loaded)).cycles).toBe((await estimate(compiled)).cycles);

    using v6e = await Topology.open('tpu', 'v6e:2x2', { cache: folder });
    using other = await v6e.compile(matmul(64));
    using same = await v5p.compile(matmul(64));
    expect([other.fromCache, same.fromCache, entries().length]).toEqual([false, false, 3]);

    loaded.dispose();
    expect(() => loaded.name).toThrow(/disposed/);
    await expect(loaded.serialize()).rejects.toThrow(/disposed/);
    again.dispose();
    await expect(again.compile(module)).rejects.toThrow(/disposed/);
    await expect(Topology.open('tpu', 'v5p:2x2x1', { caches: folder } as object)).rejects.toThrow(
      'the options of Topology.open are: cache, isolated; got caches',
    );
    expect(await said()).toEqual([]);
  });
});
