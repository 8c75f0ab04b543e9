/** What a caller or a machine can get wrong: an error that names the rule and what came, nothing left behind, the process alive. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type Buffer, Client, type LoadedExecutable, liveHandles, Plugin, Topology } from '../lib/pjrt';
import { includeDirs } from '../lib/supply';
import { type HostArray, tensor } from '../lib/types';
import { describeTpu } from './helpers';
import { elementwise, huge } from './pjrt-programs';

const failure = (name: string, message: RegExp) => expect.objectContaining({ name, message: expect.stringMatching(message) });
const four = tensor('f32', [4]);

afterAll(() => {
  expect(liveHandles()).toBe(0);
});

describe('plugins', () => {
  let directory: string;
  beforeAll(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pjrt-'));
  });
  afterAll(() => {
    fs.rmSync(directory, { recursive: true });
  });

  test('a path where nothing is', async () => {
    await expect(Client.open('/nowhere/plugin.so')).rejects.toEqual(failure('PluginError', /no file at \/nowhere\/plugin.so/));
  });

  test('a file that is no library', async () => {
    const file = path.join(directory, 'text.so');
    fs.writeFileSync(file, 'not a library');
    await expect(Plugin.load(file)).rejects.toEqual(failure('PluginError', /a plugin is a shared library.*text\.so/));
  });

  test('a library that is no plugin', async () => {
    const addon = path.join(__dirname, '..', 'build', 'Release', 'node_pjrt.node');
    await expect(Plugin.load(addon)).rejects.toEqual(failure('PluginError', /a plugin exports GetPjrtApi.*node_pjrt\.node does not/));
  });

  test('a name that nobody has', async () => {
    await expect(Plugin.load('gpu')).rejects.toEqual(failure('PluginError', /'gpu'/));
  });

  // A plugin whose functions end where a test says.
  function build(name: string, changes: string): string {
    const source = path.join(directory, `${name}.c`);
    fs.writeFileSync(
      source,
      `#include <pjrt_c_api.h>
       static PJRT_Error* initialize(PJRT_Plugin_Initialize_Args* args) { return 0; }
       static PJRT_Error* attributes(PJRT_Plugin_Attributes_Args* args) { args->num_attributes = 0; return 0; }
       static PJRT_Api api;
       const PJRT_Api* GetPjrtApi(void) {
         api.struct_size = PJRT_Api_STRUCT_SIZE;
         api.pjrt_api_version.minor_version = 5;
         api.PJRT_Plugin_Initialize = initialize;
         api.PJRT_Plugin_Attributes = attributes;
         ${changes}
         return &api;
       }`,
    );
    const library = path.join(directory, `${name}.so`);
    execFileSync('cc', ['-shared', '-fPIC', ...includeDirs().map((dir) => `-I${dir}`), '-o', library, source]);
    return library;
  }

  test.each([
    ['ends', 'api.struct_size = offsetof(PJRT_Api, PJRT_Client_Create); api.PJRT_Client_Create = (void*)1;'],
    ['hole', 'api.PJRT_Client_Create = 0;'],
  ])('a plugin without a function: %s', async (name, changes) => {
    const library = build(name, changes);
    expect((await Plugin.load(library)).apiVersion).toEqual({ major: 0, minor: 5 });
    await expect(Client.open(library)).rejects.toEqual(
      failure('PjrtError', new RegExp(`UNIMPLEMENTED: PJRT_Client_Create.*${name}\\.so.*0\\.5`)),
    );
  });

  test('a plugin of another major version, or too old to be initialised', async () => {
    const other = build('other', 'api.pjrt_api_version.major_version = 1;');
    await expect(Plugin.load(other)).rejects.toEqual(failure('PluginError', /a plugin speaks PJRT 0\.x; .*other\.so speaks 1\.5/));
    const old = build('old', 'api.struct_size = offsetof(PJRT_Api, PJRT_Plugin_Initialize);');
    await expect(Plugin.load(old)).rejects.toEqual(failure('PluginError', /a plugin speaks PJRT 0\.x/));
  });
});

describe('clients', () => {
  test.each([0, -1, 1.5, 65, Number.NaN, '2'])('%p devices', async (devices) => {
    await expect(Client.open('cpu', { devices: devices as number })).rejects.toEqual(
      failure('ShapeError', /devices is a whole number from 1 to 64/),
    );
  });

  test('an option that there is not', async () => {
    await expect(Client.open('cpu', { asynchronous: true } as object)).rejects.toEqual(
      failure('ShapeError', /options of Client.open are: devices, createOptions, keyValueStore, cache, isolated; got asynchronous/),
    );
  });

  test('the CPU plugin compiles for no topology', async () => {
    await expect(Topology.open('cpu', 'cpu')).rejects.toEqual(failure('PjrtError', /^UNIMPLEMENTED/));
  });
});

describe('programs and inputs', () => {
  let cpu: Client;
  let add: LoadedExecutable;
  let a: Buffer;
  beforeAll(async () => {
    cpu = await Client.open('cpu');
    add = await cpu.compile(elementwise('add', '4xf32'));
    a = cpu.upload(four, Float32Array.of(1, 2, 3, 4));
  });
  afterEach(async () => {
    expect(liveHandles()).toBe(3);
    using result = await add.run({ a, b: a });
    expect(await result.out.read()).toEqual(Float32Array.of(2, 4, 6, 8));
  });
  afterAll(() => {
    cpu.dispose();
  });

  test.each([
    ['malformed StableHLO', elementwise('add', '4xf32').replace('%b :', '%nowhere :'), /use of undeclared SSA value/],
    ['an operation that there is not', elementwise('addd', '4xf32'), /stablehlo\.addd/],
    ['types that do not agree', elementwise('add', '4xf32').replace('-> tensor<4xf32>', '-> tensor<5xf32>'), /type of return operand/],
    [
      'an unknown custom call',
      elementwise('negate', '4xf32', 1).replace(
        /stablehlo.negate.*/,
        'stablehlo.custom_call @nowhere(%a) : (tensor<4xf32>) -> tensor<4xf32>',
      ),
      /nowhere/,
    ],
    ['garbage after the program', `${elementwise('add', '4xf32')} }}`, /error/],
  ])('%s', async (_, text, message) => {
    await expect(cpu.compile(text)).rejects.toEqual(failure('PjrtError', message));
  });

  test('a module whose ports are not its text’s', async () => {
    const text = elementwise('negate', '4xf32', 1);
    const port = (name: string, shape: number[]) => ({ name, type: tensor('f32', shape) });
    const wrongInput = { text, inputs: [port('a', [2, 2])], outputs: [port('out', [4])] };
    await expect(cpu.compile(wrongInput)).rejects.toEqual(failure('ShapeError', /inputs are those of its text.*2x2xf32.*4xf32/));
    const wrongOutput = { text, inputs: [port('a', [4])], outputs: [] };
    await expect(cpu.compile(wrongOutput)).rejects.toEqual(failure('ShapeError', /outputs are those of its text/));
    const ports = { inputs: [port('a', [4])], outputs: [port('out', [4, 1])] };
    await expect(cpu.deserialize(await add.serialize(), ports)).rejects.toEqual(
      failure('ShapeError', /outputs are what its text returns.*4x1xf32.*4xf32/),
    );
  });

  test('bytes that are no executable', async () => {
    await expect(cpu.deserialize(Uint8Array.of(1, 2, 3), add)).rejects.toEqual(failure('PjrtError', /./));
    const cut = (await add.serialize()).subarray(0, 1000);
    await expect(cpu.deserialize(cut, add)).rejects.toEqual(
      failure('PjrtError', /^DATA_LOSS: a serialized program is what serialize gave/),
    );
    // A change of any byte, one of which sets an alignment that the plugin aborts on.
    const whole = await add.serialize();
    for (let at = 0; at < whole.length; at += 97) {
      const changed = Uint8Array.from(whole);
      changed[at] ^= 0x40;
      await expect(cpu.deserialize(changed, add)).rejects.toEqual(failure('PjrtError', /^DATA_LOSS/));
    }
    await expect(cpu.deserialize(new Uint8Array(), add)).rejects.toEqual(failure('PjrtError', /./));
  });

  test('a wrong number of inputs, or wrong names', async () => {
    await expect(add.run({ a })).rejects.toEqual(failure('ShapeError', /add takes the inputs a, b; got a/));
    await expect(add.run({})).rejects.toEqual(failure('ShapeError', /got none/));
    await expect(add.run({ a, b: a, c: a })).rejects.toEqual(failure('ShapeError', /got a, b, c/));
    await expect(add.run({ a, c: a })).rejects.toEqual(failure('ShapeError', /got a, c/));
    await expect(add.run({ a, b: new Float32Array(4) as never })).rejects.toEqual(failure('ShapeError', /input b is a Buffer/));
  });

  // Of the same size in bytes: the plugin would take them all.
  test.each([tensor('i32', [4]), tensor('f32', [2, 2]), tensor('f32', [4, 1]), tensor('f64', [2])])('an input of %j', async (type) => {
    using b = cpu.upload(type, new Uint8Array(16));
    await expect(add.run({ a, b })).rejects.toEqual(failure('ShapeError', /the input b is tensor<4xf32>; got tensor</));
  });

  test('an input of another client or device', async () => {
    using other = await Client.open('cpu', { devices: 2 });
    const b = other.upload(four, new Float32Array(4));
    await expect(add.run({ a, b })).rejects.toEqual(failure('ShapeError', /a buffer of the client that compiled/));
    const program = await other.compile(elementwise('negate', '4xf32', 1), { device: other.devices[1] });
    await expect(program.run({ a: b })).rejects.toEqual(failure('ShapeError', /runs on CpuDevice\(id=1\).*is on CpuDevice\(id=0\)/));
    expect(() => cpu.upload(four, new Float32Array(4), other.devices[0])).toThrow(failure('ShapeError', /client\.devices/));
    await expect(cpu.compile(elementwise('add', '4xf32'), { device: other.devices[0] })).rejects.toEqual(
      failure('ShapeError', /client\.devices/),
    );
  });

  test.each<[string, HostArray, RegExp]>([
    ['too short', new Float32Array(3), /tensor<4xf32> has 4 elements; the array has 3/],
    ['too long', new Float32Array(5), /has 4 elements; the array has 5/],
    ['detached', detached(), /has 4 elements; the array has 0/],
    ['of another kind', new Float64Array(4), /f32 is uploaded from Float32Array or Uint8Array; got Float64Array/],
    ['of too few bytes', new Uint8Array(15), /has 16 bytes; the array has 15/],
    ['no array', [1, 2, 3, 4] as never, /got object/],
    ['nothing', undefined as never, /got undefined/],
  ])('a host array that is %s', (_, data, message) => {
    expect(() => cpu.upload(four, data)).toThrow(failure('ShapeError', message));
  });

  test('a type that there is not', () => {
    expect(() => cpu.upload({ dtype: 'f31' as 'f32', shape: [4] }, new Float32Array(4))).toThrow(
      failure('ShapeError', /a dtype is one of/),
    );
    expect(() => cpu.upload({ dtype: 'f32', shape: [-4] }, new Float32Array(4))).toThrow(failure('ShapeError', /a dimension/));
    expect(() => cpu.upload({ dtype: 'f32', shape: [2 ** 32, 2 ** 32] }, new Float32Array(4))).toThrow(
      failure('ShapeError', /2\^40 elements/),
    );
    for (const bytes of [Int8Array.of(0, 8), Int8Array.of(-9, 0), Uint8Array.of(0, 8)])
      expect(() => cpu.upload(tensor('i4', [2]), bytes)).toThrow(
        failure('ShapeError', /a value of i4 is from -8 to 7; the array has -?[89]/),
      );
    expect(() => cpu.upload(tensor('i2', [2]), Int8Array.of(1, 2))).toThrow(
      failure('ShapeError', /a value of i2 is from -2 to 1; the array has 2/),
    );
    expect(() => cpu.upload(tensor('ui2', [2]), Uint8Array.of(3, 4))).toThrow(
      failure('ShapeError', /a value of ui2 is from 0 to 3; the array has 4/),
    );
    expect(() => cpu.upload(tensor('f4E2M1FN', [2]), Uint8Array.of(15, 16))).toThrow(
      failure('ShapeError', /the bits of a value of f4E2M1FN are from 0 to 15; the array has 16/),
    );
    expect(() => cpu.upload(tensor('ui4', [2]), Uint8Array.of(0, 16))).toThrow(failure('ShapeError', /a value of ui4 is from 0 to 15/));
    expect(() => cpu.upload(tensor('i1', [2]), Uint8Array.of(0, 2))).toThrow(
      failure('ShapeError', /a value of i1 is from 0 to 1; the array has 2/),
    );
  });

  test('more memory than there is', async () => {
    using program = await cpu.compile(huge('1099511627776xf32'));
    await expect(program.run({})).rejects.toEqual(failure('PjrtError', /^RESOURCE_EXHAUSTED/));
  });

  test('a handle that is disposed', async () => {
    const buffer = cpu.upload(four, new Float32Array(4));
    buffer.dispose();
    buffer.dispose();
    const gone = failure('DisposedError', /this Buffer has been disposed/);
    await expect(buffer.read()).rejects.toEqual(gone);
    await expect(buffer.ready()).rejects.toEqual(gone);
    await expect(add.run({ a, b: buffer })).rejects.toEqual(gone);
    const program = await cpu.compile(elementwise('add', '4xf32'));
    program.dispose();
    await expect(program.run({ a, b: a })).rejects.toEqual(failure('DisposedError', /this LoadedExecutable has been disposed/));
    await expect(program.serialize()).rejects.toThrow(failure('DisposedError', /LoadedExecutable/));
  });

  test('a client that is disposed, and all that is its', async () => {
    const client = await Client.open('cpu');
    const program = await client.compile(elementwise('add', '4xf32'));
    const x = client.upload(four, new Float32Array(4));
    const { out } = await program.run({ a: x, b: x });
    expect(liveHandles()).toBe(7);
    client.dispose();
    expect(liveHandles()).toBe(3);
    const gone = failure('DisposedError', /has been disposed, with what it belongs to/);
    await expect(out.read()).rejects.toEqual(gone);
    await expect(program.run({ a: x, b: x })).rejects.toEqual(gone);
    expect(() => client.upload(four, new Float32Array(4))).toThrow(failure('DisposedError', /this Client/));
    await expect(client.compile(elementwise('add', '4xf32'))).rejects.toEqual(failure('DisposedError', /this Client/));
    expect(() => client.devices[0].memoryStats()).toThrow(failure('DisposedError', /this Client/));
    for (const handle of [out, x, program, client]) handle.dispose();
  });

  test('a client that is disposed while its work is under way', async () => {
    const client = await Client.open('cpu');
    const program = await client.compile(elementwise('add', '4xf32'));
    const x = client.upload(four, Float32Array.of(1, 2, 3, 4));
    const under = [x.read(), client.compile(elementwise('negate', '4xf32', 1)), program.run({ a: x, b: x })];
    client.dispose();
    const [read, compiled, run] = await Promise.allSettled(under);
    expect(read).toEqual({ status: 'fulfilled', value: Float32Array.of(1, 2, 3, 4) });
    for (const late of [compiled, run]) expect(late).toEqual({ status: 'rejected', reason: failure('DisposedError', /disposed/) });
  });
});

