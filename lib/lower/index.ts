/** From what to compute to a program: one rule a target. */
import type { AttentionSpec } from '../attention';
import { ShapeError } from '../errors';
import type { Module } from '../types';
import { type CpuOptions, cpuBlocks, lowerCpu } from './cpu';
import { lowerDense } from './dense';
import { lowerTpu, tpuBlocks, type TpuOptions } from './tpu';

export type { CpuOptions } from './cpu';
export type { BackwardChoice } from './tpu-backward-plan';
export type { ForwardChoice, Preset } from './tpu-choice';
export type { TpuOptions } from './tpu';

/** Tokens a block of a kernel. */
export interface Blocking {
  readonly blockQ: number;
  readonly blockK: number;
}

const rules = {
  cpu: { lower: lowerCpu, blocking: () => cpuBlocks },
  tpu: { lower: lowerTpu, blocking: tpuBlocks },
  dense: { lower: lowerDense, blocking: () => undefined },
};

/** `cpu` and `tpu` are kernels with block skipping, for the plugins of that name; `dense` is plain StableHLO for any, O(T^2). */
export type Target = keyof typeof rules;

/** What a kernel may be told; a target takes no notice of another's. */
export type LowerOptions = TpuOptions & CpuOptions;

const known: Record<keyof LowerOptions, true> = { preset: true, chip: true, forward: true, backward: true, threads: true };

/**
 * The program of an attention for a target. A dense mask has one lowering, `dense`, on every target. Throws ShapeError for an unknown
 * target or option, and for a dtype or sizes past the target's limits.
 */
export function lower(spec: AttentionSpec, target: Target, options: LowerOptions = {}): Module {
  return ruleOf(spec, target, options).lower(spec, options);
}

/**
 * The blocks that `lower` cuts the attention into (of two kernels, the first), whose empty ones are skipped; undefined where it skips
 * nothing.
 */
export function lowerBlocking(spec: AttentionSpec, target: Target, options: LowerOptions = {}): Blocking | undefined {
  const blocking = ruleOf(spec, target, options).blocking(spec, options);
  return blocking && { blockQ: blocking.blockQ, blockK: blocking.blockK };
}

function ruleOf(spec: AttentionSpec, target: Target, options: LowerOptions) {
  if (!Object.hasOwn(rules, target))
    throw new ShapeError(`lower: a target is one of ${Object.keys(rules).join(', ')}; got ${String(target)}`);
  // A misspelt option would else be the default, silently.
  for (const name of Object.keys(options))
    if (!Object.hasOwn(known, name)) throw new ShapeError(`lower: options are ${Object.keys(known).join(', ')}; got ${name}`);
  const rule: {
    lower(spec: AttentionSpec, options: LowerOptions): Module;
    blocking(spec: AttentionSpec, options: LowerOptions): Blocking | undefined;
  } = rules[spec.mask.kind === 'dense' ? 'dense' : target];
  return rule;
}
