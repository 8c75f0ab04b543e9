/** Attention over a mesh: on 4 and 8 devices of the CPU plugin against the plain loops, compiled for slices of v5p, and what it says of itself. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { type AttentionOptions, type AttentionSpec, attention } from '../lib/attention';
import { type AttentionMesh, lower, type LowerOptions, type Target, zigzagOrder } from '../lib/lower';
import { type Mask, parseMask } from '../lib/mask';
import { type Client, Topology } from '../lib/pjrt';
import { Message } from '../lib/pjrt/proto';
import { distribution } from '../lib/timing/distribution';
import { testInputs } from '../lib/timing/check';
import { expectedOf, kernelErrors, type Values } from './attention-case';
import { fuzz } from './fuzz/budget';
import { describeTpu, maxError, testTpu } from './helpers';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
}, 8);

const small = {
  batch: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  valueDim: 24,
  queries: 256,
  pass: 'forward+backward',
  logSumExp: true,
} as const;
const of = (mask: string, others: Partial<AttentionOptions> = {}) =>
  attention({ ...small, mask: parseMask(mask, small.queries, small.queries) as Mask, ...others });

async function outputsOf(spec: AttentionSpec, values: Values, options: LowerOptions & { target?: Target }) {
  const { target = 'cpu', ...others } = options;
  // Compiling takes most of these tests' time, and a third of it so.
  const compilerOptions = { xla_backend_optimization_level: 0 };
  using executable = await cpu.compileSharded(lower(spec, target, others), { compilerOptions });
  const uploaded = Object.keys(spec.inputs).map((name) => [name, executable.upload(name, values[name])] as const);
  using outputs = await executable.run(Object.fromEntries(uploaded));
  for (const [, buffer] of uploaded) buffer.dispose();
  const read = Object.keys(spec.outputs).map(async (name) => [name, (await outputs[name].read()) as Float32Array] as const);
  return Object.fromEntries(await Promise.all(read)) as Record<string, Float32Array>;
}

/** Outputs that are further from the plain loops than one device's kernel may be, twice over: sums come in more parts. */
async function wrongOutputs(spec: AttentionSpec, options: LowerOptions & { target?: Target }) {
  const values = testInputs(spec);
  const errors = kernelErrors(spec, values, await outputsOf(spec, values, options), expectedOf(spec, values));
  return Object.entries(errors).filter(([, error]) => !(error < 2));
}

describe('by sequences and heads', () => {
  test.each<[AttentionMesh, string, Partial<AttentionOptions>]>([
    [{ data: 2, heads: 2 }, 'causal', { sinks: true, softCap: 20 }],
    [{ heads: 2, data: 2 }, 'keyLengths & causal', {}],
    [{ heads: 2 }, 'perHead(causal, local(12, 3))', {}],
    [{ data: 2, heads: 1 }, 'segments', { dtype: 'bf16' }],
    [{ heads: 4, data: 2 }, 'causal', { sinks: true }],
    [{ heads: 2 }, 'perHead(full, documents(50, 50) & segments)', {}],
    [{ heads: 4 }, 'perHead(causal, full, local(12, 3), causal(5))', { kvHeads: 1 }],
  ])('%j, %s', async (mesh, mask, others) => {
    expect(await wrongOutputs(of(mask, others), { mesh })).toEqual([]);
  });

  test('is one device’s program where there is one device', () => {
    expect(lower(of('causal'), 'cpu', { mesh: { data: 1, sequence: 1 } })).toEqual(lower(of('causal'), 'cpu'));
  });
});

