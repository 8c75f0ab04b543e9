/** Programs on several devices of the CPU plugin: shardings read back, tensors cut and put together, replicas, donation, errors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Buffer, Client, type ShardedExecutable } from '../lib/pjrt';
import { countOf, indexOf } from '../lib/pjrt/grid';
import { Message } from '../lib/pjrt/proto';
import { eachRun, type Part, Sharding, shardingsOf } from '../lib/pjrt/sharding';
import { hostLength, tensor } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
}, 8);

const count = (length: number, step = 1) => Float32Array.from({ length }, (_, i) => i * step);

/** `out = a + b` of one type, each split by an sdy sharding over a mesh, and the sum of all its elements. */
function addAndSum(type: string, [a, b, out]: readonly string[], mesh: string): string {
  const rank = type.split('x').length - 1;
  const sharded = (axes: string) => `tensor<${type}> {sdy.sharding = #sdy.sharding<@mesh, [${axes}]>}`;
  const axes = Array.from({ length: rank }, (_, i) => i).join(', ');
  return `module @add_and_sum {
  sdy.mesh @mesh = <[${mesh}]>
  func.func public @main(%a: ${sharded(a)}, %b: ${sharded(b)}) -> (${sharded(out)}, tensor<f32>) {
    %0 = stablehlo.add %a, %b : tensor<${type}>
    %z = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.reduce(%0 init: %z) applies stablehlo.add across dimensions = [${axes}] : (tensor<${type}>, tensor<f32>) -> tensor<f32>
    return %0, %1 : tensor<${type}>, tensor<f32>
  }
}`;
}

/** An allreduce over replicas. */
const replicaSum = `module @replica_sum {
  func.func public @main(%a: tensor<4xf32>) -> tensor<4xf32> {
    %0 = "stablehlo.all_reduce"(%a) ({
      ^bb0(%x: tensor<f32>, %y: tensor<f32>):
        %s = stablehlo.add %x, %y : tensor<f32>
        stablehlo.return %s : tensor<f32>
    }) {replica_groups = dense<[[0, 1, 2, 3]]> : tensor<1x4xi64>} : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}`;

const rows = (devices: number) => `{mhlo.sharding = "{devices=[${devices},1]<=[${devices}]}"}`;
const gspmd = (op: string, type: string, devices: number) =>
  elementwise(op, type, 1)
    .replace(`%a: tensor<${type}>`, `%a: tensor<${type}> ${rows(devices)}`)
    .replace(`-> tensor<${type}>`, `-> (tensor<${type}> ${rows(devices)})`);

