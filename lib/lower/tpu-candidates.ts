/**
 * The ways to cut an attention up that a kernel takes: what `node-pjrt tune` tries, and where to go on where a choice does not fit a
 * chip's memory.
 */
import type { AttentionSpec } from '../attention';
import type { Chip } from '../ir/chips';
import type { Kernel } from '../ir/kernel';
import { fitting, largestFitting } from '../ir/verify';
import type { BackwardChoice } from './tpu-backward-plan';
import { evenBlock, type ForwardChoice, headsOfStep } from './tpu-choice';
import { lanes } from './tpu-tiles';

// Past these a phase is tens of thousands of instructions, which the compiler takes tens of seconds for.
const mostWork = 2 * 512 * 512 * 512;

/** Square tiles of 128 to 1024 tokens, of the numbers of heads that a step may have. */
export function forwardCandidates(spec: AttentionSpec, cores: number): ForwardChoice[] {
  const { queries, keys, headDim, valueDim } = spec;
  const size = Math.max(headDim, valueDim);
  const found = new Map<string, ForwardChoice>();
  for (const heads of headsOfStep(spec, cores))
    for (const block of [1024, 512, 256, lanes]) {
      if (heads * block ** 2 * size > mostWork) continue;
      const choice = { blockQ: evenBlock(queries, block), blockK: evenBlock(keys, block), heads };
      found.set(JSON.stringify(choice), choice);
    }
  return [...found.values()];
}

/** Square tiles of 128 to 1024 tokens. */
export function backwardCandidates(spec: AttentionSpec): BackwardChoice[] {
  const blocks = [1024, 512, 256, lanes].map((block) => evenBlock(Math.max(spec.queries, spec.keys), block));
  return [...new Set(blocks)].map((block) => ({ block }));
}

// What the compiler spills beside a kernel's own memory: 4.9 MB of a backward tile of 1024 at head_dim 256, the most that was seen.
const spillBytes = 5 * 2 ** 20;

interface Asked<T> {
  /** The caller's choice. */
  readonly own?: T;
  /** What is chosen without. */
  readonly usual: () => T;
  /** Memory goes with it. */
  readonly size: (choice: T) => number;
  readonly candidates: readonly T[];
  readonly build: (choice: T) => Kernel;
}

/**
 * A choice whose kernel fits the chip's memory: the caller's, or the usual one, or the largest candidate below that. Throws ShapeError
 * for a caller's that does not fit, naming the next that does.
 */
export function chosen<T>({ own, usual, size, candidates, build }: Asked<T>, chip: Chip): T {
  const smaller = (than: T) => candidates.filter((one) => size(one) < size(than)).sort((a, b) => size(b) - size(a));
  if (own !== undefined) {
    fitting(own, smaller(own), build, chip);
    return own;
  }
  const first = usual();
  const roomy = { ...chip, vmemBytes: chip.vmemBytes - spillBytes };
  return largestFitting([first], build, roomy) ?? largestFitting(smaller(first), build, roomy) ?? first;
}
