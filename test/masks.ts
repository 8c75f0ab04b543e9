/** Masks for tests: one or more of every kind as text, and random ones. */
import fc from 'fast-check';
import * as m from '../lib/mask';
import type { LazyMask } from '../lib/mask';

const small = (most: number) => fc.integer({ min: 0, max: most });
const size = fc.integer({ min: 1, max: 12 });
const offset = fc.integer({ min: -12, max: 12 });
const context = fc.option(small(12), { nil: null });

/** One of every shape that a TPU kernel walks apart, for 1024 tokens. */
export const kernelMaskTexts = [
  'full',
  'local(300, 4)',
  'chunkedCausal(100)',
  'prefix(70) & ~strided(2)',
  'documents(500, 500)',
  'segments & causal',
  'keyLengths',
  'perHead(full, causal)',
];

/** For sizes of some hundreds of tokens, of which no block of 128 divides all. */
export const maskTexts = [
  'full',
  'causal',
  'causal(-40)',
  'local(16, 0)',
  'local(3, 200)',
  'local(200, 3)',
  'local(0, 0, 300)',
  'local(null, 9)',
  'chunkedCausal(50)',
  'prefix(70)',
  'keyLimit(200)',
  'documents(60, 10, 130)',
  'strided(3, 1) & causal',
  'globalTokens(5) | local(10, 0)',
  'causal & ~local(20, 0)',
  '~(documents(40, 100) | prefix(140))',
  'segments',
  'segments & causal | globalTokens(2)',
  '~segments & local(40, 40)',
  'keyLengths & causal',
  '~keyLengths | documents(30, 30)',
  'perHead(causal, local(12, 3))',
  'perHead(full, documents(100, 50) & segments)',
];

/** Every kind, and compositions of them up to four deep. */
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
