/** Compiled programs: what they are and cost, and, of those compiled for a client, their runs. */
import { checkObject, ShapeError } from '../errors';
import { bytesOf, type Module, type Port, sameType, type TensorType, typeText } from '../types';
import { Buffer, dtypeOf } from './buffer';
import { withCause } from './callback';
import { checkFree } from './callback-scope';
import type { Client, Device } from './client';
import { observed } from './observe/events';
import { Handle, rawOf } from './handle';
import { heldCopy } from './held-bytes';
import { type CompiledMemory, native, type Raw, type Where, where } from './native';
import type { Program } from './program/program';
import { sealed } from './cache/seal';

/** The plugin's own estimate of one run. What it cannot see into, a custom call on the CPU, counts as 0. */
export interface Cost {
  readonly flops: number;
  readonly transcendentals: number;
  readonly bytesAccessed: number;
  /** The TPU compiler's estimate of the time. */
  readonly optimalSeconds?: number;
}

/** Where a program that was compiled ahead of time came from. */
export interface Origin {
  readonly module: Module;
  /** The topology's name. */
  readonly topology: string;
  /** Absent where it was loaded from a cache. */
  readonly compileMs?: number;
}

/** What a compiled program says of itself. */
export interface Facts {
  readonly name: string;
  readonly codeBytes: number;
  readonly cost: Cost;
  readonly memory: CompiledMemory;
  readonly fingerprint: string;
  readonly copies: readonly [replicas: number, partitions: number];
  readonly outputMemoryKinds: readonly string[];
  readonly deviceOutputs: readonly TensorType[];
}

/** What a program was loaded from. `facts`, where the plugin can only write what it compiles, not load it without a device. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly fromCache: boolean;
  readonly facts?: Facts;
}

/** A program as the compiler left it. */
export interface OptimizedProgram {
  readonly format: string;
  readonly bytes: Uint8Array;
}

/** A compiled program. Its properties ask the plugin: PjrtError UNIMPLEMENTED where it does not know. */
export class Executable extends Handle {
  /** What `@main` takes and returns, in order. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #stored: Stored | undefined;
  readonly #isSealed: boolean;

  /** @internal */
  constructor(
    raw: Raw | undefined,
    parent: Handle & { readonly platform: string },
    program: Program,
    /** What `estimate` reads: kept of modules that say what their TPU kernels do. */
    readonly origin?: Origin,
    stored?: Stored,
  ) {
    super(raw, parent);
    this.#stored = stored;
    this.#isSealed = parent.platform === 'cpu';
    this.inputs = program.inputs;
    this.outputs = program.outputs;
  }

  /** Whether a compile cache had it: nothing was compiled. */
  get fromCache(): boolean {
    return this.#stored?.fromCache ?? false;
  }

  /** The module's name. */
  get name(): string {
    return this.#fact('name', native().name);
  }

  /** Bytes of machine code; 0 on the CPU plugin, which does not count it. */
  get codeBytes(): number {
    return this.#fact('codeBytes', native().codeBytes);
  }

  get cost(): Cost {
    return this.#fact('cost', costOf);
  }

  get memory(): CompiledMemory {
    return this.#fact('memory', native().memory);
  }

  /** How many times the whole program is compiled to run side by side. */
  get replicas(): number {
    return this.#fact('copies', native().copies)[0];
  }

  /** Devices that each replica is split over. */
  get partitions(): number {
    return this.#fact('copies', native().copies)[1];
  }

  /** What one device holds of each output: the whole, or its part where the program is split over devices. */
  get deviceOutputs(): readonly Port[] {
    return this.#fact('deviceOutputs', compiledOutputs).map((type, i) => ({ name: this.outputs[i].name, type }));
  }

  /** Where each output is left, by name: 'device', 'pinned_host'. The CPU plugin does not say: PjrtError UNIMPLEMENTED. */
  get outputMemoryKinds(): Readonly<Record<string, string>> {
    const kinds = this.#fact('outputMemoryKinds', native().outputMemoryKinds);
    return Object.fromEntries(this.outputs.map(({ name }, i) => [name, kinds[i]]));
  }

  /**
   * How inputs and outputs lie on a device, by name, as XLA writes it: `{1,0}`, the minor axis first, `{1,0:T(8,128)}` in tiles. The CPU
   * plugin does not say it of inputs: PjrtError UNIMPLEMENTED. Throws ShapeError for a program ahead of time that a cache had.
   */
  get inputLayouts(): Readonly<Record<string, string>> {
    return this.#layouts(this.inputs, true);
  }

  get outputLayouts(): Readonly<Record<string, string>> {
    return this.#layouts(this.outputs, false);
  }

