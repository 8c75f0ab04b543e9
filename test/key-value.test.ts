/** Key-value stores, and plugins of two processes that find each other by one. */
import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Client, type KeyValueStore, LocalStore, liveHandles, RemoteStore, serveStore } from '../lib/pjrt';
import { includeDirs, pluginPath } from '../lib/supply';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();
const failure = (code: string, message: string) =>
  expect.objectContaining({ name: 'PjrtError', code, message: expect.stringContaining(message) });

describe.each(['in this process', 'of another one'])('a store %s', (where) => {
  let store: KeyValueStore;
  let close: () => void;
  beforeAll(async () => {
    if (where === 'in this process') {
      store = new LocalStore();
      close = () => {};
      return;
    }
    const server = await serveStore();
    const remote = await RemoteStore.connect(server.host, server.port);
    store = remote;
    close = () => {
      remote.close();
      server.close();
    };
  });
  afterAll(() => close());

  test('what is put is there', async () => {
    expect(await store.tryGet('a key')).toBeUndefined();
    const value = Uint8Array.of(0, 1, 255, 10);
    await store.put('a key', value);
    value[0] = 9;
    expect(await store.get('a key', 0)).toEqual(Uint8Array.of(0, 1, 255, 10));
    expect(await store.tryGet('a key')).toEqual(Uint8Array.of(0, 1, 255, 10));
    await store.put('a key', bytes(''));
    expect(await store.tryGet('a key')).toEqual(bytes(''));
  });

  test('who asks before it is put waits', async () => {
    const both = [store.get('late', 10_000), store.get('late', 10_000)];
    await store.put('late', bytes('here'));
    expect((await Promise.all(both)).map(text)).toEqual(['here', 'here']);
    await expect(store.get('never', 20)).rejects.toEqual(failure('DEADLINE_EXCEEDED', 'nobody put the key never in 20 ms'));
  });
});

test('a store that ends, and one that there is not', async () => {
  const server = await serveStore();
  const remote = await RemoteStore.connect(server.host, server.port);
  const waiting = remote.get('never', 60_000);
  server.close();
  await expect(waiting).rejects.toEqual(failure('UNAVAILABLE', 'the key-value store is gone'));
  await expect(remote.put('a', bytes('b'))).rejects.toEqual(failure('UNAVAILABLE', 'the key-value store is gone'));
  await expect(RemoteStore.connect(server.host, server.port, 10)).rejects.toEqual(
    failure('UNAVAILABLE', 'no key-value store at 127.0.0.1:'),
  );
});

test('what is no question ends its connection, and no other', async () => {
  const server = await serveStore();
  const remote = await RemoteStore.connect(server.host, server.port);
  const socket = net.connect(server.port, server.host, () => socket.write('GET / HTTP/1.1\r\n\r\n'));
  await new Promise((resolve) => socket.once('close', resolve));
  await remote.put('still', bytes('here'));
  expect(text(await remote.tryGet('still'))).toBe('here');
  remote.close();
  server.close();
});

