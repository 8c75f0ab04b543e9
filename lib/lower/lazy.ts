/** What the kernels take. */
import type { AttentionSpec } from '../attention';
import { ShapeError } from '../errors';
import { type LazyMask, masksOf } from '../mask';

/** The masks of an attention's heads: one for all, or one a group. Throws ShapeError for a dense mask, whose lowering is `dense`. */
export function lazyMasks(spec: AttentionSpec): readonly LazyMask[] {
  return masksOf(spec.mask, spec.heads).map((mask) => {
    if (mask.kind === 'dense') throw new ShapeError('a kernel takes lazy masks; a dense one is lowered with lower(spec, "dense")');
    return mask;
  });
}