  #layouts(ports: readonly Port[], areInputs: boolean): Readonly<Record<string, string>> {
    const raw = this.#compiled('a layout');
    const layouts = native().executableLayouts(raw, areInputs);
    return Object.fromEntries(ports.map(({ name }, i) => [name, layouts[i]]));
  }

  #compiled(what: string): Raw {
    const raw = rawOf(this);
    if (this.#stored?.facts) throw new ShapeError(`${what} is of a program that was compiled here; this one is from a cache`);
    return raw;
  }

  /**
   * The program after the compiler's passes. Both plugins give `hlo_with_config`, an HloModuleProtoWithConfig of XLA's, and no text. Throws
   * ShapeError for a program ahead of time that a cache had: only its machine code was kept.
   */
  async optimizedProgram(): Promise<OptimizedProgram> {
    const [format, bytes] = await native().optimizedProgram(this.#compiled('an optimized form'));
    return { format, bytes: new Uint8Array(bytes) };
  }

  /** In hexadecimal: the same for the same program, options and compiler. */
  get fingerprint(): string {
    return this.#fact('fingerprint', (raw) => globalThis.Buffer.from(native().fingerprint(raw)).toString('hex'));
  }

  /** The executable as bytes, which only the same plugin version reads again: `Client.deserialize`. */
  async serialize(): Promise<Uint8Array> {
    const raw = rawOf(this);
    // What was loaded is not written a second time: the CPU plugin leaves the kernels out, and running it fails.
    if (this.#stored) return heldCopy(this.#stored.bytes);
    const bytes = new Uint8Array(await native().serialize(raw));
    return this.#isSealed ? sealed(bytes) : bytes;
  }

  /** Throws ShapeError unless `inputs` are those that the program takes. */
  protected checkNames(inputs: Readonly<Record<string, unknown>>): void {
    checkObject("a run's inputs are buffers by name", inputs);
    const given = Object.keys(inputs);
    if (given.length === this.inputs.length && this.inputs.every(({ name }) => Object.hasOwn(inputs, name))) return;
    throw new ShapeError(`${this.name} takes the inputs ${namesOf(this.inputs)}; got ${given.join(', ') || 'none'}`);
  }

  #fact<Name extends keyof Facts>(name: Name, ask: (raw: Raw) => Facts[Name]): Facts[Name] {
    const raw = rawOf(this);
    return this.#stored?.facts ? this.#stored.facts[name] : ask(raw);
  }
}

function costOf(executable: Raw): Cost {
  const raw = native().cost(executable);
  // -1 is what a plugin says of a custom call.
  const known = (name: string) => Math.max(raw[name] ?? 0, 0);
  const optimalSeconds = known('optimal_seconds');
  return {
    flops: known('flops'),
    transcendentals: known('transcendentals'),
    bytesAccessed: known('bytes accessed'),
    ...(optimalSeconds > 0 ? { optimalSeconds } : {}),
  };
}

/** All that `stored.facts` has. */
export function factsOf(executable: Executable): Facts {
  const { name, codeBytes, cost, memory, fingerprint, replicas, partitions, outputs } = executable;
  const kinds = executable.outputMemoryKinds;
  return {
    name,
    codeBytes,
    cost,
    memory,
    fingerprint,
    copies: [replicas, partitions],
    outputMemoryKinds: outputs.map((port) => kinds[port.name]),
    deviceOutputs: executable.deviceOutputs.map(({ type }) => type),
  };
}

/** A run's outputs by name; `using` disposes them all. */
export type Outputs<B extends Disposable = Buffer> = Readonly<Record<string, B>> & Disposable;

/** @internal */
export function outputsOf<B extends Disposable>(outputs: readonly (readonly [name: string, buffer: B])[]): Outputs<B> {
  const dispose = () => {
    for (const [, buffer] of outputs) buffer[Symbol.dispose]();
  };
  return Object.defineProperty(Object.fromEntries(outputs), Symbol.dispose, { value: dispose }) as Outputs<B>;
}

/**
 * The CPU plugin computes on the thread that asks: a kernel on one core all of it, one that it splits in part. So a program runs on the
 * JavaScript thread only where that is over sooner than the way to a worker and back, 12 us at best and 40 us as a rule, against 2 us.
 * Measured on 2 cores, the whole of a run: add of 2^15 f32 18 us, tanh of 2^15 16 us, matrix product of 64 x 64 20 us, of 128 x 128 47
 * us.
 */
const inlineFlops = 2 ** 17;
const inlineBytes = 2 ** 18;
// A transcendental counts as this many flops: 0.5 ns (tanh) to 5 ns (atan2) each.
const transcendentalFlops = 10;

/** A program on a client's device, ready to run. */
export class LoadedExecutable extends Executable {
  readonly #where: Where;
  // Asked for here: a run may end after its program is disposed.
  readonly #program: string;
  readonly #donated: ReadonlySet<string>;
  readonly #outputBytes: readonly number[];

  /** @internal */
  constructor(
    raw: Raw,
    readonly client: Client,
    readonly device: Device,
    program: Program,
    stored?: Stored,
  ) {
    super(raw, client, program, undefined, stored);
    this.#outputBytes = this.outputs.map(({ type }) => bytesOf(type));
    this.#donated = program.donated;
    this.#program = this.name;
    this.#where = client.platform === 'cpu' ? placeOf(program, this) : where.here;
  }

