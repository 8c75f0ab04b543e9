/** What to compute: an attention as validated, frozen data, and its meaning in plain loops. How it is computed is lower/'s matter. */
import { ShapeError } from './errors';
import { allows, emptyRows as countEmptyRows, full, hasKind, headMask, type Mask, masksOf, maskText, pairs, type RunTime } from './mask';
import { type TensorType, tensor } from './types';

/** What a caller may say; `attention` fills in the rest. */
export interface AttentionOptions {
  /** Sequences; 1 by default. */
  readonly batch?: number;
  readonly heads: number;
  /** Key and value heads, which `heads` is a multiple of: query head h reads kv head floor(h * kvHeads / heads). `heads` by default. */
  readonly kvHeads?: number;
  /** Size of a query and of a key. */
  readonly headDim: number;
  /** Size of a value; `headDim` by default. */
  readonly valueDim?: number;
  /** Query tokens. */
  readonly queries: number;
  /** Key tokens; `queries` by default. */
  readonly keys?: number;
  readonly dtype?: 'f32' | 'bf16';
  /** `full()` by default. */
  readonly mask?: Mask;
  /** Factor on q.k; headDim^-0.5 by default. */
  readonly scale?: number;
  /** Whether to return the log-sum-exp of each row's scores too. */
  readonly logSumExp?: boolean;
  readonly softCap?: number;
  readonly sinks?: boolean;
  /** A query row that may attend to no key gives zeros by default; `error` refuses a mask that has one, as far as that is known before run time. */
  readonly emptyRows?: 'zero' | 'error';
}

/** softmax(scale q k^T + mask) v, of q [batch, heads, queries, headDim], k [batch, kvHeads, keys, headDim], v [batch, kvHeads, keys, valueDim]. */
export interface AttentionSpec extends Readonly<Required<Omit<AttentionOptions, 'softCap' | 'sinks'>>> {
  readonly softCap?: number;
  readonly sinks?: boolean;
  /** q, k and v; where the mask has segments, `qSegments` [batch, queries] and `kvSegments` [batch, keys]; where it has key lengths, `keyLengths` [batch]; those in i32. */
  readonly inputs: Inputs;
  /** `out` [batch, heads, queries, valueDim] of the dtype; where asked for, `logSumExp` [batch, heads, queries] in f32, natural logarithm. */
  readonly outputs: { readonly out: TensorType; readonly logSumExp?: TensorType };
}

export interface Inputs {
  readonly q: TensorType;
  readonly k: TensorType;
  readonly v: TensorType;
  readonly qSegments?: TensorType;
  readonly kvSegments?: TensorType;
  readonly keyLengths?: TensorType;
}

const known: Record<keyof AttentionOptions, true> = {
  batch: true,
  heads: true,
  kvHeads: true,
  headDim: true,
  valueDim: true,
  queries: true,
  keys: true,
  dtype: true,
  mask: true,
  scale: true,
  logSumExp: true,
  emptyRows: true,
  softCap: true,
  sinks: true,
};

