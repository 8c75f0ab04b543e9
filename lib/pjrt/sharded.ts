/** Programs that several devices run together, and the tensors that lie on them in parts. */
import { ShapeError, shown } from '../errors';
import { bytesOf, dtypes, type HostArray, hostLength, type Port, sameType, sizeOf, type TensorType, typeText } from '../types';
import { Buffer, valuesOf } from './buffer';
import { type HostData, type HostParts, hostParts } from './host-data';
import { withCause } from './callback';
import { checkFree, onSeveralDevices } from './callback-scope';
import type { Client, Device } from './client';
import { observed } from './observe/events';
import { Executable, type Outputs, outputsOf, type Stored } from './executable';
import { Handle, rawOf } from './handle';
import { native, type Raw, type Where, where } from './native';
import type { Program } from './program/program';
import { type Sharding, type Shardings, shardingsOf } from './sharding';
import { Tile, wordsOf } from './tile';
import { inTurns } from './turns';
import { uploaded } from './upload';

/** A tensor in parts: one buffer a device, those of the first replica's partitions, then those of the next. */
export class ShardedBuffer extends Handle {
  /** @internal */
  constructor(
    readonly client: Client,
    /** Of the whole. */
    readonly type: TensorType,
    readonly sharding: Sharding,
    readonly shards: readonly Buffer[],
  ) {
    super(undefined, client);
  }

  /** Copies of the whole. */
  get replicas(): number {
    return this.shards.length / this.sharding.places.length;
  }

  /** The whole of one replica, as `Buffer.read` gives it. */
  async read(replica = 0): Promise<HostArray> {
    return valuesOf(this.type.dtype, await this.bits(replica));
  }

  /** The elements' bits of one replica, row-major. Each part is read from the first device that has it. */
  async bits(replica = 0): Promise<HostArray> {
    rawOf(this);
    if (!Number.isInteger(replica) || replica < 0 || replica >= this.replicas)
      throw new ShapeError(`a replica is a whole number below ${this.replicas}; got ${shown(replica)}`);
    const { places } = this.sharding;
    const holders = new Map(places.map((place, partition) => [place.join(), partition] as const).reverse());
    const whole = new dtypes[this.type.dtype].host(hostLength(this.type));
    await Promise.all([...holders.values()].map((partition) => this.#readPart(whole, replica, partition)));
    return whole;
  }

  async #readPart(whole: HostArray, replica: number, partition: number): Promise<void> {
    const shard = this.shards[replica * this.sharding.places.length + partition];
    const [to, from] = [whole, await shard.bits()].map(wordsOf);
    const size = sizeOf(shard.type);
    const tile = new Tile(this.type, this.sharding, partition, size ? from.length / size : 1);
    await inTurns(tile.length, (begin, end) => tile.put(to, from, begin, end));
  }

  /** Settles when all parts are there. */
  async ready(): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard.ready()));
  }

  override dispose(): void {
    super.dispose();
    for (const shard of this.shards) shard.dispose();
  }

  /** @internal The memory of all parts went to a run. */
  donate(program: string): void {
    for (const shard of this.shards) shard.donate(program);
    this.disposeAs(`was donated to a run of ${program}`);
  }
}

/** By the inputs' names. */
export type ShardedInputs = Readonly<Record<string, ShardedBuffer | readonly Buffer[]>>;

/** A program on several devices of a client: `replicas` copies, each split over `partitions`. */
export class ShardedExecutable extends Executable {
  /** How inputs and outputs are split, by name. */
  readonly inputShardings: Readonly<Record<string, Sharding>>;
  readonly outputShardings: Readonly<Record<string, Sharding>>;
  readonly #program: string;
  readonly #where: Where;
  readonly #donated: ReadonlySet<string>;
  readonly #shardTypes: readonly TensorType[];

