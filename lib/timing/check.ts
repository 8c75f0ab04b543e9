/** One attention on one target: built, compiled and, where the target can run it, timed and compared with the reference. */
import { type AttentionOptions, type AttentionSpec, attention, inputTypes } from '../attention';
import { ShapeError } from '../errors';
import { type Blocking, lower, lowerBlocking, type Preset } from '../lower';
import { analyze, masksOf, maskText, parseMask } from '../mask';
import type { Client, Topology } from '../pjrt';
import { reference, referenceGrad } from '../reference';
import { fromBits, isNarrowFloat, sizeOf, type TensorType, toBits, typeText } from '../types';
import { time } from './time';

export interface Job {
  /** The attention but its mask. */
  readonly options: Omit<AttentionOptions, 'mask'>;
  /** The mask as text, for instance `causal` or `dense(causal)`; building the mask is part of the measured build. */
  readonly mask: string;
  /** Of the TPU kernels' tiles. */
  readonly preset?: Preset;
  readonly runs?: number;
  /** See TimingOptions. */
  readonly budgetMs?: number;
}

/** Times in milliseconds; bytes by the compiler's own account. A field is missing where the target cannot tell it. */
export interface Measurement {
  /** Heads / kv heads x head_dim, tokens, dtype, and what is not as `attention` has it by default. */
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
  /**
   * Largest absolute difference from the reference over `comparedRows` query rows of every head, and over all that these rows give to dk,
   * dv and dSinks.
   */
  readonly maxError?: number;
  readonly comparedRows?: number;
  /** Of the mask, in the program or beside it. */
  readonly maskBytes?: number;
  readonly codeBytes?: number;
  readonly tempBytes?: number;
  /** Why the row ends before its end: the error's text. */
  readonly failure?: string;
}

