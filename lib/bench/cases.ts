/** The cases of the two benchmarks: names, parameters and lists. */
import type { AttentionOptions } from '../attention';
import type { Preset } from '../lower';
import type { Impl } from './record';

export interface BenchmarkCase {
  /** As google-benchmark has names: the family, its arguments, and what is not as by default, `/`-separated. */
  readonly name: string;
  /** The attention but its mask. */
  readonly options: Omit<AttentionOptions, 'mask'>;
  /** The mask as text, for instance `causal` or `dense(causal)`; building it is part of the measured build. */
  readonly mask: string;
  readonly impl: Impl;
  /** Of the TPU kernels' tiles. */
  readonly preset?: Preset;
}