  private constructor(
    raw: Raw,
    readonly client: Client,
    /** Replica by replica. */
    readonly devices: readonly Device[],
    program: Program,
    shardings: Shardings,
    stored?: Stored,
  ) {
    super(raw, client, program, undefined, stored);
    const byName = (ports: readonly Port[], all: readonly Sharding[]) => Object.fromEntries(ports.map(({ name }, i) => [name, all[i]]));
    this.inputShardings = byName(this.inputs, shardings.inputs);
    this.outputShardings = byName(this.outputs, shardings.outputs);
    this.#shardTypes = this.deviceOutputs.map(({ type }) => type);
    this.#where = program.callsBack ? where.ownThread : where.worker;
    this.#donated = program.donated;
    this.#program = this.name;
    this.outputs.forEach(({ name, type }, i) => {
      const [said, is] = [this.outputShardings[name].shardOf(type), this.#shardTypes[i]];
      if (!sameType(said, is))
        throw new ShapeError(`a device holds ${typeText(said)} of the output ${name} by its sharding; it has ${typeText(is)}`);
    });
  }

  /** @internal Takes `raw`, unless it throws. */
  static async of(raw: Raw, client: Client, devices: readonly Device[], program: Program, stored?: Stored): Promise<ShardedExecutable> {
    const [, partitions] = native().copies(raw);
    const [format, bytes] = await native().optimizedProgram(raw);
    const rank = ({ type }: Port) => type.shape.length;
    const ranks = { inputs: program.inputs.map(rank), outputs: program.outputs.map(rank) };
    return new ShardedExecutable(raw, client, devices, program, shardingsOf(format, new Uint8Array(bytes), ranks, partitions), stored);
  }

  /**
   * A tensor for the input `name`, cut and put on the devices as the program takes it, the same for each replica or one array each. As
   * `Client.upload`: up to 4 MiB, of all devices together, are copied before this returns, more in turns. Throws ShapeError for an input that
   * there is not, or an array of another kind or length.
   */
  upload(name: string, data: HostData | readonly HostData[]): ShardedBuffer {
    const port = this.inputs.find((input) => input.name === name);
    if (!port) throw new ShapeError(`the inputs are ${this.inputs.map((input) => input.name).join(', ') || '(none)'}; got ${shown(name)}`);
    const { replicas, partitions } = this;
    if (Array.isArray(data) && data.length !== replicas)
      throw new ShapeError(`there is one array for each of the ${replicas} replicas; got ${data.length}`);
    const wholes: readonly HostData[] = Array.isArray(data) ? data : Array(replicas).fill(data);
    const sharding = this.inputShardings[name];
    const type = sharding.shardOf(port.type);
    const made = new Map<string, HostParts>();
    const wanted = this.devices.map((to, i) => {
      const [array, partition] = [wholes[Math.floor(i / partitions)], i % partitions];
      const key = `${wholes.indexOf(array)}: ${sharding.places[partition]}`;
      const parts = made.get(key) ?? hostParts(port.type, array, { sharding, partition });
      made.set(key, parts);
      return { type, parts, to };
    });
    const shards = uploaded(this.client, wanted);
    return new ShardedBuffer(this.client, port.type, sharding, shards);
  }

  /**
   * One run on all devices: by the inputs' names what `upload` gave or another run returned, or buffers, one a device. Inputs that the
   * program marks as donated are disposed. Throws ShapeError for a tensor of another type, split in another way or on other devices,
   * PjrtError where the run fails on any device.
   */
  run(inputs: ShardedInputs): Promise<Outputs<ShardedBuffer>> {
    return this.#started(inputs, this.#where);
  }

  /** The same, but it settles as soon as the plugin has the run: see `LoadedExecutable.dispatch`. */
  dispatch(inputs: ShardedInputs): Promise<Outputs<ShardedBuffer>> {
    return this.#started(inputs, this.#where === where.ownThread ? this.#where : where.dispatched);
  }

  async #started(inputs: ShardedInputs, from: Where): Promise<Outputs<ShardedBuffer>> {
    checkFree('run');
    const executable = rawOf(this);
    this.checkNames(inputs);
    for (const shard of Object.values(inputs).flatMap(shardsOf)) if (shard?.arriving) await shard.arriving;
    const byInput = this.inputs.map((port) => this.#checked(port, inputs[port.name]));
    const raws = this.devices.flatMap((_, device) => byInput.map((shards) => shards[device]));
    const bytes = this.#shardTypes.map(bytesOf);
    const client = rawOf(this.client);
    const launch = () => native().execute(executable, client, this.devices.length, raws, bytes, from);
    const execute = () => (from === where.ownThread ? onSeveralDevices(withCause(from, launch())) : launch());
    const running = observed('execute', execute, () => this.#runFacts());
    for (const name of this.#donated) this.#donate(inputs[name]);
    const shards = await running;
    return outputsOf(this.outputs.map((port, i) => [port.name, this.#output(port, i, shards)] as const));
  }

  #output({ name, type }: Port, place: number, shards: readonly Raw[]): ShardedBuffer {
    const buffers = this.devices.map(
      (device, i) => new Buffer(shards[i * this.outputs.length + place], this.client, this.#shardTypes[place], device),
    );
    return new ShardedBuffer(this.client, type, this.outputShardings[name], buffers);
  }

  #donate(input: ShardedBuffer | readonly Buffer[]): void {
    if (input instanceof ShardedBuffer) input.donate(this.#program);
    else for (const buffer of input) buffer.donate(this.#program);
  }

  #runFacts() {
    const sum = (bytes: readonly number[]) => bytes.reduce((total, one) => total + one, 0) * this.devices.length;
    return {
      program: this.#program,
      inputBytes: sum(this.inputs.map(({ name, type }) => bytesOf(this.inputShardings[name].shardOf(type)))),
      outputBytes: sum(this.#shardTypes.map(bytesOf)),
    };
  }

  #checked({ name, type }: Port, input: ShardedBuffer | readonly Buffer[]): Raw[] {
    const sharding = this.inputShardings[name];
    if (input instanceof ShardedBuffer) {
      rawOf(input);
      if (!sameType(input.type, type)) throw new ShapeError(`the input ${name} is ${typeText(type)}; got ${typeText(input.type)}`);
      if (!input.sharding.equals(sharding))
        throw new ShapeError(`the input ${name} is in ${sharding}; got ${input.sharding}, placed otherwise or of other counts`);
    }
    const shards = input instanceof ShardedBuffer ? input.shards : input;
    if (!Array.isArray(shards) || shards.length !== this.devices.length)
      throw new ShapeError(`the input ${name} is a ShardedBuffer or ${this.devices.length} buffers, one a device; got ${gotText(input)}`);
    const part = sharding.shardOf(type);
    if (this.#donated.has(name) && shards.some((shard) => shard instanceof Buffer && shard.isViewed))
      throw new ShapeError(`the input ${name} is donated; a view holds the memory of a part of it`);
    return shards.map((shard: unknown, i) => this.#checkedShard(`the input ${name} of device ${i}`, part, shard, this.devices[i]));
  }

  #checkedShard(what: string, type: TensorType, shard: unknown, device: Device): Raw {
    if (!(shard instanceof Buffer)) throw new ShapeError(`${what} is a Buffer; got ${typeof shard}`);
    const raw = rawOf(shard);
    if (!sameType(shard.type, type)) throw new ShapeError(`${what} is ${typeText(type)}; got ${typeText(shard.type)}`);
    if (shard.device !== device) throw new ShapeError(`${what} is on ${device.description}; got one on ${shard.device.description}`);
    return raw;
  }
}

const shardsOf = (input: ShardedBuffer | readonly Buffer[]): readonly Buffer[] =>
  input instanceof ShardedBuffer ? input.shards : Array.isArray(input) ? input : [];

const gotText = (input: unknown) =>
  Array.isArray(input) ? `${input.length} of them` : input instanceof Buffer ? 'a Buffer' : typeof input;
