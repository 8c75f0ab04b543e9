/** What is alive is counted, and goes: by dispose in any order, by garbage collection, and with a worker that ends at work. */
import * as v8 from 'node:v8';
import * as vm from 'node:vm';
import * as fc from 'fast-check';
import { Client, hostArray, liveHandles, liveResources } from '../lib/pjrt';
import { tensor } from '../lib/types';
import { fuzz } from './fuzz/budget';
import { node, quiet } from './node-process';
import { elementwise } from './pjrt-programs';

const type = tensor('f32', [1024]);
const bytes = 4096;
// Plugins: those that other files of tests loaded in this process are loaded too.
const none = {
  plugins: expect.any(Number),
  ...{ clients: 0, topologies: 0, executables: 0, buffers: 0, others: 0, views: 0, hostArrays: 0, operations: 0 },
  ...{ bufferBytes: 0, viewBytes: 0, hostArrayBytes: 0 },
};
const add = elementwise('add', '1024xf32');
const filled = (value: number) => new Float32Array(1024).fill(value);

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc') as () => void;
async function collect(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !isDone(); i++) {
    await new Promise(setImmediate);
    gc();
  }
}

/** Opens one of each kind. */
async function opened() {
  const client = await Client.open('cpu');
  const program = await client.compile(add);
  const input = client.upload(type, filled(2));
  const { out: output } = await program.run({ a: input, b: input });
  return { client, program, input, output };
}

test('each kind is counted, with its bytes', async () => {
  const client = await Client.open('cpu');
  const program = await client.compile(add);
  const a = client.upload(type, filled(1));
  expect(liveResources()).toEqual({ ...none, clients: 1, executables: 1, buffers: 1, bufferBytes: bytes });
  const run = program.run({ a, b: a });
  expect(liveResources().operations).toBe(1);
  const { out } = await run;
  expect(liveResources()).toMatchObject({ buffers: 2, bufferBytes: 2 * bytes, operations: 0 });
  let array: unknown = hostArray(type);
  const same = client.alias(type, array as Float32Array);
  let view: unknown = await out.view();
  expect(liveResources()).toMatchObject({ buffers: 3, bufferBytes: 2 * bytes, views: 1, viewBytes: bytes });
  expect(liveResources()).toMatchObject({ hostArrays: 1, hostArrayBytes: bytes });
  expect(liveHandles()).toBe(5);
  out.dispose();
  same.dispose();
  expect(liveResources()).toMatchObject({ buffers: 1, bufferBytes: bytes, views: 1, hostArrays: 1 });
  expect([view, array].map((one) => (one as Float32Array)[7])).toEqual([2, 0]);
  client.dispose();
  expect(liveResources()).toEqual({ ...none, views: 1, viewBytes: bytes, hostArrays: 1, hostArrayBytes: bytes });
  view = array = undefined;
  await collect(() => liveResources().views + liveResources().hostArrays === 0);
  expect(liveResources()).toEqual(none);
});

function permutations<T>(items: readonly T[]): T[][] {
  if (!items.length) return [[]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

describe('parents and children go in any order', () => {
  const names = ['client', 'program', 'input', 'output'] as const;

  test.each(permutations(names).map((order) => [order.join(', '), order]))('%s', async (_, order) => {
    const handles = await opened();
    const read = handles.output.read();
    const run = handles.program.run({ a: handles.input, b: handles.output }).catch((error: Error) => error);
    let count = 4;
    for (const name of order) {
      handles[name].dispose();
      count = name === 'client' ? 0 : Math.max(count - 1, 0);
      if (handles.client.disposed) count = 0;
      expect(liveHandles()).toBe(count);
      handles[name].dispose();
      handles[name][Symbol.dispose]();
      expect(liveHandles()).toBe(count);
      expect(handles[name].disposed).toBe(true);
    }
    // What was under way when it went is finished.
    expect(await read).toEqual(filled(4));
    expect(await run).toMatchObject({ name: 'DisposedError' });
    await expect(handles.output.read()).rejects.toMatchObject({ name: 'DisposedError' });
    await expect(handles.program.run({ a: handles.input, b: handles.input })).rejects.toMatchObject({ name: 'DisposedError' });
    await expect(handles.client.compile(add)).rejects.toMatchObject({ name: 'DisposedError' });
    expect(() => handles.client.upload(type, filled(0))).toThrow(expect.objectContaining({ name: 'DisposedError' }));
    expect(liveResources()).toEqual(none);
  });
});

// Whatever was opened, and whatever is under way when it is disposed: values stay right, and nothing is left.
test('any order of opening, running, reading and disposing', async () => {
  const step = fc.record({
    act: fc.constantFrom('open', 'compile', 'upload', 'upload', 'run', 'run', 'run', 'read', 'read', 'dispose', 'dispose'),
    at: fc.nat(),
    wait: fc.boolean(),
  });
  let tensors = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
      const world = new World();
      for (const act of ['open', 'compile', 'upload']) await world.step(act, 0, true);
      for (const { act, at, wait } of steps) await world.step(act, at, wait);
      await world.end();
      expect(liveResources()).toEqual(none);
      tensors += world.tensors;
    }),
    fuzz(40),
  );
  expect(tensors).toBeGreaterThan(120);
});

