/** What tests share. */

/** Tests of the TPU compiler: libtpu has no wheel for arm64. */
export const [testTpu, describeTpu] = process.arch === 'x64' ? [test, describe] : [test.skip, describe.skip];

/** Milliseconds of processor time that this process has taken: other work on the machine does not count. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The largest absolute difference; equal infinities differ by 0, and NaN by infinity. */
export function maxError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  // No global in the loop: in jest's contexts each takes a tenth of a microsecond.
  const infinity = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    const error = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i];
    if (!(error <= infinity)) return infinity;
    if (error > most) most = error;
  }
  return most;
}
