/** The addon's functions and their types: the only file that knows the addon. What it throws becomes one of this library's errors here. */
import * as path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import bindings = require('bindings');
import { DisposedError, PjrtError, PluginError, pjrtCodes } from '../errors';
import { type Dispatch, type StoreQuestion, withPromises } from './asking';
import { howToBuild, prebuiltFile } from './prebuilt';

/** A native handle. Only the addon looks inside. */
export interface Raw {
  readonly __raw: never;
}

/** A handle of a plugin in a process of its own (see isolated/child.ts): a call that it is the first argument of is made there. */
export abstract class Distant {
  abstract call(name: string, args: readonly unknown[]): unknown;
}

/** Memory that is filled in parts, and then is a tensor. */
export interface Staged {
  readonly __staged: never;
}

export interface PluginFacts {
  readonly raw: Raw;
  readonly ffiProblem: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface ExtensionFacts {
  readonly type: number;
  readonly name?: string;
}

export interface CapabilityFacts {
  readonly api: { readonly major: number; readonly minor: number };
  readonly header: { readonly major: number; readonly minor: number };
  readonly slots: readonly { readonly name: string; readonly present: boolean }[];
  readonly laterSlots: number;
  readonly extensions: readonly ExtensionFacts[];
}

/** What a plugin says of itself or of a device under a name of its own. */
export type Attribute = string | number | boolean | readonly number[];

export interface DeviceFacts {
  readonly id: number;
  /** The process, of those that run a program together, which has the device. */
  readonly processIndex: number;
  readonly kind: string;
  readonly description: string;
  /** More than `description`, for people. */
  readonly debugString: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface LocalDeviceFacts extends DeviceFacts {
  readonly localHardwareId: number;
}

export type CreateOptionRow = readonly [
  name: string,
  kind: 'string' | 'bool' | 'int64' | 'float' | 'int64s',
  value: string | boolean | number | readonly number[],
];

export interface PlatformFacts {
  readonly platform: string;
  readonly platformVersion: string;
  readonly devices: readonly DeviceFacts[];
}

export interface ClientFacts extends PlatformFacts {
  readonly devices: readonly LocalDeviceFacts[];
}

/** How a tensor lies in memory: tiled, or by a step in bytes along each axis. */
export type Layout =
  | {
      /** Axes, the one whose elements are next to each other first. */
      readonly minorToMajor: readonly number[];
      /** Sizes of the tiles, and of those inside them; none where there are no tiles. */
      readonly tiles: readonly (readonly number[])[];
    }
  | { readonly byteStrides: readonly number[] };

export interface MemoryFacts {
  readonly id: number;
  readonly kind: string;
  readonly description: string;
  readonly isDefault: boolean;
}

/** A memory that the devices of a topology have. */
export interface MemoryKind {
  /** The plugin's name of what it is: 'device', 'pinned_host', 'unpinned_host'. */
  readonly kind: string;
  readonly isDefault: boolean;
}

/** Bytes of a device's memory. What a plugin does not say is absent. */
export interface MemoryStats {
  readonly bytesInUse: number;
  readonly peakBytesInUse?: number;
  readonly bytesLimit?: number;
  readonly bytesReserved?: number;
  readonly largestFreeBlockBytes?: number;
  readonly allocations?: number;
}

/** Bytes that a compiled program needs on each device. `hostBytes` is what it keeps in the host's memory instead. */
export interface CompiledMemory {
  readonly argumentBytes: number;
  readonly outputBytes: number;
  /** Of the outputs: what reuses the memory of donated arguments. */
  readonly aliasBytes: number;
  readonly tempBytes: number;
  readonly codeBytes: number;
  readonly peakBytes: number;
  readonly hostBytes: number;
}

/** Where a run is launched: see native/run.cc. */
export const where = { here: 0, worker: 1, ownThread: 2, dispatched: 3 } as const;
export type Where = (typeof where)[keyof typeof where];

/** A line that a plugin logged; the level is its place in `levels` of observe/log.ts. */
export interface LogFacts {
  readonly plugin: string;
  readonly level: number;
  readonly time: number;
  readonly thread: number;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

interface Addon {
  setEnvironment(rows: readonly (readonly [name: string, value: string, append: boolean])[]): void;
  drain(): void;
  live(ofProcess: boolean): number[];
  openTrace(path: string): [file: Raw, began: number];
  writeTrace(file: Raw, event: string): void;
  closeTrace(file: Raw): void;
  takeLogs(print: number, hear: () => void, most: number): () => [lines: LogFacts[], leftOut: number];
  newLogPipe(): [toRead: number, toWrite: number];
  sendLogs(print: number, printed: number, pipe: number, most: number): void;
  release(handle: Raw): void;
  loadPlugin(path: string): Promise<PluginFacts>;
  attentionKernels(): string[];
  capabilities(plugin: Raw): CapabilityFacts;
  extensionNames(): string[];
  createClient(plugin: Raw, options: readonly CreateOptionRow[], ask?: StoreQuestion): Promise<Raw>;
  clientFacts(client: Raw): ClientFacts;
  deviceMemory(client: Raw, device: number): MemoryStats;
  createTopology(plugin: Raw, name: string): Promise<Raw>;
  topologyFacts(topology: Raw): PlatformFacts;
  topologyAttributes(topology: Raw): Record<string, Attribute>;
  serializeTopology(topology: Raw): Uint8Array;
  deserializeTopology(plugin: Raw, bytes: Uint8Array): Promise<Raw>;
  // Texts and compiled programs are arrays of `hostMemory`: a worker reads them.
  compile(client: Raw, text: Uint8Array, options: Uint8Array): Promise<Raw>;
  compileAhead(topology: Raw, text: Uint8Array, options: Uint8Array): Promise<Raw>;
  deserialize(client: Raw, bytes: Uint8Array): Promise<Raw>;
  name(executable: Raw): string;
  fingerprint(executable: Raw): Uint8Array;
  codeBytes(executable: Raw): number;
  cost(executable: Raw): Record<string, number>;
  memory(executable: Raw): CompiledMemory;
  copies(executable: Raw): [replicas: number, partitions: number];
  outputMemoryKinds(executable: Raw): string[];
  optimizedProgram(executable: Raw): Promise<[format: string, bytes: ArrayBuffer]>;
  outputs(executable: Raw): [type: number, shape: number[]][];
  serialize(executable: Raw): Promise<ArrayBuffer>;
  devicesOf(executable: Raw): number[];
  clientLayout(client: Raw, type: number, shape: readonly number[]): string;
  topologyLayout(topology: Raw, type: number, shape: readonly number[]): string;
  executableLayouts(executable: Raw, ofInputs: boolean): string[];
  topologyMemories(topology: Raw, device: number): MemoryKind[];
  startProfile(plugin: Raw, options: Uint8Array): Promise<Raw>;
  stopProfile(profile: Raw): Promise<ArrayBuffer>;
  memories(client: Raw, device: number): MemoryFacts[];
  memoryOf(buffer: Raw, device: number): number;
  copyTo(buffer: Raw, client: Raw, device: number, memory: number, bytes: number): Raw;
  layout(buffer: Raw): Layout;
  deviceBytes(buffer: Raw): number;
  upload(client: Raw, device: number, memory: number, type: number, shape: readonly number[], bytes: Uint8Array): Raw;
  hostMemory(bytes: number, isCallers?: boolean): ArrayBuffer;
  alias(client: Raw, device: number, memory: number, type: number, shape: readonly number[], bytes: Uint8Array): Raw;
  view(buffer: Raw, bytes: number): ArrayBuffer | Promise<ArrayBuffer>;
  stage(bytes: number, isShared: boolean): Staged;
  stageArray(bytes: Uint8Array): Staged;
  shareStage(staged: Staged, pid: number): number;
  isFresh(staged: Staged): boolean;
  fetchStage(staged: Staged, from: number, to: number): Promise<void>;
  fillStage(staged: Staged, offset: number, bytes: Uint8Array): void;
  dropStage(staged: Staged): void;
  uploadStage(client: Raw, device: number, memory: number, type: number, shape: readonly number[], staged: Staged): Raw;
  uploadStageLater(client: Raw, device: number, memory: number, type: number, shape: readonly number[], staged: Staged): Promise<Raw>;
  createTransfer(client: Raw, device: number, memory: number, types: readonly number[], shapes: readonly (readonly number[])[]): Raw;
  transferBuffer(transfer: Raw, client: Raw, index: number, bytes: number): Raw;
  transferStage(transfer: Raw, index: number, staged: Staged, offset: number, isLast: boolean): Promise<void>;
  failTransfer(transfer: Raw, index: number, message: string): void;
  read(buffer: Raw, bytes: number): Promise<ArrayBuffer>;
  ready(buffer: Raw): Promise<void>;
  execute(
    executable: Raw,
    client: Raw,
    devices: number,
    inputs: readonly Raw[],
    outputBytes: readonly number[],
    where: Where,
  ): Promise<Raw[]>;
  registerHandler(plugin: Raw, name: string, library: string, symbols: readonly string[]): void;
  listen(plugin: Raw, dispatch: Dispatch): void;
  // Of two processes: isolated/.
  socketPair(): [number, number];
  waitFor(socket: number, toWrite: boolean, ms: number): boolean;
  exitOf(pid: number, ms: number): [code: number, signal: number] | undefined;
  own(pid: number): void;
  disown(pid: number): void;
  endWithParent(): void;
  close(descriptor: number): void;
  sendDescriptor(socket: number, descriptor: number): boolean;
  receiveDescriptor(socket: number): number;
  newLog(): number;
  shareBytes(bytes: Uint8Array): number;
  mapMemory(descriptor: number): ArrayBuffer;
  uploadMemory(client: Raw, device: number, memory: number, type: number, shape: readonly number[], descriptor: number): Raw;
  readMemory(buffer: Raw, bytes: number): Promise<number>;
}

type Promising = { [Name in keyof Addon]: ReturnType<Addon[Name]> extends Promise<unknown> ? Name : never }[keyof Addon];

const promising: Record<Promising, true> = {
  loadPlugin: true,
  createClient: true,
  createTopology: true,
  deserializeTopology: true,
  compile: true,
  compileAhead: true,
  deserialize: true,
  optimizedProgram: true,
  serialize: true,
  fetchStage: true,
  uploadStageLater: true,
  transferStage: true,
  startProfile: true,
  stopProfile: true,
  read: true,
  ready: true,
  execute: true,
  readMemory: true,
};

/** Whether a function of the addon returns a promise. */
export const isPromising = (name: string) => Object.hasOwn(promising, name);

// Codes that are not the plugin's: see native/pjrt.h.
const noPlugin = -1;
const disposed = -2;

function explained(error: unknown): unknown {
  const { code, message, missing } = error as { code?: unknown; message: string; missing?: string };
  if (typeof code !== 'number') return error;
  if (code === noPlugin) return new PluginError(message);
  if (code === disposed) return new DisposedError(message);
  return new PjrtError(pjrtCodes[code] ?? 'UNKNOWN', message.trim(), missing);
}

type Unknown = (...args: unknown[]) => unknown;

/** `f`, a function of the addon or one that answers like it, with what it throws as this library's errors. */
export function guarded(f: Unknown, name = f.name): Unknown {
  return (...args) => {
    try {
      const [first] = args;
      const result = (first instanceof Distant ? first.call(name, args) : f(...args)) as { then?: unknown } | undefined;
      if (typeof result?.then !== 'function') return result;
      return (result as Promise<unknown>).catch((error) => {
        throw explained(error);
      });
    } catch (error) {
      throw explained(error);
    }
  };
}

/**
 * The addon's file: what `NODE_PJRT_ADDON` names, else what is built here, else that of the platform's package. Throws PluginError where
 * there is none.
 */
export function addonFile(): string {
  const { NODE_PJRT_ADDON } = process.env;
  if (NODE_PJRT_ADDON) return path.resolve(NODE_PJRT_ADDON);
  const options: bindings.Options & { path: true } = { bindings: 'node_pjrt', module_root: path.join(__dirname, '..', '..'), path: true };
  try {
    return bindings(options);
  } catch (error) {
    if (!('tries' in (error as Error))) throw error;
    return prebuiltFile();
  }
}

/** Whether the addon that is used is that of the platform's package. */
export function isPrebuilt(): boolean {
  try {
    return addonFile() === prebuiltFile();
  } catch {
    return false;
  }
}

/** The addon as it is. Its errors have PJRT's number for a code. */
export const rawAddon = () => withPromises(load(addonFile()));

function load(file: string): Record<string, Unknown> {
  try {
    return require(file);
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    throw new PluginError(`the addon does not load: ${line}; ${howToBuild()}`);
  }
}

let loaded: Addon | undefined;

/** Whether anything needed the addon yet. */
export function isLoaded(): boolean {
  return loaded !== undefined;
}

/** The addon, loaded when it is first needed: the half of the library that only writes programs works without it. */
export function native(): Addon {
  if (loaded) return loaded;
  loaded = Object.fromEntries(Object.entries(rawAddon()).map(([name, f]) => [name, guarded(f, name)])) as unknown as Addon;
  // A plugin that is at work while the process takes itself down crashes it. A worker's end waits by itself, for what is its own.
  if (isMainThread) process.once('exit', loaded.drain);
  return loaded;
}
