/** How a TPU kernel cuts an attention up: what can be chosen freely, and what is chosen by default. */
import type { AttentionSpec } from '../attention';
import { masksOf } from '../mask';

/** The forward kernel's choice: tokens a tile, square where the mask is a band, and query heads that a grid step works on. */
export interface ForwardChoice {
  readonly blockQ: number;
  readonly blockK: number;
  readonly heads: number;
}

const lanes = 128;

/** `tokens` in the fewest blocks of one size that is a multiple of 128 and at most `largest`. */
export function evenBlock(tokens: number, largest: number): number {
  return Math.ceil(tokens / Math.ceil(tokens / largest) / lanes) * lanes;
}

/**
 * Query heads that a step may work on: they divide the heads of a core, have one mask, and share kv heads: a group's or, where each query head has its
 * own, as many.
 */
export function headsOfStep(spec: AttentionSpec, cores: number): number[] {
  const { batch, heads, kvHeads, mask } = spec;
  const group = heads / kvHeads;
  const perMask = heads / masksOf(mask, heads).length;
  const perCore = (batch * heads) % cores === 0 ? (batch * heads) / cores : batch * heads;
  return [1, 2, 4, 8].filter((n) => perCore % n === 0 && perMask % n === 0 && (group === 1 || group % n === 0));
}

/**
 * A step's columns (queries x heads) fill the MXU's pipeline: 1024 at head_dim 256, 2048 at 128. A kv group is kept whole where its heads fit at blocks of 256
 * or more, so that its keys and values are read once.
 */
export function forwardChoice(spec: AttentionSpec, cores: number): ForwardChoice {
  const { queries, keys, headDim, valueDim, heads, kvHeads, dtype } = spec;
  const size = Math.max(headDim, valueDim);
  const columns = (size > 512 ? 128 : size > 256 ? 256 : size > 128 ? 1024 : 2048) / (dtype === 'f32' ? 2 : 1);
  const group = heads / kvHeads;
  const possible = headsOfStep(spec, cores).filter((n) => n * 128 <= Math.max(columns, 128));
  const largest = Math.max(...possible);
  const whole = group > 1 && largest === group && columns / group >= 256;
  const together = whole ? largest : Math.max(...possible.filter((n) => n * Math.min(512, columns) <= Math.max(columns, 512)));
  const block = Math.max(lanes, Math.min(512, Math.floor(columns / together / lanes) * lanes));
  return { blockQ: evenBlock(queries, block), blockK: evenBlock(keys, Math.max(block, queries <= lanes ? 512 : 0)), heads: together };
}
