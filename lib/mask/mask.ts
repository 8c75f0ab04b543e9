/**
 * What may attend to what: query row `i` may attend to key column `j` where `allows(mask, i, j)`. A mask is frozen plain data with a
 * `kind`; it knows no sizes but the dense one, and its cost does not depend on T but the dense one's. Conventions are those of JAX
 * splash attention and axlearn: top-left aligned, an `offset` shifts the diagonal.
 */
import { ShapeError, shown } from '../errors';

/** Every pair. */
export interface Full {
  readonly kind: 'full';
}

/** `j <= i + offset`. */
export interface Causal {
  readonly kind: 'causal';
  readonly offset: number;
}

/** `i + offset - left <= j <= i + offset + right`; null is unbounded. */
export interface Local {
  readonly kind: 'local';
  readonly left: number | null;
  readonly right: number | null;
  readonly offset: number;
}

/** `j <= i`, and both in the same chunk of `size` tokens. */
export interface ChunkedCausal {
  readonly kind: 'chunkedCausal';
  readonly size: number;
}

/** `j < length` or `j <= i`: a prefix that all see, causal after it. */
export interface Prefix {
  readonly kind: 'prefix';
  readonly length: number;
}

/** `j < length`. */
export interface KeyLimit {
  readonly kind: 'keyLimit';
  readonly length: number;
}

/** `i` and `j` in the same of documents that follow one another; a token after the last one is in none. */
export interface Documents {
  readonly kind: 'documents';
  readonly lengths: readonly number[];
}

/** `j - i - offset` is a multiple of `stride`. */
export interface Strided {
  readonly kind: 'strided';
  readonly stride: number;
  readonly offset: number;
}

/** `i < count` or `j < count`: the first tokens see all and are seen by all. */
export interface GlobalTokens {
  readonly kind: 'globalTokens';
  readonly count: number;
}

/** Equal segment ids, given at run time: the program's inputs `qSegments` i32 [batch, queries] and `kvSegments` i32 [batch, keys]. Any id is ordinary. */
export interface Segments {
  readonly kind: 'segments';
}

/** `j` below the sequence's key length, given at run time: the program's input `keyLengths` i32 [batch]. */
export interface KeyLengths {
  readonly kind: 'keyLengths';
}

export interface And {
  readonly kind: 'and';
  readonly masks: readonly LazyMask[];
}

export interface Or {
  readonly kind: 'or';
  readonly masks: readonly LazyMask[];
}

export interface Not {
  readonly kind: 'not';
  readonly mask: LazyMask;
}

/** A mask a query head, or a group of as many heads each. */
export interface PerHead {
  readonly kind: 'perHead';
  readonly masks: readonly LazyMask[];
}

/** A bit a pair: the O(T^2) baseline. `bits` is row-major, each row padded to whole bytes, the lowest bit first. */
export interface Dense {
  readonly kind: 'dense';
  readonly queries: number;
  readonly keys: number;
  readonly bits: Uint8Array;
}

/** A mask in closed form: nothing of it grows with T. */
export type LazyMask =
  | Full
  | Causal
  | Local
  | ChunkedCausal
  | Prefix
  | KeyLimit
  | Documents
  | Strided
  | GlobalTokens
  | Segments
  | KeyLengths
  | And
  | Or
  | Not;
export type Mask = LazyMask | PerHead | Dense;

export function full(): Full {
  return Object.freeze({ kind: 'full' });
}

/** Throws ShapeError where `offset` is no whole number. */
export function causal(offset = 0): Causal {
  return Object.freeze({ kind: 'causal', offset: whole('causal: offset', offset) });
}

/** Causal with the last query seeing the last key: `causal(keys - queries)`. */
export function causalBottomRight(queries: number, keys: number): Causal {
  return causal(whole('causalBottomRight: keys', keys) - whole('causalBottomRight: queries', queries));
}

/**
 * A window by its context: `left` keys before the query and `right` after it, and the query's own; null for no bound on that side.
 * `local(1023, 0)` keeps 1024 tokens. Throws ShapeError for a negative or fractional context.
 */
