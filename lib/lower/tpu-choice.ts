/** How a TPU kernel cuts an attention up: what can be chosen freely, and what is chosen by default. */
import type { AttentionSpec } from '../attention';
import { ShapeError, shown } from '../errors';
import { masksOf } from '../mask';
import { lanes } from './tpu-tiles';

/** The forward kernel's choice: tokens a tile, square where the mask is a band, and query heads that a grid step works on. */
export interface ForwardChoice {
  readonly blockQ: number;
  readonly blockK: number;
  readonly heads: number;
}

/** Throws ShapeError for a dtype that no TPU kernel takes. */
export function elementOf({ dtype }: AttentionSpec): 'f32' | 'bf16' {
  if (dtype !== 'f32' && dtype !== 'bf16') throw new ShapeError(`the TPU kernels take f32 or bf16; got ${shown(dtype)}`);
  return dtype;
}

/** Throws ShapeError for a block that is no multiple of 128 tokens; `what` names it. */
export function checkBlock(what: string, block: number): void {
  if (!Number.isSafeInteger(block) || block < lanes || block % lanes !== 0)
    throw new ShapeError(`${what} is a multiple of ${lanes} tokens; got ${shown(block)}`);
}

/** `tokens` in the fewest blocks of one size that is a multiple of 128 and at most `largest`. */
export function evenBlock(tokens: number, largest: number): number {
  return Math.ceil(tokens / Math.ceil(tokens / largest) / lanes) * lanes;
}

/**
 * Query heads that a step may work on: they divide the heads of a core, have one mask, and share kv heads: a group's or, where each query
 * head has its own, as many.
 */
export function headsOfStep(spec: AttentionSpec, cores: number): number[] {
  const { batch, heads, kvHeads, mask } = spec;
  const group = heads / kvHeads;
  const perMask = heads / masksOf(mask, heads).length;
  const perCore = (batch * heads) % cores === 0 ? (batch * heads) / cores : batch * heads;
  return [1, 2, 4, 8].filter((n) => perCore % n === 0 && perMask % n === 0 && (group === 1 || group % n === 0));
}

/**
 * `fast` is for step time, `lean` for compile time: how many multiply-adds of two matmuls a phase has, at least. A phase costs about 180
 * cycles beside its matmuls, where the pipeline fills and drains, and the compiler takes time by its instructions (v5p, bf16, causal,
 * schedule of libtpu 0.0.52: at head_dim 256 blocks of 512 of one head 92 % of the MXU's limit and 0.45 s, of two 96 % and 0.9 s, of four
 * 98 % and 2 s).
 */
const phaseWork = { fast: 2 * 512 ** 3, lean: 512 ** 3 };
export type Preset = keyof typeof phaseWork;
export const presets = Object.keys(phaseWork) as Preset[];

/**
 * The preset's choice. The heads of a kv group stay together where there are up to eight, so that its keys and values are read once a row
 * of tiles; they make the work that a phase needs with smaller tiles, of which fewer pairs are wasted on a boundary.
 */
export function forwardChoice(spec: AttentionSpec, preset: Preset, cores: number): ForwardChoice {
  const { queries, keys, headDim, valueDim, heads, kvHeads, dtype } = spec;
  const size = Math.max(headDim, valueDim, lanes);
  const largest = size > 512 ? 128 : size > 256 || dtype === 'f32' ? 256 : 512;
  // A matmul of f32 is many of bf16.
  const passes = dtype === 'f32' ? 8 : 1;
  const isEnough = (block: number, together: number) => passes * together * block ** 2 * 2 * size >= phaseWork[preset];
  const possible = headsOfStep(spec, cores);
  const most = Math.max(...possible);
  const whole = heads > kvHeads && preset === 'fast' && dtype === 'bf16';
  const together = whole ? most : (possible.find((n) => isEnough(largest, n)) ?? Math.min(4, most));
  const block = [256, 512].find((one) => one < largest && isEnough(one, together)) ?? largest;
  // Few queries have long rows of tiles: wide ones.
  return { blockQ: evenBlock(queries, block), blockK: evenBlock(keys, queries <= lanes ? largest : block), heads: together };
}