describe('by tokens, in a ring', () => {
  test.each<[AttentionMesh, string, Partial<AttentionOptions> & { target?: Target }]>([
    [{ sequence: 4 }, 'causal', {}],
    [{ sequence: 8 }, 'causal', {}],
    [{ sequence: 8 }, 'causal', { dtype: 'bf16' }],
    [{ sequence: 4 }, 'full', { queries: 192, keys: 256 }],
    [{ sequence: 4 }, 'local(63, 0)', { sinks: true }],
    [{ sequence: 4 }, 'local(40, 40)', { softCap: 20 }],
    [{ sequence: 4 }, 'segments & causal', {}],
    [{ sequence: 4 }, 'documents(60, 10, 130)', {}],
    [{ sequence: 4 }, 'globalTokens(5) | local(10, 0)', {}],
    [{ heads: 2, sequence: 4 }, 'perHead(causal, prefix(70))', {}],
    [{ data: 2, sequence: 2, heads: 2 }, 'causal', { sinks: true, softCap: 20 }],
    [{ heads: 4, sequence: 2 }, 'perHead(causal, local(12, 3))', {}],
    [{ sequence: 4 }, 'causal', { target: 'dense' }],
  ])('%j, %s, %j', async (mesh, mask, { target, ...others }) => {
    expect(await wrongOutputs(of(mask, others), { mesh, target })).toEqual([]);
  });

  test('the backward pass alone, from what the forward pass gave', async () => {
    const both = of('causal');
    const values = testInputs(both);
    const { out, logSumExp, ...gradients } = await outputsOf(both, values, { mesh: { sequence: 4 } });
    const alone = await outputsOf(of('causal', { pass: 'backward' }), { ...values, out, logSumExp }, { mesh: { sequence: 4 } });
    for (const name of Object.keys(gradients)) expect([name, maxError(alone[name], gradients[name])]).toEqual([name, 0]);
  });

  test('a row that attends to nothing gives zeros', async () => {
    const spec = of('causal(-70)', { pass: 'forward' });
    const { out, logSumExp } = await outputsOf(spec, testInputs(spec), { mesh: { sequence: 4 } });
    const row = spec.valueDim * 70;
    expect([...out.slice(0, row)]).toEqual(new Array(row).fill(0));
    expect([...logSumExp.slice(0, 70)]).toEqual(new Array(70).fill(Number.NEGATIVE_INFINITY));
    expect(await wrongOutputs(spec, { mesh: { sequence: 4 } })).toEqual([]);
  });

  test('tokens in zig-zag order stay in it, and nothing is exchanged for it', async () => {
    const spec = of('causal');
    const values = testInputs(spec);
    const order = zigzagOrder(spec.queries, 4);
    const permuted = (name: string, x: Values[string], undo = false) => {
      const type = { ...spec.inputs, ...spec.outputs }[name as 'q'];
      const size = type.shape.slice(3).reduce((product, n) => product * n, 1);
      const result = x.slice();
      for (let row = 0; row < x.length / size; row++) {
        const from = row - (row % order.length) + order[row % order.length];
        const [source, target] = undo ? [row, from] : [from, row];
        result.set(x.subarray(source * size, (source + 1) * size), target * size);
      }
      return result;
    };
    const ordered = Object.fromEntries(Object.entries(values).map(([name, x]) => [name, permuted(name, x)])) as Values;
    const seen = await outputsOf(spec, ordered, { mesh: { sequence: 4 }, order: 'zigzag' });
    const natural = await outputsOf(spec, values, { mesh: { sequence: 4 } });
    for (const name of Object.keys(seen)) expect([name, maxError(permuted(name, seen[name], true), natural[name])]).toEqual([name, 0]);
    const passes = (options: LowerOptions) =>
      lower(spec, 'cpu', { mesh: { sequence: 4 }, ...options }).text.split('collective_permute"').length - 1;
    // Of keys and values twice each pass, and of their gradients; of natural order two for each of 4 inputs and 5 outputs too.
    expect([passes({ order: 'zigzag' }), passes({})]).toEqual([12, 12 + 2 * 9]);
  });

  test('order is of a mesh', () => {
    expect(() => lower(of('causal'), 'cpu', { order: 'zigzag' })).toThrow(
      'lower: order is of a mesh with a sequence axis; there is no mesh',
    );
  });
});

