/** What the addon's custom calls say of operands, results and attributes that break its rules, with the process alive after it. */
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import type { Client } from '../lib/pjrt';
import { type DType, type TensorType, tensor } from '../lib/types';
import { attributes, everything, program, run } from './ffi-case';
import { bandMask } from './ffi-mask-case';
import { withCpu } from './with-target';

let client: Client;
withCpu((opened) => {
  client = opened;
});
afterEach(async () => {
  await run(client, { queries: 3 });
});

const f32 = (...shape: number[]) => tensor('f32', shape);
const mask = bandMask(...everything, 5, 6);
const right = {
  operands: { q: f32(1, 4, 5, 8), k: f32(1, 2, 6, 8), v: f32(1, 2, 6, 3) } as Record<string, TensorType>,
  results: { out: f32(1, 4, 5, 3), logSumExp: f32(1, 4, 5) } as Record<string, TensorType>,
  config: attributes(1, mask),
  target: 'node_pjrt_attention',
};
const gradients: typeof right = {
  ...right,
  operands: { ...right.operands, out: right.results.out, logSumExp: right.results.logSumExp, dOut: right.results.out },
  results: { dq: right.operands.q, dk: right.operands.k, dv: right.operands.v },
  target: 'node_pjrt_attention_backward',
};

async function attempt({ operands, results, config, target }: typeof right): Promise<void> {
  using compiled = await client.compile(program(operands, results, config, target));
  const inputs = Object.entries(operands).map(([name, type]) => [name, client.upload(type, bytes(type))] as const);
  try {
    const outputs = await compiled.run(Object.fromEntries(inputs));
    for (const output of Object.values(outputs)) output.dispose();
  } finally {
    for (const [, buffer] of inputs) buffer.dispose();
  }
}

const sizes: Partial<Record<DType, number>> = { f32: 4, i32: 4, bf16: 2, f16: 2, f64: 8 };
const bytes = ({ dtype, shape }: TensorType) => new Uint8Array((sizes[dtype] ?? 0) * shape.reduce((product, n) => product * n, 1));

test('what the others break is right', async () => {
  await attempt(right);
  await attempt(gradients);
});

const all = (dtype: DType) => Object.fromEntries(Object.entries(right.operands).map(([name, { shape }]) => [name, tensor(dtype, shape)]));

/** Fails where a program is not refused by the custom call itself, in these words. */
async function expectRefusal(wrong: typeof right, rule: string, got: string): Promise<void> {
  const error = await attempt(wrong).catch((caught) => caught);
  expect(error).toMatchObject({ name: 'PjrtError', code: 'INVALID_ARGUMENT' });
  expect(error.message).toContain(`${wrong.target}: `);
  expect(error.message).toContain(rule);
  expect(error.message).toContain(got);
}

interface Change {
  operands?: Record<string, TensorType>;
  results?: Record<string, TensorType>;
  config?: string;
}
const changed = (one: typeof right, { operands, results, config = one.config }: Change) => ({
  ...one,
  operands: { ...one.operands, ...operands },
  results: { ...one.results, ...results },
  config,
});
const replaced = (pattern: string | RegExp, text: string) => right.config.replace(pattern, text);

