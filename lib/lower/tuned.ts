/** Choices found by `node-pjrt tune`: a small table that ships with the package, by chip, class of shape and class of mask. */
import type { AttentionSpec } from '../attention';
import { chipOf } from '../ir/chips';
import { masksOf } from '../mask';
import { type BackwardChoice, backwardChoice } from './tpu-backward-plan';
import { evenBlock, type ForwardChoice, forwardChoice, headsOfStep, type Preset } from './tpu-choice';
import { bandOf } from './tpu-tiles';
import table from './tuned.json';

/** What attentions have in common that one choice serves. */
export interface TunedClass {
  readonly kernel: 'forward' | 'backward';
  readonly dtype: string;
  /** The larger of the two head sizes, rounded up to a multiple of 64. */
  readonly size: number;
  /** Query heads a kv head. */
  readonly group: number;
  /** `full`, `causal`, `window <tokens rounded up to a power of two>`, or `other`. */
  readonly mask: string;
  /** On the longer side: `few` below 2048, `short` below 8192. */
  readonly tokens: 'few' | 'short' | 'long';
}

export interface TunedEntry extends TunedClass {
  /** The generation: v5p. */
  readonly chip: string;
  readonly fast: Readonly<Record<string, number>>;
  readonly lean: Readonly<Record<string, number>>;
}

export interface TunedTable {
  readonly version: 1;
  /** In the order of `tunedKey`. */
  readonly entries: readonly TunedEntry[];
}

export function tunedClass(spec: AttentionSpec, kernel: TunedClass['kernel']): TunedClass {
  const { headDim, valueDim, heads, kvHeads, queries, keys, dtype } = spec;
  const longer = Math.max(queries, keys);
  return {
    kernel,
    dtype,
    size: Math.ceil(Math.max(headDim, valueDim) / 64) * 64,
    group: heads / kvHeads,
    mask: maskClass(spec),
    tokens: longer < 2048 ? 'few' : longer < 8192 ? 'short' : 'long',
  };
}

function maskClass({ mask, heads, queries, keys }: AttentionSpec): string {
  if (mask.kind === 'dense') return 'other';
  const masks = masksOf(mask, heads);
  const [first] = masks;
  const band = masks.length === 1 && first.kind !== 'dense' ? bandOf(first) : undefined;
  if (!band) return 'other';
  const isOpen = band.low <= 1 - queries;
  if (isOpen && band.high >= keys - 1) return 'full';
  if (isOpen) return 'causal';
  const width = Math.min(band.high, keys - 1) - band.low + 1;
  return `window ${2 ** Math.ceil(Math.log2(Math.max(1, width)))}`;
}

/** Orders and names an entry. */
export function tunedKey({ chip, kernel, dtype, size, group, mask, tokens }: TunedClass & { readonly chip: string }): string {
  return [chip, kernel, dtype, String(size).padStart(4, '0'), String(group).padStart(4, '0'), mask, tokens].join(' ');
}

interface Wanted {
  readonly preset?: Preset;
  /** v5p by default. */
  readonly chip?: string;
}

/** The forward kernel's choice: of the class's tuned entry where there is one that suits the spec's heads, else the preset's. */
export function forwardFor(spec: AttentionSpec, { preset = 'fast', chip = 'v5p' }: Wanted = {}): ForwardChoice {
  const { cores } = chipOf(chip);
  const found = entryOf(spec, 'forward', chip)?.[preset];
  if (!found || !headsOfStep(spec, cores).includes(found.heads)) return forwardChoice(spec, preset, cores);
  return { blockQ: evenBlock(spec.queries, found.blockQ), blockK: evenBlock(spec.keys, found.blockK), heads: found.heads };
}

/** The backward kernel's choice, likewise. */
export function backwardFor(spec: AttentionSpec, { preset = 'fast', chip = 'v5p' }: Wanted = {}): BackwardChoice {
  const found = entryOf(spec, 'backward', chip)?.[preset];
  return found ? { block: evenBlock(Math.max(spec.queries, spec.keys), found.block) } : backwardChoice(spec, preset, chipOf(chip));
}

const entries = new Map((table as unknown as TunedTable).entries.map((entry) => [tunedKey(entry), entry]));

function entryOf(spec: AttentionSpec, kernel: TunedClass['kernel'], chip: string): TunedEntry | undefined {
  return entries.get(tunedKey({ chip, ...tunedClass(spec, kernel) }));
}