test('attentions at random, over meshes at random', async () => {
  const texts = [
    'full',
    'causal(-9)',
    'local(3, 50)',
    'chunkedCausal(50)',
    'documents(30, 10, 50)',
    '~segments & prefix(40)',
    'perHead(causal, segments)',
  ];
  const drawn = fc.record({
    mesh: fc.constantFrom<AttentionMesh>(
      { sequence: 8 },
      { heads: 4, sequence: 2 },
      { sequence: 4, data: 2 },
      { data: 2, sequence: 2, heads: 2 },
    ),
    mask: fc.constantFrom(...texts),
    // Of a chunk of a device: odd ones stay in whole runs.
    tokens: fc.integer({ min: 3, max: 34 }),
    kvHeads: fc.constantFrom(1, 2, 4),
    dtype: fc.constantFrom('f32', 'bf16', 'f16'),
    sinks: fc.boolean(),
    softCap: fc.constantFrom(undefined, 15),
    pass: fc.constantFrom<AttentionOptions['pass']>('forward', 'forward+backward'),
  });
  const check = async ({ mesh, mask, tokens, ...others }: typeof drawn extends fc.Arbitrary<infer T> ? T : never) => {
    const queries = tokens * (mesh.sequence ?? 1);
    expect(await wrongOutputs(of(mask, { queries, ...(others as Partial<AttentionOptions>) }), { mesh })).toEqual([]);
  };
  await fc.assert(fc.asyncProperty(drawn, check), fuzz(12));
});

test('runs at the same time do not meet', async () => {
  const spec = of('causal');
  const values = testInputs(spec);
  const programs = [{ sequence: 8 }, { heads: 2, sequence: 4 }].map(async (mesh) => {
    const executable = await cpu.compileSharded(lower(spec, 'cpu', { mesh }));
    return {
      executable,
      inputs: Object.fromEntries(Object.keys(spec.inputs).map((name) => [name, executable.upload(name, values[name])])),
    };
  });
  const opened = await Promise.all(programs);
  const runs = opened.flatMap(({ executable, inputs }) => [0, 1, 2].map(async () => executable.run(inputs)));
  const all = await Promise.all(runs);
  const read = await Promise.all(all.map(async (outputs) => (await outputs.dq.read()) as Float32Array));
  for (const [i, dq] of read.entries()) expect(maxError(dq, read[i - (i % 3)])).toBe(0);
  for (const outputs of all) outputs[Symbol.dispose]();
  for (const { executable, inputs } of opened) {
    for (const input of Object.values(inputs)) input.dispose();
    executable.dispose();
  }
});

test('the collectives of a ring, and their bytes', async () => {
  const spec = of('causal', { pass: 'forward', valueDim: 16, logSumExp: false });
  using ring = await cpu.compileSharded(lower(spec, 'cpu', { mesh: { sequence: 4 }, order: 'zigzag' }));
  const seen = await distribution(ring);
  expect([seen.replicas, seen.partitions]).toEqual([1, 4]);
  // Keys and values of 2 sequences x 2 heads x 64 tokens x 16: on to the next device before each of 3 steps, and once for nothing.
  const bytes = 2 * 2 * 64 * 16 * 4;
  expect(seen.collectives).toEqual([{ kind: 'collective-permute', count: 8, group: 2, bytes, sentBytes: 8 * bytes }]);
  using split = await cpu.compileSharded(lower(of('causal', { sinks: true }), 'cpu', { mesh: { data: 2 } }));
  const sums = await distribution(split);
  expect(sums.collectives).toEqual([{ kind: 'all-reduce', count: 1, group: 2, bytes: 16, sentBytes: 16 }]);
  const [devices, reduce, sends, holds] = `${sums}`.split('\n');
  expect([devices, reduce, sends]).toEqual(['1 x 2 devices', 'all-reduce: 1 x 16 B among 2 devices', 'sends: 16 B in a run, estimated']);
  expect(holds).toMatch(/^holds: .* of arguments, .* of outputs, .* of temporaries$/);
  using none = await cpu.compileSharded(lower(of('causal'), 'cpu', { mesh: { data: 2 } }));
  expect((await distribution(none)).collectives).toEqual([]);
});

testTpu(
  'the examples of docs/distribution.md',
  async () => {
    const page = readFileSync(path.join(__dirname, '..', 'docs', 'distribution.md'), 'utf8');
    const [whole, own] = [...page.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, source]) => source);
    const ran = (source: string) => execFileSync(process.execPath, ['-e', source], { cwd: path.join(__dirname, '..'), encoding: 'utf8' });
    expect(ran(whole)).toMatch(/^dq: 1048576 values\n1 x 8 devices\ncollective-permute: [\s\S]*\nholds: /);
    const module = JSON.parse(ran(`${own}console.log(JSON.stringify(columns));`));
    using executable = await cpu.compileSharded(module);
    using a = executable.upload('a', new Float32Array(8 * 128).fill(1));
    using outputs = await executable.run({ a });
    expect(new Set(await outputs.total.read())).toEqual(new Set([8]));
  },
  300_000,
);

