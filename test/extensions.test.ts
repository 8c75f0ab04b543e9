/** What plugins have beside PJRT's own functions: layouts, memories of devices that are not there, a profiler. */
import { type Client, liveHandles, Plugin, Topology } from '../lib/pjrt';
import { Message } from '../lib/pjrt/proto';
import { tensor } from '../lib/types';
import { describeTpu, testTpu } from './helpers';
import { withCpu, withV5p } from './with-target';

const text = `func.func @main(%a: tensor<8x300xf32>) -> (tensor<8x300xf32> {jax.result_info = "sum"}, tensor<300x8xbf16> {jax.result_info = "turned"}) {
  %0 = stablehlo.add %a, %a : tensor<8x300xf32>
  %1 = stablehlo.transpose %0, dims = [1, 0] : (tensor<8x300xf32>) -> tensor<300x8xf32>
  %2 = stablehlo.convert %1 : (tensor<300x8xf32>) -> tensor<300x8xbf16>
  return %0, %2 : tensor<8x300xf32>, tensor<300x8xbf16>
}`;

const missing = (name: string) => expect.objectContaining({ name: 'PjrtError', code: 'UNIMPLEMENTED', missing: name });

describe('the CPU plugin', () => {
  let cpu: Client;
  withCpu((opened) => {
    cpu = opened;
  });

  test.each([
    [[8, 128], '{1,0}'],
    [[2, 3, 4], '{2,1,0}'],
    [[], '{}'],
  ])('%p is %s', (shape, layout) => {
    expect(cpu.defaultLayout(tensor('f32', shape))).toBe(layout);
  });

  test('a program’s layouts, of its outputs only', async () => {
    using program = await cpu.compile(text);
    expect(program.outputLayouts).toEqual({ sum: '{1,0}', turned: '{1,0}' });
    expect(() => program.inputLayouts).toThrow(missing('PJRT_Layouts_PJRT_Executable_GetParameterLayouts'));
    program.dispose();
    expect(() => program.outputLayouts).toThrow(expect.objectContaining({ name: 'DisposedError' }));
  });

  test('no profiler', async () => {
    let ran = false;
    const work = () => {
      ran = true;
    };
    await expect(cpu.plugin.profile(work)).rejects.toEqual(missing('PLUGIN_Profiler_Create'));
    expect(ran).toBe(false);
    expect(liveHandles()).toBe(1);
  });
});

describeTpu('the TPU compiler', () => {
  let v5p: Topology;
  withV5p((opened) => {
    v5p = opened;
  });

  test('tensors lie in tiles', () => {
    expect(v5p.defaultLayout(tensor('f32', [8, 128]))).toBe('{1,0:T(8,128)}');
    expect(v5p.defaultLayout(tensor('bf16', [16, 128]))).toBe('{1,0:T(8,128)(2,1)}');
    expect(v5p.defaultLayout(tensor('i4', [64, 128]))).toContain('E(4)');
  });

  test('a program’s layouts are the compiler’s choice', async () => {
    using program = await v5p.compile(text);
    expect(program.inputLayouts).toEqual({ a: '{1,0:T(8,128)}' });
    // It leaves the elements where they are, and says that the axes are the other way round.
    expect(program.outputLayouts).toEqual({ sum: '{1,0:T(8,128)}', turned: '{0,1:T(8,128)(2,1)}' });
  });

  test('memories of devices that are not there', () => {
    expect(v5p.memories).toEqual([
      { kind: 'device', isDefault: true },
      { kind: 'pinned_host', isDefault: false },
      { kind: 'unpinned_host', isDefault: false },
    ]);
  });
});

testTpu('a profile of a compilation, one at a time', async () => {
  const plugin = await Plugin.load('tpu');
  using v5p = await Topology.open('tpu', 'v5p:2x2x1');
  const { result, xspace } = await plugin.profile(async () => {
    await expect(plugin.profile(() => 0)).rejects.toThrow('a plugin makes one profile at a time');
    using program = await v5p.compile(text);
    return program.codeBytes;
  });
  expect(result).toBeGreaterThan(0);
  // XSpace: 1 planes; XPlane: 2 its name. The compiler's passes are events of the host.
  const planes = new Message(xspace).messages(1).map((plane) => plane.text(2));
  expect(planes).toContain('/host:CPU');
  expect(Buffer.from(xspace).includes('transpose-folding')).toBe(true);
  await expect(plugin.profile(() => Promise.reject(new Error('as it is')))).rejects.toThrow('as it is');
  // A profile whose work failed is over.
  expect((await plugin.profile(() => 1)).result).toBe(1);
  expect(liveHandles()).toBe(1);
});