/** `16/2 x 256, T 4096, bf16`; a value size, a pass, a soft cap and sinks are told where they are not the default. */
export function caseText(options: Job['options']): string {
  const { heads, kvHeads = heads, headDim, valueDim = headDim, queries, keys = queries, dtype = 'f32', batch = 1 } = options;
  const { pass = 'forward', softCap, sinks } = options;
  return [
    `${batch > 1 ? `${batch} x ` : ''}${heads}/${kvHeads} x ${headDim}${valueDim === headDim ? '' : `/${valueDim}`}`,
    keys === queries ? `T ${queries}` : `T ${queries} x ${keys}`,
    dtype,
    ...(softCap === undefined ? [] : [`soft cap ${softCap}`]),
    ...(sinks ? ['sinks'] : []),
    ...(pass === 'forward' ? [] : [pass]),
  ].join(', ');
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
    const choice = { chip: on.chip, preset: job.preset };
    const module = lower(spec, on.target, choice);
    row.buildMs = performance.now() - begin;
    row.maskBytes = module.maskBytes;
    row.mask = mask.kind === 'dense' ? job.mask : maskText(mask);
    Object.assign(row, blockCounts(spec, lowerBlocking(spec, on.target, choice)));
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
    const rows = sampleRows(spec);
    const values = testInputs(spec, rows);
    const inputs = Object.fromEntries(Object.entries(inputTypes(spec)).map(([name, type]) => [name, on.upload(type, values[name])]));
    try {
      const { firstMs, minMs, medianMs } = await time(compiled, inputs, { runs: job.runs, warmup: 1, budgetMs: job.budgetMs });
      using outputs = await compiled.run(inputs);
      const seen: Record<string, ArrayLike<number>> = {};
      for (const name of Object.keys(spec.outputs)) seen[name] = (await outputs[name].read()) as ArrayLike<number>;
      const error = maxError(spec, seen, rows, values);
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

/**
 * Inputs of an attention by name: test data; eight segments of one size; key lengths of three quarters. `dOut` is zero but in `rows`, all
 * by default, so that the reference can give whole gradients at their cost; `out` and `logSumExp` are the reference's there, and
 * elsewhere say that a row has no weights.
 */
export function testInputs(
  spec: AttentionSpec,
  rows?: readonly number[],
): Record<'q' | 'k' | 'v', Float32Array> & Record<string, Float32Array | Int32Array> {
  const entries = Object.entries(inputTypes(spec)).map(([name, type], i): [string, Float32Array | Int32Array] => {
    if (name === 'keyLengths') return [name, new Int32Array(spec.batch).fill(Math.ceil(0.75 * spec.keys))];
    const tokens = type.shape[1];
    if (type.dtype === 'i32')
      return [name, Int32Array.from({ length: sizeOf(type) }, (_, place) => Math.floor((8 * (place % tokens)) / tokens))];
    return [name, testData(type, i + 1)];
  });
  const values = Object.fromEntries(entries) as ReturnType<typeof testInputs>;
  const { out, logSumExp, dOut } = spec.inputs;
  if (dOut && rows) values.dOut = spread(spec, takenRows(spec, values.dOut, rows), rows, 0);
  if (out && logSumExp) {
    const expected = reference(spec, values, rows);
    values.out = rounded(out.dtype, spread(spec, expected.out, expected.rows, 0));
    // Finite, as a kernel's arithmetic on rows wants it, and above any score.
    values.logSumExp = spread(spec, expected.logSumExp, expected.rows, 1e30);
  }
  return values;
}

/** About normal values, the same in every run, and representable in the dtype. */
export function testData(type: TensorType, seed: number): Float32Array {
  const size = sizeOf(type);
  if (size >= 2 ** 32) throw new ShapeError(`an array of test data has fewer than 2^32 elements; got ${typeText(type)}`);
  const values = new Float32Array(size);
  // Locals: a loop of globals is ten times as long in jest's contexts.
  const { imul } = Math;
  const scale = Math.sqrt(3);
  let state = seed * 2654435761;
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let part = 0; part < 4; part++) {
      // A linear congruential generator (Numerical Recipes' constants); a sum of four uniform values is near enough to normal.
      state = (imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32 - 0.5;
    }
    values[i] = sum * scale;
  }
  return rounded(type.dtype, values);
}

function rounded(dtype: TensorType['dtype'], values: Float32Array): Float32Array {
  return isNarrowFloat(dtype) ? fromBits(dtype, toBits(dtype, values)) : values;
}

/** First, last and middle rows, and some between: the reference costs keys x size a row. */
function sampleRows({ queries }: AttentionSpec): number[] {
  const places = [0, 1, queries >> 2, (queries >> 1) - 1, queries >> 1, Math.floor(queries * 0.7), queries - 2, queries - 1];
  return [...new Set(places.filter((row) => row >= 0 && row < queries))];
}

/** Of an array [batch, heads, queries, ...], the given rows of each head. */
function takenRows({ batch, heads, queries }: AttentionSpec, whole: ArrayLike<number>, rows: readonly number[]): Float64Array {
  const size = whole.length / (batch * heads * queries);
  const taken = new Float64Array(batch * heads * rows.length * size);
  for (let h = 0; h < batch * heads; h++)
    for (const [r, row] of rows.entries())
      for (let d = 0; d < size; d++) taken[(h * rows.length + r) * size + d] = whole[(h * queries + row) * size + d];
  return taken;
}

/** The opposite: the array whose other rows are of one value. */
function spread({ batch, heads, queries }: AttentionSpec, taken: ArrayLike<number>, rows: readonly number[], value: number): Float32Array {
  const size = taken.length / (batch * heads * rows.length);
  const whole = new Float32Array(batch * heads * queries * size).fill(value);
  for (let h = 0; h < batch * heads; h++)
    for (const [r, row] of rows.entries())
      for (let d = 0; d < size; d++) whole[(h * queries + row) * size + d] = taken[(h * rows.length + r) * size + d];
  return whole;
}

/** Over all outputs, those of rows at `rows`; infinities of one sign differ by 0, and a NaN is the answer. */
function maxError(
  spec: AttentionSpec,
  outputs: Readonly<Record<string, ArrayLike<number>>>,
  rows: readonly number[],
  inputs: ReturnType<typeof testInputs>,
): number {
  const expected: Record<string, ArrayLike<number> | undefined> = {
    ...(spec.pass === 'backward' ? {} : { ...reference(spec, inputs, rows) }),
    ...(spec.pass === 'forward' ? {} : { ...referenceGrad(spec, { ...inputs, dOut: inputs.dOut }, rows) }),
  };
  let most = 0;
  for (const [name, whole] of Object.entries(outputs)) {
    const seen = ['out', 'logSumExp', 'dq'].includes(name) ? takenRows(spec, whole, rows) : whole;
    const wanted = expected[name] ?? [];
    for (let i = 0; i < seen.length; i++) {
      const error = seen[i] === wanted[i] ? 0 : Math.abs(seen[i] - wanted[i]);
      if (Number.isNaN(error)) return error;
      most = Math.max(most, error);
    }
  }
  return most;
}
