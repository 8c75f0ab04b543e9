/** Where the rings of a program go on a grid of chips: from neighbour to neighbour, and round. */
import { attention } from '../lib/attention';
import { lower } from '../lib/lower';
import { causal } from '../lib/mask';
import { type DeviceFacts, Topology } from '../lib/pjrt';
import { meshSpread, ringDevices } from '../lib/pjrt/torus';
import { describeTpu } from './helpers';

/** Devices as a topology has them: in another order than that of their ids. */
const grid = (...sizes: number[]): Pick<DeviceFacts, 'id' | 'attributes'>[] => {
  const [x, y = 1, z = 1] = sizes;
  const places = Array.from({ length: x * y * z }, (_, i) => [i % x, Math.floor(i / x) % y, Math.floor(i / x / y)]);
  return places.map((coords, id) => ({ id, attributes: { coords, core_on_chip: 0 } })).reverse();
};

/** The links that the longest step of any ring is over. */
function longestStep(devices: ReturnType<typeof grid>, ids: readonly number[], { size, stride }: { size: number; stride: number }): number {
  const coords = new Map(devices.map(({ id, attributes }) => [id, attributes.coords as number[]]));
  let longest = 0;
  for (let i = 0; i < ids.length; i++) {
    const place = Math.floor(i / stride) % size;
    const next = i + (place === size - 1 ? 1 - size : 1) * stride;
    const [a, b] = [ids[i], ids[next]].map((id) => coords.get(id) as number[]);
    longest = Math.max(
      longest,
      a.reduce((sum, at, axis) => sum + Math.abs(at - b[axis]), 0),
    );
  }
  return longest;
}

test.each<[number[], number, { size: number; stride: number }]>([
  [[2, 2, 1], 4, { size: 4, stride: 1 }],
  [[2, 2, 1], 4, { size: 2, stride: 2 }],
  [[4, 4, 4], 64, { size: 16, stride: 1 }],
  [[4, 4, 4], 64, { size: 64, stride: 1 }],
  [[4, 4, 4], 64, { size: 16, stride: 4 }],
  [[8, 8, 16], 1024, { size: 64, stride: 1 }],
  [[8, 8, 16], 1024, { size: 1024, stride: 1 }],
  [[8, 8, 16], 1024, { size: 8, stride: 16 }],
  [[2, 3, 1], 6, { size: 6, stride: 1 }],
  [[4, 4, 4], 16, { size: 4, stride: 2 }],
])('%j: %d partitions in rings of %j', (sizes, partitions, rings) => {
  const devices = grid(...sizes);
  const ids = ringDevices(devices, { partitions, rings }) ?? [];
  expect(ids.length).toBe(partitions);
  expect(new Set(ids).size).toBe(partitions);
  expect(ids.every((id) => devices.some((device) => device.id === id))).toBe(true);
  expect(longestStep(devices, ids, rings)).toBe(1);
});

test('where there is no way round, devices are in the order of the topology', () => {
  const rings = { size: 9, stride: 1 };
  expect(ringDevices(grid(3, 3), { partitions: 9, rings })).toBeUndefined();
  expect(ringDevices(grid(4, 1), { partitions: 4, rings: { size: 4, stride: 1 } })).toBeUndefined();
  expect(ringDevices(grid(2, 2), { partitions: 8, rings: { size: 4, stride: 1 } })).toBeUndefined();
  expect(ringDevices(grid(2, 2).slice(1), { partitions: 2, rings: { size: 2, stride: 1 } })).toBeUndefined();
  expect(ringDevices([{ id: 0, attributes: {} }], { partitions: 1, rings: { size: 1, stride: 1 } })).toBeUndefined();
});

const ring = lower(attention({ heads: 2, headDim: 128, queries: 1024, mask: causal(), dtype: 'bf16' }), 'tpu', {
  preset: 'lean',
  mesh: { heads: 2, sequence: 4 },
});

test('what is said of the devices is kept', () => {
  const devices = grid(4, 4);
  expect(ring.rings).toEqual({ size: 4, stride: 1 });
  expect(meshSpread('module {}', devices, { partitions: 8 })).toEqual({ partitions: 8 });
  expect(meshSpread(ring, devices, {}).devices?.length).toBe(8);
  expect(meshSpread(ring, devices, { devices: [7, 6, 5, 4, 3, 2, 1, 0] }).devices).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  expect(meshSpread(ring, devices, { replicas: 2 })).toEqual({ replicas: 2, partitions: 8, devices: undefined });
});

describeTpu('of v5p slices', () => {
  test.each<[string, number]>([
    ['v5p:2x2x2', 8],
    ['v5p:4x4x4', 64],
  ])('%s', async (name, partitions) => {
    using v5p = await Topology.open('tpu', name);
    for (const size of [4, 8]) {
      const rings = { size, stride: 1 };
      const ids = ringDevices(v5p.devices, { partitions, rings }) ?? [];
      expect(longestStep([...v5p.devices], ids, rings)).toBe(1);
    }
    using compiled = await v5p.compile(ring);
    expect(compiled.partitions).toBe(8);
  });
});
