/** The runtime half on the real plugins: what is uploaded comes back, what is computed is right, and nothing is left behind. */
import * as v8 from 'node:v8';
import * as vm from 'node:vm';
import * as s from '../lib/ir/stablehlo';
import { Client, liveHandles, Plugin, Topology } from '../lib/pjrt';
import { type DType, dtypes, type HostArray, tensor, toBits } from '../lib/types';
import { describeTpu } from './helpers';
import { elementwise, matmul } from './pjrt-programs';
import { withCpu } from './with-target';

describe('the CPU plugin', () => {
  let cpu: Client;
  withCpu((opened) => {
    cpu = opened;
  });
  afterEach(() => {
    expect(liveHandles()).toBe(1);
  });

  test('says what it is', async () => {
    const plugin = await Plugin.load('cpu');
    expect(plugin.apiVersion).toEqual({ major: 0, minor: expect.any(Number) });
    expect(plugin.attributes.stablehlo_current_version).toEqual([1, 13, 3]);
    expect(plugin.extensions).toContain('FFI');
    expect(plugin.ffiProblem).toBe('');
    expect([cpu.platform, cpu.target]).toEqual(['cpu', 'cpu']);
    expect(cpu.devices.map(({ id, kind, description }) => ({ id, kind, description }))).toEqual([
      { id: 0, kind: 'cpu', description: expect.stringContaining('id=0') },
    ]);
    expect(() => cpu.devices[0].memoryStats()).toThrow(expect.objectContaining({ name: 'PjrtError', code: 'UNIMPLEMENTED' }));
  });

  // Any bits: a program that only moves them tells every dtype's width and layout apart.
  test.each(Object.keys(dtypes) as DType[])('%s there, reversed and back', async (dtype) => {
    const type = tensor(dtype, [3, 5]);
    const { bits = 8 } = dtypes[dtype];
    const least = /^i[24]$/.test(dtype) ? -(2 ** (bits - 1)) : 0;
    const bytes = Uint8Array.from({ length: 15 * dtypes[dtype].bytes }, (_, i) => ((i * 37) % 2 ** bits) + least);
    const values = new dtypes[dtype].host(bytes.buffer);
    using program = await cpu.compile(`module @move {
      func.func public @main(%x: tensor<3x5x${dtype}>) -> tensor<3x5x${dtype}> {
        %0 = stablehlo.reverse %x, dims = [0, 1] : tensor<3x5x${dtype}>
        return %0 : tensor<3x5x${dtype}>
      }
    }`);
    using x = cpu.upload(type, values);
    using same = cpu.upload(type, bytes);
    expect(await x.bits()).toEqual(values);
    if (bits < 8 && dtype !== 'i1') expect(x.deviceBytes).toBe(Math.ceil((15 * bits) / 8));
    expect(await same.bits()).toEqual(values);
    using result = await program.run({ x });
    expect(result.out.type).toEqual(type);
    // A complex number is two of its host array's elements.
    const parts = values.length / 15;
    const reversed = values.map((_, i) => values[values.length - parts - i + 2 * (i % parts)] as never);
    expect(await result.out.bits()).toEqual(reversed);
  });

  test.each<[DType, HostArray]>([
    ['complex<f32>', Float32Array.of(1, 2, 3, -1)],
    ['complex<f64>', Float64Array.of(1, 2, 3, -1)],
  ])('%s numbers multiply, and are constants', async (dtype, values) => {
    const type = tensor(dtype, [2]);
    using square = await cpu.compile(elementwise('multiply', `2x${dtype}`));
    using z = cpu.upload(type, values);
    using result = await square.run({ a: z, b: z });
    expect(Array.from(await result.out.read(), Number)).toEqual([-3, 4, 8, -6]);
    const many = Array.from({ length: 20 }, (_, i) => i);
    using constants = await cpu.compile(
      s.program('constants', { x: type }, ({ x }) => ({
        few: s.select(s.constant([true, false], tensor('i1', [2])), s.constant([5, 6], type), x),
        pairs: s.constant(values, type),
        many: s.constant(many, tensor(dtype, [20])),
      })),
    );
    using given = await constants.run({ x: z });
    expect(Array.from(await given.few.read(), Number)).toEqual([5, 0, 3, -1]);
    expect(await given.pairs.read()).toEqual(values);
    expect(Array.from(await given.many.read(), Number)).toEqual(many.flatMap((n) => [n, 0]));
    expect(() => cpu.upload(type, values.subarray(1))).toThrow(`tensor<2x${dtype}> has 4 elements; the array has 3`);
    expect(() => s.program('p', { x: type }, ({ x }) => ({ y: s.max(x, [0]) }))).toThrow(
      'a least or greatest element is one of numbers with an order',
    );
  });

  test('4-bit integers wrap, and convert', async () => {
    using program =
      await cpu.compile(`func.func @main(%a: tensor<4xi4>, %b: tensor<4xui4>) -> (tensor<4xi4>, tensor<4xui4>, tensor<4xi32>) {
      %0 = stablehlo.add %a, %a : tensor<4xi4>
      %1 = stablehlo.add %b, %b : tensor<4xui4>
      %2 = stablehlo.convert %a : (tensor<4xi4>) -> tensor<4xi32>
      return %0, %1, %2 : tensor<4xi4>, tensor<4xui4>, tensor<4xi32>
    }`);
    using a = cpu.upload(tensor('i4', [4]), Int8Array.of(-8, -1, 3, 7));
    using b = cpu.upload(tensor('ui4', [4]), Uint8Array.of(0, 1, 7, 15));
    using result = await program.run({ a, b });
    expect(await result.out0.read()).toEqual(Int8Array.of(0, -2, 6, -2));
    expect(await result.out1.read()).toEqual(Uint8Array.of(0, 2, 14, 14));
    expect(await result.out2.read()).toEqual(Int32Array.of(-8, -1, 3, 7));
  });

  test('2-bit integers wrap, and convert', async () => {
    using program = await cpu.compile(`func.func @main(%a: tensor<4xi2>, %b: tensor<4xui2>, %f: tensor<4xf32>) ->
        (tensor<4xi2>, tensor<4xui2>, tensor<4xf32>, tensor<4xf32>, tensor<4xi2>, tensor<4xui2>) {
      %0 = stablehlo.add %a, %a : tensor<4xi2>
      %1 = stablehlo.add %b, %b : tensor<4xui2>
      %2 = stablehlo.convert %a : (tensor<4xi2>) -> tensor<4xf32>
      %3 = stablehlo.convert %b : (tensor<4xui2>) -> tensor<4xf32>
      %4 = stablehlo.convert %f : (tensor<4xf32>) -> tensor<4xi2>
      %5 = stablehlo.abs %f : tensor<4xf32>
      %6 = stablehlo.convert %5 : (tensor<4xf32>) -> tensor<4xui2>
      return %0, %1, %2, %3, %4, %6 : tensor<4xi2>, tensor<4xui2>, tensor<4xf32>, tensor<4xf32>, tensor<4xi2>, tensor<4xui2>
    }`);
    using a = cpu.upload(tensor('i2', [4]), Int8Array.of(-2, -1, 0, 1));
    using b = cpu.upload(tensor('ui2', [4]), Uint8Array.of(0, 1, 2, 3));
    using f = cpu.upload(tensor('f32', [4]), Float32Array.of(-2, -1.75, 0.5, 1));
    expect([a.deviceBytes, b.deviceBytes]).toEqual([1, 1]);
    using result = await program.run({ a, b, f });
    const read = await Promise.all(Array.from({ length: 6 }, (_, i) => result[`out${i}`].read()));
    expect(read).toEqual([
      Int8Array.of(0, -2, 0, -2),
      Uint8Array.of(0, 2, 0, 2),
      Float32Array.of(-2, -1, 0, 1),
      Float32Array.of(0, 1, 2, 3),
      Int8Array.of(-2, -1, 0, 1),
      Uint8Array.of(2, 1, 0, 1),
    ]);
  });

  test.each(['i2', 'ui2'] as const)('%s: what cuts, moves and adds them gives the lowest bits of what it gives in 8', async (dtype) => {
    const outputsOf = async (of: DType) => {
      const types = { x: tensor(of, [64, 121]), u: tensor(of, [3, 5]) };
      const module = s.program('moves', { ...types, i: tensor('i32', []) }, ({ x, u, i }) => ({
        updated: s.dynamicUpdateSlice(s.add(x, x), u, [i, i]),
        summed: s.sum(x, [1]),
        cut: s.slice(x, { start: [1, 2], limit: [60, 119], strides: [1, 2] }),
        padded: s.pad(x, 1, { low: [1, 2], high: [3, 0] }),
        spread: s.broadcastInDim(u, [4, 3, 5], [1, 2]),
      }));
      const filled = (length: number) =>
        new dtypes[of].host(length).map((_, i) => ((((i * 7) >> 1) % 4) - (of.startsWith('u') ? 0 : 2)) as never);
      using program = await cpu.compile(module);
      using x = cpu.upload(types.x, filled(64 * 121));
      using u = cpu.upload(types.u, filled(15));
      using i = cpu.upload(tensor('i32', []), Int32Array.of(1));
      using outputs = await program.run({ x, u, i });
      return Object.fromEntries(await Promise.all(module.outputs.map(async ({ name }) => [name, await outputs[name].bits()])));
    };
    const wide = Object.entries(await outputsOf(dtype === 'i2' ? 'i8' : 'ui8'));
    const lowest = (value: number) => (dtype === 'i2' ? (value << 30) >> 30 : value & 3);
    expect(await outputsOf(dtype)).toEqual(Object.fromEntries(wide.map(([name, values]) => [name, values.map(lowest)])));
  });

  // OCP Microscaling Formats 1.0: a sign, two bits of exponent, one of mantissa; no infinities, no NaN.
  const fp4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

  test('f4E2M1FN: every value, and what lies between two of them to the nearest, ties to even', async () => {
    const converts = (
      from: string,
      to: string,
      length: number,
    ) => `func.func @main(%x: tensor<${length}x${from}>) -> tensor<${length}x${to}> {
      %0 = stablehlo.convert %x : (tensor<${length}x${from}>) -> tensor<${length}x${to}>
      return %0 : tensor<${length}x${to}>
    }`;
    const bits = Uint8Array.from({ length: 16 }, (_, i) => i);
    using widen = await cpu.compile(converts('f4E2M1FN', 'f32', 16));
    using x = cpu.upload(tensor('f4E2M1FN', [16]), bits);
    expect(x.deviceBytes).toBe(8);
    using wide = await widen.run({ x });
    const values = Float32Array.of(...fp4, ...fp4.map((value) => -value));
    expect(await wide.out.read()).toEqual(values);
    // Each value, the middle to the next, a little less and a little more than that; then what is too large, which becomes the greatest.
    const given = fp4.flatMap((value, i) => {
      const middle = i < 7 ? (value + fp4[i + 1]) / 2 : 7;
      return [value, middle * (1 - 2 ** -20), middle, middle * (1 + 2 ** -20)];
    });
    const wanted = fp4.flatMap((_, i) => [i, i, i < 7 ? i + (i & 1) : 7, Math.min(i + 1, 7)]);
    const all = Float32Array.of(...given, ...given.map((value) => -value), 1e9, Number.POSITIVE_INFINITY);
    using narrow = await cpu.compile(converts('f32', 'f4E2M1FN', all.length));
    using f = cpu.upload(tensor('f32', [all.length]), all);
    using narrowed = await narrow.run({ x: f });
    expect(await narrowed.out.read()).toEqual(Uint8Array.of(...wanted, ...wanted.map((value) => 8 | value), 7, 7));
  });

  const numbers = [1, 2, 3, 60];
  test.each<[DType, HostArray]>([
    ['i8', Int8Array.from(numbers)],
    ['i16', Int16Array.from(numbers)],
    ['i32', Int32Array.from(numbers)],
    ['i64', BigInt64Array.from(numbers, BigInt)],
    ['ui8', Uint8Array.from(numbers)],
    ['ui16', Uint16Array.from(numbers)],
    ['ui32', Uint32Array.from(numbers)],
    ['ui64', BigUint64Array.from(numbers, BigInt)],
    ['f32', Float32Array.from(numbers)],
    ['f64', Float64Array.from(numbers)],
    ['bf16', Float32Array.from(numbers)],
    ['f16', Float32Array.from(numbers)],
  ])('%s adds up', async (dtype, values) => {
    using program = await cpu.compile(elementwise('add', `4x${dtype}`));
    using a = cpu.upload(tensor(dtype, [4]), values);
    using result = await program.run({ a, b: a });
    const sums = await result.out.read();
    expect(Array.from(sums as Float32Array, Number)).toEqual([2, 4, 6, 120]);
    expect(sums.constructor.name).toBe(values.constructor.name);
  });

  test('narrow floats are rounded on the way in and widened on the way out', async () => {
    const values = Float32Array.of(1 / 3, -0, 1e-8, 65504, Number.POSITIVE_INFINITY);
    for (const dtype of ['bf16', 'f16'] as const) {
      using x = cpu.upload(tensor(dtype, [5]), values);
      expect(await x.bits()).toEqual(toBits(dtype, values));
      expect((await x.read())[0]).toBeCloseTo(1 / 3, dtype === 'bf16' ? 2 : 3);
    }
  });

  test('scalars, empty tensors, and parts of larger arrays', async () => {
    using scalar = cpu.upload(tensor('f64', []), Float64Array.of(7));
    expect(await scalar.read()).toEqual(Float64Array.of(7));
    using empty = cpu.upload(tensor('f32', [0, 4]), new Float32Array());
    expect(await empty.read()).toEqual(new Float32Array());
    using part = cpu.upload(tensor('i16', [2]), Int16Array.of(1, 2, 3, 4).subarray(1, 3));
    expect(await part.read()).toEqual(Int16Array.of(2, 3));
    const shared = new Int32Array(new SharedArrayBuffer(8));
    shared.set([5, 6]);
    using sharing = cpu.upload(tensor('i32', [2]), shared);
    expect(await sharing.read()).toEqual(Int32Array.of(5, 6));
  });

  test('an array may change once it is uploaded, and what was read is the caller’s', async () => {
    const values = new Float32Array(1 << 20).fill(1);
    using x = cpu.upload(tensor('f32', [1 << 20]), values);
    values.fill(2);
    const read = (await x.read()) as Float32Array;
    expect(read.every((value) => value === 1)).toBe(true);
    read.fill(3);
    expect((await x.read())[0]).toBe(1);
  });

  test('a matrix product', async () => {
    using program = await cpu.compile(matmul(3));
    expect(program.inputs).toEqual([{ name: 'a', type: tensor('f32', [3, 3]) }]);
    expect(program.outputs).toEqual([{ name: 'out', type: tensor('f32', [3, 3]) }]);
    using a = cpu.upload(tensor('f32', [3, 3]), Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    using result = await program.run({ a });
    await result.out.ready();
    expect(await result.out.read()).toEqual(Float32Array.of(30, 36, 42, 66, 81, 96, 102, 126, 150));
  });

  test('several outputs go by their names', async () => {
    using program = await cpu.compile(`func.func @main(%q: tensor<2xf32>, %arg1: tensor<i32>)
        -> (tensor<i32> {jax.result_info = "count"}, tensor<2xf32> {jax.result_info = "rest"}) {
      return %arg1, %q : tensor<i32>, tensor<2xf32>
    }`);
    using q = cpu.upload(tensor('f32', [2]), Float32Array.of(1, 2));
    using arg1 = cpu.upload(tensor('i32', []), Int32Array.of(9));
    using result = await program.run({ arg1, q });
    expect(Object.keys(result)).toEqual(['count', 'rest']);
    expect([await result.count.read(), await result.rest.read()]).toEqual([Int32Array.of(9), Float32Array.of(1, 2)]);
  });

  test('a program says what it needs, and lives on as bytes', async () => {
    using program = await cpu.compile(matmul(64));
    expect(program.name).toBe('matmul');
    expect(program.cost).toEqual({ flops: 2 * 64 ** 3, transcendentals: 0, bytesAccessed: 3 * 64 * 64 * 4 });
    expect(program.memory).toMatchObject({ argumentBytes: 64 * 64 * 4, outputBytes: 64 * 64 * 4, aliasBytes: 0 });
    expect(program.codeBytes).toBe(0);
    expect(program.fingerprint).toMatch(/^[0-9a-f]+$/);
    expect([program.replicas, program.partitions]).toEqual([1, 1]);
    const { format, bytes: optimized } = await program.optimizedProgram();
    expect(format).toBe('hlo_with_config');
    expect(Buffer.from(optimized).toString('latin1')).toContain('matmul');
    expect(() => program.outputMemoryKinds).toThrow(expect.objectContaining({ name: 'PjrtError', code: 'UNIMPLEMENTED' }));
    const bytes = await program.serialize();
    const a = cpu.upload(tensor('f32', [64, 64]), Float32Array.from({ length: 64 * 64 }, Math.sin));
    using expected = await program.run({ a });
    for (const ports of [program, { text: matmul(64), inputs: program.inputs, outputs: program.outputs }]) {
      using again = await cpu.deserialize(bytes, ports);
      using result = await again.run({ a });
      expect(await result.out.read()).toEqual(await expected.out.read());
    }
    a.dispose();
  });

  test('a donated input is gone after the run', async () => {
    const text = elementwise('negate', '4xf32', 1).replace('tensor<4xf32>)', 'tensor<4xf32> {tf.aliasing_output = 0 : i32})');
    using program = await cpu.compile(text);
    expect(program.memory.aliasBytes).toBe(16);
    const a = cpu.upload(tensor('f32', [4]), Float32Array.of(1, 2, 3, 4));
    using result = await program.run({ a });
    expect(a.disposed).toBe(true);
    const used = 'a handle is used before it is disposed; this Buffer was donated to a run of negate';
    await expect(a.read()).rejects.toEqual(expect.objectContaining({ name: 'DisposedError', message: used }));
    await expect(program.run({ a })).rejects.toThrow(used);
    a.dispose();
    expect(() => a.deviceBytes).toThrow(used);
    expect(await result.out.read()).toEqual(Float32Array.of(-1, -2, -3, -4));
  });

  test('each device its own programs and buffers', async () => {
    using four = await Client.open('cpu', { devices: 4 });
    expect(four.devices.map(({ id, processIndex }) => [id, processIndex])).toEqual([0, 1, 2, 3].map((id) => [id, 0]));
    const [, , third] = four.devices;
    const program = await four.compile(elementwise('add', '2xf32'), { device: third });
    expect(program.device).toBe(third);
    const a = four.upload(tensor('f32', [2]), Float32Array.of(1, 2), third);
    expect(await (await program.run({ a, b: a })).out.read()).toEqual(Float32Array.of(2, 4));
    const again = await four.deserialize(await program.serialize(), program);
    expect(again.device).toBe(third);
  });
});

describeTpu('the TPU compiler', () => {
  test.each([
    ['v5p:2x2x1', 4, 'TPU v5'],
    ['v6e:2x2', 4, 'TPU v6 lite'],
  ])('compiles for %s', async (name, devices, kind) => {
    using topology = await Topology.open('tpu', name);
    expect([topology.platform, topology.target, topology.name]).toEqual(['tpu', 'tpu', name]);
    expect(topology.devices).toHaveLength(devices);
    expect(topology.devices.every(({ processIndex }) => processIndex === 0)).toBe(true);
    expect(topology.devices[0]).toMatchObject({ id: 0, kind });
    using program = await topology.compile(matmul(512));
    expect(program.name).toBe('matmul');
    expect(program.codeBytes).toBeGreaterThan(10_000);
    expect(program.cost).toMatchObject({ flops: expect.any(Number), optimalSeconds: expect.any(Number) });
    expect(program.cost.flops).toBeGreaterThanOrEqual(2 * 512 ** 3 * 0.9);
    expect(program.memory).toMatchObject({ argumentBytes: 512 * 512 * 4, outputBytes: 512 * 512 * 4 });
    expect(program.fingerprint).toMatch(/^[0-9a-f]+$/);
    expect((await program.serialize()).length).toBeGreaterThan(10_000);
    expect(program).not.toHaveProperty('run');
    expect([program.replicas, program.partitions, program.outputMemoryKinds]).toEqual([1, 1, { out: 'device' }]);
    expect(await program.optimizedProgram()).toMatchObject({ format: 'hlo_with_config', bytes: { length: expect.any(Number) } });
  });

  test.each(['8x128xi2', '64x256xui2', '4xi2'])('%s is refused, as libtpu aborts over some shapes of it', async (type) => {
    using topology = await Topology.open('tpu', 'v5p:2x2x1');
    await expect(topology.compile(elementwise('add', type))).rejects.toThrow(
      /^a program for a TPU has integers of 4 bits or more, as libtpu aborts over narrower ones; this one has u?i2$/,
    );
    const inside = `func.func @main(%a: tensor<64xf32>) -> tensor<64xf32> {
      %0 = stablehlo.convert %a : (tensor<64xf32>) -> tensor<64xi2>
      %1 = stablehlo.convert %0 : (tensor<64xi2>) -> tensor<64xf32>
      return %1 : tensor<64xf32>
    }`;
    await expect(topology.compile(inside)).rejects.toThrow(expect.objectContaining({ name: 'ShapeError' }));
  });

  test.each(['v4:2x2x1', 'v5p:2x2x1', 'v6e:2x2', 'tpu7x:2x2x1'])('fp4 on %s', async (name) => {
    using topology = await Topology.open('tpu', name);
    for (const type of ['8x128xf4E2M1FN', '5xf4E2M1FN', '3x5x7xf4E2M1FN']) {
      using sums = await topology.compile(elementwise('add', type));
      expect(sums.outputs[0].type.dtype).toBe('f4E2M1FN');
    }
    expect(topology.defaultLayout(tensor('f4E2M1FN', [8, 128]))).toContain('E(4)');
    using product = await topology.compile(`func.func @main(%a: tensor<128x128xf4E2M1FN>) -> tensor<128x128xf32> {
      %0 = stablehlo.dot_general %a, %a, contracting_dims = [1] x [0] : (tensor<128x128xf4E2M1FN>, tensor<128x128xf4E2M1FN>) -> tensor<128x128xf32>
      return %0 : tensor<128x128xf32>
    }`);
    // Packed.
    expect(product.memory.argumentBytes).toBe(128 * 64);
  });

  test('4-bit integers', async () => {
    using topology = await Topology.open('tpu', 'v5p:2x2x1');
    using program = await topology.compile(elementwise('add', '8x128xi4'));
    expect(program.outputs).toEqual([{ name: 'out', type: tensor('i4', [8, 128]) }]);
    expect(program.memory.outputBytes).toBeGreaterThanOrEqual(512);
  });

  test.each(['v4:2x2x1', 'v5p:2x2x4', 'v6e:2x2'])('a topology lives on as bytes: %s', async (name) => {
    using topology = await Topology.open('tpu', name);
    const bytes = topology.serialize();
    using again = await Topology.deserialize('tpu', bytes);
    expect(again.name).toBe(name === 'v6e:2x2' ? 'v6e:2x2x1' : name);
    expect(again.devices).toEqual(topology.devices);
    expect(again.attributes).toEqual(topology.attributes);
    expect(again.attributes.wrap).toHaveLength(3);
    expect(again.serialize()).toEqual(bytes);
    using program = await again.compile(matmul(8));
    expect(program.codeBytes).toBeGreaterThan(0);
  });

  test('a slice of several hosts has a process each', async () => {
    using topology = await Topology.open('tpu', 'v5p:2x2x4');
    expect(new Set(topology.devices.map(({ processIndex }) => processIndex))).toEqual(new Set([0, 1, 2, 3]));
  });

  test.each([[[]], [[0]], [[10, 5]]])('bytes that are no topology: %p', async (bytes) => {
    await expect(Topology.deserialize('tpu', Uint8Array.from(bytes))).rejects.toThrow(/^(INVALID_ARGUMENT|NOT_FOUND): /);
    await expect(Topology.deserialize('tpu', bytes as unknown as Uint8Array)).rejects.toThrow(/is a Uint8Array; got \[/);
  });

  test('and the CPU plugin share a process', async () => {
    using cpu = await Client.open('cpu');
    using topology = await Topology.open('tpu', 'v5p:2x2x1');
    const [ahead, here] = await Promise.all([topology.compile(matmul(8)), cpu.compile(matmul(8))]);
    const a = cpu.upload(tensor('f32', [8, 8]), new Float32Array(64).fill(1));
    expect((await (await here.run({ a })).out.read())[0]).toBe(8);
    expect(ahead.outputs).toEqual(here.outputs);
  });

  afterAll(() => {
    expect(liveHandles()).toBe(0);
  });
});

test('what is forgotten is collected', async () => {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  await (async () => {
    const cpu = await Client.open('cpu');
    const program = await cpu.compile(elementwise('add', '4xf32'));
    const a = cpu.upload(tensor('f32', [4]), new Float32Array(4));
    for (let i = 0; i < 10; i++) await program.run({ a, b: a });
    expect(liveHandles()).toBe(13);
  })();
  for (let i = 0; i < 20 && liveHandles() > 0; i++) {
    await new Promise(setImmediate);
    gc();
  }
  expect(liveHandles()).toBe(0);
});