// Of both custom calls.
const shared: [rule: string, change: Change, got: string][] = [
  ['q, k and v are [batch, heads, tokens, size]', { operands: { q: f32(4, 5, 8) } }, 'got q [4, 5, 8] of f32'],
  ['q, k and v are [batch, heads, tokens, size]', { operands: { v: f32(1, 2, 6, 3, 1) } }, 'v [1, 2, 6, 3, 1] of f32'],
  ['q, k and v are f32, bf16 or f16', { operands: all('f64') }, 'got q [1, 4, 5, 8] of XLA data type 12'],
  ['q, k and v are f32, bf16 or f16', { operands: all('i32') }, 'got q [1, 4, 5, 8] of i32'],
  ["of q's batch, head dim and dtype", { operands: { k: tensor('bf16', [1, 2, 6, 8]) } }, 'k [1, 2, 6, 8] of bf16'],
  ["of q's batch, head dim and dtype", { operands: { k: f32(1, 2, 6, 7) } }, 'got q [1, 4, 5, 8] of f32, k [1, 2, 6, 7] of f32'],
  ["of q's batch, head dim and dtype", { operands: { k: f32(2, 2, 6, 8) } }, 'k [2, 2, 6, 8] of f32'],
  ["of k's batch, kv heads, keys and dtype", { operands: { v: f32(1, 2, 7, 3) } }, 'k [1, 2, 6, 8] of f32, v [1, 2, 7, 3] of f32'],
  ["of k's batch, kv heads, keys and dtype", { operands: { v: f32(1, 1, 6, 3) } }, 'v [1, 1, 6, 3] of f32'],
  ["of k's batch, kv heads, keys and dtype", { operands: { v: tensor('bf16', [1, 2, 6, 3]) } }, 'v [1, 2, 6, 3] of bf16'],
  ['heads is a multiple of kv heads', { operands: { k: f32(1, 3, 6, 8), v: f32(1, 3, 6, 3) } }, 'got 4 heads and 3 kv heads'],
  ['heads is a multiple of kv heads', { operands: { k: f32(1, 0, 6, 8), v: f32(1, 0, 6, 3) } }, 'got 4 heads and 0 kv heads'],
  ['scale is a finite number in f32', { config: replaced('1.0', '1.0e39') }, 'got 1e+39'],
  ['soft_cap is from 2^-100 to 2^100, or 0 for none', { config: replaced('soft_cap = 0.0', 'soft_cap = 1.0e31') }, 'got 1e+31'],
  ['soft_cap is from 2^-100 to 2^100, or 0 for none', { config: replaced('soft_cap = 0.0', 'soft_cap = -1.0') }, 'got -1'],
  ['threads is 1 or more, or 0 for all cores', { config: replaced('threads = 0', 'threads = -3') }, 'got -3'],
];

test.each(shared)('%s (%#)', async (rule, change, got) => {
  await expectRefusal(changed(right, change), rule, got);
  await expectRefusal(changed(gradients, change), rule, got);
});

test.each<[rule: string, change: Change, got: string]>([
  [
    "out is [batch, heads, queries, value dim] of q's dtype",
    { results: { out: f32(1, 4, 5, 8) } },
    'got [1, 4, 5, 8] of f32 for 1 x 4 heads of 5 queries',
  ],
  [
    "out is [batch, heads, queries, value dim] of q's dtype",
    { results: { out: tensor('bf16', [1, 4, 5, 3]) } },
    'got [1, 4, 5, 3] of bf16',
  ],
  [
    'log-sum-exp is [batch, heads, queries] of f32',
    { results: { logSumExp: f32(1, 4, 6) } },
    'got [1, 4, 6] of f32 for 1 x 4 heads of 5 queries',
  ],
  ['log-sum-exp is [batch, heads, queries] of f32', { results: { logSumExp: tensor('bf16', [1, 4, 5]) } }, 'got [1, 4, 5] of bf16'],
  ['the results are out and, where wanted, log-sum-exp', { results: { more: f32(1) } }, 'got 3 results'],
])('forward: %s (%#)', (rule, change, got) => expectRefusal(changed(right, change), rule, got));

test.each<[rule: string, change: Change, got: string]>([
  ["out is [batch, heads, queries, value dim] of q's dtype", { operands: { out: f32(1, 4, 5, 8) } }, 'got [1, 4, 5, 8] of f32'],
  ["out is [batch, heads, queries, value dim] of q's dtype", { operands: { out: tensor('f16', [1, 4, 5, 3]) } }, 'got [1, 4, 5, 3] of f16'],
  ['log-sum-exp is [batch, heads, queries] of f32', { operands: { logSumExp: f32(1, 4, 5, 1) } }, 'got [1, 4, 5, 1] of f32'],
  ['the gradient of out is of its type', { operands: { dOut: f32(1, 4, 3, 5) } }, 'got [1, 4, 3, 5] of f32 for 1 x 4 heads of 5 queries'],
  ["dq is of q's type", { results: { dq: f32(1, 4, 5, 3) } }, 'got [1, 4, 5, 3] of f32'],
  ["dk is of k's type", { results: { dk: tensor('bf16', [1, 2, 6, 8]) } }, 'got [1, 2, 6, 8] of bf16'],
  ["dv is of v's type", { results: { dv: f32(1, 4, 6, 3) } }, 'got [1, 4, 6, 3] of f32'],
  ['the results are dq, dk, dv and, where there are sinks, their gradient: here 3', { results: { more: f32(4) } }, 'got 4'],
  ['out, log-sum-exp and the gradient of out: here 3, or one more with sinks', { operands: { a: f32(4), b: f32(4) } }, 'got 5'],
])('backward: %s (%#)', (rule, change, got) => expectRefusal(changed(gradients, change), rule, got));

