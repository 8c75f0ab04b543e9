/** How long to look for what breaks: a fixed number of tries from a fixed seed, so that a run of the tests repeats; more by the environment. */

/** Where random tries begin; `NODE_PJRT_FUZZ_SEED` is another place. */
export const fuzzSeed = Number(process.env.NODE_PJRT_FUZZ_SEED ?? 20261126);

/** Tries of a test that has so many by default; `NODE_PJRT_FUZZ_RUNS` times as many. */
export function fuzzRuns(byDefault: number): number {
  return Math.ceil(byDefault * Number(process.env.NODE_PJRT_FUZZ_RUNS ?? 1));
}

/** The parameters of a fast-check property. */
export const fuzz = (runs: number) => ({ seed: fuzzSeed, numRuns: fuzzRuns(runs) });
