/** From what to compute to a program: one rule a target. */
import type { AttentionSpec } from '../attention';
import { checkOptions, ShapeError, shown } from '../errors';
import type { Module } from '../types';
import { type CpuOptions, cpuBlocks, cpuPart } from './cpu';
import { densePart } from './dense';
import { moduleOf, type Part } from './part';
import type { MeshOptions } from './mesh';
import { lowerMesh } from './mesh-lower';
import { tpuBlocks, tpuPart, type TpuOptions } from './tpu';

export type { CpuOptions } from './cpu';
export type { BackwardChoice } from './tpu-backward-plan';
export type { ForwardChoice, Preset } from './tpu-choice';
export type { TpuOptions } from './tpu';
export { zigzagOrder } from './placement';
export type { RingPlan } from './ring-plan';
export { type AttentionMesh, type MeshOptions, type Shards, shardsOf, type TokenOrder } from './mesh';

/** Tokens a block of a kernel. */
export interface Blocking {
  readonly blockQ: number;
  readonly blockK: number;
}

const rules = {
  cpu: { part: cpuPart, blocking: () => cpuBlocks },
  tpu: { part: tpuPart, blocking: tpuBlocks },
  dense: { part: densePart, blocking: () => undefined },
};

/** `cpu` and `tpu` are kernels with block skipping, for the plugins of that name; `dense` is plain StableHLO for any, O(T^2). */
export type Target = keyof typeof rules;

/** What a kernel may be told; a target takes no notice of another's. */
export type LowerOptions = TpuOptions & CpuOptions & MeshOptions;

const known: Record<keyof LowerOptions, true> = {
  preset: true,
  chip: true,
  forward: true,
  backward: true,
  threads: true,
  mesh: true,
  order: true,
};

/**
 * The program of an attention for a target. A dense mask has one lowering, `dense`, on every target. Throws ShapeError for an unknown
 * target or option, and for a dtype or sizes past the target's limits.
 */
export function lower(spec: AttentionSpec, target: Target, options: LowerOptions = {}): Module {
  const rule = ruleOf(spec, target, options);
  if (options.mesh) return lowerMesh(spec, { mesh: options.mesh, order: options.order }, (own) => rule.part(own, options));
  if (options.order !== undefined) throw new ShapeError('lower: order is of a mesh with a sequence axis; there is no mesh');
  return moduleOf(spec, rule.part(spec, options));
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
    throw new ShapeError(`lower: a target is one of ${Object.keys(rules).join(', ')}; got ${shown(target)}`);
  // A misspelt option would else be the default, silently.
  checkOptions('lower', Object.keys(known), options);
  const rule: {
    part(spec: AttentionSpec, options: LowerOptions): Part;
    blocking(spec: AttentionSpec, options: LowerOptions): Blocking | undefined;
  } = rules[spec.mask.kind === 'dense' ? 'dense' : target];
  return rule;
}
