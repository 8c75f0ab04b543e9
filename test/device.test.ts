/** What devices say of themselves, and inputs that a run takes with it, on the CPU plugin. */
import { type Client, hostArray, liveHandles } from '../lib/pjrt';
import { tensor } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});
afterEach(() => expect(liveHandles()).toBe(1));

test('a device has its machine’s number, and more to say', () => {
  const [device] = cpu.devices;
  expect([device.localHardwareId, device.processIndex, device.debugString]).toEqual([0, 0, 'TFRT_CPU_0']);
  expect(device.attributes).toEqual({});
});

test('an array of the host is for a type', () => {
  expect(() => hostArray(undefined as never)).toThrow(
    "an array of the host is for a tensor type, as tensor('f32', [8]) makes one; got undefined",
  );
  expect(() => hostArray({ dtype: 'f31', shape: [1] } as never)).toThrow('a dtype is one of');
});

test('a donated input is gone when the run begins, not when it is over', async () => {
  const text = elementwise('add', '4xf32').replace('%a: tensor<4xf32>', '%a: tensor<4xf32> {tf.aliasing_output = 0 : i32}');
  using program = await cpu.compile(text);
  using a = cpu.upload(tensor('f32', [4]), Float32Array.of(1, 2, 3, 4));
  using b = cpu.upload(tensor('f32', [4]), Float32Array.of(1, 1, 1, 1));
  const running = program.run({ a, b });
  await expect(program.run({ a, b })).rejects.toThrow('was donated to a run of');
  expect(() => a.layout).toThrow('was donated to a run of');
  using result = await running;
  expect(await result.out.read()).toEqual(Float32Array.of(2, 3, 4, 5));
});
