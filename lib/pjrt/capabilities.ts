/** What a plugin has of PJRT, function by function and extension by extension, read from the table that it exports. */
import { type CapabilityFacts, type ExtensionFacts, native } from './native';

// PJRT_Extension_Type of versions after the header's, as far as this library goes by them.
const laterExtensions: Readonly<Record<number, string>> = { 16: 'TpuTopology', 17: 'TpuExecutable' };

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** A function of `PJRT_Api`, and whether the plugin's table reaches to it and has a pointer there. One that is there may still answer UNIMPLEMENTED. */
export interface Slot {
  /** As in pjrt_c_api.h: `PJRT_Client_Create`. */
  readonly name: string;
  readonly present: boolean;
}

/** An extension in the plugin's chain. */
export interface Extension {
  /** PJRT_Extension_Type. */
  readonly type: number;
  /** As in pjrt_c_api.h, without its prefix: `RawBuffer`; absent where the type is later than the header. */
  readonly name?: string;
}

export interface Capabilities {
  /** The version of PJRT that the plugin speaks. */
  readonly api: Version;
  /** That of the pjrt_c_api.h which the addon is built with: its functions and extension types are the ones that have names. */
  readonly header: Version;
  /** Every function of the header, in its order. */
  readonly slots: readonly Slot[];
  /** Functions that the plugin has after the header's last one. */
  readonly laterSlots: number;
  /** In the order of the plugin's chain. */
  readonly extensions: readonly Extension[];
  /** The header's extension types that are not in the chain. */
  readonly missingExtensions: readonly string[];
}

export function capabilitiesOf(facts: CapabilityFacts): Capabilities {
  const types = new Set(facts.extensions.map(({ type }) => type));
  return {
    ...facts,
    extensions: facts.extensions.map(named),
    missingExtensions: native()
      .extensionNames()
      .filter((name, type) => !types.has(type) && !placeholders.has(name)),
  };
}

// Types that stand for no capability.
const placeholders: ReadonlySet<string> = new Set(['Example', 'Unknown']);

function named({ type, name = laterExtensions[type] }: ExtensionFacts): Extension {
  return name === undefined ? { type } : { type, name };
}

/**
 * The instruction sets of this library's attention kernels for the CPU plugin that this machine has, such as `avx512_bf16`: first the one that
 * runs, then the others, the fastest first.
 * @throws PjrtError INVALID_ARGUMENT where the environment variable NODE_PJRT_ISA, which chooses one, names another
 */
export function cpuKernels(): readonly string[] {
  return native().attentionKernels();
}

/** What an extension goes by in a text. */
export function extensionText({ type, name }: Extension): string {
  return name ?? `extension ${type}`;
}
