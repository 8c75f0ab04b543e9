/** What the tests of the addon's custom call share: its program's text, a run of it, and what it means in plain loops of doubles. */
import type { AttentionDType } from '../lib/attention';
import type { Client } from '../lib/pjrt';
import { type Module, type TensorType, tensor, typeText } from '../lib/types';
import { testData } from '../lib/timing/check';

import { greatest, tolerance } from './attention-case';
import { allowsPair, bandMask, type FfiMask, maskText } from './ffi-mask-case';

/** Query i attends to key j where i + band[0] <= j <= i + band[1], or as `mask` has it. */
export interface Case {
  dtype?: AttentionDType;
  batch?: number;
  heads?: number;
  kvHeads?: number;
  queries: number;
  keys?: number;
  headDim?: number;
  valueDim?: number;
  scale?: number;
  band?: readonly [low: number, high: number];
  mask?: FfiMask;
}

export const everything = [-Infinity, Infinity] as const;
export const causal = [-Infinity, 0] as const;

export function filled(options: Case) {
  const { dtype = 'f32', batch = 1, heads = 1, queries, headDim = 16, band = everything } = options;
  const { kvHeads = heads, keys = queries, valueDim = headDim, scale = headDim ** -0.5 } = options;
  const { mask = bandMask(...band, queries, keys) } = options;
  const types = {
    q: tensor(dtype, [batch, heads, queries, headDim]),
    k: tensor(dtype, [batch, kvHeads, keys, headDim]),
    v: tensor(dtype, [batch, kvHeads, keys, valueDim]),
    out: tensor(dtype, [batch, heads, queries, valueDim]),
    logSumExp: tensor('f32', [batch, heads, queries]),
  };
  return { dtype, batch, heads, kvHeads, queries, keys, headDim, valueDim, scale, mask, types };
}

/** The custom call's attributes, as text. */
export function attributes(scale: number, mask: FfiMask): string {
  const float = Number.isInteger(scale) ? `${scale}.0` : `${scale}`;
  return `{scale = ${float} : f64, soft_cap = 0.0 : f64, threads = 0 : i64, ${maskText(mask)}}`;
}

/** A program that is one custom call, `node_pjrt_attention` unless told, of any operand and result types and attributes, right or wrong. */
export function program(
  operands: Record<string, TensorType>,
  results: Record<string, TensorType>,
  config: string,
  target = 'node_pjrt_attention',
): Module {
  const ports = (types: Record<string, TensorType>) => Object.entries(types).map(([name, type]) => ({ name, type }));
  const inputs = ports(operands);
  const outputs = ports(results);
  const names = inputs.map(({ name }) => `%${name}`).join(', ');
  const list = (types: { type: TensorType }[]) => types.map(({ type }) => typeText(type)).join(', ');
  const values = outputs.map((_, i) => (outputs.length === 1 ? '%r' : `%r#${i}`)).join(', ');
  const text = `module @attention {
  func.func @main(${inputs.map(({ name, type }) => `%${name}: ${typeText(type)}`).join(', ')}) -> (${list(outputs)}) {
    %r${outputs.length === 1 ? '' : `:${outputs.length}`} = stablehlo.custom_call @${target}(${names}) {
      api_version = 4 : i32, backend_config = ${config}
    } : (${list(inputs)}) -> (${list(outputs)})
    return ${values} : ${list(outputs)}
  }
}
`;
  return { text, inputs, outputs };
}

export interface Inputs {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
}

/** Inputs about normal, of values that the dtype has. */
export function inputsOf(options: Case, seed = 1): Inputs {
  const { types } = filled(options);
  return { q: testData(types.q, seed * 3), k: testData(types.k, seed * 3 + 1), v: testData(types.v, seed * 3 + 2) };
}

