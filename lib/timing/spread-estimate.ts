/** What a spread attention takes at the least: an estimate from peaks, of which nothing is measured. */
import { type AttentionSpec, flops, unmaskedPairs } from '../attention';
import type { Chip } from '../ir/chips';
import { criticalPath } from '../lower/ring-plan';
import type { Shards } from '../lower/mesh';

/** In seconds. The two go on at the same time, where the compiler's schedule lets them. */
export interface LeastTimes {
  /** The arithmetic of the unmasked pairs at the chip's peak; of a ring, of the busiest device of each step. */
  readonly computeSeconds: number;
  /** What a device sends, over one link to a neighbour; where the link's speed is known. */
  readonly linkSeconds?: number;
}

/** `sentBytes` as `distribution` has them. */
export function leastTimes(spec: AttentionSpec, { mesh, data, plan }: Shards, sentBytes: number, chip: Chip): LeastTimes {
  const pairs = plan ? criticalPath(plan) / data : unmaskedPairs(spec) / mesh.devices;
  const perPair = flops(spec) / Math.max(unmaskedPairs(spec), 1);
  const { linkBytesPerSecond } = chip;
  return {
    computeSeconds: (pairs * perPair) / chip.flopsPerSecond,
    ...(linkBytesPerSecond ? { linkSeconds: sentBytes / linkBytesPerSecond } : {}),
  };
}
