/** Tensors that are sent in pieces, on the CPU plugin. */
import { channel } from 'node:diagnostics_channel';
import { type Client, type HostData, hostArray, liveHandles, type Transfer } from '../lib/pjrt';
import { native } from '../lib/pjrt/native';
import { type DType, tensor } from '../lib/types';
import { elementwise } from './pjrt-programs';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});
afterEach(() => expect(liveHandles()).toBe(1));

const eight = tensor('f32', [2, 4]);

function disposed(transfer: Transfer): void {
  for (const handle of [transfer, ...transfer.buffers]) handle.dispose();
}

test('pieces in any order make a tensor', async () => {
  const transfer = cpu.transfer([eight, tensor('i32', [3])]);
  const [a, b] = transfer.buffers;
  expect([a.type, a.deviceBytes, a.memory.kind, transfer.sent(0)]).toEqual([eight, 32, 'device', 0]);
  await transfer.write(0, Float32Array.of(5, 6), 4);
  await transfer.write(0, Float32Array.of(7, 8));
  expect([transfer.sent(0), transfer.sent(1)]).toEqual([4, 0]);
  await transfer.write(1, Int32Array.of(-1, 0, 1));
  await transfer.write(0, new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer), 0);
  expect(await a.read()).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  expect(await b.read()).toEqual(Int32Array.of(-1, 0, 1));
  // The buffers are there without it.
  transfer.dispose();
  expect(await b.bits()).toEqual(Int32Array.of(-1, 0, 1));
  disposed(transfer);
});

test('of a hostArray nothing is copied first, and it may change when it is sent', async () => {
  const stage = jest.spyOn(native(), 'stage');
  const array = hostArray(tensor('f32', [16])) as Float32Array;
  array.forEach((_, i) => {
    array[i] = i;
  });
  const transfer = cpu.transfer([eight]);
  await transfer.write(0, array.subarray(3, 7));
  await transfer.write(0, array.subarray(12));
  array.fill(0);
  expect(await transfer.buffers[0].read()).toEqual(Float32Array.of(3, 4, 5, 6, 12, 13, 14, 15));
  expect(stage).not.toHaveBeenCalled();
  stage.mockRestore();
  disposed(transfer);
});

test('a run that is under way before its input is', async () => {
  using program = await cpu.compile(elementwise('add', '2x4xf32'));
  const transfer = cpu.transfer([eight], cpu.devices[0].memories[1]);
  const [a] = transfer.buffers;
  const running = program.run({ a, b: a });
  await transfer.write(0, new Float32Array(4).fill(1));
  await transfer.write(0, new Float32Array(4).fill(2));
  using result = await running;
  expect(await result.out.read()).toEqual(Float32Array.of(2, 2, 2, 2, 4, 4, 4, 4));
  expect(a.memory.kind).toBe('pinned_host');
  disposed(transfer);
});

test('writes that nobody waits for follow each other', async () => {
  const size = 2 ** 20;
  const transfer = cpu.transfer([tensor('f32', [8, size])]);
  const pieces = Array.from({ length: 8 }, (_, i) => transfer.write(0, new Float32Array(size).fill(i), i * size));
  await Promise.all(pieces);
  const read = await transfer.buffers[0].read();
  expect(Array.from({ length: 8 }, (_, i) => [read[i * size], read[(i + 1) * size - 1]])).toEqual(
    Array.from({ length: 8 }, (_, i) => [i, i]),
  );
  disposed(transfer);
});

