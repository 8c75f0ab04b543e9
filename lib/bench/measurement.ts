/** An attention of any shape as `node-pjrt attention` shows it: one line a case, one figure a phase. */
import type { AttentionOptions } from '../attention';
import type { Preset } from '../lower';
import type { Client, Topology } from '../pjrt';
import type { BenchmarkRow } from './record';
import { runCase } from './run';

export interface Job {
  /** The attention but its mask. */
  readonly options: Omit<AttentionOptions, 'mask'>;
  /** The mask as text, for instance `causal` or `dense(causal)`; building the mask is part of the measured build. */
  readonly mask: string;
  /** Of the TPU kernels' tiles. */
  readonly preset?: Preset;
  /** Timed runs at the most; 10 by default. */
  readonly runs?: number;
  /** For the timed runs, in milliseconds; a minute by default. */
  readonly budgetMs?: number;
}

/** Times in milliseconds; bytes by the compiler's own account. A field is missing where the target cannot tell it. */
export interface Measurement {
  /** Heads / kv heads x head_dim, tokens, dtype, and what is not as `attention` has it by default. */
  readonly case: string;
  readonly target: string;
  readonly mask: string;
  /** From the mask to the program's text. */
  readonly buildMs?: number;
  /** From the text to an executable. */
  readonly compileMs?: number;
  readonly firstMs?: number;
  readonly minMs?: number;
  readonly medianMs?: number;
  /** Blocks of the lowering that are computed, and all there are. */
  readonly activeBlocks?: number;
  readonly blocks?: number;
  /**
   * Largest absolute difference from the reference over `comparedRows` query rows of every head, and over all that these rows give to dk,
   * dv and dSinks.
   */
  readonly maxError?: number;
  readonly comparedRows?: number;
  /** Of the mask, in the program or beside it. */
  readonly maskBytes?: number;
  readonly codeBytes?: number;
  readonly tempBytes?: number;
  /** Why the row ends before its end: the error's text. */
  readonly failure?: string;
}

/** `16/2 x 256, T 4096, bf16`; a value size, a pass, a soft cap and sinks are told where they are not the default. */
export function caseText(options: Job['options']): string {
  const { heads, kvHeads = heads, headDim, valueDim = headDim, queries, keys = queries, dtype = 'f32', batch = 1 } = options;
  const { pass = 'forward', softCap, sinks } = options;
  return [
    `${batch > 1 ? `${batch} x ` : ''}${heads}/${kvHeads} x ${headDim}${valueDim === headDim ? '' : `/${valueDim}`}`,
    keys === queries ? `T ${queries}` : `T ${queries} x ${keys}`,
    dtype,
    ...(softCap === undefined ? [] : [`soft cap ${softCap}`]),
    ...(sinks ? ['sinks'] : []),
    ...(pass === 'forward' ? [] : [pass]),
  ].join(', ');
}

/** Never throws for what an attention or a plugin may fail of: the row says it in `failure`. */
export async function measure({ options, mask, preset, runs = 10, budgetMs = 60_000 }: Job, on: Client | Topology): Promise<Measurement> {
  const benchmarkCase = { name: caseText(options), options, mask, impl: 'flash', preset } as const;
  return measurementOf(benchmarkCase.name, await runCase(benchmarkCase, on, { budgetMs, maxRuns: runs, maxCompiles: 1, estimates: false }));
}

function measurementOf(text: string, row: BenchmarkRow): Measurement {
  const { build, lower, compile, first, step } = row.phases;
  const fields = {
    case: text,
    target: row.target,
    mask: row.mask,
    buildMs: build && lower && build.median + lower.median,
    maskBytes: row.mask_bytes,
    activeBlocks: row.active_blocks,
    blocks: row.blocks,
    compileMs: compile?.median,
    codeBytes: row.code_bytes,
    tempBytes: row.temp_bytes,
    firstMs: first?.median,
    minMs: step?.min,
    medianMs: step?.median,
    maxError: row.max_error,
    comparedRows: row.compared_rows,
    failure: row.error_message ?? row.skip_message,
  };
  return fields;
}
