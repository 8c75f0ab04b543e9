/** Random masks of every kind, and compositions of them up to four deep. */
import fc from 'fast-check';
import * as m from '../lib/mask';
import type { LazyMask } from '../lib/mask';

const small = (most: number) => fc.integer({ min: 0, max: most });
const size = fc.integer({ min: 1, max: 12 });
const offset = fc.integer({ min: -12, max: 12 });
const context = fc.option(small(12), { nil: null });

export const anyMask = fc.letrec<{ mask: LazyMask }>((tie) => ({
  mask: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(m.full()),
    offset.map((n) => m.causal(n)),
    fc.tuple(context, context, offset).map(([left, right, n]) => m.local(left, right, n)),
    size.map(m.chunkedCausal),
    small(24).map(m.prefix),
    small(24).map(m.keyLimit),
    fc.array(size, { minLength: 1, maxLength: 4 }).map(m.documents),
    fc.tuple(fc.integer({ min: 1, max: 4 }), offset).map(([stride, n]) => m.strided(stride, n)),
    small(8).map(m.globalTokens),
    fc.constant(m.segments()),
    fc.constant(m.keyLengths()),
    fc.array(tie('mask'), { minLength: 1, maxLength: 3 }).map((masks) => m.and(...masks)),
    fc.array(tie('mask'), { minLength: 1, maxLength: 3 }).map((masks) => m.or(...masks)),
    tie('mask').map(m.not),
  ),
})).mask;