test.each<[DType, HostData]>([
  ['bf16', Float32Array.of(1, -2, 3, 0.5)],
  ['complex<f32>', Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
  ['i64', BigInt64Array.of(1n, -2n, 3n, -4n)],
  ['i1', Uint8Array.of(1, 0, 0, 1)],
])('pieces of %s', async (dtype, data) => {
  const transfer = cpu.transfer([tensor(dtype, [4])]);
  const half = data.length / 2;
  await transfer.write(0, data.subarray(0, half) as HostData);
  await transfer.write(0, data.subarray(half) as HostData);
  expect(await transfer.buffers[0].read()).toEqual(data);
  disposed(transfer);
});

test('what is not sent whole is an error: aborted, or let go', async () => {
  using program = await cpu.compile(elementwise('negate', '2x4xf32', 1));
  const transfer = cpu.transfer([eight, eight]);
  const [a, b] = transfer.buffers;
  await transfer.write(0, Float32Array.of(1));
  const running = program.run({ a });
  transfer.abort(0, 'the file ends here');
  const failed = expect.objectContaining({ name: 'PjrtError', message: expect.stringContaining('the file ends here') });
  await expect(a.ready()).rejects.toEqual(failed);
  await expect(running).rejects.toEqual(failed);
  await expect(transfer.write(0, Float32Array.of(1))).rejects.toThrow('written to a tensor that is not an error; this one was aborted');
  transfer.dispose();
  await expect(b.ready()).rejects.toEqual(
    expect.objectContaining({
      code: 'CANCELLED',
      message: expect.stringContaining('the transfer was disposed before the tensor was there'),
    }),
  );
  await expect(transfer.write(1, Float32Array.of(1))).rejects.toThrow(expect.objectContaining({ name: 'DisposedError' }));
  disposed(transfer);
});

test('an array that goes away before it is sent', async () => {
  const transfer = cpu.transfer([tensor('f32', [2 ** 20])]);
  const array = new Float32Array(2 ** 20);
  const sent = transfer.write(0, array);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  await expect(sent).rejects.toThrow('it was transferred');
  await expect(transfer.buffers[0].ready()).rejects.toThrow('it was transferred');
  disposed(transfer);
});

test('pieces that there are not', async () => {
  const transfer = cpu.transfer([eight]);
  const piece = Float32Array.of(1, 2);
  await transfer.write(0, piece, 2);
  for (const [args, rule] of [
    [[1, piece], "the transfer's tensors are 0 to 0; got 1"],
    [[0, piece, 7], 'elements are written at 0 to 8, one or more; got 2 at 7'],
    [[0, piece, -1], 'got 2 at -1'],
    [[0, piece, 0.5], 'got 2 at 0.5'],
    [[0, new Float32Array(0)], 'got 0 at 4'],
    [[0, piece, 1], 'an element is written once; 1 to 3 meets 2 to 4'],
    [[0, piece, 3], 'an element is written once; 3 to 5 meets 2 to 4'],
    [[0, new Float64Array(2)], 'f32 is uploaded from Float32Array or Uint8Array; got Float64Array'],
    [[0, new Uint8Array(6)], 'elements of f32 are whole, 4 of a Uint8Array; got 6'],
    [[0, undefined], 'elements of f32 are whole'],
  ] as [Parameters<Transfer['write']>, string][])
    await expect(transfer.write(...args)).rejects.toThrow(rule);
  // None of these spoiled it.
  await transfer.write(0, piece, 0);
  await transfer.write(0, new Float32Array(4).fill(9), 4);
  expect(await transfer.buffers[0].read()).toEqual(Float32Array.of(1, 2, 1, 2, 9, 9, 9, 9));
  await expect(transfer.write(0, piece, 0)).rejects.toThrow('an element is written once');
  disposed(transfer);
});

test('transfers that there are not', () => {
  expect(() => cpu.transfer([])).toThrow('a transfer is of one tensor or more, into a memory');
  for (const dtype of ['i2', 'ui2', 'i4', 'ui4', 'f4E2M1FN'] as const)
    expect(() => cpu.transfer([tensor(dtype, [8])])).toThrow(`has elements of whole bytes; tensor<8x${dtype}> is packed on a device`);
  expect(() => cpu.transfer([tensor('f32', [0])])).toThrow('a tensor in pieces has elements; got tensor<0xf32>');
  expect(() => cpu.transfer([eight], {} as never)).toThrow('a device is one of its client');
});

test('listeners hear of every piece', async () => {
  const heard: unknown[] = [];
  const listen = (message: unknown) => heard.push(message);
  channel('node-pjrt:upload').subscribe(listen);
  const transfer = cpu.transfer([eight]);
  await transfer.write(0, new Float32Array(6));
  await transfer.write(0, new Float32Array(2));
  channel('node-pjrt:upload').unsubscribe(listen);
  expect(heard).toEqual([24, 8].map((bytes) => ({ begin: expect.any(Number), durationMs: expect.any(Number), bytes })));
  disposed(transfer);
});