export function local(left: number | null, right: number | null, offset = 0): Local {
  for (const [side, context] of Object.entries({ left, right }))
    if (context !== null && (!Number.isSafeInteger(context) || context < 0))
      throw new ShapeError(`local: ${side} is a whole number of tokens, 0 or more, or null for no bound; got ${shown(context)}`);
  return Object.freeze({ kind: 'local', left, right, offset: whole('local: offset', offset) });
}

/** A causal window that keeps `tokens` tokens, the query's own among them (Hugging Face's `sliding_window`): `local(tokens - 1, 0)`. */
export function windowOfTokens(tokens: number): Local {
  return local(count('windowOfTokens: tokens', tokens, 1) - 1, 0);
}

/** A causal window of `context` keys before the query, and its own (axlearn's `sliding_window_size`): `local(context, 0)`. */
export function windowOfContext(context: number): Local {
  return local(count('windowOfContext: context', context, 0), 0);
}

export function chunkedCausal(size: number): ChunkedCausal {
  return Object.freeze({ kind: 'chunkedCausal', size: count('chunkedCausal: size', size, 1) });
}

export function prefix(length: number): Prefix {
  return Object.freeze({ kind: 'prefix', length: count('prefix: length', length, 0) });
}

export function keyLimit(length: number): KeyLimit {
  return Object.freeze({ kind: 'keyLimit', length: count('keyLimit: length', length, 0) });
}

export function documents(lengths: readonly number[]): Documents {
  for (const length of lengths) count('documents: a length', length, 1);
  return Object.freeze({ kind: 'documents', lengths: Object.freeze([...lengths]) });
}

export function strided(stride: number, offset = 0): Strided {
  return Object.freeze({ kind: 'strided', stride: count('strided: stride', stride, 1), offset: whole('strided: offset', offset) });
}

export function globalTokens(tokens: number): GlobalTokens {
  return Object.freeze({ kind: 'globalTokens', count: count('globalTokens: count', tokens, 0) });
}

export function segments(): Segments {
  return Object.freeze({ kind: 'segments' });
}

export function keyLengths(): KeyLengths {
  return Object.freeze({ kind: 'keyLengths' });
}

/** All of `masks` allow the pair; of one mask, that mask. */
export function and(...masks: LazyMask[]): LazyMask {
  return joined('and', masks);
}

/** Any of `masks` allows the pair; of one mask, that mask. */
export function or(...masks: LazyMask[]): LazyMask {
  return joined('or', masks);
}

export function not(mask: LazyMask): Not {
  return composed<Not>({ kind: 'not', mask: parts('not', [mask])[0] }, [mask]);
}

export function perHead(masks: readonly LazyMask[]): PerHead {
  return Object.freeze({ kind: 'perHead', masks: parts('perHead', masks) });
}

/** Throws ShapeError where `bits` is not `queries` rows of `ceil(keys / 8)` bytes. */
export function dense(mask: { queries: number; keys: number; bits: Uint8Array }): Dense {
  const { queries, keys, bits } = mask;
  const bytes = queries * rowBytes(keys);
  if (!(Number.isSafeInteger(queries) && queries >= 0 && Number.isSafeInteger(keys) && keys >= 0))
    throw new ShapeError(`dense: queries and keys are whole numbers, 0 or more; got ${shown(queries)} and ${shown(keys)}`);
  if (bits.length !== bytes) throw new ShapeError(`dense: ${queries} x ${keys} pairs are ${bytes} bytes of bits; got ${bits.length}`);
  return Object.freeze({ kind: 'dense', queries, keys, bits });
}

/** What is known at run time of one sequence. */
export interface RunTime {
  readonly qSegments?: ArrayLike<number>;
  readonly kvSegments?: ArrayLike<number>;
  readonly keyLength?: number;
}

/**
 * The meaning of a mask; every closed form and every kernel is tested against it. A mask with segments or key lengths needs them in `given`.
 * Of a mask per head, ask each head's own (`headMask`).
 */
