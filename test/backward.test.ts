/** The TPU's backward kernel, run by the meaning of its operations and compared with the plain loops. */
import type { AttentionOptions } from '../lib/attention';
import { parseMask } from '../lib/mask';
import { backwardErrors } from './backward-case';

/** Of a gradient's largest value: f32 sums in another order; bf16 rounds weights, their gradients and the results to 8 bits. */
const tolerance = { f32: 1e-5, bf16: 1.5e-2 };

function check(options: AttentionOptions, choice: { block: number; dq?: 'vmem' | 'hbm' }) {
  const errors = backwardErrors(options, choice);
  for (const [name, error] of Object.entries(errors))
    expect([name, error < tolerance[options.dtype ?? 'f32'], error]).toEqual([name, true, error]);
}

const masks = [
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

describe.each(['vmem', 'hbm'] as const)('dq in %s', (dq) => {
  test.each(masks)('%s, sizes that no block divides', (text) => {
    check({ heads: 2, kvHeads: 2, headDim: 16, queries: 300, keys: 420, mask: parseMask(text, 300, 420) }, { block: 128, dq });
    check({ heads: 4, kvHeads: 2, headDim: 16, queries: 420, keys: 300, mask: parseMask(text, 420, 300) }, { block: 128, dq });
  });
});
