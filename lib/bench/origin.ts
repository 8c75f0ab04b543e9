/** What the benchmark that this project began with measured on hardware: the figures themselves, with their source. */

export interface OriginTime {
  readonly ms: number;
  /** Runs that `ms` is the mean of. */
  readonly iterations: number;
}

/** One row of the benchmark, with a mask of T x T bits (dense) and with one that is computed block by block (causal). */
export interface OriginRow {
  readonly tokens: number;
  /** With the compile in the loop, whose time is shared out over the iterations. */
  readonly withCompile: Readonly<Record<'dense' | 'causal', OriginTime>>;
  /** Without it. */
  readonly step: Readonly<Record<'dense' | 'causal', OriginTime>>;
}

export const originSource = {
  title: 'apple/axlearn, pull request 908',
  url: 'https://github.com/apple/axlearn/pull/908',
  device: 'TPU v5p',
  case: 'FlashAttentionBenchmark/4096/16/2',
} as const;

/** `FlashAttentionBenchmark/<model_dim>/<heads>/<kv_heads>/<seq>` of apple/axlearn, pull request 908: 4096/16/2, wall time on a TPU v5p. */
export const originRows: readonly OriginRow[] = [
  row(4096, [3609, 1, 22.9, 127], [9.97, 918, 9.82, 964]),
  row(8192, [7828, 1, 40.8, 88], [19.4, 832, 19.2, 837]),
  row(32768, [94368, 1, 7641, 1], [116, 100, 116, 100]),
];

type Figures = readonly [denseMs: number, denseRuns: number, causalMs: number, causalRuns: number];

function row(tokens: number, withCompile: Figures, step: Figures): OriginRow {
  const pair = ([denseMs, denseRuns, causalMs, causalRuns]: Figures) => ({
    dense: { ms: denseMs, iterations: denseRuns },
    causal: { ms: causalMs, iterations: causalRuns },
  });
  return { tokens, withCompile: pair(withCompile), step: pair(step) };
}

/**
 * Milliseconds of one compile. The loop compiled once and reported the mean of its iterations, so what an iteration took longer than a
 * step, times the iterations, is the compile: an estimate where there were many, the figure itself less one step where there was one.
 */
export function originCompileMs({ withCompile, step }: OriginRow, mask: 'dense' | 'causal'): number {
  return (withCompile[mask].ms - step[mask].ms) * withCompile[mask].iterations;
}

/** Seconds of one layer's attention, and of its gradients with it. */
export interface OriginLayer {
  readonly refFwd: number;
  readonly flashFwd: number;
  readonly refBwd: number;
  readonly flashBwd: number;
}

/**
 * `tpu_attention_benchmark.py` at the same pull request, on the same device: batch 2, 8192 tokens, window 1024, bf16, means of 5 runs
 * after a first. The reference there is causal without the window, and its forward pass is not compiled; of 539.5b it was out of memory.
 */
export const originLayers: Readonly<Record<string, OriginLayer>> = {
  '1.2b': { refFwd: 0.2291, flashFwd: 0.0014, refBwd: 0.0217, flashBwd: 0.0058 },
  '12.6b': { refFwd: 0.5699, flashFwd: 0.0032, refBwd: 0.0524, flashBwd: 0.0152 },
  '29.6b': { refFwd: 0.7957, flashFwd: 0.0043, refBwd: 0.0731, flashBwd: 0.0204 },
  '65.2b': { refFwd: 1.0225, flashFwd: 0.0055, refBwd: 0.0948, flashBwd: 0.0262 },
  '134b': { refFwd: 1.2485, flashFwd: 0.0067, refBwd: 0.1159, flashBwd: 0.0313 },
  '261.7b': { refFwd: 1.5577, flashFwd: 0.0072, refBwd: 0.1349, flashBwd: 0.0373 },
};
