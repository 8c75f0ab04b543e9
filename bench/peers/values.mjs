/** The same inputs for everyone, of unit variance, and the outputs by which they are seen to compute the same. */

/** Element n of the array of a seed: uniform from -1.7 to 1.7. */
export function value(seed, n) {
  let bits = Math.imul(n + (seed << 28), 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  return (((bits ^ (bits >>> 13)) >>> 0) / 2 ** 32) * 3.4 - 1.7;
}

export const values = (seed, length) => Float32Array.from({ length }, (_, n) => value(seed, n));

/** Where samples are taken: 32 places, evenly from the first to the last. */
export const places = (length) => Array.from({ length: 32 }, (_, i) => Math.floor((i * (length - 1)) / 31));
