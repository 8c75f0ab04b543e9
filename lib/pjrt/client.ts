/** A client: a plugin's runtime on this machine, with its devices. */
import { checkBytes, checkObject, checkOptions, ShapeError, shown } from '../errors';
import { checkedType, type Module, type Port, type TensorType, dtypes } from '../types';
import type { Buffer } from './buffer';
import { Child } from './isolated/child';
import { CompileCache, cacheFolder, type CacheOption, compiled } from './cache/compile-cache';
import { createClient, type CreateOptions } from './create';
import { checkOutputs, type Executable, LoadedExecutable, type Stored } from './executable';
import { Handle, rawOf } from './handle';
import type { KeyValueStore } from './key-value';
import { heldCopy, heldText } from './held-bytes';
import { checkCollectives, checkElements } from './program/hazards';
import { aliasedBytes, type HostData, hostParts } from './host-data';
import type { IsolatedOption } from './isolated/isolated';
import { Memory } from './memory';
import { type Attribute, type ClientFacts, type LocalDeviceFacts, type MemoryStats, native, type Raw } from './native';
import { type CompilerOptions, compileOptions, type Spread, spreadOver } from './options';
import { Plugin } from './plugin';
import { partitionsOf, type Program, programOf, programOfPorts } from './program/program';
import { unsealed } from './cache/seal';
import { ShardedExecutable } from './sharded';
import { meshSpread } from './torus';
import { Transfer } from './transfer';
import { placed, uploaded } from './upload';

/** What programs are lowered for. */
export type Target = 'cpu' | 'tpu';

/** The target of a platform's programs. Throws ShapeError where there are no lowerings for it. */
export function targetOf(platform: string): Target {
  if (platform === 'cpu' || platform === 'tpu') return platform;
  throw new ShapeError(`there are lowerings for cpu and tpu, and lower(spec, 'dense') is for any platform; this one is ${platform}`);
}

/** A TPU's generation by a device's kind, as `lower` has it: v4, v5e, v5p, v6e, tpu7x; undefined for another kind. */
export function chipOfKind(kind: string): string | undefined {
  const [, number, small] = /^TPU ?v?(\d+x?)( lite|e)?/.exec(kind) ?? [];
  if (!number) return undefined;
  if (number === '7x' || number === '7') return 'tpu7x';
  return `v${number}${small ? 'e' : number === '5' ? 'p' : ''}`;
}

export class Device {
  readonly id: number;
  /** The process, of those that run a program together, which has it. */
  readonly processIndex: number;
  readonly kind: string;
  readonly description: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** What the machine calls it, as CUDA numbers its devices; -1 where it has no such name. */
  readonly localHardwareId: number;
  /** More than `description`, for people. */
  readonly debugString: string;
  readonly #client: Client;
  #memories: readonly Memory[] | undefined;
  /** @internal The place among the client's devices. */
  readonly index: number;

  /** @internal */
  constructor(facts: LocalDeviceFacts, client: Client, index: number) {
    this.id = facts.id;
    this.processIndex = facts.processIndex;
    this.kind = facts.kind;
    this.description = facts.description;
    this.attributes = facts.attributes;
    this.localHardwareId = facts.localHardwareId;
    this.debugString = facts.debugString;
    this.#client = client;
    this.index = index;
  }

  get client(): Client {
    return this.#client;
  }

