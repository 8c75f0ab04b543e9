/** Programs that are spread over the devices of a topology: replicas and partitions, ahead of time for v5p. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Spread, Topology } from '../lib/pjrt';
import { compileOptions, spreadOver } from '../lib/pjrt/options';
import { tensor } from '../lib/types';
import { describeTpu } from './helpers';
import { elementwise } from './pjrt-programs';
import { withV5p } from './with-target';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// By hand, after xla/pjrt/proto/compile_options.proto.
test.each<[Spread, string]>([
  [{}, '1a0f20012801 4a09 08011001 1a030a0100'],
  [{ partitions: 2, partitioner: 'gspmd' }, '1a16 20012802 4a0e 08011002 1a030a0100 1a030a0101 3001'],
  [{ partitions: 2 }, '1a19 20012802 4a0e 08011002 1a030a0100 1a030a0101 3001 980101'],
  [{ replicas: 2 }, '1a10 20022801 4a0a 08021001 1a040a020001'],
  [{ replicas: 2, partitions: 2, devices: [3, 2, 1, 0] }, '1a1b 20022802 4a10 08021002 1a040a020301 1a040a020200 3001 980101'],
])('%j as bytes', (spread, bytes) => {
  expect(hex(compileOptions(spreadOver([0, 1, 2, 3], spread)))).toBe(bytes.replaceAll(' ', ''));
});

test.each<[Spread, string]>([
  [{ replicas: 0 }, 'replicas is a whole number, 1 or more; got 0'],
  [{ partitions: -1 }, 'partitions is a whole number, 1 or more; got -1'],
  [{ partitions: 1.5 }, 'partitions is a whole number, 1 or more; got 1.5'],
  [{ replicas: 2, partitions: 3 }, 'each partition of each replica has a device; 2 x 3 are more than the 4 there are'],
  [{ partitions: 2, devices: [0] }, 'devices are 2 different ids of 0, 1, 2, 3; got 0'],
  [{ partitions: 2, devices: [1, 1] }, 'devices are 2 different ids of 0, 1, 2, 3; got 1, 1'],
  [{ devices: [99] }, 'devices are 1 different ids of 0, 1, 2, 3; got 99'],
  [{ partitioner: 'xla' as never }, 'the partitioner is one of shardy, gspmd; got xla'],
])('%j is refused', (spread, message) => {
  expect(() => spreadOver([0, 1, 2, 3], spread)).toThrow(message);
});

const sdy = `module @rows {
  sdy.mesh @mesh = <["x"=4]>
  func.func public @main(%a: tensor<8x128xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>})
      -> (tensor<8x128xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) {
    %0 = stablehlo.add %a, %a : tensor<8x128xf32>
    return %0 : tensor<8x128xf32>
  }
}`;
const rows = '{mhlo.sharding = "{devices=[4,1]<=[4]}"}';
const gspmd = elementwise('negate', '8x128xf32', 1)
  .replace('%a: tensor<8x128xf32>', `%a: tensor<8x128xf32> ${rows}`)
  .replace('-> tensor<8x128xf32>', `-> (tensor<8x128xf32> ${rows})`);

describeTpu('the TPU compiler', () => {
  let v5p: Topology;
  withV5p((opened) => {
    v5p = opened;
  });

  test.each<[string, string, Spread['partitioner']]>([
    ['sdy shardings', sdy, 'shardy'],
    ['mhlo shardings', gspmd, 'gspmd'],
    ['mhlo shardings', gspmd, 'shardy'],
  ])('splits by %s', async (_, text, partitioner) => {
    using program = await v5p.compile(text, { partitions: 4, partitioner });
    expect([program.replicas, program.partitions]).toEqual([1, 4]);
    expect(program.outputs[0].type).toEqual(tensor('f32', [8, 128]));
    expect(program.deviceOutputs).toEqual([{ name: 'out', type: tensor('f32', [2, 128]) }]);
    expect(program.memory).toMatchObject({ argumentBytes: 1024, outputBytes: 1024 });
  });

  test('comes out of a cache as it went in', async () => {
    const cache = mkdtempSync(path.join(tmpdir(), 'node-pjrt spread '));
    try {
      using caching = await Topology.open('tpu', 'v5p:2x2x1', { cache });
      using fresh = await caching.compile(sdy, { partitions: 4 });
      using kept = await caching.compile(sdy, { partitions: 4 });
      using reversed = await caching.compile(sdy, { partitions: 4, devices: [3, 2, 1, 0] });
      expect([fresh.fromCache, kept.fromCache, reversed.fromCache]).toEqual([false, true, false]);
      expect(kept.deviceOutputs).toEqual(fresh.deviceOutputs);
      expect(kept.partitions).toBe(4);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });

  test('replicates', async () => {
    using program = await v5p.compile(elementwise('add', '8x128xf32'), { replicas: 4, devices: [3, 1, 2, 0] });
    expect([program.replicas, program.partitions]).toEqual([4, 1]);
    expect(program.deviceOutputs).toEqual(program.outputs);
  });

  test('no more than there is', async () => {
    await expect(v5p.compile(sdy, { partitions: 8 })).rejects.toThrow('1 x 8 are more than the 4 there are');
  });
});
