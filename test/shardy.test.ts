/** Programs over a mesh: their text, their rules, and what the collectives do on 4 devices of the CPU plugin and compile to for v5p. */
import * as sdy from '../lib/ir/shardy';
import * as s from '../lib/ir/stablehlo';
import { Client, liveHandles, type ShardedExecutable, Topology } from '../lib/pjrt';
import { type Module, sizeOf, tensor } from '../lib/types';
import { testTpu } from './helpers';

const f32 = (...shape: number[]) => tensor('f32', shape);
const on = sdy.mesh({ x: 2, y: 2 });

/** Of `x` f32 [4, 8], split over both axes, what `body` makes of a device's [2, 4]: `out`, in tiles again. */
function program(body: (x: s.Tensor) => s.Tensor, out: sdy.Sharding = ['x', 'y']): Module {
  const shardings = { inputs: { x: ['x', 'y'] }, outputs: { out } } satisfies sdy.Shardings;
  return s.program('p', { x: f32(4, 8) }, (args) => sdy.manualComputation(on, args, shardings, ({ x }) => ({ out: body(x) })), {
    mesh: on,
    shardings,
  });
}

test('text: the mesh, how ports lie on it, and a computation from the device’s point of view', () => {
  const { text, partitions } = program((x) => sdy.collectivePermute(x, 'y', (from) => (from ? undefined : 1)), ['x', 'y']);
  expect(partitions).toBe(4);
  expect(text).toBe(`module @p {
  sdy.mesh @mesh = <["x"=2, "y"=2]>
  func.func public @main(%x: tensor<4x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {"y"}]>}) -> (tensor<4x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {"y"}]>}) {
    %1 = "sdy.manual_computation"(%x) ({
    ^bb0(%2: tensor<2x4xf32>):
      %3 = "stablehlo.collective_permute"(%2) {source_target_pairs = dense<[[0, 1], [2, 3]]> : tensor<2x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
      "sdy.return"(%3) : (tensor<2x4xf32>) -> ()
    }) {in_shardings = #sdy.sharding_per_value<[<@mesh, [{"x"}, {"y"}]>]>, out_shardings = #sdy.sharding_per_value<[<@mesh, [{"x"}, {"y"}]>]>, manual_axes = #sdy<manual_axes{"x", "y"}>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    "func.return"(%1) : (tensor<4x8xf32>) -> ()
  }
}
`);
});

test('groups along axes, in the order of their names', () => {
  const three = sdy.mesh({ a: 2, b: 3, c: 2 });
  expect(sdy.groupsAlong(three, ['c'], 'g')).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
    [8, 9],
    [10, 11],
  ]);
  expect(sdy.groupsAlong(three, ['c', 'a'], 'g')).toEqual([
    [0, 6, 1, 7],
    [2, 8, 3, 9],
    [4, 10, 5, 11],
  ]);
});

/** Device 2 i + j has `values[i][j]`: rows 2 i and 2 i + 1, columns 4 j to 4 j + 3. */
const value = (row: number, column: number) => 8 * row + column;
const rows = (count: number, columns: number, at: (row: number, column: number) => number) =>
  Array.from({ length: count * columns }, (_, i) => at(Math.floor(i / columns), i % columns));

const cases: [name: string, module: Module, expected: number[]][] = [
  ['all_reduce', program((x) => sdy.allReduce(x, 'x')), rows(4, 8, (i, j) => value(i % 2, j) + value((i % 2) + 2, j))],
  ['all_reduce along both', program((x) => sdy.allReduce(x, ['x', 'y'], 'max')), rows(4, 8, (i, j) => value((i % 2) + 2, (j % 4) + 4))],
  ['all_gather', program((x) => sdy.allGather(x, 'y', 1), ['x', null]), rows(4, 8, value)],
  ['all_gather along both', program((x) => sdy.allGather(x, ['x', 'y'], 1), [null, null]), rows(2, 16, gathered)],
  ['reduce_scatter', program((x) => sdy.reduceScatter(x, 'y', 0), [['x', 'y'], null]), rows(4, 4, (i, j) => value(i, j) + value(i, j + 4))],
  ['all_to_all', program((x) => sdy.allToAll(x, 'y', { split: 0, concat: 1 }), [['x', 'y'], null]), rows(4, 8, (i, j) => value(i, j))],
  ['collective_permute', program((x) => sdy.collectivePermute(x, 'x', (from) => 1 - from)), rows(4, 8, (i, j) => value((i + 2) % 4, j))],
  [
    'collective_permute from some',
    program((x) => sdy.collectivePermute(x, 'x', (from) => (from ? undefined : 1))),
    rows(4, 8, (i, j) => (i < 2 ? 0 : value(i - 2, j))),
  ],
  [
    'axis_index',
    program((x) =>
      s.add(s.multiply(x, 0), s.broadcastInDim(s.convert(s.add(s.multiply(sdy.axisIndex('x'), 10), sdy.axisIndex('y')), 'f32'), [2, 4])),
    ),
    rows(4, 8, (i, j) => 10 * Math.floor(i / 2) + Math.floor(j / 4)),
  ],
];

function gathered(row: number, column: number): number {
  const device = Math.floor(column / 4);
  return value(2 * Math.floor(device / 2) + row, 4 * (device % 2) + (column % 4));
}