  /** The memories that it can address, of the plugin's own kinds: its default one, and parts of the host's. */
  get memories(): readonly Memory[] {
    const client = rawOf(this.#client);
    this.#memories ??= native()
      .memories(client, this.index)
      .map((memory, index) => new Memory(memory, this, index));
    return this.#memories;
  }

  /** Bytes in use and free. Throws PjrtError UNIMPLEMENTED on a plugin that does not count them, as the CPU's. */
  memoryStats(): MemoryStats {
    return native().deviceMemory(rawOf(this.#client), this.index);
  }
}

export interface ClientOptions {
  /** Devices that the CPU plugin makes of this machine, 1 to 64; 1 by default. */
  readonly devices?: number;
  /** Other options of the plugin's, such as `node_id` and `num_nodes`. */
  readonly createOptions?: CreateOptions;
  /** What the plugin finds its other processes by. */
  readonly keyValueStore?: KeyValueStore;
  /** Whether compiled programs are kept on disk and looked for: see CacheOption. */
  readonly cache?: CacheOption;
  /** Whether the plugin runs in a process of its own, so that what crashes or hangs there is a PluginCrashError here. */
  readonly isolated?: IsolatedOption;
}

export class Client extends Handle {
  /** The plugin's name of what it runs on: 'cpu', 'tpu'. */
  readonly platform: string;
  readonly platformVersion: string;
  /** The devices of this process. */
  readonly devices: readonly Device[];

  private constructor(
    raw: Raw,
    readonly plugin: Plugin,
    facts: ClientFacts,
    /** Where it is on. */
    readonly cache: CompileCache | undefined,
  ) {
    super(raw);
    this.platform = facts.platform;
    this.platformVersion = facts.platformVersion;
    this.devices = facts.devices.map((device, index) => new Device(device, this, index));
  }

  /**
   * Opens the devices of a plugin: 'cpu', 'tpu' or the path of a library. Throws PluginError where there is no such plugin, PjrtError
   * where it has no devices here, ShapeError for an unknown option.
   */
  static async open(nameOrPath = 'cpu', options: ClientOptions = {}): Promise<Client> {
    checkOptions('Client.open', ['devices', 'createOptions', 'keyValueStore', 'cache', 'isolated'], options);
    const { devices, createOptions = {}, keyValueStore, cache, isolated } = options;
    if (devices !== undefined && !(Number.isInteger(devices) && devices >= 1 && devices <= 64))
      throw new ShapeError(`devices is a whole number from 1 to 64; got ${shown(devices)}`);
    const folder = cacheFolder(cache);
    return Plugin.isolated(Child.start(isolated), nameOrPath, async (plugin) => {
      const raw = await createClient(plugin, { devices, createOptions, keyValueStore });
      const facts = native().clientFacts(raw);
      return new Client(raw, plugin, facts, await CompileCache.open(folder, plugin, facts));
    });
  }

  /** What `lower` takes for this client. */
  get target(): Target {
    return targetOf(this.platform);
  }

  /** Which TPU it is, an option of `lower`. */
  get chip(): string | undefined {
    return chipOfKind(this.devices[0].kind);
  }

  /**
   * Compiles a program for one device. A text's ports go by the names of `@main`'s arguments and its `jax.result_info`, else out, or
   * out0, out1 and so on. Throws ShapeError for a text that no plugin may see (see program/program.ts), PjrtError for one that it does not take,
   * or a compiler option that it does not know.
   */
  async compile(module: Module | string, options: CompileOptions = {}): Promise<LoadedExecutable> {
    checkOptions('compile', ['device', 'compilerOptions'], options);
    const { device = this.devices[0], compilerOptions } = options;
    if (!this.devices.includes(device)) throw new ShapeError('a device is one of its client: client.devices');
    const partitions = partitionsOf(module) ?? 1;
    if (partitions > 1) throw new ShapeError(`compile is for one device; this program is for ${partitions}: see compileSharded`);
    return this.#compiled(module, spreadOver([device.id], {}), compilerOptions, one);
  }

  /**
   * Compiles a program for several devices: `replicas` copies, each split over `partitions` by the program's shardings, which a module
   * over a mesh says itself. As `compile` otherwise. Throws ShapeError for more devices than there are.
   */
  async compileSharded(module: Module | string, options: ShardedOptions = {}): Promise<ShardedExecutable> {
    checkOptions('compileSharded', ['replicas', 'partitions', 'partitioner', 'devices', 'compilerOptions'], options);
    const { compilerOptions, replicas, partitions, partitioner, devices } = options;
    const ids = this.devices.map(({ id }) => id);
    const spread = meshSpread(module, this.devices, { replicas, partitions, partitioner, devices });
    return this.#compiled(module, spreadOver(ids, spread), compilerOptions, several);
  }

  /**
   * Loads what `serialize` gave, for the device it was compiled for. `module`, or its ports, says what the program takes and returns. The
   * plugin's version must be the same. Throws PjrtError for other bytes, ShapeError for those of a program for several devices.
   */
  async deserialize(bytes: Uint8Array, module: Module | Ports): Promise<LoadedExecutable> {
    return this.#load(await portsOf(module), one, storedOf(bytes));
  }

  /** The same for what `compileSharded` gave: it is loaded for as many devices. */
  async deserializeSharded(bytes: Uint8Array, module: Module | Ports): Promise<ShardedExecutable> {
    return this.#load(await portsOf(module), several, storedOf(bytes));
  }

  /**
   * A tensor on a device, the first one by default, or in one of its memories. The array holds its elements row-major: the dtype's own kind,
   * f32 for bf16 and f16 (rounded to nearest even), or the bytes. One of up to 4 MiB is copied before this returns. A larger one is copied
   * later, a few milliseconds at a time, and one of `hostArray`, for a device with memory of its own, not at all: it must not change until
   * `ready()` of the buffer settles. Throws ShapeError for a wrong kind or length.
   */
  upload(type: TensorType, data: HostData, to: Device | Memory = this.devices[0]): Buffer {
    const checked = checkedType(type);
    const [buffer] = uploaded(this, [{ type: checked, parts: hostParts(checked, data), to }]);
    return buffer;
  }

  /**
   * The same without a copy where the plugin reads the array in place, as the CPU plugin does: an array of `hostArray`, or a part of one
   * that begins at a multiple of 64 bytes, with the elements' bits. It must not be written to until the buffer is disposed and no run uses
   * it. Throws ShapeError for any other array.
   */
  alias(type: TensorType, data: HostData, to: Device | Memory = this.devices[0]): Buffer {
    const checked = checkedType(type);
    const bytes = aliasedBytes(checked, data);
    // An empty one has no memory to share.
    return placed(this, checked, bytes, to, bytes.length ? native().alias : native().upload);
  }

  /** How tensors of a type lie on a device unless a program says otherwise, as XLA writes it: `{1,0}`, the minor axis first, `{1,0:T(8,128)}` in tiles. */
  defaultLayout(type: TensorType): string {
    const { dtype, shape } = checkedType(type);
    return native().clientLayout(rawOf(this), dtypes[dtype].pjrt, shape);
  }

  /**
   * Tensors that are sent in pieces, to a device, the first one by default, or one of its memories: see Transfer. Throws PjrtError
   * UNIMPLEMENTED where the plugin cannot, ShapeError for 4-bit integers and for a device where tensors lie in tiles.
   */
  transfer(types: readonly TensorType[], to: Device | Memory = this.devices[0]): Transfer {
    return Transfer.open(this, types, to);
  }

  async #compiled<E extends Executable>(
    module: Module | string,
    spread: Required<Spread>,
    options: CompilerOptions | undefined,
    made: Made<E>,
  ): Promise<E> {
    const settings = compileOptions(spread, options);
    const program = await programOf(module);
    checkCollectives(program.collectives, spread);
    checkElements(program.elements, this.platform);
    const compile = async () => {
      const text = await heldText(program.text);
      return this.#loaded(await native().compile(rawOf(this), text, settings), program, made);
    };
    const load = ({ bytes }: { bytes: Uint8Array }) => this.#load(program, made, { bytes, fromCache: true });
    return compiled(this, program.text, settings, { load, compile });
  }

  async #load<E extends Executable>(program: Program, made: Made<E>, stored: Stored): Promise<E> {
    const bytes = await heldCopy(stored.bytes);
    const whole = this.platform === 'cpu' ? await unsealed(bytes) : bytes;
    return this.#loaded(await native().deserialize(rawOf(this), whole), program, made, { ...stored, bytes });
  }

  async #loaded<E extends Executable>(raw: Raw, program: Program, made: Made<E>, stored?: Stored): Promise<E> {
    try {
      const places = native().devicesOf(raw);
      const devices = places.map((place) => this.devices[place]);
      return await made({ raw, client: this, devices, program, stored });
    } catch (error) {
      native().release(raw);
      throw error;
    }
  }
}