describe('a plugin that asks', () => {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt-'));
  const library = path.join(scratch, 'meeting.so');
  beforeAll(() => {
    const source = path.join(__dirname, 'meeting-plugin.cc');
    const whole = `-DWHOLE_PLUGIN="${fs.realpathSync(pluginPath('cpu'))}"`;
    execFileSync(process.env.CXX || 'g++', [
      '-shared',
      '-fPIC',
      '-std=c++17',
      `-I${includeDirs()[0]}`,
      whole,
      source,
      '-o',
      library,
      '-ldl',
    ]);
  });
  afterAll(() => {
    fs.rmSync(scratch, { recursive: true });
    expect(liveHandles()).toBe(0);
  });

  test('gets its options as they are', async () => {
    const createOptions = { node_id: 3, visible: [2, 5], share: 0.5, name: 'é', quick: true };
    using client = await Client.open(library, { createOptions });
    expect(client.platformVersion).toBe("cpu_device_count=1;node_id=3;visible=[2 5];share=float 0.500000;name='é';quick=true;");
  });

  test.each([
    [{ cpu_device_count: '2' }, 'cpu_device_count is the option devices'],
    [{ '': 1 }, "a create option has a name such as num_nodes; got ''"],
    [{ num_nodes: null }, 'a create option is a string, a boolean, a number below 2^53, or whole numbers; num_nodes is null'],
    [{ num_nodes: 2 ** 60 }, 'num_nodes is 1152921504606847000'],
    [{ visible: [0.5] }, 'visible is 0.5'],
  ])('options that there are not: %p', async (createOptions, rule) => {
    await expect(Client.open(library, { createOptions: createOptions as never })).rejects.toThrow(rule);
  });

  test.each([false, true])('meets those of other processes, isolated %s', async (isolated) => {
    const server = await serveStore();
    const script = `
      const { Client, RemoteStore } = require(${JSON.stringify(path.join(__dirname, '..', 'dist'))});
      (async () => {
        const keyValueStore = await RemoteStore.connect('127.0.0.1', ${server.port});
        const client = await Client.open(${JSON.stringify(library)}, {
          createOptions: { node_id: Number(process.argv[1]), num_nodes: 2 },
          keyValueStore,
          isolated: ${isolated},
        });
        console.log(JSON.stringify([client.platformVersion, client.devices.length]));
        client.dispose();
      })();`;
    const run = async (id: number) => JSON.parse((await promisify(execFile)(process.execPath, ['-e', script, `${id}`])).stdout);
    const nodes = await Promise.all([0, 1].map(run));
    expect(nodes).toEqual(
      [0, 1].map((id) => [
        `cpu_device_count=1;node_id=${id};num_nodes=2;I am \x000;I am \x001;I am \x00${id};error 5: the key nothing is not in the key-value store`,
        1,
      ]),
    );
    server.close();
  });

  test.each([false, true])('is told what a store throws, and that nobody came, isolated %s', async (isolated) => {
    using alone = await Client.open(library, {
      createOptions: { num_nodes: 2, timeout_ms: 30 },
      keyValueStore: new LocalStore(),
      isolated,
    });
    expect(alone.platformVersion).toContain('error 4: nobody put the key node 1 in 30 ms');
    const broken: KeyValueStore = {
      get: () => Promise.reject(new Error('no get')),
      tryGet: () => {
        throw new TypeError('no try');
      },
      put: () => Promise.reject('no put'),
    };
    using client = await Client.open(library, { keyValueStore: broken, isolated });
    expect(client.platformVersion).toBe('cpu_device_count=1;error 2: no puterror 2: no get;error 2: no try;error 2: no try');
    await expect(Client.open(library, { keyValueStore: {} as never })).rejects.toThrow('a key-value store has get, tryGet and put');
  });

  test('is let go when its own process ends that asks, by its time limit and by its AbortSignal', async () => {
    const controller = new AbortController();
    const open = (isolated: object) => {
      const never = () => new Promise<never>(() => {});
      const get = () => {
        setTimeout(() => controller.abort(), 200);
        return never();
      };
      const keyValueStore = { put: async () => {}, tryGet: never, get };
      return Client.open(library, { keyValueStore, isolated });
    };
    await expect(open({ signal: controller.signal })).rejects.toMatchObject({ name: 'PluginCrashError', reason: 'aborted' });
    await expect(open({ timeoutMs: 1000 })).rejects.toMatchObject({ name: 'PluginCrashError', reason: 'timeout' });
  });

  test('is let go when the thread that has the store ends', async () => {
    const script = `
      const { Client } = require(${JSON.stringify(path.join(__dirname, '..', 'dist'))});
      const { parentPort } = require('node:worker_threads');
      const never = () => new Promise(() => {});
      const keyValueStore = { put: async () => {}, tryGet: never, get: () => (setTimeout(() => parentPort.postMessage('asked'), 20), never()) };
      Client.open(${JSON.stringify(library)}, { keyValueStore });`;
    const worker = new Worker(script, { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    expect(await worker.terminate()).toBe(1);
  });
});

test('the CPU plugin is one process, and says so', async () => {
  const rule = /the CPU plugin has the option devices only, and is one process: it would ignore node_id, num_nodes, keyValueStore/;
  const createOptions = { node_id: 0, num_nodes: 2 };
  await expect(Client.open('cpu', { createOptions, keyValueStore: new LocalStore() })).rejects.toThrow(rule);
  await expect(Client.open('cpu', { isolated: true, keyValueStore: new LocalStore() })).rejects.toThrow('it would ignore keyValueStore');
});
