/** What tests share. */

/** Tests of the TPU compiler: libtpu has no wheel for arm64. */
export const [testTpu, describeTpu] = process.arch === 'x64' ? [test, describe] : [test.skip, describe.skip];

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