/** Throws ShapeError where a size is no whole number above 0, heads is no multiple of kvHeads, or a dense mask has other sizes. */
export function attention(options: AttentionOptions): AttentionSpec {
  for (const name of Object.keys(options))
    if (!(name in known)) throw new ShapeError(`attention: options are ${Object.keys(known).join(', ')}; got ${name}`);
  const { batch = 1, heads, headDim, queries, dtype = 'f32', mask = full(), logSumExp = false, emptyRows = 'zero' } = options;
  const { kvHeads = heads, valueDim = headDim, keys = queries, scale = headDim ** -0.5 } = options;
  for (const [name, value] of Object.entries({ batch, heads, kvHeads, headDim, valueDim, queries, keys }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ShapeError(`attention: ${name} is a whole number, 1 or more; got ${String(value)}`);
  if (heads % kvHeads !== 0) throw new ShapeError(`attention: heads is a multiple of kvHeads; got ${heads} heads and ${kvHeads} kv heads`);
  if (dtype !== 'f32' && dtype !== 'bf16') throw new ShapeError(`attention: dtype is f32 or bf16; got ${String(dtype)}`);
  if (!Number.isFinite(scale)) throw new ShapeError(`attention: scale is a finite number; got ${String(scale)}`);
  if (mask.kind === 'dense' && (mask.queries !== queries || mask.keys !== keys))
    throw new ShapeError(`attention: a dense mask has the attention's sizes, ${queries} x ${keys}; got ${mask.queries} x ${mask.keys}`);
  for (const own of masksOf(mask, heads)) {
    const empty = emptyRows === 'error' ? countEmptyRows(own, queries, keys) : 0;
    if (empty)
      throw new ShapeError(
        `attention: with emptyRows 'error' every query row may attend to a key; ${maskText(own)} leaves ${empty} of ${queries} rows with none`,
      );
  }
  const inputs: Inputs = Object.freeze({
    q: tensor(dtype, [batch, heads, queries, headDim]),
    k: tensor(dtype, [batch, kvHeads, keys, headDim]),
    v: tensor(dtype, [batch, kvHeads, keys, valueDim]),
    ...(hasKind(mask, 'segments') ? { qSegments: tensor('i32', [batch, queries]), kvSegments: tensor('i32', [batch, keys]) } : {}),
    ...(hasKind(mask, 'keyLengths') ? { keyLengths: tensor('i32', [batch]) } : {}),
  });
  const out = tensor(dtype, [batch, heads, queries, valueDim]);
  const outputs = Object.freeze(logSumExp ? { out, logSumExp: tensor('f32', [batch, heads, queries]) } : { out });
  return Object.freeze({
    batch,
    heads,
    kvHeads,
    headDim,
    valueDim,
    queries,
    keys,
    dtype,
    mask,
    scale,
    logSumExp,
    emptyRows,
    inputs,
    outputs,
  });
}

/** The types of the inputs by name, in the order of the program's arguments. */
export function inputTypes(spec: AttentionSpec): Readonly<Record<string, TensorType>> {
  return spec.inputs as unknown as Record<string, TensorType>;
}

/** Unmasked pairs of all heads and sequences; run-time parts of a mask count as allowing. */
export function unmaskedPairs(spec: AttentionSpec): number {
  const counted = pairCounts.get(spec);
  if (counted !== undefined) return counted;
  const masks = masksOf(spec.mask, spec.heads);
  const perMask = masks.map((mask) => pairs(mask, spec.queries, spec.keys));
  const count = ((spec.batch * spec.heads) / masks.length) * perMask.reduce((sum, one) => sum + one, 0);
  pairCounts.set(spec, count);
  return count;
}

// A spec is frozen, and counting takes as long as its mask has strips: once is enough.
const pairCounts = new WeakMap<AttentionSpec, number>();

/** Floating-point operations of the two matrix products on the unmasked pairs: 2 (headDim + valueDim) a pair. */
export function flops(spec: AttentionSpec): number {
  return 2 * (spec.headDim + spec.valueDim) * unmaskedPairs(spec);
}

/** Rows of an output: `out` [batch, heads, rows, valueDim] and `logSumExp` [batch, heads, rows] for the query rows in `rows`. */
export interface ReferenceRows {
  readonly rows: readonly number[];
  readonly out: Float64Array;
  readonly logSumExp: Float64Array;
}

/**
 * The meaning of an attention: plain loops in double precision over inputs given as numbers (widen bf16 first). Cost is
 * rows x keys x (headDim + valueDim), so name the rows where T is large; all rows by default. A row with no keys gives zeros and -Infinity.
 */
export function reference(
  spec: AttentionSpec,
  inputs: Readonly<
    Record<'q' | 'k' | 'v', ArrayLike<number>> & Partial<Record<'qSegments' | 'kvSegments' | 'keyLengths', ArrayLike<number>>>
  >,
  rows: readonly number[] = Array.from({ length: spec.queries }, (_, i) => i),
): ReferenceRows {
  const { batch, heads, kvHeads, headDim, valueDim, queries, keys, mask, scale } = spec;
  const { q, k, v, qSegments, kvSegments, keyLengths } = inputs;
  const sequence = (ids: ArrayLike<number> | undefined, b: number, tokens: number) =>
    ids && Array.prototype.slice.call(ids, b * tokens, (b + 1) * tokens);
  const out = new Float64Array(batch * heads * rows.length * valueDim);
  const logSumExp = new Float64Array(batch * heads * rows.length);
  const weights = new Float64Array(keys);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++) {
      const own = headMask(mask, h, heads);
      const given: RunTime = {
        qSegments: sequence(qSegments, b, queries),
        kvSegments: sequence(kvSegments, b, keys),
        keyLength: keyLengths?.[b],
      };
      const kvHead = b * kvHeads + Math.floor((h * kvHeads) / heads);
      for (const [r, i] of rows.entries()) {
        const query = ((b * heads + h) * queries + i) * headDim;
        const attended: number[] = [];
        let greatest = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < keys; j++) {
          if (!allows(own, i, j, given)) continue;
          const key = (kvHead * keys + j) * headDim;
          let score = 0;
          for (let d = 0; d < headDim; d++) score += q[query + d] * k[key + d];
          weights[j] = score * scale;
          greatest = Math.max(greatest, weights[j]);
          attended.push(j);
        }
        let total = 0;
        for (const j of attended) total += weights[j] = Math.exp(weights[j] - greatest);
        const row = (b * heads + h) * rows.length + r;
        logSumExp[row] = attended.length ? greatest + Math.log(total) : Number.NEGATIVE_INFINITY;
        for (const j of attended) {
          const value = (kvHead * keys + j) * valueDim;
          for (let d = 0; d < valueDim; d++) out[row * valueDim + d] += (weights[j] / total) * v[value + d];
        }
      }
    }
  return { rows, out, logSumExp };
}
