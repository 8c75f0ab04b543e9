/** From what to compute to a program: one rule a target. */
import type { AttentionSpec } from '../attention';
import { ShapeError } from '../errors';
import type { Module } from '../types';
import { cpuBlocks, lowerCpu } from './cpu';
import { lowerDense } from './dense';
import { lowerTpu, tpuBlocks, type TpuOptions } from './tpu';

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

/**
 * The program of an attention for a target. A dense mask has one lowering, `dense`, on every target; so has on the CPU what its kernel
 * does not compute: a pass with a backward, a soft cap, sinks. `options` are the TPU kernels'. Throws ShapeError for an unknown target
 * or option, and for sizes past the target's limits.
 */
export function lower(spec: AttentionSpec, target: Target, options: TpuOptions = {}): Module {
  return ruleOf(spec, target).lower(spec, options);
}

/**
 * The blocks that `lower` cuts the attention into (of two kernels, the first), whose empty ones are skipped; undefined where it skips
 * nothing.
 */
export function lowerBlocking(spec: AttentionSpec, target: Target, options: TpuOptions = {}): Blocking | undefined {
  const blocking = ruleOf(spec, target).blocking(spec, options);
  return blocking && { blockQ: blocking.blockQ, blockK: blocking.blockK };
}

function ruleOf(spec: AttentionSpec, target: Target) {
  if (!Object.hasOwn(rules, target))
    throw new ShapeError(`lower: a target is one of ${Object.keys(rules).join(', ')}; got ${String(target)}`);
  const isPlain = spec.pass === 'forward' && spec.softCap === undefined && !spec.sinks;
  const rule: {
    lower(spec: AttentionSpec, options: TpuOptions): Module;
    blocking(spec: AttentionSpec, options: TpuOptions): Blocking | undefined;
  } = rules[spec.mask.kind === 'dense' || (target === 'cpu' && !isPlain) ? 'dense' : target];
  return rule;
}
