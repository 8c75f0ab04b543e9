/** The cases of the two benchmarks: names, parameters and lists. */
import { type AttentionDType, type AttentionOptions, attention, type Pass } from '../attention';
import { ShapeError } from '../errors';
import type { Preset } from '../lower';
import type { Impl } from './record';

export interface BenchmarkCase {
  /** As google-benchmark has names: the family, its arguments, and by name what is not as by default, between slashes. */
  readonly name: string;
  /** The attention but its mask. */
  readonly options: Omit<AttentionOptions, 'mask'>;
  /** The mask as text, for instance `causal` or `dense(causal)`; building it is part of the measured build. */
  readonly mask: string;
  readonly impl: Impl;
  /** Of the TPU kernels' tiles. */
  readonly preset?: Preset;
}

/** What a case may have beside its sizes; a name does not tell a default. */
export interface Variant {
  /** `causal` by default. */
  readonly mask?: string;
  /** `forward` by default. */
  readonly pass?: Pass;
  /** `flash` by default. */
  readonly impl?: Impl;
  /** `bf16` by default. */
  readonly dtype?: AttentionDType;
  /** `fast` by default. */
  readonly preset?: Preset;
}

export const families = ['FlashAttentionBenchmark', 'MQABenchmark'] as const;
export type Family = (typeof families)[number];

/** The four fields of a name: `model_dim` is heads x head_dim, `seq` the tokens of queries and keys. */
export interface Sizes {
  readonly modelDim: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly seq: number;
}

/** Every case that the history of apple/axlearn's FlashAttentionBenchmark has. */
export const flashSizes: readonly Sizes[] = [
  [256, 2, 2, 512],
  [2048, 16, 2, 1024],
  [4096, 16, 2, 1024],
  [4096, 16, 2, 4096],
  [4096, 16, 2, 8192],
  [4096, 16, 2, 32768],
].map(([modelDim, heads, kvHeads, seq]) => ({ modelDim, heads, kvHeads, seq }));

/** `MQABenchmark` has one kv head; the sizes are those of `flashSizes`. */
export const mqaSizes: readonly Sizes[] = flashSizes.map((sizes) => ({ ...sizes, kvHeads: 1 }));

/**
 * `FlashAttentionBenchmark/4096/16/2/32768/mask:local(1023, 0)`. Throws ShapeError where heads do not divide model_dim, or for what
 * `attention` takes no more.
 */
export function attentionCase(sizes: Sizes, variant: Variant = {}, family: Family = 'FlashAttentionBenchmark'): BenchmarkCase {
  const { modelDim, heads, kvHeads, seq } = sizes;
  const { mask = 'causal', pass = 'forward', impl = 'flash', dtype = 'bf16', preset = 'fast' } = variant;
  if (modelDim % heads) throw new ShapeError(`model_dim is heads x head_dim; got ${modelDim} with ${heads} heads`);
  const options = { heads, kvHeads, headDim: modelDim / heads, queries: seq, dtype, pass };
  attention(options);
  const name = [family, modelDim, heads, kvHeads, seq, ...variantNames({ mask, pass, impl, dtype, preset })].join('/');
  return { name, options, mask, impl, preset };
}

const defaults: Required<Variant> = { mask: 'causal', pass: 'forward', impl: 'flash', dtype: 'bf16', preset: 'fast' };

function variantNames(variant: Variant): string[] {
  return Object.entries(variant)
    .filter(([key, value]) => value !== defaults[key as keyof Variant])
    .map(([key, value]) => `${key}:${value}`);
}

/** The attention of the layers of apple/axlearn's models, heads of 128 each (tpu_attention_benchmark.py at pull request 908). */
export const layerHeads = { '1.2b': 16, '12.6b': 40, '29.6b': 56, '65.2b': 72, '134b': 88, '261.7b': 110, '539.5b': 140 } as const;
export type LayerName = keyof typeof layerHeads;
export const layerNames = Object.keys(layerHeads) as readonly LayerName[];

export interface LayerSizes {
  readonly batch: number;
  readonly seq: number;
  /** Keys before a query's own that it attends to, as axlearn counts a sliding window. */
  readonly window: number;
}

/** `AttentionLayerBenchmark/1.2b/2/8192/1024`: batch, tokens and window of the layer's attention, causal in both impls but for `mask`. */
export function layerCase(layer: LayerName, { batch, seq, window }: LayerSizes, variant: Variant = {}): BenchmarkCase {
  const own = `local(${window}, 0)`;
  const { mask = own, pass = 'forward', impl = 'flash', dtype = 'bf16', preset = 'fast' } = variant;
  const names = variantNames({ mask: mask === own ? defaults.mask : mask, pass, impl, dtype, preset });
  if (mask === 'causal') names.unshift('mask:causal');
  const options = { batch, heads: layerHeads[layer], headDim: 128, queries: seq, dtype, pass };
  return { name: ['AttentionLayerBenchmark', layer, batch, seq, window, ...names].join('/'), options, mask, impl, preset };
}
