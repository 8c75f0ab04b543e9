/** A tensor on a device. */
import { PjrtError, ShapeError } from '../errors';
import {
  bytesOf,
  dtypes,
  fromBits,
  type HostArray,
  hostLength,
  isNarrowFloat,
  rangeOf,
  tensor,
  type TensorType,
  toBits,
  typeText,
} from '../types';
import type { Client, Device } from './client';
import { observed } from './events';
import { Handle, rawOf } from './handle';
import { type Memory, placeOf } from './memory';
import { type Layout, native, type Raw } from './native';

/** An immutable tensor on a device. `Client.upload` makes one, and a run its outputs. */
export class Buffer extends Handle {
  /** @internal */
  constructor(
    raw: Raw,
    readonly client: Client,
    readonly type: TensorType,
    readonly device: Device,
  ) {
    super(raw, client);
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

  /** Settles when the tensor is there; rejects with PjrtError where what computes it failed. */
  async ready(): Promise<void> {
    await native().ready(rawOf(this));
  }

  /** The values, row-major: bf16 and f16 widened to f32, the fp8 kinds as their bits, others as they are; complex numbers are pairs. */
  async read(): Promise<HostArray> {
    const bits = await this.bits();
    return isNarrowFloat(this.type.dtype) ? fromBits(this.type.dtype, bits as Uint16Array) : bits;
  }

  /** The elements' bits, row-major, in the dtype's host array. */
  async bits(): Promise<HostArray> {
    const { bytes, type } = this;
    const read = () => native().read(rawOf(this), bytes);
    const array = new dtypes[type.dtype].host(await observed('read', read, () => ({ bytes })));
    // The plugin leaves the upper half of a byte empty.
    if (type.dtype === 'i4') for (let i = 0; i < array.length; i++) array[i] = ((array[i] as number) << 28) >> 28;
    return array;
  }

  #view?: WeakRef<ArrayBuffer>;

  /**
   * The elements' bits where they are, with no copy: of the CPU plugin, whose memory is the host's. A buffer does not change, so the array
   * must not be written to. It stays as long as somebody holds it, also when the buffer is disposed. Throws ShapeError on another platform,
   * and for i4 and ui4, which are packed there.
   */
  async view(): Promise<HostArray> {
    if (this.client.platform !== 'cpu') throw new ShapeError(`a view is of the CPU plugin's memory; this buffer is on ${this.device.kind}`);
    if (this.deviceBytes !== this.bytes || !isRowMajor(this.layout))
      throw new ShapeError(`a view is of elements that lie as on the host, row-major and whole bytes; ${typeText(this.type)} does not`);
    await this.ready();
    const raw = rawOf(this);
    const { host } = dtypes[this.type.dtype];
    if (!this.bytes) return new host(0);
    // One ArrayBuffer a memory, as V8 wants it.
    const memory = this.#view?.deref() ?? native().view(raw, this.bytes);
    this.#view = new WeakRef(memory);
    return new host(memory);
  }

  /** @internal Whether somebody may hold a view of it. */
  get isViewed(): boolean {
    return this.#view?.deref() !== undefined;
  }
}

const isRowMajor = (layout: Layout) =>
  'minorToMajor' in layout && !layout.tiles.length && layout.minorToMajor.every((axis, i, { length }) => axis === length - 1 - i);

const aligned = 64;
const hostMemories = new WeakSet<ArrayBufferLike>();

/**
 * An array of zeros for a tensor's elements, the dtype's own kind, aligned so that `Client.alias` takes it as it is. It is large pages where
 * the system has them: to fill it the first time is cheaper too.
 */
export function hostArray(type: TensorType): HostArray {
  const { dtype, shape } = tensor(type.dtype, type.shape);
  const memory = native().hostMemory(bytesOf({ dtype, shape }));
  hostMemories.add(memory);
  return new dtypes[dtype].host(memory);
}

/** The bytes of an array that a buffer may be. Throws ShapeError for an array that `upload` does not take either, or that hostArray did not make. */
export function aliasedBytes(type: TensorType, data: HostData): Uint8Array {
  if (isNarrowFloat(type.dtype) && kindOf(data) === 'Float32Array')
    throw new ShapeError(`an array that a buffer is in place has the elements' bits; ${type.dtype} takes Uint16Array, got Float32Array`);
  const bytes = hostBytes(type, data);
  if (!hostMemories.has(bytes.buffer)) throw new ShapeError('an array that a buffer is in place is one of hostArray');
  if (bytes.byteOffset % aligned)
    throw new ShapeError(`it begins at a multiple of ${aligned} bytes of its memory; got ${bytes.byteOffset}`);
  return bytes;
}

/** What a host array may be for a dtype: its own kind, f32 for the narrow floats, or plain bytes. */
export type HostData = HostArray;

// Not instanceof: an array may come from another realm.
const kindOf = (data: unknown) => (ArrayBuffer.isView(data) ? Object.prototype.toString.call(data).slice(8, -1) : typeof data);

/** The bytes to upload. Throws ShapeError for an array of another kind or length than the type's. */
export function hostBytes(type: TensorType, data: HostData): Uint8Array {
  const { dtype } = type;
  const kind = kindOf(data);
  const own = dtypes[dtype].host.name;
  const widened = kind === 'Float32Array' && isNarrowFloat(dtype);
  if (kind !== own && kind !== 'Uint8Array' && !widened) {
    const kinds = [...new Set([own, ...(isNarrowFloat(dtype) ? ['Float32Array'] : []), 'Uint8Array'])].join(' or ');
    throw new ShapeError(`${dtype} is uploaded from ${kinds}; got ${kind}`);
  }
  const [length, unit] = kind === own || widened ? [hostLength(type), 'elements'] : [bytesOf(type), 'bytes'];
  if (data.length !== length) throw new ShapeError(`${typeText(type)} has ${length} ${unit}; the array has ${data.length}`);
  if (dtypes[dtype].bits) checkRange(dtype, data as Int8Array | Uint8Array);
  const array = widened ? toBits(dtype as 'bf16' | 'f16', data as Float32Array) : data;
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

// The values of what takes a byte on the host and less on a device.
function checkRange(dtype: TensorType['dtype'], data: Int8Array | Uint8Array): void {
  const [low, high] = rangeOf(dtype).map(Number);
  const values = low < 0 ? new Int8Array(data.buffer, data.byteOffset, data.length) : data;
  for (const value of values)
    if (value < low || value > high) throw new ShapeError(`a value of ${dtype} is from ${low} to ${high}; the array has ${value}`);
}

/** The dtype of a PJRT_Buffer_Type. Throws PjrtError for one that this library has no name for. */
export function dtypeOf(type: number): TensorType['dtype'] {
  for (const [dtype, row] of Object.entries(dtypes)) if (row.pjrt === type) return dtype as TensorType['dtype'];
  throw new PjrtError('UNIMPLEMENTED', `a tensor is of a dtype in ${Object.keys(dtypes).join(', ')}; got PJRT_Buffer_Type ${type}`);
}