type Program = Awaited<ReturnType<Client['compile']>>;
type Tensor = ReturnType<Client['upload']>;

/** Handles and what is under way, by whatever step comes next. Every tensor holds its values' one value. */
class World {
  readonly #handles: (Client | Program | Tensor)[] = [];
  readonly #values = new Map<Tensor, number>();
  readonly #work: Promise<unknown>[] = [];

  async step(act: string, at: number, wait: boolean): Promise<void> {
    const pick = <T>(is: (handle: unknown) => boolean) => {
      const found = this.#handles.filter(is) as T[];
      return found.length ? found[at % found.length] : undefined;
    };
    const client = pick<Client>((handle) => handle instanceof Client);
    const program = pick<Program>((handle) => 'run' in (handle as object));
    const tensors = pick<Tensor>((handle) => 'deviceBytes' in Object.getPrototypeOf(handle));
    const work = this.#begin(act, at, { client, program, tensor: tensors });
    const settled = work?.catch((error: Error) => {
      if (error.name !== 'DisposedError' && error.name !== 'ShapeError') throw error;
    });
    if (settled) this.#work.push(settled);
    if (wait) await settled;
  }

  #begin(act: string, at: number, chosen: { client?: Client; program?: Program; tensor?: Tensor }): Promise<unknown> | undefined {
    const { client, program, tensor } = chosen;
    if (act === 'open') return Client.open('cpu').then((opened) => this.#handles.push(opened));
    if (act === 'compile') return client?.compile(add).then((compiled) => this.#handles.push(compiled));
    if (act === 'upload') return client && (async () => this.#keep(client.upload(type, filled(at % 100)), at % 100))();
    if (act === 'run') return program && tensor && this.#run(program, tensor);
    if (act === 'read') return tensor && this.#read(tensor);
    this.#handles[at % this.#handles.length]?.dispose();
    return undefined;
  }

  /** How many were made. */
  get tensors(): number {
    return this.#values.size;
  }

  #keep(tensor: Tensor, value: number): void {
    this.#handles.push(tensor);
    this.#values.set(tensor, value);
  }

  async #run(program: Program, a: Tensor): Promise<void> {
    const { out } = await program.run({ a, b: a });
    this.#keep(out, 2 * (this.#values.get(a) as number));
  }

  async #read(tensor: Tensor): Promise<void> {
    expect(await tensor.read()).toEqual(filled(this.#values.get(tensor) as number));
  }

  async end(): Promise<void> {
    await Promise.all(this.#work);
    for (const handle of this.#handles) handle.dispose();
  }
}

test('what is forgotten is collected, with all that it holds', async () => {
  await (async () => {
    const { program, input, client } = await opened();
    for (let i = 0; i < 10; i++) await (await program.run({ a: client.alias(type, hostArray(type)), b: input })).out.view();
    expect(liveResources()).toMatchObject({ clients: 1, executables: 1, buffers: 22, views: 10, hostArrays: 10 });
  })();
  const isDone = () => liveHandles() + liveResources().views + liveResources().hostArrays === 0;
  await collect(isDone);
  expect(liveResources()).toEqual(none);
});

describe('a handle’s stack', () => {
  const recorded = { env: { NODE_PJRT_HANDLE_STACKS: '1' } };
  const stacks = `const { liveHandleStacks } = require(require.resolve(dist));`;

  test('says where it was made, until it is disposed', async () => {
    const ended = await node(
      `${stacks}
      const openHere = () => Client.open('cpu');
      const client = await openHere();
      const b = zeros(client, 8);
      console.log(liveHandleStacks().map((text) => /^a (\\w+) made\\n +at .*$/s.exec(text)[1]).join(), liveHandleStacks()[1].includes(__filename));
      client.dispose();
      console.log(liveHandleStacks().length);`,
      recorded,
    );
    expect(ended).toMatchObject(quiet('Client,Buffer true\n0\n'));
  });

  test('is told of one that was forgotten', async () => {
    const ended = await node(
      `${stacks}
      require('node:v8').setFlagsFromString('--expose-gc');
      const gc = require('node:vm').runInNewContext('gc');
      const client = await Client.open('cpu');
      (() => { zeros(client, 8); zeros(client, 8).dispose(); })();
      const warnings = [];
      process.on('warning', ({ code, message }) => warnings.push(code + ' ' + message.split('\\n')[0]));
      for (let i = 0; i < 20 && !warnings.length; i++) { await sleep(1); gc(); }
      console.log(warnings.join());
      console.log(liveHandles());`,
      { env: { ...recorded.env, NODE_NO_WARNINGS: '1' } },
    );
    expect(ended).toMatchObject(
      quiet('PJRT_HANDLE_FORGOTTEN a handle is disposed before it is forgotten; a Buffer was collected that was made\n1\n'),
    );
  });
});
