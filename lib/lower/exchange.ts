/** Tokens of a sequence that devices share, from whole runs to zig-zag order and back: each device sends and gets two chunks. */
import * as sdy from '../ir/shardy';
import * as s from '../ir/stablehlo';
import { zigzagOwner } from './placement';

/** Tokens [start, end). */
export function tokensOf(x: s.Tensor, axis: number, [start, end]: readonly [number, number]): s.Tensor {
  const { shape } = x.type;
  if (start === 0 && end === shape[axis]) return x;
  const at = (bound: number, others: (size: number) => number) => shape.map((size, i) => (i === axis ? bound : others(size)));
  return s.slice(x, { start: at(start, () => 0), limit: at(end, (size) => size) });
}

interface Along {
  /** The mesh's axis, and the devices along it. */
  readonly axis: string;
  readonly size: number;
  /** The tensor's axis of tokens. */
  readonly dimension: number;
}

/**
 * Device `d` has the chunks 2d and 2d + 1, and gets d and 2 size - 1 - d. Of the two that it is to have, one is even and one odd, so even
 * chunks go in one permutation of the devices, and odd ones in another.
 */
export function toZigzag(x: s.Tensor, along: Along): s.Tensor {
  const { axis, size } = along;
  const [even, odd] = halves(x, along).map((half, parity) =>
    sdy.collectivePermute(half, axis, (from) => zigzagOwner(2 * from + parity, size)),
  );
  return inOrder(even, odd, along);
}

export function fromZigzag(x: s.Tensor, along: Along): s.Tensor {
  const { axis, size, dimension } = along;
  const [even, odd] = halves(inOrder(...halves(x, along), along), along);
  const home = (parity: number) => (from: number) => Math.floor((from % 2 === parity ? from : 2 * size - 1 - from) / 2);
  const back = [even, odd].map((half, parity) => sdy.collectivePermute(half, axis, home(parity)));
  return s.concatenate(back, dimension);
}

function halves(x: s.Tensor, { dimension }: Along): [s.Tensor, s.Tensor] {
  const tokens = x.type.shape[dimension];
  return [tokensOf(x, dimension, [0, tokens / 2]), tokensOf(x, dimension, [tokens / 2, tokens])];
}

/** The two one after the other; on devices of odd number, the other way round. */
function inOrder(first: s.Tensor, second: s.Tensor, { axis, dimension }: Along): s.Tensor {
  const isEven = s.compare(s.remainder(sdy.axisIndex(axis), 2), 0, 'EQ');
  const pair = (a: s.Tensor, b: s.Tensor) => s.concatenate([a, b], dimension);
  return s.select(isEven, pair(first, second), pair(second, first));
}