describeTpu('compiled ahead of time for v5p', () => {
  const large = { heads: 8, kvHeads: 2, headDim: 128, dtype: 'bf16', pass: 'forward+backward' } as const;

  async function compiled(topology: string, options: Partial<AttentionOptions>, mesh: AttentionMesh) {
    using v5p = await Topology.open('tpu', topology);
    const mask = parseMask('causal', 1, 1) as Mask;
    const module = lower(attention({ ...large, queries: 8192, mask, ...options }), 'tpu', { preset: 'lean', mesh });
    using executable = await v5p.compile(module);
    const { format, bytes } = await executable.optimizedProgram();
    expect(format).toBe('hlo_with_config');
    return {
      module,
      outputs: executable.deviceOutputs,
      seen: await distribution(executable),
      program: new Message(bytes).message(1) as Message,
    };
  }

  test('2x2x1: a ring of 4, whose keys come while the kernels run', async () => {
    const { module, outputs, seen, program } = await compiled('v5p:2x2x1', {}, { sequence: 4 });
    expect(outputs.map(({ type }) => type.shape)).toEqual([
      [1, 8, 2048, 128],
      [1, 8, 2048, 128],
      [1, 2, 2048, 128],
      [1, 2, 2048, 128],
    ]);
    expect(module.kernels?.length).toBe(6);
    const loops = loopsOf(program);
    expect(loops.map((order) => order.filter((opcode) => opcode === 'collective-permute-start').length)).toEqual([2, 4]);
    for (const order of loops) {
      const kernels = order.indexOf('conditional');
      expect(order.lastIndexOf('collective-permute-start')).toBeLessThan(kernels);
      expect(order.indexOf('collective-permute-done')).toBeGreaterThan(kernels);
    }
    const passes = seen.collectives.filter(({ kind }) => kind === 'collective-permute');
    const [keys, sums] = [2 * 2048 * 128 * 2, 2 * 2048 * 128 * 4];
    const rows = 8 * 2048 * 128 * 2;
    // Keys and values in bf16, once on for both passes and 3 times in each; their gradients in f32 3 times, and home in bf16, as the compiler
    // has it; to zig-zag order and back q, dOut, out and dq, and k, v, dk and dv.
    const ring = (2 + 6 + 6) * keys + 6 * sums + 2 * keys;
    expect(passes.reduce((sum, { sentBytes }) => sum + sentBytes, 0)).toBe(ring + 4 * rows + 4 * keys);
  });

  test('8x8x16: 1024 chips, by sequences, heads and tokens', async () => {
    const { outputs, seen } = await compiled(
      'v5p:8x8x16',
      { batch: 4, heads: 32, kvHeads: 4, queries: 2 ** 20 },
      { data: 4, heads: 4, sequence: 64 },
    );
    expect(seen.partitions).toBe(1024);
    expect(outputs[0].type.shape).toEqual([1, 8, 16384, 128]);
    // Of a chip's 95 GB.
    expect(seen.memory.tempBytes).toBeLessThan(1e9);
  });
});

/** The opcodes of loops' bodies in the order of their schedule (HloScheduleProto: 1 sequences, each 2 of 1 instruction ids). */
function loopsOf(program: Message): string[][] {
  const opcodes = new Map<number, string>();
  const bodies: number[] = [];
  for (const computation of program.messages(3))
    for (const instruction of computation.messages(2)) {
      opcodes.set(instruction.number(35), instruction.text(2));
      if (instruction.text(2) === 'while') bodies.push(instruction.numbers(38)[0]);
    }
  const sequences = program.message(7)?.messages(1) ?? [];
  return bodies.map((body) => {
    const sequence = sequences.find((one) => one.number(1) === body)?.message(2);
    return (sequence?.numbers(1) ?? []).map((id) => opcodes.get(id) ?? '');
  });
}
