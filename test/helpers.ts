/** What tests share: inputs that are the same every run, and distances. */
import { sizeOf, type TensorType } from '../lib/types';

/** About normal values (a sum of four uniform ones), the same for one seed. */
export function noise(type: TensorType, seed: number): Float32Array {
  let state = seed * 2654435761;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length: sizeOf(type) }, () => (uniform() + uniform() + uniform() + uniform()) * Math.sqrt(3));
}

/** The largest absolute difference; equal infinities differ by 0, and NaN by infinity. */
export function maxError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const error = a[i] === b[i] ? 0 : Math.abs(a[i] - b[i]);
    most = Math.max(most, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return most;
}