const { q, k, v, ...taken } = gradients.operands;
test.each<[rule: string, wrong: typeof right, got: string]>([
  ['sinks is [heads] of f32', changed(right, { operands: { sinks: f32(5) } }), 'got [5] of f32'],
  ['sinks is [heads] of f32', { ...gradients, operands: { q, k, v, sinks: tensor('f16', [4]), ...taken } }, 'got [4] of f16'],
  ['their gradient: here 4', { ...gradients, operands: { q, k, v, sinks: f32(4), ...taken } }, 'got 3'],
  [
    'the gradient of the sinks is [heads] of f32',
    changed({ ...gradients, operands: { q, k, v, sinks: f32(4), ...taken } }, { results: { dSinks: f32(1, 4) } }),
    'got [1, 4] of f32',
  ],
  ['here 0, or one more with sinks', changed(right, { operands: { sinks: f32(4), more: f32(4) } }), 'got 2'],
  ['here 3, or one more with sinks', { ...gradients, operands: { q, k, v, out: right.results.out } }, 'got 1'],
])('sinks: %s (%#)', (rule, wrong, got) => expectRefusal(wrong, rule, got));

test.each<[what: string, change: Change, says: RegExp]>([
  ['two operands', { operands: { q: right.operands.q, k: right.operands.k } }, /number of arguments.*got 2/is],
  ['no attributes', { config: '{}' }, /number of attributes.* 5 .*0/is],
  ['an attribute more', { config: right.config.replace('}', ', causal = true}') }, /number of attributes.* 5 .*6/is],
  ['an attribute of another name', { config: right.config.replace('scale', 'factor') }, /scale/],
  ['an attribute of another type', { config: right.config.replace('f64', 'f32') }, /expected F64 but got F32/],
])('%s: XLA refuses them', async (_, change, says) => {
  for (const one of [right, gradients]) {
    const error = await attempt({ ...one, ...change }).catch((caught) => caught);
    expect(error).toMatchObject({ name: 'PjrtError', code: 'INVALID_ARGUMENT' });
    expect(error.message).toMatch(says);
  }
});

const words = (...planes: (number | bigint)[]) =>
  right.config.replace(/planes = array<[^>]*>/, `planes = array<i64: ${planes.join(', ')}>`);
const headPlanes = (...numbers: number[]) =>
  right.config.replace(/head_planes = .*>/, `head_planes = array<i64${numbers.length ? ': ' : ''}${numbers.join(', ')}>`);
// Five queries and six keys: up to a strip's rows, up to its interval, an interval.
const toStrip = [1, 1, 1, 1, 0, -1, -1, 1];
const toInterval = [...toStrip, 0, 5, 1];

