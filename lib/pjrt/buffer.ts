/** A tensor on a device. */
import { PjrtError, ShapeError } from '../errors';
import { bytesOf, type DType, dtypes, fromBits, type HostArray, isNarrowFloat, type TensorType, typeText } from '../types';
import { Arrival } from './arrival';
import { checkFree } from './callback-scope';
import type { Client, Device } from './client';
import { observed } from './observe/events';
import { Handle, rawOf } from './handle';
import { checkHostBytes } from './host-data';
import { type Memory, placeOf } from './memory';
import { type Layout, native, type Raw } from './native';
import { inTurns } from './turns';

/** An immutable tensor on a device. `Client.upload` makes one, and a run its outputs. */
export class Buffer extends Handle {
  #arriving: Promise<void> | undefined;

  /** @internal */
  constructor(
    raw: Raw | Arrival,
    readonly client: Client,
    readonly type: TensorType,
    readonly device: Device,
  ) {
    const arrival = raw instanceof Arrival ? raw : undefined;
    super(arrival ? () => arrival.finish() : (raw as Raw), client);
    if (!arrival) return;
    this.#arriving = this.#arrive(arrival);
  }

  // What goes wrong, a use of the buffer tells: it tries once more.
  async #arrive(arrival: Arrival): Promise<void> {
    const run = () => arrival.run(() => this.disposed);
    try {
      const raw = await observed('upload', run, () => ({ bytes: this.bytes }));
      if (raw) this.arrive(raw);
    } catch {
    } finally {
      this.#arriving = undefined;
    }
  }

  /** @internal Settles when a run may have it without a wait; undefined where it may already. */
  get arriving(): Promise<void> | undefined {
    return this.#arriving;
  }

  /** Bytes on the host. */
  get bytes(): number {
    return bytesOf(this.type);
  }

  /** @internal Its memory went to a run. */
  donate(program: string): void {
    this.disposeAs(`was donated to a run of ${program}`);
  }

  /** Bytes that it takes where it is: narrow integers are packed there, and a TPU's layouts are padded. */
  get deviceBytes(): number {
    return native().deviceBytes(rawOf(this));
  }

  /** How it lies in the device's memory. `upload` and `read` are row-major whatever it is. */
  get layout(): Layout {
    return native().layout(rawOf(this));
  }

  /** Where it is: one of its device's memories. */
  get memory(): Memory {
    return this.device.memories[native().memoryOf(rawOf(this), this.device.index)];
  }

  /**
   * A copy in another memory, of this device or another one of the client; the device itself is its default memory. It returns before the
   * copy is done: see `ready`. Throws ShapeError where the buffer is there already.
   */
  copyTo(to: Device | Memory): Buffer {
    const { device, memory = device.memories.find(({ isDefault }) => isDefault) } = placeOf(to, this.client);
    if (!memory || memory === this.memory) throw new ShapeError(`a copy is to another memory; the buffer is in ${this.memory.description}`);
    const raw = native().copyTo(rawOf(this), rawOf(this.client), device.index, memory.index, this.bytes);
    return new Buffer(raw, this.client, this.type, device);
  }

  /** Settles when the tensor is there, and an array that it was uploaded from may change; rejects with PjrtError where what computes it failed. */
  async ready(): Promise<void> {
    checkFree('tensor');
    if (this.#arriving) await this.#arriving;
    await native().ready(rawOf(this));
  }

  /** The values, row-major: bf16 and f16 widened to f32, the fp4 and fp8 kinds as their bits, others as they are; complex numbers are pairs. */
  async read(): Promise<HostArray> {
    return valuesOf(this.type.dtype, await this.bits());
  }

  /** The elements' bits, row-major, in the dtype's host array. */
  async bits(): Promise<HostArray> {
    checkFree('read');
    const { bytes, type } = this;
    checkHostBytes(type);
    if (this.#arriving) await this.#arriving;
    const read = () => native().read(rawOf(this), bytes);
    const array = new dtypes[type.dtype].host(await observed('read', read, () => ({ bytes })));
    // The plugin leaves the upper part of a byte empty.
    const { bits } = dtypes[type.dtype];
    if (bits && array instanceof Int8Array) await inTurns(array.length, (from, to) => extend(array, 32 - bits, from, to));
    return array;
  }

  #view?: WeakRef<ArrayBuffer>;

  /**
   * The elements' bits where they are, with no copy: of the CPU plugin, whose memory is the host's. A buffer does not change, so the array
   * must not be written to. It stays as long as somebody holds it, also when the buffer is disposed. Throws ShapeError on another platform,
   * and for elements of less than a byte, which are packed there.
   */
  async view(): Promise<HostArray> {
    if (this.client.platform !== 'cpu') throw new ShapeError(`a view is of the CPU plugin's memory; this buffer is on ${this.device.kind}`);
    if (this.deviceBytes !== this.bytes || !isRowMajor(this.layout))
      throw new ShapeError(`a view is of elements that lie as on the host, row-major and whole bytes; ${typeText(this.type)} does not`);
    checkHostBytes(this.type);
    await this.ready();
    const raw = rawOf(this);
    const { host } = dtypes[this.type.dtype];
    if (!this.bytes) return new host(0);
    // One ArrayBuffer a memory, as V8 wants it. What another process computes is copied out of it first.
    const made = this.#view?.deref() ?? native().view(raw, this.bytes);
    const memory = 'then' in made ? await made : made;
    this.#view = new WeakRef(memory);
    return new host(memory);
  }

  /** @internal Whether somebody may hold a view of it. */
  get isViewed(): boolean {
    return this.#view?.deref() !== undefined;
  }
}

/** What `read` gives of elements' bits. */
export async function valuesOf(dtype: DType, bits: HostArray): Promise<HostArray> {
  if (!isNarrowFloat(dtype)) return bits;
  const values = new Float32Array(bits.length);
  await inTurns(bits.length, (from, to) => values.set(fromBits(dtype, bits.subarray(from, to) as Uint16Array), from));
  return values;
}

function extend(array: Int8Array, unused: number, from: number, to: number): void {
  for (let i = from; i < to; i++) array[i] = (array[i] << unused) >> unused;
}

/** Whether a tensor lies as on the host. */
export const isRowMajor = (layout: Layout) =>
  'minorToMajor' in layout && !layout.tiles.length && layout.minorToMajor.every((axis, i, { length }) => axis === length - 1 - i);

/** The dtype of a PJRT_Buffer_Type. Throws PjrtError for one that this library has no name for. */
export function dtypeOf(type: number): TensorType['dtype'] {
  for (const [dtype, row] of Object.entries(dtypes)) if (row.pjrt === type) return dtype as TensorType['dtype'];
  throw new PjrtError('UNIMPLEMENTED', `a tensor is of a dtype in ${Object.keys(dtypes).join(', ')}; got PJRT_Buffer_Type ${type}`);
}
