/**
 * What may attend to what: query row `i` may attend to key column `j` where `allows(mask, i, j)`. A mask is frozen plain data with a
 * `kind`; it knows no sizes but the dense one, and its cost does not depend on T but the dense one's. Conventions are those of JAX
 * splash attention and axlearn: top-left aligned, an `offset` shifts the diagonal (bottom-right alignment is offset = keys - queries).
 */
import { ShapeError } from '../errors';

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

/** A bit a pair: the O(T^2) baseline. `bits` is row-major, each row padded to whole bytes, the lowest bit first. */
export interface Dense {
  readonly kind: 'dense';
  readonly queries: number;
  readonly keys: number;
  readonly bits: Uint8Array;
}

/** A mask in closed form: nothing of it grows with T. */
export type LazyMask = Full | Causal | Local;
export type Mask = LazyMask | Dense;

export function full(): Full {
  return Object.freeze({ kind: 'full' });
}

/** Throws ShapeError where `offset` is no whole number. */
export function causal(offset = 0): Causal {
  return Object.freeze({ kind: 'causal', offset: whole('causal: offset', offset) });
}

/**
 * A window by its context: `left` keys before the query and `right` after it, and the query's own; null for no bound on that side.
 * `local(1023, 0)` keeps 1024 tokens. Throws ShapeError for a negative or fractional context.
 */
export function local(left: number | null, right: number | null, offset = 0): Local {
  for (const [side, context] of Object.entries({ left, right }))
    if (context !== null && (!Number.isSafeInteger(context) || context < 0))
      throw new ShapeError(`local: ${side} is a whole number of tokens, 0 or more, or null for no bound; got ${String(context)}`);
  return Object.freeze({ kind: 'local', left, right, offset: whole('local: offset', offset) });
}

/** Throws ShapeError where `bits` is not `queries` rows of `ceil(keys / 8)` bytes. */
export function dense(mask: { queries: number; keys: number; bits: Uint8Array }): Dense {
  const { queries, keys, bits } = mask;
  const bytes = queries * rowBytes(keys);
  if (!(Number.isSafeInteger(queries) && queries >= 0 && Number.isSafeInteger(keys) && keys >= 0))
    throw new ShapeError(`dense: queries and keys are whole numbers, 0 or more; got ${queries} and ${keys}`);
  if (bits.length !== bytes) throw new ShapeError(`dense: ${queries} x ${keys} pairs are ${bytes} bytes of bits; got ${bits.length}`);
  return Object.freeze({ kind: 'dense', queries, keys, bits });
}

/** The meaning of a mask; every closed form and every kernel is tested against it. */
export function allows(mask: Mask, i: number, j: number): boolean {
  switch (mask.kind) {
    case 'full':
      return true;
    case 'causal':
      return j <= i + mask.offset;
    case 'local':
      return (mask.left === null || j >= i + mask.offset - mask.left) && (mask.right === null || j <= i + mask.offset + mask.right);
    case 'dense':
      return i < mask.queries && j < mask.keys && (mask.bits[i * rowBytes(mask.keys) + (j >> 3)] & (1 << (j & 7))) !== 0;
  }
}

/** A short name for tables: `causal`, `local(1023, 0)`, `dense`. */
export function maskText(mask: Mask): string {
  const offset = 'offset' in mask && mask.offset !== 0 ? [mask.offset] : [];
  switch (mask.kind) {
    case 'causal':
      return offset.length ? `causal(${offset})` : 'causal';
    case 'local':
      return `local(${[mask.left, mask.right, ...offset].map(String).join(', ')})`;
    default:
      return mask.kind;
  }
}

/** Bytes of a row of a dense mask. */
export function rowBytes(keys: number): number {
  return Math.ceil(keys / 8);
}

function whole(name: string, value: number): number {
  if (!Number.isSafeInteger(value)) throw new ShapeError(`${name} is a whole number; got ${String(value)}`);
  return value;
}