/** Runs the custom call `times` times at once and returns each run's results. */
export async function runs(client: Client, options: Case, { q, k, v }: Inputs, times: number) {
  const { types, scale, mask, batch, queries, keys } = filled(options);
  const { out, logSumExp, ...operands } = types;
  const conditions: Record<string, TensorType> = {
    ...(mask.qSegments && { qSegments: tensor('i32', [batch, queries]), kvSegments: tensor('i32', [batch, keys]) }),
    ...(mask.keyLengths && { keyLengths: tensor('i32', [batch]) }),
  };
  using compiled = await client.compile(program({ ...operands, ...conditions }, { out, logSumExp }, attributes(scale, mask)));
  const { qSegments, kvSegments, keyLengths } = mask;
  const ids = Object.entries({ qSegments, kvSegments, keyLengths }).filter(([name]) => name in conditions);
  const buffers = Object.fromEntries([
    ...Object.entries({ q, k, v }).map(([name, data]) => [name, client.upload(operands[name as 'q'], data)] as const),
    ...ids.map(([name, data]) => [name, client.upload(conditions[name], Int32Array.from(data as readonly number[]))] as const),
  ]);
  const results = await Promise.all(Array.from({ length: times }, () => compiled.run(buffers)));
  for (const buffer of Object.values(buffers)) buffer.dispose();
  return Promise.all(
    results.map(async (result) => {
      using outBuffer = result.out;
      using lseBuffer = result.logSumExp;
      return { out: (await outBuffer.read()) as Float32Array, logSumExp: (await lseBuffer.read()) as Float32Array };
    }),
  );
}

export async function run(client: Client, options: Case, inputs = inputsOf(options)) {
  return (await runs(client, options, inputs, 1))[0];
}

/** The meaning, a row at a time: `row` counts over batch x heads x queries. */
export function expectedRow(options: Case, { q, k, v }: Inputs, row: number): { out: Float64Array; logSumExp: number } {
  const { heads, kvHeads, queries, keys, headDim, valueDim, scale, mask } = filled(options);
  const i = row % queries;
  const head = Math.floor(row / queries);
  const kvHead = Math.floor(head / heads) * kvHeads + Math.floor((head % heads) / (heads / kvHeads));
  const pair = { batch: Math.floor(head / heads), head: head % heads, i, j: 0, queries, keys };
  const attended: number[] = [];
  for (; pair.j < keys; pair.j++) if (allowsPair(mask, pair)) attended.push(pair.j);
  const scores = attended.map((j) => {
    let score = 0;
    for (let d = 0; d < headDim; d++) score += q[row * headDim + d] * k[(kvHead * keys + j) * headDim + d];
    return score * scale;
  });
  const out = new Float64Array(valueDim);
  if (!scores.length) return { out, logSumExp: Number.NEGATIVE_INFINITY };
  const greatest = scores.reduce((a, b) => Math.max(a, b));
  const total = scores.reduce((sum, score) => sum + Math.exp(score - greatest), 0);
  for (const [n, score] of scores.entries()) {
    const weight = Math.exp(score - greatest) / total;
    for (let d = 0; d < valueDim; d++) out[d] += weight * v[(kvHead * keys + attended[n]) * valueDim + d];
  }
  return { out, logSumExp: greatest + Math.log(total) };
}

const epsilon = 2 ** -23;

/** What a run gives that it should not, of every row or of `rows`. */
export async function mistakes(client: Client, options: Case, rows?: readonly number[]): Promise<string[]> {
  const { dtype, batch, heads, queries, valueDim } = filled(options);
  const inputs = inputsOf(options);
  const most = tolerance[dtype] * greatest(inputs.v);
  const { out, logSumExp } = await run(client, options, inputs);
  if (out.length !== batch * heads * queries * valueDim || logSumExp.length !== batch * heads * queries) return ['sizes'];
  const wrong: string[] = [];
  for (const row of rows ?? Array.from(logSumExp, (_, i) => i)) {
    const expected = expectedRow(options, inputs, row);
    for (const [d, value] of expected.out.entries()) {
      const got = out[row * valueDim + d];
      if (!(Math.abs(got - value) <= most)) wrong.push(`out[${row}, ${d}] is ${got}, not ${value}`);
    }
    const same = logSumExp[row] === expected.logSumExp || Math.abs(logSumExp[row] - expected.logSumExp) <= 64 * epsilon;
    if (!same) wrong.push(`logSumExp[${row}] is ${logSumExp[row]}, not ${expected.logSumExp}`);
  }
  return wrong.slice(0, 5);
}
