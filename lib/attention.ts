/** What to compute: an attention as validated, frozen data. Its meaning is reference.ts; how it is computed is lower/'s matter. */
import { checkOneOf, checkOptions, ShapeError, shown } from './errors';
import { emptyRows as countEmptyRows, full, hasKind, type Mask, masksOf, maskText, pairs } from './mask';
import { type TensorType, tensor } from './types';

/** The outputs alone, the gradients from them, or both in one program. */
export type Pass = 'forward' | 'backward' | 'forward+backward';

export const passes: readonly Pass[] = ['forward', 'backward', 'forward+backward'];

export type AttentionDType = 'f32' | 'bf16' | 'f16';

export const attentionDTypes: readonly AttentionDType[] = ['f32', 'bf16', 'f16'];

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
  /** Of q, k, v, the output and their gradients; f32 by default. TPU kernels take f32 and bf16. */
  readonly dtype?: AttentionDType;
  /** `full()` by default. */
  readonly mask?: Mask;
  /** Factor on q.k; headDim^-0.5 by default. */
  readonly scale?: number;
  /** What is computed; `forward` by default. */
  readonly pass?: Pass;
  /** Scores become softCap * tanh(scale q.k / softCap), above 0; not capped by default. */
  readonly softCap?: number;
  /** Whether each head has a sink: a logit that takes a share of the softmax, and of its log-sum-exp, and gives no value. */
  readonly sinks?: boolean;
  /** Whether a forward pass returns the log-sum-exp of each row's scores too; a backward pass takes it whatever this says. */
  readonly logSumExp?: boolean;
  /**
   * A query row that may attend to no key gives zeros by default; `error` refuses a mask that has one, as far as that is known before run
   * time.
   */
  readonly emptyRows?: 'zero' | 'error';
}

/**
 * softmax(scale q k^T + mask) v, of q [batch, heads, queries, headDim], k [batch, kvHeads, keys, headDim], v [batch, kvHeads, keys,
 * valueDim], and its gradients.
 */
export interface AttentionSpec extends Readonly<Required<Omit<AttentionOptions, 'softCap'>>> {
  readonly softCap: number | undefined;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
}

/** In the order of the program's arguments. */
export interface Inputs {
  readonly q: TensorType;
  readonly k: TensorType;
  readonly v: TensorType;
  /** Where the mask has segments: i32 [batch, queries], and of the keys i32 [batch, keys]. */
  readonly qSegments?: TensorType;
  readonly kvSegments?: TensorType;
  /** Where the mask has key lengths: i32 [batch]. */
  readonly keyLengths?: TensorType;
  /** f32 [heads]. */
  readonly sinks?: TensorType;
  /** Of pass `backward`: what the forward pass gave, `out` of the dtype and `logSumExp` in f32. */
  readonly out?: TensorType;
  readonly logSumExp?: TensorType;
  /** Of a pass with a backward: the gradient of what is minimized by `out`, of the same type. */
  readonly dOut?: TensorType;
}

export interface Outputs {
  /** Of a pass with a forward: [batch, heads, queries, valueDim] of the dtype. */
  readonly out?: TensorType;
  /** Of a pass with a forward, where asked for: f32 [batch, heads, queries], natural logarithm, the sink included. */
  readonly logSumExp?: TensorType;
  /** Of a pass with a backward: gradients of the types of q, k and v. */
  readonly dq?: TensorType;
  readonly dk?: TensorType;
  readonly dv?: TensorType;
  /** f32 [heads]. */
  readonly dSinks?: TensorType;
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
  pass: true,
  softCap: true,
  sinks: true,
  logSumExp: true,
  emptyRows: true,
};

/**
 * Throws ShapeError where a size is no whole number above 0, heads is no multiple of kvHeads, a dense mask has other sizes, or a dtype, a
 * pass or a soft cap is none.
 */
