/** What the addon's custom call says of operands, results and attributes that break its rules, with the process alive after it. */
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { Client, liveHandles } from '../lib/pjrt';
import { type DType, type TensorType, tensor } from '../lib/types';
import { attributes, everything, program, run } from './ffi-case';
import { bandMask } from './ffi-mask-case';

let client: Client;
beforeAll(async () => {
  client = await Client.open('cpu');
});
afterEach(async () => {
  await run(client, { queries: 3 });
});
afterAll(() => {
  client.dispose();
  expect(liveHandles()).toBe(0);
});

const f32 = (...shape: number[]) => tensor('f32', shape);
const mask = bandMask(...everything, 5, 6);
const right = {
  operands: { q: f32(1, 4, 5, 8), k: f32(1, 2, 6, 8), v: f32(1, 2, 6, 3) } as Record<string, TensorType>,
  results: { out: f32(1, 4, 5, 3), logSumExp: f32(1, 4, 5) } as Record<string, TensorType>,
  config: attributes(1, mask),
};

async function attempt({ operands, results, config }: typeof right): Promise<void> {
  using compiled = await client.compile(program(operands, results, config));
  const inputs = Object.entries(operands).map(([name, type]) => [name, client.upload(type, bytes(type))] as const);
  try {
    const outputs = await compiled.run(Object.fromEntries(inputs));
    for (const output of Object.values(outputs)) output.dispose();
  } finally {
    for (const [, buffer] of inputs) buffer.dispose();
  }
}

const sizes: Partial<Record<DType, number>> = { f32: 4, bf16: 2, f16: 2, f64: 8 };
const bytes = ({ dtype, shape }: TensorType) => new Uint8Array((sizes[dtype] ?? 0) * shape.reduce((product, n) => product * n, 1));

test('what the others break is right', async () => {
  await attempt(right);
});

const all = (dtype: DType) => Object.fromEntries(Object.entries(right.operands).map(([name, { shape }]) => [name, tensor(dtype, shape)]));

test.each<[rule: string, change: { operands?: object; results?: object; config?: string }, got: string]>([
  ['q, k and v are [batch, heads, tokens, size]', { operands: { q: f32(4, 5, 8) } }, 'got q [4, 5, 8] of f32'],
  ['q, k and v are [batch, heads, tokens, size]', { operands: { v: f32(1, 2, 6, 3, 1) } }, 'v [1, 2, 6, 3, 1] of f32'],
  ['q, k and v are f32 or bf16', { operands: all('f64') }, 'got q [1, 4, 5, 8] of XLA data type 12'],
  ['q, k and v are f32 or bf16', { operands: all('f16') }, 'got q [1, 4, 5, 8] of XLA data type 10'],
  ["of q's batch, head dim and dtype", { operands: { k: tensor('bf16', [1, 2, 6, 8]) } }, 'k [1, 2, 6, 8] of bf16'],
  ["of q's batch, head dim and dtype", { operands: { k: f32(1, 2, 6, 7) } }, 'got q [1, 4, 5, 8] of f32, k [1, 2, 6, 7] of f32'],
  ["of q's batch, head dim and dtype", { operands: { k: f32(2, 2, 6, 8) } }, 'k [2, 2, 6, 8] of f32'],
  ["of k's batch, kv heads, keys and dtype", { operands: { v: f32(1, 2, 7, 3) } }, 'k [1, 2, 6, 8] of f32, v [1, 2, 7, 3] of f32'],
  ["of k's batch, kv heads, keys and dtype", { operands: { v: f32(1, 1, 6, 3) } }, 'v [1, 1, 6, 3] of f32'],
  ["of k's batch, kv heads, keys and dtype", { operands: { v: tensor('bf16', [1, 2, 6, 3]) } }, 'v [1, 2, 6, 3] of bf16'],
  ['heads is a multiple of kv heads', { operands: { k: f32(1, 3, 6, 8), v: f32(1, 3, 6, 3) } }, 'got 4 heads and 3 kv heads'],
  ['heads is a multiple of kv heads', { operands: { k: f32(1, 0, 6, 8), v: f32(1, 0, 6, 3) } }, 'got 4 heads and 0 kv heads'],
  ['scale is a finite number in f32', { config: right.config.replace('1.0', '1.0e39') }, 'got 1e+39'],
  ["out is [batch, heads, queries, value dim] of q's dtype", { results: { out: f32(1, 4, 5, 8) } }, 'got [1, 4, 5, 8] of f32 for q'],
  [
    "out is [batch, heads, queries, value dim] of q's dtype",
    { results: { out: tensor('bf16', [1, 4, 5, 3]) } },
    'got [1, 4, 5, 3] of bf16',
  ],
  ['log-sum-exp is [batch, heads, queries] of f32', { results: { logSumExp: f32(1, 4, 6) } }, 'got [1, 4, 6] of f32 for q'],
  ['log-sum-exp is [batch, heads, queries] of f32', { results: { logSumExp: tensor('bf16', [1, 4, 5]) } }, 'got [1, 4, 5] of bf16'],
  ['the results are out and, where wanted, log-sum-exp', { results: { more: f32(1) } }, 'got 3 results'],
])('%s (%#)', async (rule, { operands, results, config }, got) => {
  const wrong = {
    operands: { ...right.operands, ...operands },
    results: { ...right.results, ...results },
    config: config ?? right.config,
  };
  const error = await attempt(wrong).catch((caught) => caught);
  expect(error).toMatchObject({ name: 'PjrtError', code: 'INVALID_ARGUMENT' });
  expect(error.message).toContain(`node_pjrt_attention: `);
  expect(error.message).toContain(rule);
  expect(error.message).toContain(got);
});