export function allows(mask: Exclude<Mask, PerHead>, i: number, j: number, given: RunTime = {}): boolean {
  switch (mask.kind) {
    case 'full':
      return true;
    case 'causal':
      return j <= i + mask.offset;
    case 'local':
      return (mask.left === null || j >= i + mask.offset - mask.left) && (mask.right === null || j <= i + mask.offset + mask.right);
    case 'chunkedCausal':
      return j <= i && Math.floor(i / mask.size) === Math.floor(j / mask.size);
    case 'prefix':
      return j < mask.length || j <= i;
    case 'keyLimit':
      return j < mask.length;
    case 'documents': {
      const document = documentOf(mask.lengths, i);
      return document >= 0 && document === documentOf(mask.lengths, j);
    }
    case 'strided':
      return (j - i - mask.offset) % mask.stride === 0;
    case 'globalTokens':
      return i < mask.count || j < mask.count;
    case 'segments':
      return known('qSegments', given.qSegments)[i] === known('kvSegments', given.kvSegments)[j];
    case 'keyLengths':
      return j < known('keyLength', given.keyLength);
    case 'and':
      return mask.masks.every((one) => allows(one, i, j, given));
    case 'or':
      return mask.masks.some((one) => allows(one, i, j, given));
    case 'not':
      return !allows(mask.mask, i, j, given);
    case 'dense':
      return i < mask.queries && j < mask.keys && (mask.bits[i * rowBytes(mask.keys) + (j >> 3)] & (1 << (j & 7))) !== 0;
  }
}

/** The document that a token is in, or -1. */
function documentOf(lengths: readonly number[], token: number): number {
  let end = 0;
  return lengths.findIndex((length) => {
    end += length;
    return token < end;
  });
}

function known<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw new ShapeError(`a mask with run-time parts needs them: ${name} is not given`);
  return value;
}

/** The masks of `heads` query heads: one for all, or one a group of as many. Throws ShapeError where they do not divide the heads. */
export function masksOf(mask: Mask, heads: number): readonly (LazyMask | Dense)[] {
  if (mask.kind !== 'perHead') return [mask];
  if (heads % mask.masks.length !== 0)
    throw new ShapeError(
      `perHead: there is a mask a head, or one a group of as many heads; got ${mask.masks.length} masks for ${heads} heads`,
    );
  return mask.masks;
}

/** The mask of one of `heads` query heads. */
export function headMask(mask: Mask, head: number, heads: number): LazyMask | Dense {
  const masks = masksOf(mask, heads);
  return masks[Math.floor((head * masks.length) / heads)];
}

/** Whether a kind stands anywhere in a mask. */
export function hasKind(mask: Mask, kind: Mask['kind']): boolean {
  if (mask.kind === kind) return true;
  if (mask.kind === 'not') return hasKind(mask.mask, kind);
  return 'masks' in mask && mask.masks.some((one) => hasKind(one, kind));
}

/** Bytes of a row of a dense mask. */
export function rowBytes(keys: number): number {
  return Math.ceil(keys / 8);
}

function whole(name: string, value: number): number {
  if (!Number.isSafeInteger(value)) throw new ShapeError(`${name} is a whole number; got ${shown(value)}`);
  return value;
}

function count(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least)
    throw new ShapeError(`${name} is a whole number, ${least} or more; got ${shown(value)}`);
  return value;
}

/** Masks in masks: all that walks one goes as deep, on the stack. */
export const mostNested = 256;
const depths = new WeakMap<object, number>();

/** `and` or `or` of a list, which may be longer than a call has arguments. */
export function joined(kind: 'and' | 'or', masks: readonly LazyMask[]): LazyMask {
  const checked = parts(kind, masks);
  return checked.length === 1 ? checked[0] : composed<And | Or>({ kind, masks: checked }, checked);
}

/** A mask made of others. Throws ShapeError where they nest too deep. */
function composed<M extends And | Or | Not>(mask: M, of: readonly LazyMask[]): M {
  const depth = 1 + of.reduce((most, one) => Math.max(most, depths.get(one) ?? 0), 0);
  if (depth > mostNested) throw new ShapeError(`${mask.kind}: masks nest at most ${mostNested} deep; got ${depth}`);
  depths.set(mask, depth);
  return Object.freeze(mask);
}

function parts(name: string, masks: readonly LazyMask[]): readonly LazyMask[] {
  if (!masks.length) throw new ShapeError(`${name}: there is at least one mask; got none`);
  for (const mask of masks as readonly Mask[])
    if (mask.kind === 'dense' || mask.kind === 'perHead')
      throw new ShapeError(`${name}: its masks are lazy ones, which are neither dense nor per head; got ${mask.kind}`);
  return Object.freeze([...masks]);
}
