/** Nothing large holds up the event loop for long: not a compilation, a run, a read, an upload, nor letting go of what they made. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Client } from '../lib/pjrt';
import { inTurns } from '../lib/pjrt/turns';
import { heldBy } from '../lib/timing/event-loop';
import { tensor } from '../lib/types';
import { withCpu } from './with-target';

// Milliseconds: 20 are meant (bench/runtime.mjs shows them), and other work on the machine may take the processor away at any time. So each
// is tried some times: what holds it up does so always, and for longer.
const most = 60;
const tries = 8;

async function expectFree(work: () => unknown): Promise<void> {
  const held: number[] = [];
  for (let i = 0; i < tries && !(Math.min(...held) < most); i++) held.push((await heldBy(work)).heldMs);
  expect(Math.min(...held)).toBeLessThan(most);
}

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const length = 2 ** 24;
const type = tensor('f32', [length]);
const exponentials = `func.func @main(%a: tensor<${length}xf32>) -> tensor<${length}xf32> {
  %0 = stablehlo.exponential %a : tensor<${length}xf32>
  %1 = stablehlo.tanh %0 : tensor<${length}xf32>
  return %1 : tensor<${length}xf32>
}`;

test('what holds it up is seen', async () => {
  // Long, since what it waits for a processor is left out.
  const busy = () => {
    for (const end = performance.now() + 1000; performance.now() < end; );
  };
  expect((await heldBy(busy)).heldMs).toBeGreaterThan(40);
  const turns = await heldBy(() => inTurns(2 ** 22, (from, to) => expect(from).toBeLessThan(to)));
  expect(turns.totalMs).toBeGreaterThan(turns.heldMs);
  await expect(heldBy(() => Promise.reject(new Error('as it is')))).rejects.toThrow('as it is');
});

test('five runs at once of 16M exponentials, with their uploads and reads', async () => {
  using program = await cpu.compile(exponentials);
  const values = new Float32Array(length).fill(0.5);
  await expectFree(async () => {
    using a = cpu.upload(type, values);
    const runs = await Promise.all(Array.from({ length: 5 }, () => program.run({ a })));
    expect((await runs[4].out.read())[length - 1]).toBeCloseTo(Math.tanh(Math.exp(0.5)), 6);
    for (const { out } of runs) out.dispose();
  });
});

test('512 MiB in, out, and given back', async () => {
  const array = new Float32Array(2 ** 27).fill(7);
  await expectFree(async () => {
    const buffer = cpu.upload(tensor('f32', [2 ** 27]), array);
    expect((await buffer.read())[2 ** 27 - 1]).toBe(7);
    const copy = buffer.copyTo(cpu.devices[0].memories[1]);
    await copy.ready();
    buffer.dispose();
    copy.dispose();
  });
});

test('values that are converted: bf16 from and to f32, and 4-bit integers', async () => {
  const floats = new Float32Array(length).fill(1.5);
  await expectFree(async () => {
    using narrow = cpu.upload(tensor('bf16', [length]), floats);
    expect((await narrow.read())[length - 1]).toBe(1.5);
  });
  const integers = new Int8Array(length).fill(-3);
  await expectFree(async () => {
    using narrow = cpu.upload(tensor('i4', [length]), integers);
    expect((await narrow.read())[length - 1]).toBe(-3);
  });
});

test.each(['f32', 'bf16'] as const)('256 MiB cut into columns of 4 devices, as %s, and put together', async (dtype) => {
  const [rows, columns] = [2 ** 13, 2 ** 13];
  const sharded = `tensor<${rows}x${columns}x${dtype}> {mhlo.sharding = "{devices=[1,4]<=[4]}"}`;
  using four = await Client.open('cpu', { devices: 4, cache: false });
  using program = await four.compileSharded(
    `func.func @main(%a: ${sharded}) -> (${sharded}) {
    %0 = stablehlo.negate %a : tensor<${rows}x${columns}x${dtype}>
    return %0 : tensor<${rows}x${columns}x${dtype}>
  }`,
    { partitions: 4 },
  );
  const values = new Float32Array(rows * columns).fill(1.5);
  await expectFree(async () => {
    using a = program.upload('a', values);
    await a.ready();
    expect((await a.read())[rows * columns - 1]).toBe(1.5);
  });
});

test('a program of 17 MB: compiled, out of a cache, written and loaded', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt-'));
  const size = 2 ** 21;
  // No NaN, which compares with nothing.
  const hex = randomBytes(4 * size)
    .toString('hex')
    .replaceAll('f', '0');
  const text = `func.func @main(%a: tensor<${size}xf32>) -> tensor<${size}xf32> {
    %c = stablehlo.constant dense<"0x${hex}"> : tensor<${size}xf32>
    %0 = stablehlo.add %a, %c : tensor<${size}xf32>
    return %0 : tensor<${size}xf32>
  }`;
  try {
    using caching = await Client.open('cpu', { cache: folder });
    // The compiler's own constants are in the program: it is as large as they are.
    await expectFree(async () => {
      using compiled = await cpu.compile(text);
      const bytes = await compiled.serialize();
      expect(bytes.length).toBeGreaterThan(4 * size);
      using loaded = await cpu.deserialize(bytes, compiled);
      expect((await loaded.optimizedProgram()).bytes.length).toBeGreaterThan(4 * size);
    });
    await expectFree(async () => (await caching.compile(text)).dispose());
    expect(caching.cache?.misses).toBe(1);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