  /**
   * One run: buffers by the inputs' names, to buffers by the outputs' names, which are the caller's to dispose, one by one or all with
   * `using`. Inputs that the program marks as donated are disposed. Throws ShapeError unless every input is given with its type and on
   * this device, PjrtError where the run fails.
   */
  run(inputs: Readonly<Record<string, Buffer>>): Promise<Outputs> {
    return this.#started(inputs, this.#where);
  }

  /**
   * The same, but it settles as soon as the plugin has the run: the outputs are there later (`ready`, `read`), and that a run failed which
   * had begun is their error. They may be another run's inputs at once, so that an accelerator never waits for JavaScript. The CPU plugin
   * computes what is large while it takes it, which is as `run`.
   */
  dispatch(inputs: Readonly<Record<string, Buffer>>): Promise<Outputs> {
    return this.#started(inputs, this.#where === where.here ? where.dispatched : this.#where);
  }

  async #started(inputs: Readonly<Record<string, Buffer>>, from: Where): Promise<Outputs> {
    checkFree('run');
    const executable = rawOf(this);
    this.checkNames(inputs);
    for (const buffer of Object.values(inputs)) if (buffer?.arriving) await buffer.arriving;
    const raws = this.inputs.map((port) => this.#checked(port, inputs[port.name]));
    const client = rawOf(this.client);
    const execute = () => withCause(from, native().execute(executable, client, 1, raws, this.#outputBytes, from));
    const running = observed('execute', execute, () => this.#runFacts());
    // From here on, not when it is over: a second run must not take them meanwhile.
    for (const name of this.#donated) inputs[name].donate(this.#program);
    const outputs = await running;
    const buffers = this.outputs.map(({ name, type }, i) => [name, new Buffer(outputs[i], this.client, type, this.device)] as const);
    return outputsOf(buffers);
  }

  #runFacts() {
    const sum = (bytes: readonly number[]) => bytes.reduce((total, one) => total + one, 0);
    return {
      program: this.#program,
      inputBytes: sum(this.inputs.map(({ type }) => bytesOf(type))),
      outputBytes: sum(this.#outputBytes),
    };
  }

  // The plugin compares byte sizes only, and runs on with what it was not compiled for.
  #checked({ name, type }: Port, buffer: Buffer): Raw {
    if (!(buffer instanceof Buffer)) throw new ShapeError(`the input ${name} is a Buffer; got ${typeof buffer}`);
    const raw = rawOf(buffer);
    if (!sameType(buffer.type, type)) throw new ShapeError(`the input ${name} is ${typeText(type)}; got ${typeText(buffer.type)}`);
    if (this.#donated.has(name) && buffer.isViewed) throw new ShapeError(`the input ${name} is donated; a view holds its memory`);
    if (buffer.client !== this.client) throw new ShapeError(`the input ${name} is a buffer of the client that compiled the program`);
    if (buffer.device !== this.device)
      throw new ShapeError(`the program runs on ${this.device.description}; the input ${name} is on ${buffer.device.description}`);
    return raw;
  }
}

function namesOf(ports: readonly Port[]): string {
  return ports.map(({ name }) => name).join(', ') || '(none)';
}

// A callback needs the JavaScript thread, and what it waits for may need libuv's workers.
function placeOf(program: Program, executable: Executable): Where {
  if (program.callsBack) return where.ownThread;
  return isLarge(program, executable) ? where.worker : where.here;
}

// What the cost analysis cannot see into counts as large: a custom call that does not say its flops, and a loop, whose body it counts
// once.
function isLarge(program: Program, executable: Executable): boolean {
  if (program.hiddenFlops === undefined && program.opaque) return true;
  const { flops, bytesAccessed, transcendentals } = executable.cost;
  return flops + transcendentalFlops * transcendentals + (program.hiddenFlops ?? 0) > inlineFlops || bytesAccessed > inlineBytes;
}

function compiledOutputs(raw: Raw): TensorType[] {
  return native()
    .outputs(raw)
    .map(([type, shape]) => ({ dtype: dtypeOf(type), shape }));
}

/** Throws ShapeError unless the compiled outputs are the program's, or, where it is split, parts of them. */
export function checkOutputs(raw: Raw, outputs: readonly Port[], isSplit = false): void {
  const compiled = compiledOutputs(raw);
  const isPart = (part: TensorType, { dtype, shape }: TensorType) =>
    part.dtype === dtype && part.shape.length === shape.length && part.shape.every((n, i) => n <= shape[i]);
  const agrees = isSplit ? isPart : sameType;
  if (compiled.length === outputs.length && compiled.every((type, i) => agrees(type, outputs[i].type))) return;
  const said = outputs.map(({ type }) => typeText(type)).join(', ');
  throw new ShapeError(
    `a module's outputs are what its text returns; it says ${said}, the text returns ${compiled.map(typeText).join(', ')}`,
  );
}
