/** What `node-pjrt tune` tries: the ways to cut an attention up that a kernel takes. */
import type { AttentionSpec } from '../attention';
import type { BackwardChoice } from './tpu-backward-plan';
import { evenBlock, type ForwardChoice, headsOfStep } from './tpu-choice';

// Past these a phase is tens of thousands of instructions, which the compiler takes tens of seconds for.
const mostWork = 2 * 512 * 512 * 512;
const leastBlock = 128;

/** Square tiles of 128 to 1024 tokens, of the numbers of heads that a step may have. */
export function forwardCandidates(spec: AttentionSpec, cores: number): ForwardChoice[] {
  const { queries, keys, headDim, valueDim } = spec;
  const size = Math.max(headDim, valueDim);
  const found = new Map<string, ForwardChoice>();
  for (const heads of headsOfStep(spec, cores))
    for (const block of [1024, 512, 256, leastBlock]) {
      if (heads * block ** 2 * size > mostWork) continue;
      const choice = { blockQ: evenBlock(queries, block), blockK: evenBlock(keys, block), heads };
      found.set(JSON.stringify(choice), choice);
    }
  return [...found.values()];
}

/** Square tiles of 128 to 1024 tokens. */
export function backwardCandidates(spec: AttentionSpec): BackwardChoice[] {
  const blocks = [1024, 512, 256, leastBlock].map((block) => evenBlock(Math.max(spec.queries, spec.keys), block));
  return [...new Set(blocks)].map((block) => ({ block }));
}
