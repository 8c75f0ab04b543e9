/** A mask in plain StableHLO: an i1 for each pair, written from its predicate or unpacked from its bits. */
import type { AttentionSpec } from '../attention';
import { ShapeError } from '../errors';
import * as s from '../ir/stablehlo';
import { type Dense, documentIds, type LazyMask, predicate, type Printer, rowBytes } from '../mask';
import { tensor } from '../types';

/**
 * The mask as i1 [queries, keys], where the run time has a say [batch, queries, keys], and of masks of heads [batch, kv heads, group,
 * queries, keys]; nothing where it allows every pair. Throws ShapeError for a dense mask over 2^27 bytes.
 */
export function allowedPairs(spec: AttentionSpec, ids: Readonly<Record<string, s.Tensor>>): s.Tensor | undefined {
  const { batch, heads, kvHeads, queries, keys, mask } = spec;
  if (mask.kind === 'full') return undefined;
  if (mask.kind === 'dense') return unpacked(mask);
  const one = (lazy: LazyMask) => predicate(lazy, printer(spec, ids));
  if (mask.kind !== 'perHead') return one(mask);
  const group = heads / mask.masks.length;
  const each = mask.masks.map((lazy) => {
    const allowed = one(lazy);
    const shape = [batch, group, queries, keys];
    return s.broadcastInDim(allowed, shape, allowed.type.shape.length === 2 ? [2, 3] : [0, 2, 3]);
  });
  return s.reshape(s.concatenate(each, 1), [batch, kvHeads, heads / kvHeads, queries, keys]);
}

/** Bits of a dense mask that go into a program: 32768 x 32768 pairs. */
export const mostMaskBytes = 2 ** 27;

function unpacked(mask: Dense): s.Tensor {
  const { queries, keys } = mask;
  const bytes = rowBytes(keys);
  if (mask.bits.length > mostMaskBytes)
    throw new ShapeError(
      `a dense mask goes into the program up to 2^27 bytes, 32768 x 32768 pairs; got ${queries} x ${keys}: use a lazy mask`,
    );
  // The barrier keeps the compiler from unpacking the constant itself, eight times its size.
  const packed = s.optimizationBarrier(s.constant(mask.bits, tensor('ui8', [queries, bytes])));
  const places = [queries, bytes, 8];
  const bits = s.and(s.shiftRightLogical(s.broadcastInDim(packed, places, [0, 1]), s.iota(tensor('ui8', places), 2)), 1);
  return s.slice(s.reshape(s.compare(bits, 1, 'EQ'), [queries, bytes * 8]), { start: [0, 0], limit: [queries, keys] });
}

/** A mask's predicate as i1 [queries, keys], or [batch, queries, keys] where the run time has a say. */
function printer({ batch, queries, keys }: AttentionSpec, ids: Readonly<Record<string, s.Tensor>>): Printer<s.Tensor> {
  const plane = [queries, keys];
  const row = () => s.iota(tensor('i32', plane), 0);
  const column = () => s.iota(tensor('i32', plane), 1);
  const diagonal = () => s.subtract(column(), row());
  // Constants are i32: a bound outside of the plane is as good at its edge.
  const bound = (value: number) => Math.max(-(2 ** 31) + 1, Math.min(2 ** 31 - 1, value));
  const same = (a: s.Tensor, b: s.Tensor) => {
    const lead = a.type.shape.slice(0, -1);
    const batches = lead.map((_, axis) => axis);
    const all = [...lead, ...plane];
    return s.compare(s.broadcastInDim(a, all, [...batches, lead.length]), s.broadcastInDim(b, all, [...batches, lead.length + 1]), 'EQ');
  };
  const level = (a: s.Tensor, b: s.Tensor) =>
    [a, b].map((x, _, both) =>
      both.some((other) => other.type.shape.length > x.type.shape.length) ? s.broadcastInDim(x, [batch, ...plane], [1, 2]) : x,
    ) as [s.Tensor, s.Tensor];
  return {
    always: (value) => s.constant(value, tensor('i1', plane)),
    diagonals: (low, high) => {
      const limits: s.Tensor[] = [];
      if (low !== null) limits.push(s.compare(diagonal(), bound(low), 'GE'));
      if (high !== null) limits.push(s.compare(diagonal(), bound(high), 'LE'));
      return limits.length ? limits.reduce((a, b) => s.and(a, b)) : s.constant(true, tensor('i1', plane));
    },
    keyBelow: (length) => s.compare(column(), bound(length), 'LT'),
    rowBelow: (length) => s.compare(row(), bound(length), 'LT'),
    sameChunk: (size) => s.compare(s.divide(row(), bound(size)), s.divide(column(), bound(size)), 'EQ'),
    strided: (stride, offset) => s.compare(s.remainder(s.subtract(diagonal(), bound(offset % stride)), bound(stride)), 0, 'EQ'),
    sameDocument: (lengths) => {
      const constant = (tokens: number, none: number) => s.constant(documentIds(lengths, tokens, none), tensor('i32', [tokens]));
      return same(constant(queries, -1), constant(keys, -2));
    },
    sameSegment: () => same(ids.qSegments, ids.kvSegments),
    withinLength: () => {
      const all = [batch, ...plane];
      return s.compare(s.broadcastInDim(column(), all, [1, 2]), s.broadcastInDim(ids.keyLengths, all, [0]), 'LT');
    },
    and: (a, b) => s.and(...level(a, b)),
    or: (a, b) => s.or(...level(a, b)),
    not: (a) => s.not(a),
  };
}