describeTpu('the TPU compiler', () => {
  test('a client where there is no TPU', async () => {
    const start = Date.now();
    await expect(Client.open('tpu')).rejects.toEqual(
      failure('PjrtError', /^UNAVAILABLE: a TPU client needs a TPU, and this machine has none/),
    );
    await expect(Client.open('tpu', { devices: 2 })).rejects.toEqual(failure('ShapeError', /devices is an option of the CPU plugin/));
    expect(Date.now() - start).toBeLessThan(5000);
  });

  test.each(['', 'v5p', 'bogus', 'v5p:3x3x3', 'v7x:2x2x1', 'v5p:-1x2x1'])('the topology %j', async (name) => {
    await expect(Topology.open('tpu', name)).rejects.toEqual(failure('PjrtError', /./));
  });

  test.each(['v5p:0x0x0', 'v5p:2x2x0', 'v6e=0x4', 'v5p:64x64x64', 'v5p:99999999999x1x1'])('the grid %s', async (name) => {
    await expect(Topology.open('tpu', name)).rejects.toEqual(failure('ShapeError', /a topology has 1 to 2\^15 chips; got v/));
  });

  test('a program of more memory than the chip has', async () => {
    using topology = await Topology.open('tpu', 'v5p:2x2x1');
    await expect(topology.compile(huge('1099511627776xf32'))).rejects.toEqual(failure('PjrtError', /^RESOURCE_EXHAUSTED/));
    await expect(topology.compile(elementwise('addd', '4xf32'))).rejects.toEqual(failure('PjrtError', /stablehlo\.addd/));
    expect(liveHandles()).toBe(1);
  });
});

function detached(): Float32Array {
  const array = new Float32Array(4);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}