describe('a split program', () => {
  test.each<[string, readonly string[], number[][], string, string]>([
    [
      '8x6xf32',
      ['{"x"}, {}', '{}, {"y"}', '{"x"}, {"y"}'],
      [
        [4, 1],
        [1, 2],
        [4, 2],
      ],
      '"x"=4, "y"=2',
      'rows and columns',
    ],
    [
      '8x6xf32',
      ['{}, {"y"}', '{"y"}, {}', '{"y"}, {}'],
      [
        [1, 2],
        [2, 1],
        [2, 1],
      ],
      '"x"=4, "y"=2',
      'shared tiles',
    ],
    ['16xf32', ['{"y", "x"}', '{"x", "y"}', '{"y"}'], [[8], [8], [2]], '"x"=4, "y"=2', 'axes in either order'],
    [
      '2x4x3x8xf32',
      ['{"x"}, {}, {}, {"y"}', '{}, {"y"}, {}, {}', '{"x"}, {"y"}, {}, {}'],
      [
        [2, 1, 1, 4],
        [1, 4, 1, 1],
        [2, 4, 1, 1],
      ],
      '"x"=2, "y"=4',
      'four dimensions',
    ],
    ['8xf32', ['{}', '{}', '{}'], [[1], [1], [1]], '"x"=8', 'nothing split'],
  ])('%s by %j', async (type, shardings, tiles, mesh) => {
    using program = await cpu.compileSharded(addAndSum(type, shardings, mesh), { partitions: 8 });
    const { a: ofA, b: ofB } = program.inputShardings;
    expect([ofA.tiles, ofB.tiles, program.outputShardings.out0.tiles, program.outputShardings.out1.tiles]).toEqual([...tiles, []]);
    const length = hostLength(program.inputs[0].type);
    using a = program.upload('a', count(length));
    using b = program.upload('b', count(length, 100));
    expect(await a.read()).toEqual(count(length));
    expect(await b.read()).toEqual(count(length, 100));
    using outputs = await program.run({ a, b });
    expect(await outputs.out0.read()).toEqual(count(length, 101));
    expect(await outputs.out1.read()).toEqual(Float32Array.of((101 * length * (length - 1)) / 2));
    expect(outputs.out1.shards).toHaveLength(8);
    for (const shard of outputs.out1.shards) expect(await shard.read()).toEqual(Float32Array.of((101 * length * (length - 1)) / 2));
  });

  test.each(['shardy', 'gspmd'] as const)('by mhlo.sharding, with %s', async (partitioner) => {
    using program = await cpu.compileSharded(gspmd('negate', '8x3xf32', 4), { partitions: 4, partitioner });
    expect(program.deviceOutputs[0].type).toEqual(tensor('f32', [2, 3]));
    using a = program.upload('a', count(24));
    using outputs = await program.run({ a });
    expect(await outputs.out.read()).toEqual(count(24, -1));
    expect(await outputs.out.shards[3].read()).toEqual(count(24, -1).subarray(18));
  });

  test('of what does not go up: the last tiles are cut', async () => {
    using program = await cpu.compileSharded(gspmd('negate', '10x3xf32', 4), { partitions: 4 });
    expect(program.inputShardings.a.shardOf(tensor('f32', [10, 3]))).toEqual(tensor('f32', [3, 3]));
    using a = program.upload('a', count(30));
    using outputs = await program.run({ a });
    expect(await outputs.out.read()).toEqual(count(30, -1));
  });

  test.each(['bf16', 'i4', 'complex<f32>', 'i1'] as const)('of %s', async (dtype) => {
    const program = await cpu.compileSharded(gspmd(dtype === 'i1' ? 'not' : 'negate', `8x2x${dtype}`, 2), { partitions: 2 });
    const { type } = program.inputs[0];
    const values =
      dtype === 'i4'
        ? Int8Array.from({ length: 16 }, (_, i) => (i % 15) - 7)
        : dtype === 'i1'
          ? Uint8Array.from({ length: 16 }, (_, i) => i % 2)
          : count(hostLength(type));
    using a = program.upload('a', values);
    using outputs = await program.run({ a });
    const expected =
      dtype === 'i1'
        ? values.map((value) => 1 - value)
        : dtype === 'i4'
          ? values.map((value) => (-value << 28) >> 28)
          : values.map((value) => -value);
    expect(await outputs.out.read()).toEqual(expected);
    program.dispose();
  });

  test('on devices in another order', async () => {
    using program = await cpu.compileSharded(gspmd('negate', '8x2xf32', 4), { partitions: 4, devices: [7, 2, 5, 0] });
    expect(program.devices.map(({ id }) => id)).toEqual([7, 2, 5, 0]);
    using a = program.upload('a', count(16));
    expect(await a.shards[0].read()).toEqual(count(4));
    expect(a.shards[0].device.id).toBe(7);
    using outputs = await program.run({ a });
    expect(await outputs.out.read()).toEqual(count(16, -1));
  });

  test("one run's outputs are the next one's inputs, or buffers that were uploaded one by one", async () => {
    using program = await cpu.compileSharded(gspmd('negate', '8x2xf32', 2), { partitions: 2 });
    using a = program.upload('a', count(16));
    using once = await program.run({ a });
    using twice = await program.run({ a: once.out });
    expect(await twice.out.read()).toEqual(count(16));
    const shards = program.devices.map((device) => cpu.upload(tensor('f32', [4, 2]), count(8), device));
    using apart = await program.run({ a: shards });
    expect(await apart.out.read()).toEqual(Float32Array.of(...count(8, -1), ...count(8, -1)));
    for (const shard of shards) shard.dispose();
  });

  test('many runs at once', async () => {
    using program = await cpu.compileSharded(addAndSum('64xf32', ['{"x"}', '{"x"}', '{"x"}'], '"x"=8'), { partitions: 8 });
    using a = program.upload('a', count(64));
    const runs = await Promise.all(Array.from({ length: 40 }, () => program.run({ a, b: a })));
    for (const run of runs) expect(await run.out1.read()).toEqual(Float32Array.of(64 * 63));
    for (const run of runs) run[Symbol.dispose]();
  });

  test('written and loaded again, and out of a cache', async () => {
    const cache = mkdtempSync(path.join(tmpdir(), 'node-pjrt sharded '));
    const text = gspmd('negate', '8x2xf32', 2);
    const negated = async (program: ShardedExecutable) => {
      using a = program.upload('a', count(16));
      using outputs = await program.run({ a });
      return outputs.out.read();
    };
    try {
      using caching = await Client.open('cpu', { devices: 2, cache });
      using fresh = await caching.compileSharded(text, { partitions: 2 });
      using kept = await caching.compileSharded(text, { partitions: 2 });
      using loaded = await caching.deserializeSharded(await fresh.serialize(), fresh);
      expect([fresh.fromCache, kept.fromCache]).toEqual([false, true]);
      for (const program of [kept, loaded]) expect(await negated(program)).toEqual(count(16, -1));
      await expect(caching.deserialize(await fresh.serialize(), fresh)).rejects.toThrow(
        'compile and deserialize are for one device; this program is for 2: see compileSharded',
      );
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
});

describe('replicas', () => {
  test('each has its own values', async () => {
    using program = await cpu.compileSharded(replicaSum, { replicas: 4 });
    expect([program.replicas, program.partitions]).toEqual([4, 1]);
    using each = program.upload('a', [count(4), count(4, 10), count(4, 100), count(4, 1000)]);
    expect(await each.read(2)).toEqual(count(4, 100));
    using outputs = await program.run({ a: each });
    for (const replica of [0, 3]) expect(await outputs.out.read(replica)).toEqual(count(4, 1111));
    using same = program.upload('a', count(4));
    using sums = await program.run({ a: same });
    expect(await sums.out.read()).toEqual(count(4, 4));
    await expect(sums.out.read(4)).rejects.toThrow('a replica is a whole number below 4; got 4');
    expect(() => program.upload('a', [count(4)])).toThrow('there is one array for each of the 4 replicas; got 1');
  });

  test('of partitions', async () => {
    using program = await cpu.compileSharded(gspmd('negate', '8x2xf32', 2), { replicas: 3, partitions: 2 });
    using a = program.upload('a', [count(16), count(16, 2), count(16, 3)]);
    using outputs = await program.run({ a });
    expect(outputs.out.replicas).toBe(3);
    for (const replica of [0, 1, 2]) expect(await outputs.out.read(replica)).toEqual(count(16, -1 - replica));
  });
});

test('what is donated is disposed on every device', async () => {
  const text = gspmd('negate', '8x2xf32', 2)
    .replace('"}, ', '", tf.aliasing_output = 0 : i32}, ')
    .replace('[2]}"})', '[2]}", tf.aliasing_output = 0 : i32})');
  using program = await cpu.compileSharded(text, { partitions: 2 });
  const a = program.upload('a', count(16));
  using outputs = await program.run({ a });
  expect(await outputs.out.read()).toEqual(count(16, -1));
  await expect(program.run({ a })).rejects.toThrow('this ShardedBuffer was donated to a run of negate');
  expect(() => a.shards[1].deviceBytes).toThrow('this Buffer was donated to a run of negate');
});

describe('what is refused', () => {
  let program: ShardedExecutable;
  beforeAll(async () => {
    program = await cpu.compileSharded(gspmd('negate', '8x2xf32', 2), { partitions: 2 });
  });
  afterAll(() => program.dispose());

  test.each<[string, () => unknown, string]>([
    ['another name', () => program.upload('b', count(16)), 'the inputs are a; got b'],
    ['another length', () => program.upload('a', count(15)), 'tensor<8x2xf32> has 16 elements; the array has 15'],
    ['another kind', () => program.upload('a', new Float64Array(16)), 'f32 is uploaded from Float32Array or Uint8Array; got Float64Array'],
  ])('upload: %s', (_, upload, message) => expect(upload).toThrow(message));

  test.each<[string, (program: ShardedExecutable, half: Buffer, whole: Buffer) => unknown, string]>([
    ['one buffer', (_, half) => half, 'the input a is a ShardedBuffer or 2 buffers, one a device; got a Buffer'],
    ['too few', (_, half) => [half], 'the input a is a ShardedBuffer or 2 buffers, one a device; got 1 of them'],
    ['nothing', () => undefined, 'the input a is a ShardedBuffer or 2 buffers, one a device; got undefined'],
    ['no buffers', () => [1, 2], 'the input a of device 0 is a Buffer; got number'],
    ['wholes', (_, half, whole) => [half, whole], 'the input a of device 1 is tensor<4x2xf32>; got tensor<8x2xf32>'],
    ['one device for both', (_, half) => [half, half], 'the input a of device 1 is on CpuDevice(id=1); got one on CpuDevice(id=0)'],
  ])('run: %s', async (_, input, message) => {
    using half = cpu.upload(tensor('f32', [4, 2]), count(8));
    using whole = cpu.upload(tensor('f32', [8, 2]), count(16), cpu.devices[1]);
    await expect(program.run({ a: input(program, half, whole) as Buffer[] })).rejects.toThrow(message);
  });

  test('run: split in another way, of another type, disposed, by another name', async () => {
    using columns = await cpu.compileSharded(gspmd('negate', '8x2xf32', 2).replaceAll('[2,1]', '[1,2]'), { partitions: 2 });
    using a = columns.upload('a', count(16));
    await expect(program.run({ a })).rejects.toThrow('the input a is in 2 x 1 tiles on 2 partitions; got 1 x 2 tiles on 2 partitions');
    using longer = await cpu.compileSharded(gspmd('negate', '16x2xf32', 2), { partitions: 2 });
    using b = longer.upload('a', count(32));
    await expect(program.run({ a: b })).rejects.toThrow('the input a is tensor<8x2xf32>; got tensor<16x2xf32>');
    b.dispose();
    await expect(longer.run({ a: b })).rejects.toThrow('this ShardedBuffer has been disposed');
    await expect(program.run({ b: a } as never)).rejects.toThrow('negate takes the inputs a; got b');
  });

  test('compile: more devices than there are, options that there are not, one device for a program of two', async () => {
    const text = gspmd('negate', '8x2xf32', 2);
    await expect(cpu.compileSharded(text, { partitions: 9 })).rejects.toThrow('1 x 9 are more than the 8 there are');
    await expect(cpu.compileSharded(text, { shards: 2 } as never)).rejects.toThrow(
      'the options of compileSharded are: replicas, partitions, partitioner, devices, compilerOptions; got shards',
    );
    await expect(cpu.compile(text, { partitions: 2 } as never)).rejects.toThrow(
      'the options of compile are: device, compilerOptions; got partitions',
    );
    using whole = await cpu.compile(text);
    await expect(cpu.deserializeSharded(Uint8Array.of(1, 2, 3), whole)).rejects.toThrow();
  });
});

describe('a sharding', () => {
  /** OpSharding by hand: type OTHER, and fields of numbers. */
  const opSharding = (fields: Readonly<Record<number, readonly number[]>>) =>
    Uint8Array.of(8, 3, ...Object.entries(fields).flatMap(([field, values]) => [Number(field) * 8 + 2, values.length, ...values]));
  const inModule = (sharding: Uint8Array) => Uint8Array.of(14 * 8 + 2, sharding.length, ...sharding);

  test.each<[string, Readonly<Record<number, readonly number[]>>, number[][]]>([
    [
      'devices listed',
      { 3: [2, 2], 4: [3, 1, 0, 2] },
      [
        [1, 0],
        [0, 1],
        [1, 1],
        [0, 0],
      ],
    ],
    [
      'an iota',
      { 3: [2, 2], 9: [4], 10: [0] },
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
    ],
    [
      'a transposed iota',
      { 3: [2, 2], 9: [2, 2], 10: [1, 0] },
      [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ],
    ],
    [
      'tiles that are shared',
      { 3: [2, 1, 2], 9: [2, 2], 10: [1, 0] },
      [
        [0, 0],
        [1, 0],
        [0, 0],
        [1, 0],
      ],
    ],
  ])('of %s', (_, fields, places) => {
    const { inputs } = shardingsOf('hlo', inModule(opSharding(fields)), { inputs: [2], outputs: [] }, 4);
    expect(inputs).toEqual([new Sharding(fields[3].slice(0, 2), places)]);
  });

  test('that is no tiling, in another format, and bytes that are no message', () => {
    const ranks = { inputs: [2], outputs: [] };
    expect(() => shardingsOf('hlo', inModule(Uint8Array.of(8, 4)), ranks, 4)).toThrow('this one has an OpSharding of type 4');
    expect(() => shardingsOf('text', new Uint8Array(), ranks, 4)).toThrow('is read as hlo_with_config or hlo; this plugin gives text');
    expect(() => shardingsOf('hlo', Uint8Array.of(10, 9, 1), ranks, 4)).toThrow('whole fields; got 9 bytes at 2 of 3');
    expect(() => new Message(Uint8Array.of(3))).toThrow('got wire type 3');
    expect(() => new Message(new Uint8Array(12).fill(255))).toThrow('got a varint of over 10 bytes');
  });

  test('every element is in one tile, and the runs of a tile are its elements in order', () => {
    for (const [shape, tiles] of [
      [
        [6, 4, 5],
        [3, 1, 1],
      ],
      [
        [6, 4, 5],
        [1, 2, 1],
      ],
      [
        [6, 4, 5],
        [2, 2, 5],
      ],
      [
        [7, 3],
        [3, 2],
      ],
      [[3], [5]],
      [
        [0, 4],
        [2, 2],
      ],
      [[], []],
    ]) {
      const type = tensor('f32', shape);
      const all = tiles.reduce<number[][]>(
        (places, n) => places.flatMap((place) => Array.from({ length: n }, (_, i) => [...place, i])),
        [[]],
      );
      const sharding = new Sharding(tiles, all);
      const seen = all.flatMap((_, partition) => elements(shape, sharding.shardOf(type).shape, sharding.partOf(type, partition)));
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: hostLength(type) }, (_, i) => i));
    }
  });

  /** Where the elements of a part are in the whole; each at its place in the tile, also where they are asked for in pieces. */
  function elements(shape: readonly number[], tile: readonly number[], part: Part): number[] {
    const size = countOf(tile);
    const inPieces = (piece: number) => {
      const seen: number[] = [];
      for (let from = 0; from < size; from += piece)
        eachRun(shape, tile, part, [from, Math.min(from + piece, size)], (inWhole, inTile, length) => {
          expect([inTile >= from, inTile + length <= from + piece]).toEqual([true, true]);
          for (let i = 0; i < length; i++) {
            expect(indexOf(shape, inWhole + i)).toEqual(indexOf(tile, inTile + i).map((at, axis) => at + part.start[axis]));
            seen.push(inWhole + i);
          }
        });
      return seen;
    };
    const seen = inPieces(size);
    for (const piece of [1, 3, 4]) expect(inPieces(piece)).toEqual(seen);
    return seen;
  }
});
