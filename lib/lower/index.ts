/** From what to compute to a program: one rule a target. */
import type { AttentionSpec } from '../attention';
import { ShapeError } from '../errors';
import type { Module } from '../types';
import { cpuBlocks, lowerCpu } from './cpu';
import { lowerDense } from './dense';
import { lowerTpu } from './tpu';
import { forwardFor } from './tuned';

/** Tokens a block of a kernel. */
export interface Blocking {
  readonly blockQ: number;
  readonly blockK: number;
}

const rules = {
  cpu: { lower: lowerCpu, blocking: () => cpuBlocks },
  tpu: { lower: lowerTpu, blocking: (spec: AttentionSpec) => forwardFor(spec) },
  dense: { lower: lowerDense, blocking: () => undefined },
};

/** `cpu` and `tpu` are kernels with block skipping, for the plugins of that name; `dense` is plain StableHLO for any, O(T^2). */
export type Target = keyof typeof rules;

/**
 * The program of an attention for a target. A dense mask has one lowering, `dense`, on every target; so have, on `cpu`, a pass with a backward, a
 * soft cap and sinks, which its kernel does not know. Throws ShapeError for an unknown target
 * and for sizes past the target's limits.
 */
export function lower(spec: AttentionSpec, target: Target): Module {
  return ruleOf(spec, target).lower(spec);
}

/** The blocks that `lower` cuts the attention into, whose empty ones are skipped; undefined where it skips nothing. */
export function lowerBlocking(spec: AttentionSpec, target: Target): Blocking | undefined {
  const blocking = ruleOf(spec, target).blocking(spec);
  return blocking && { blockQ: blocking.blockQ, blockK: blocking.blockK };
}

function ruleOf(spec: AttentionSpec, target: Target): (typeof rules)[Target] {
  if (!Object.hasOwn(rules, target))
    throw new ShapeError(`lower: a target is one of ${Object.keys(rules).join(', ')}; got ${String(target)}`);
  const onlyDense =
    spec.mask.kind === 'dense' || (target === 'cpu' && (spec.pass !== 'forward' || spec.softCap !== undefined || spec.sinks));
  return rules[onlyDense ? 'dense' : target];
}