export interface CompileOptions {
  /** The first one by default. */
  readonly device?: Device;
  readonly compilerOptions?: CompilerOptions;
}

export interface ShardedOptions extends Spread {
  readonly compilerOptions?: CompilerOptions;
}

interface Ports {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

async function portsOf(module: Module | Ports): Promise<Program> {
  checkObject('what was serialized is a module, or has inputs and outputs', module);
  return 'text' in module ? programOf(module) : programOfPorts(module);
}

function storedOf(bytes: Uint8Array): Stored {
  checkBytes('a serialized program', bytes);
  return { bytes, fromCache: false };
}

/** What an executable is made of. */
interface Parts {
  readonly raw: Raw;
  readonly client: Client;
  readonly devices: readonly Device[];
  readonly program: Program;
  readonly stored?: Stored;
}

/** Takes the raw handle, unless it throws. */
type Made<E> = (parts: Parts) => E | Promise<E>;

const one: Made<LoadedExecutable> = ({ raw, client, devices, program, stored }) => {
  if (devices.length !== 1)
    throw new ShapeError(`compile and deserialize are for one device; this program is for ${devices.length}: see compileSharded`);
  checkOutputs(raw, program.outputs);
  return new LoadedExecutable(raw, client, devices[0], program, stored);
};

const several: Made<ShardedExecutable> = ({ raw, client, devices, program, stored }) => {
  checkOutputs(raw, program.outputs, true);
  return ShardedExecutable.of(raw, client, devices, program, stored);
};
