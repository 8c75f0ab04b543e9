/** One attention on one target: built, compiled and, where the target can run it, timed and compared with the reference. */
import { type AttentionOptions, type AttentionSpec, attention, inputTypes } from '../attention';
import { ShapeError } from '../errors';
import { type Blocking, lower, lowerBlocking } from '../lower';
import { analyze, masksOf, maskText, parseMask } from '../mask';
import type { Client, Topology } from '../pjrt';
import { reference } from '../reference';
import { fromBits, isNarrowFloat, sizeOf, type TensorType, toBits, typeText } from '../types';
import { time } from './time';

export interface Job {
  /** The attention but its mask. */
  readonly options: Omit<AttentionOptions, 'mask'>;
  /** The mask as text, for instance `causal` or `dense(causal)`; building the mask is part of the measured build. */
  readonly mask: string;
  readonly runs?: number;
  /** See TimingOptions. */
  readonly budgetMs?: number;
}

/** Times in milliseconds; bytes by the compiler's own account. A field is missing where the target cannot tell it. */
export interface Measurement {
  /** Heads / kv heads x head_dim, tokens, dtype. */
  readonly case: string;
  readonly target: string;
  readonly mask: string;
  /** From the mask to the program's text. */
  readonly buildMs?: number;
  /** From the text to an executable. */
  readonly compileMs?: number;
  readonly firstMs?: number;
  readonly minMs?: number;
  readonly medianMs?: number;
  /** Blocks of the lowering that are computed, and all there are. */
  readonly activeBlocks?: number;
  readonly blocks?: number;
  /** Largest absolute difference from the reference over `comparedRows` query rows of every head. */
  readonly maxError?: number;
  readonly comparedRows?: number;
  /** Of the mask, in the program or beside it. */
  readonly maskBytes?: number;
  readonly codeBytes?: number;
  readonly tempBytes?: number;
  /** Why the row ends before its end: the error's text. */
  readonly failure?: string;
}

export function caseText({ heads, kvHeads = heads, headDim, queries, keys = queries, dtype = 'f32', batch = 1 }: Job['options']): string {
  const tokens = keys === queries ? `T ${queries}` : `T ${queries} x ${keys}`;
  return `${batch > 1 ? `${batch} x ` : ''}${heads}/${kvHeads} x ${headDim}, ${tokens}, ${dtype}`;
}

/** Never throws for what an attention or a plugin may fail of: the row says it in `failure`. */
export async function measure(job: Job, on: Client | Topology): Promise<Measurement> {
  const { queries, keys = queries } = job.options;
  const row: { -readonly [K in keyof Measurement]: Measurement[K] } = {
    case: caseText(job.options),
    target: targetText(on),
    mask: job.mask,
  };
  try {
    const begin = performance.now();
    const mask = parseMask(job.mask, queries, keys);
    const spec = attention({ ...job.options, mask });
    const module = lower(spec, on.target);
    row.buildMs = performance.now() - begin;
    row.maskBytes = module.maskBytes;
    row.mask = mask.kind === 'dense' ? job.mask : maskText(mask);
    Object.assign(row, blockCounts(spec, lowerBlocking(spec, on.target)));
    const compiling = performance.now();
    if (!('upload' in on)) {
      using compiled = await on.compile(module);
      row.compileMs = performance.now() - compiling;
      row.codeBytes = compiled.codeBytes;
      row.tempBytes = compiled.memory?.tempBytes;
      return row;
    }
    using compiled = await on.compile(module);
    row.compileMs = performance.now() - compiling;
    row.tempBytes = compiled.memory?.tempBytes;
    const values = testInputs(spec);
    const inputs = Object.fromEntries(Object.entries(inputTypes(spec)).map(([name, type]) => [name, on.upload(type, values[name])]));
    try {
      const { firstMs, minMs, medianMs } = await time(compiled, inputs, { runs: job.runs, warmup: 1, budgetMs: job.budgetMs });
      using outputs = await compiled.run(inputs);
      const rows = sampleRows(spec);
      const error = maxError(spec, (await outputs.out.read()) as ArrayLike<number>, rows, values);
      Object.assign(row, { firstMs, minMs, medianMs, maxError: error, comparedRows: rows.length });
    } finally {
      for (const buffer of Object.values(inputs)) buffer.dispose();
    }
  } catch (error) {
    row.failure = (error as Error).message;
  }
  return row;
}

function targetText(on: Client | Topology): string {
  return 'upload' in on ? on.target : on.name;
}

function blockCounts(spec: AttentionSpec, blocking: Blocking | undefined) {
  if (!blocking) return { activeBlocks: undefined, blocks: undefined };
  const masks = masksOf(spec.mask, spec.heads);
  const { blocks } = analyze(spec.mask, { queries: spec.queries, keys: spec.keys, ...blocking });
  const each = (spec.batch * spec.heads) / masks.length;
  return { activeBlocks: each * blocks.active, blocks: each * blocks.total };
}

/** Inputs of an attention by name: test data; eight segments of one size; key lengths of three quarters. */
export function testInputs(spec: AttentionSpec): Record<'q' | 'k' | 'v', Float32Array> & Record<string, Float32Array | Int32Array> {
  const entries = Object.entries(inputTypes(spec)).map(([name, type], i): [string, Float32Array | Int32Array] => {
    if (name === 'keyLengths') return [name, new Int32Array(spec.batch).fill(Math.ceil(0.75 * spec.keys))];
    const tokens = type.shape[1];
    if (type.dtype === 'i32')
      return [name, Int32Array.from({ length: sizeOf(type) }, (_, place) => Math.floor((8 * (place % tokens)) / tokens))];
    return [name, testData(type, i + 1)];
  });
  return Object.fromEntries(entries) as ReturnType<typeof testInputs>;
}

/** About normal values, the same in every run, and representable in the dtype. */
export function testData(type: TensorType, seed: number): Float32Array {
  const size = sizeOf(type);
  if (size >= 2 ** 32) throw new ShapeError(`an array of test data has fewer than 2^32 elements; got ${typeText(type)}`);
  const values = new Float32Array(size);
  let state = seed * 2654435761;
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let part = 0; part < 4; part++) {
      // A linear congruential generator (Numerical Recipes' constants); a sum of four uniform values is near enough to normal.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32 - 0.5;
    }
    values[i] = sum * Math.sqrt(3);
  }
  return isNarrowFloat(type.dtype) ? fromBits(type.dtype, toBits(type.dtype, values)) : values;
}

/** First, last and middle rows, and some between: the reference costs keys x size a row. */
function sampleRows({ queries }: AttentionSpec): number[] {
  const places = [0, 1, queries >> 2, (queries >> 1) - 1, queries >> 1, Math.floor(queries * 0.7), queries - 2, queries - 1];
  return [...new Set(places.filter((row) => row >= 0 && row < queries))];
}

function maxError(spec: AttentionSpec, out: ArrayLike<number>, rows: readonly number[], inputs: ReturnType<typeof testInputs>): number {
  const expected = reference(spec, inputs, rows).out;
  const { valueDim, queries } = spec;
  let most = 0;
  for (let h = 0; h < spec.batch * spec.heads; h++)
    for (const [r, row] of rows.entries())
      for (let d = 0; d < valueDim; d++) {
        const error = Math.abs(out[(h * queries + row) * valueDim + d] - expected[(h * rows.length + r) * valueDim + d]);
        if (!(error <= most)) most = error;
      }
  return most;
}