export function attention(options: AttentionOptions): AttentionSpec {
  checkOptions('attention', Object.keys(known), options);
  const { batch = 1, heads, headDim, queries, dtype = 'f32', mask = full(), emptyRows = 'zero' } = options;
  const { kvHeads = heads, valueDim = headDim, keys = queries, scale = headDim ** -0.5 } = options;
  const { pass = 'forward', softCap, sinks = false, logSumExp = false } = options;
  for (const [name, value] of Object.entries({ batch, heads, kvHeads, headDim, valueDim, queries, keys }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ShapeError(`attention: ${name} is a whole number, 1 or more; got ${shown(value)}`);
  if (heads % kvHeads !== 0) throw new ShapeError(`attention: heads is a multiple of kvHeads; got ${heads} heads and ${kvHeads} kv heads`);
  checkOneOf('attention: dtype', attentionDTypes, dtype);
  if (!Number.isFinite(scale)) throw new ShapeError(`attention: scale is a finite number; got ${shown(scale)}`);
  checkOneOf('attention: pass', passes, pass);
  checkOneOf('attention: emptyRows', ['zero', 'error'], emptyRows);
  if (softCap !== undefined && !(Number.isFinite(softCap) && softCap > 0))
    throw new ShapeError(`attention: softCap is a finite number above 0; got ${shown(softCap)}`);
  if (typeof sinks !== 'boolean') throw new ShapeError(`attention: sinks is true or false; got ${shown(sinks)}`);
  if (mask.kind === 'dense' && (mask.queries !== queries || mask.keys !== keys))
    throw new ShapeError(`attention: a dense mask has the attention's sizes, ${queries} x ${keys}; got ${mask.queries} x ${mask.keys}`);
  for (const own of masksOf(mask, heads)) {
    const empty = emptyRows === 'error' ? countEmptyRows(own, queries, keys) : 0;
    if (empty)
      throw new ShapeError(
        `attention: with emptyRows 'error' every query row may attend to a key; ${maskText(own)} leaves ${empty} of ${queries} rows with none`,
      );
  }
  const out = tensor(dtype, [batch, heads, queries, valueDim]);
  const rowSums = tensor('f32', [batch, heads, queries]);
  const perHead = tensor('f32', [heads]);
  const arrays = {
    q: tensor(dtype, [batch, heads, queries, headDim]),
    k: tensor(dtype, [batch, kvHeads, keys, headDim]),
    v: tensor(dtype, [batch, kvHeads, keys, valueDim]),
  };
  const inputs: Inputs = Object.freeze({
    ...arrays,
    ...(hasKind(mask, 'segments') ? { qSegments: tensor('i32', [batch, queries]), kvSegments: tensor('i32', [batch, keys]) } : {}),
    ...(hasKind(mask, 'keyLengths') ? { keyLengths: tensor('i32', [batch]) } : {}),
    ...(sinks ? { sinks: perHead } : {}),
    ...(pass === 'backward' ? { out, logSumExp: rowSums } : {}),
    ...(pass === 'forward' ? {} : { dOut: out }),
  });
  const gradients = { dq: arrays.q, dk: arrays.k, dv: arrays.v, ...(sinks ? { dSinks: perHead } : {}) };
  const outputs: Outputs = Object.freeze({
    ...(pass === 'backward' ? {} : { out, ...(logSumExp ? { logSumExp: rowSums } : {}) }),
    ...(pass === 'forward' ? {} : gradients),
  });
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
    pass,
    softCap,
    sinks,
    logSumExp,
    emptyRows,
    inputs,
    outputs,
  });
}

/** `attention` with pass `forward+backward`: from q, k, v and `dOut` to `out`, `dq`, `dk` and `dv`. */
export function attentionGrad(options: Omit<AttentionOptions, 'pass'>): AttentionSpec {
  return attention({ ...options, pass: 'forward+backward' });
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

/**
 * Floating-point operations of the matrix products on the unmasked pairs. A pair costs 2 (headDim + valueDim) forward, S and O, and
 * 2 (3 headDim + 2 valueDim) backward, S, dQ and dK, dP and dV; both in one program, the sum.
 */
export function flops(spec: AttentionSpec): number {
  const { headDim, valueDim, pass } = spec;
  const forward = 2 * (headDim + valueDim);
  const backward = 2 * (3 * headDim + 2 * valueDim);
  return ((pass === 'backward' ? 0 : forward) + (pass === 'forward' ? 0 : backward)) * unmaskedPairs(spec);
}