test.each<[rule: string, config: string, got: string]>([
  ['the number of planes comes next', right.config.replace(/(?<=[{ ])planes = array<[^>]*>/, 'planes = array<i64>'), 'got no more words'],
  ['the number of planes is 1 or more', words(0), 'got 0'],
  ['the number of planes is 1 or more, and their words follow', words(2n ** 62n, 1, 1), 'got 4611686018427387904'],
  ['a modulus is from 1 to', words(1, 0, 1, 1, 0), 'got 0'],
  ['a modulus is from 1 to', words(1, 2n ** 63n - 1n, 1, 1, 0), 'got 9223372036854775807'],
  ["the number of a plane's parts is 0 or more", words(1, 1, -1, 1, 0), 'got -1'],
  ["the number of a part's residues is 1 or more", words(1, 1, 1, 0, -1, -1, 0), 'got 0'],
  ["the number of a part's residues is 1 or more", words(1, 1, 1, 2n ** 61n, -1, -1, 0), 'got 2305843009213693952'],
  ['a residue, after the one before and below the modulus, is from 0 to 2', words(1, 3, 1, 1, 3, -1, -1, 0), 'got 3'],
  ['a residue, after the one before and below the modulus, is from 2 to 2', words(1, 3, 1, 2, 1, 0, -1, -1, 0), 'got 0'],
  ['segments is from -1 to 1', words(1, 1, 1, 1, 0, 2, -1, 0), 'got 2'],
  ['lengths is from -1 to 1', words(1, 1, 1, 1, 0, -1, -2, 0), 'got -2'],
  ["a part's strips have all 5 rows", words(1, 1, 1, 1, 0, -1, -1, 0), 'got 0'],
  ["a part's strips have all 5 rows", words(...toStrip, 0, 4, 0), 'got 4'],
  ["a strip's start, after the strip before, is from 0 to 0", words(...toStrip, 1, 5, 0), 'got 1'],
  ['the end of a strip is from 1 to 5', words(...toStrip, 0, 6, 0), 'got 6'],
  ['the end of a strip is from 1 to 5', words(...toStrip, 0, 0, 0), 'got 0'],
  ["a bound's slope is from 0 to 1", words(...toInterval, 2, 0, 0, 6), 'got 2'],
  ["a bound's base is from -5 to 6", words(...toInterval, 1, -(2n ** 63n), 0, 6), 'got -9223372036854775808'],
  ["the number of a strip's intervals is 0 or more, and their words follow", words(...toInterval, 0, 0, 0), 'got 1'],
  ['intervals are ordered, disjoint, not empty and within 6 keys', words(...toInterval, 1, -1, 0, 6), 'got keys [-1, 6) of row 0'],
  ['intervals are ordered, disjoint, not empty and within 6 keys', words(...toInterval, 0, 0, 1, 3), 'keys [0, 7) of row 4'],
  ['intervals are ordered, disjoint, not empty and within 6 keys', words(...toInterval, 1, 0, 0, 4), 'keys [4, 4) of row 4'],
  ['intervals are ordered, disjoint', words(...toStrip, 0, 5, 2, 0, 0, 1, 1, 0, 3, 0, 6), 'got keys [3, 6) of row 0, keys [3, 6) of row 4'],
  ['the planes are all there is', words(...toInterval, 0, 0, 0, 6, 0), 'got more'],
  [
    'the conditions of two parts exclude each other',
    words(1, 2, 2, 2, 0, 1, -1, 1, 1, 0, 5, 0, 1, 1, 0, -1, 1, 0, 5, 0),
    'got two for residue 1 of 2',
  ],
  ["the number of a head's plane is from 0 to 0", headPlanes(1), 'got 1'],
  ["the number of a head's plane is from 0 to 0", headPlanes(0, 0, 0, -1), 'got -1'],
  ['there is one, or one for each of 4 heads', headPlanes(0, 0), 'got 2'],
  ['there is one, or one for each of 4 heads', headPlanes(), 'got 0'],
  [
    'after v come q_segments and kv_segments for a mask with segments',
    words(1, 1, 1, 1, 0, 1, 0, 1, 0, 5, 0),
    'or one more with sinks; got',
  ],
])('a mask: %s (%#)', async (rule, config, got) => {
  for (const one of [right, gradients]) await expectRefusal({ ...one, config }, rule, got);
});

const i32 = (...shape: number[]) => tensor('i32', shape);
test.each<[rule: string, more: Record<string, TensorType>, got: string]>([
  ['q_segments is [batch, queries] of i32', { a: i32(1, 6), b: i32(1, 6), c: i32(1) }, 'got [1, 6] of i32'],
  ['kv_segments is [batch, keys] of i32', { a: i32(1, 5), b: f32(1, 6), c: i32(1) }, 'got [1, 6] of f32'],
  ['key_lengths is [batch] of i32', { a: i32(1, 5), b: i32(1, 6), c: i32(2) }, 'got [2] of i32'],
  ['key_lengths for one with lengths, sinks if there are any: here 3', { a: i32(1, 5), b: i32(1, 6) }, 'got 2'],
])('conditions: %s', async (rule, more, got) => {
  const config = words(1, 1, 1, 1, 0, 1, 0, 1, 0, 5, 0);
  await expectRefusal(changed(right, { operands: more, config }), rule, got);
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