test.each<[what: string, change: { operands?: object; config?: string }, says: RegExp]>([
  ['two operands', { operands: { q: right.operands.q, k: right.operands.k } }, /number of arguments.* 3 .*2/is],
  ['no attributes', { config: '{}' }, /number of attributes.* 3 .*0/is],
  ['an attribute more', { config: right.config.replace('}', ', causal = true}') }, /number of attributes.* 3 .*4/is],
  ['an attribute of another name', { config: right.config.replace('scale', 'factor') }, /scale/],
  ['an attribute of another type', { config: right.config.replace('f64', 'f32') }, /expected F64 but got F32/],
])('%s: XLA refuses them', async (_, change, says) => {
  const error = await attempt({ ...right, ...change } as typeof right).catch((caught) => caught);
  expect(error).toMatchObject({ name: 'PjrtError', code: 'INVALID_ARGUMENT' });
  expect(error.message).toMatch(says);
});

test('NODE_PJRT_ISA names an instruction set', () => {
  // In a process of its own: jest's process.env is a copy that the addon does not see.
  const script = `
    const { Client } = require(${JSON.stringify(path.join(__dirname, '..', 'dist', 'pjrt'))});
    const program = ${JSON.stringify(program(right.operands, right.results, right.config))};
    Client.open('cpu').then(async (client) => {
      const compiled = await client.compile(program);
      const inputs = Object.fromEntries(program.inputs.map(({ name, type }) =>
        [name, client.upload(type, new Float32Array(type.shape.reduce((a, b) => a * b, 1)))]));
      const say = () => compiled.run(inputs).then(() => 'ran', (error) => error.message);
      for (const isa of ['generic', '', 'sse9']) {
        process.env.NODE_PJRT_ISA = isa;
        console.log(await say());
      }
    });`;
  const lines = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }).trim().split('\n');
  expect(lines.slice(0, 2)).toEqual(['ran', 'ran']);
  expect(lines[2]).toMatch(/^INVALID_ARGUMENT: node_pjrt_attention: NODE_PJRT_ISA: an instruction set is one of .*generic; got sse9/);
});
