/** A topology: devices that need not be here, to compile for. */
import { ShapeError, checkBytes, checkOptions, shown } from '../errors';
import { dtypes, type Module, type TensorType, checkedType } from '../types';
import { chipOfKind, type Target, targetOf } from './client';
import { Child } from './isolated/child';
import { CompileCache, cacheFolder, type CacheOption, compiled } from './cache/compile-cache';
import type { Entry } from './cache/cache';
import { checkOutputs, Executable, type Facts, factsOf, type Origin } from './executable';
import { countOf } from './grid';
import { Handle, rawOf } from './handle';
import { checkCollectives, checkElements } from './program/hazards';
import { heldText } from './held-bytes';
import type { IsolatedOption } from './isolated/isolated';
import { type Attribute, type DeviceFacts, type MemoryKind, native, type PlatformFacts, type Raw } from './native';
import { type CompilerOptions, compileOptions, type Spread, spreadOver } from './options';
import { Plugin } from './plugin';
import { type Program, programOf } from './program/program';
import { meshSpread } from './torus';

export interface TopologyOptions {
  /** Whether compiled programs are kept on disk and looked for: see CacheOption. */
  readonly cache?: CacheOption;
  /** Whether the plugin runs in a process of its own: see ClientOptions. */
  readonly isolated?: IsolatedOption;
}

export class Topology extends Handle {
  readonly platform: string;
  readonly platformVersion: string;
  readonly devices: readonly DeviceFacts[];

  private constructor(
    raw: Raw,
    readonly plugin: Plugin,
    readonly name: string,
    facts: PlatformFacts,
    /** Where it is on. */
    readonly cache?: CompileCache,
  ) {
    super(raw);
    this.platform = facts.platform;
    this.platformVersion = facts.platformVersion;
    this.devices = facts.devices;
  }

  /**
   * `Topology.open('tpu', 'v5p:2x2x1')`: chips of a generation (v3, v4, v5e, v5p, v6e, tpu7x) in a grid. No TPU is needed. Throws
   * PjrtError for one that the compiler does not know, ShapeError for a grid without chips or of more than 2^15 (a v5p pod has 8,960).
   */
  static async open(nameOrPath: string, name: string, options: TopologyOptions = {}): Promise<Topology> {
    checkGrid(name);
    checkOptions('Topology.open', ['cache', 'isolated'], options);
    const { cache, isolated } = options;
    const folder = cacheFolder(cache);
    return Plugin.isolated(Child.start(isolated), nameOrPath, async (plugin) => {
      const raw = await native().createTopology(plugin.raw, name);
      const facts = native().topologyFacts(raw);
      return new Topology(raw, plugin, name, facts, await CompileCache.open(folder, plugin, facts, name));
    });
  }

  /**
   * A topology from what `serialize` gave, named after its chips: `v5p:2x2x1`. Throws PjrtError for
   * other bytes.
   */
  static async deserialize(nameOrPath: string, bytes: Uint8Array): Promise<Topology> {
    checkBytes('a serialized topology', bytes);
    const plugin = await Plugin.load(nameOrPath);
    const raw = await native().deserializeTopology(plugin.raw, bytes);
    const facts = native().topologyFacts(raw);
    return new Topology(raw, plugin, nameOf(facts), facts);
  }

  /** What the plugin says of it as a whole: of a TPU slice, `wrap` and `twist` of its links, and bytes of memory on each chip. */
  get attributes(): Readonly<Record<string, Attribute>> {
    return native().topologyAttributes(rawOf(this));
  }

  /** The memories that each device has, where the plugin says so: else PjrtError UNIMPLEMENTED. */
  get memories(): readonly MemoryKind[] {
    return native().topologyMemories(rawOf(this), 0);
  }

  /** How tensors of a type lie on a device unless a program says otherwise, as XLA writes it: `{1,0:T(8,128)}`, the minor axis first, then tiles. */
  defaultLayout(type: TensorType): string {
    const { dtype, shape } = checkedType(type);
    return native().topologyLayout(rawOf(this), dtypes[dtype].pjrt, shape);
  }

  /** As bytes, for `Topology.deserialize` and as a part of cache keys: equal topologies of one plugin give equal bytes. */
  serialize(): Uint8Array {
    return native().serializeTopology(rawOf(this));
  }

  /** What `lower` takes for this topology. */
  get target(): Target {
    return targetOf(this.platform);
  }

  /** Which TPU it is of, an option of `lower`. */
  get chip(): string | undefined {
    return chipOfKind(this.devices[0].kind);
  }

  /** Compiles a program for one device of the topology, or spread over several. See `Client.compile`. */
  async compile(module: Module | string, options: Spread & { readonly compilerOptions?: CompilerOptions } = {}): Promise<Executable> {
    checkOptions('compile', ['replicas', 'partitions', 'partitioner', 'devices', 'compilerOptions'], options);
    const program = await programOf(module);
    const spread = spreadOver(
      this.devices.map(({ id }) => id),
      meshSpread(module, this.devices, options),
    );
    checkCollectives(program.collectives, spread);
    checkElements(program.elements, this.platform);
    const settings = compileOptions(spread, options.compilerOptions);
    const isWhole = typeof module !== 'string' && module.kernels && spread.devices.length === 1;
    const origin = isWhole ? { module, topology: this.name } : undefined;
    const compile = () => this.#compiled(program, { settings, partitions: spread.partitions }, origin);
    // No plugin loads a program without a device: its bytes stand for it, and what it said when it was compiled.
    const load = async ({ bytes, facts }: Entry) => {
      rawOf(this);
      return new Executable(undefined, this, program, origin, { bytes, facts: facts as Facts, fromCache: true });
    };
    return compiled(this, program.text, settings, { load, compile, facts: factsOf });
  }

  async #compiled(
    program: Program,
    { settings, partitions }: { readonly settings: Uint8Array; readonly partitions: number },
    origin: Origin | undefined,
  ): Promise<Executable> {
    const text = await heldText(program.text);
    const begin = performance.now();
    const raw = await native().compileAhead(rawOf(this), text, settings);
    const compileMs = performance.now() - begin;
    try {
      checkOutputs(raw, program.outputs, partitions > 1);
      return new Executable(raw, this, program, origin && { ...origin, compileMs });
    } catch (error) {
      native().release(raw);
      throw error;
    }
  }
}

// libtpu divides by the sizes before it looks at them (SIGFPE), and takes 6 seconds for 2^18 chips.
function checkGrid(name: string): void {
  if (typeof name !== 'string') throw new ShapeError(`a topology has a name such as v5p:2x2x1; got ${shown(name)}`);
  const sizes = /[:=_](\d+(?:x\d+)*)/.exec(name)?.[1].split('x').map(Number) ?? [1];
  const chips = countOf(sizes);
  if (chips < 1 || chips > 2 ** 15) throw new ShapeError(`a topology has 1 to 2^15 chips; got ${name}`);
}

// The generation, and how far the chips' coordinates go.
function nameOf({ platform, devices }: PlatformFacts): string {
  const places = devices.flatMap(({ attributes: { coords } }) => (Array.isArray(coords) ? [coords as readonly number[]] : []));
  const sizes = places[0]?.map((_, axis) => Math.max(...places.map((place) => place[axis])) + 1) ?? [devices.length];
  return `${chipOfKind(devices[0].kind) ?? platform}:${sizes.join('x')}`;
}