describe('on 4 devices of the CPU plugin', () => {
  let cpu: Client;
  beforeAll(async () => {
    cpu = await Client.open('cpu', { devices: 4 });
  });
  afterAll(() => {
    cpu.dispose();
    expect(liveHandles()).toBe(0);
  });

  test.each(cases)('%s', async (_, module, expected) => {
    using executable: ShardedExecutable = await cpu.compileSharded(module);
    using x = executable.upload('x', Float32Array.from(rows(4, 8, value)));
    using outputs = await executable.run({ x });
    expect(sizeOf(outputs.out.type)).toBe(expected.length);
    expect([...(await outputs.out.read())]).toEqual(expected);
  });

  test('a program over a mesh is not for one device', async () => {
    await expect(cpu.compile(cases[0][1])).rejects.toThrow('compile is for one device; this program is for 4: see compileSharded');
    await expect(cpu.compileSharded(cases[0][1], { partitions: 5 })).rejects.toThrow('1 x 5 are more than the 4 there are');
  });
});

testTpu('all of them compile for v5p', async () => {
  using v5p = await Topology.open('tpu', 'v5p:2x2x1');
  for (const [, module] of cases) {
    using executable = await v5p.compile(module);
    expect(executable.partitions).toBe(4);
  }
});

const inside = (body: (x: s.Tensor) => s.Tensor, out?: sdy.Sharding) => () => program(body, out);
const none = { inputs: {}, outputs: {} };
const square = f32(4, 4);
const placed =
  (sharding: sdy.Sharding, type = f32(4, 8)) =>
  () =>
    sdy.localType(on, type, sharding, 'q');
test.each<[string, () => unknown]>([
  ['mesh: there is at least one axis; got none', () => sdy.mesh({})],
  ['mesh: an axis has a whole number of devices, 1 or more; x has 0', () => sdy.mesh({ x: 0 })],
  ['mesh: an axis has a name of a letter or _ and then letters, digits and _; got "a-b"', () => sdy.mesh({ 'a-b': 1 })],
  ['mesh: there are at most 2^15 devices; got x=65536', () => sdy.mesh({ x: 65536 })],
  ['q: an axis is one of the mesh, x=2,y=2; got z', placed(['z', null])],
  ['q: a sharding has an entry for each of 2 dimensions; got 1', placed(['x'])],
  ['q: an axis splits one dimension of a tensor; got x, x', placed(['x', 'x'])],
  ['q: the axes of a dimension divide it; dimension 1 of tensor<4x6xf32> is split in 4 by x, y', placed([null, ['x', 'y']], f32(4, 6))],
  [
    'all_reduce: devices are told apart inside of manualComputation; this was made outside of one',
    () => sdy.allReduce(undefined as never, 'x'),
  ],
  ['all_reduce: an axis is one of the mesh, x=2,y=2; got z', inside((x) => sdy.allReduce(x, 'z'))],
  ['all_reduce: there is at least one axis, and none twice; got x, x', inside((x) => sdy.allReduce(x, ['x', 'x']))],
  ['all_reduce: elements are combined by one of sum, max, min, product; got mean', inside((x) => sdy.allReduce(x, 'x', 'mean' as never))],
  ['all_gather (C1): 0 <= all_gather_dim < 2; got [2]', inside((x) => sdy.allGather(x, 'x', 2))],
  [
    'reduce_scatter (C2): the devices along the axes, 4, divide scatter_dimension 0 (mesh x=2,y=2); got tensor<2x4xf32>',
    inside((x) => sdy.reduceScatter(x, ['x', 'y'], 0)),
  ],
  ['all_to_all (C1): 0 <= split_dimension < 2; got [-1]', inside((x) => sdy.allToAll(x, 'x', { split: -1, concat: 0 }))],
  ['all_to_all (C3): 0 <= concat_dimension < 2; got [3]', inside((x) => sdy.allToAll(x, 'x', { split: 0, concat: 3 }))],
  ['collective_permute (C3): each sends to another one of the 2 along x; got 0, 0', inside((x) => sdy.collectivePermute(x, 'x', () => 0))],
  [
    'collective_permute (C3): each sends to another one of the 2 along x; got 2, 3',
    inside((x) => sdy.collectivePermute(x, 'x', (i) => i + 2)),
  ],
  ['axis_index: an axis is one of the mesh, x=2,y=2; got z', inside((x) => s.add(x, sdy.axisIndex('z')))],
  ['out: a sharding has an entry for each of 2 dimensions; got 1', inside((x) => x, ['x'])],
  [
    'manualComputation: there is a sharding for each operand; x has none',
    () => s.program('p', { x: square }, (args) => sdy.manualComputation(on, args, none, () => ({})), { mesh: on }),
  ],
  [
    'manualComputation: there is a sharding for each result; y has none',
    () =>
      s.program('p', { x: square }, (args) =>
        sdy.manualComputation(on, args, { inputs: { x: [null, null] }, outputs: {} }, ({ x }) => ({ y: x })),
      ),
  ],
  [
    'manualComputation: all axes are manual already; it was made inside of another one',
    inside((x) => sdy.manualComputation(on, { x }, { inputs: { x: [null, null] }, outputs: {} }, () => ({})).y),
  ],
  [
    'a program with shardings has a mesh; x has a sharding',
    () => s.program('p', { x: square }, (args) => args, { shardings: { inputs: { x: ['x', null] } } }),
  ],
  [
    'from another program, a body that has ended, or outside of one that sees only its arguments',
    () =>
      s.program('p', { x: square }, ({ x }) =>
        sdy.manualComputation(on, { x }, { inputs: { x: [null, null] }, outputs: { y: [null, null] } }, () => ({ y: s.negate(x) })),
      ),
  ],
])('%s', (message, build) => {
  expect(build).toThrow(message);
  // What was broken leaves nothing behind.
  expect(() => sdy.axisIndex('x')).toThrow('outside of one');
});
