/** The host's arrays that tensors are made of: which there may be for a dtype, and their elements' bytes. */
import { constants } from 'node:buffer';
import { ShapeError, shown } from '../errors';
import {
  bytesOf,
  dtypes,
  type HostArray,
  hostLength,
  isNarrowFloat,
  rangeOf,
  sizeOf,
  type TensorType,
  toBits,
  typeText,
  checkedType,
} from '../types';
import { native } from './native';
import type { Sharding } from './sharding';
import { Tile, wordsOf } from './tile';

const aligned = 64;
const hostMemories = new WeakSet<ArrayBufferLike>();

/** Throws ShapeError for a tensor of more bytes than Node has an array of: told of one, it would free the memory twice. */
export function checkHostBytes(type: TensorType): void {
  const bytes = bytesOf(type);
  if (bytes > constants.MAX_LENGTH)
    throw new ShapeError(`an array has at most ${constants.MAX_LENGTH} bytes in this version of Node; ${typeText(type)} has ${bytes}`);
}

/**
 * An array of zeros for a tensor's elements, the dtype's own kind, aligned so that `Client.alias` takes it as it is. It is large pages where
 * the system has them: to fill it the first time is cheaper too.
 */
export function hostArray(type: TensorType): HostArray {
  if (!type) throw new ShapeError(`an array of the host is for a tensor type, as tensor('f32', [8]) makes one; got ${shown(type)}`);
  const { dtype, shape } = checkedType(type);
  checkHostBytes({ dtype, shape });
  const memory = native().hostMemory(bytesOf({ dtype, shape }), true);
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

/** An array, or a tile of it, as the bytes of a tensor, of which any part can be had. */
export interface HostParts {
  /** Of the array's elements; of a tile in words (tile.ts). */
  readonly length: number;
  /** Bytes of the tensor for each of them, and in all. */
  readonly elementBytes: number;
  readonly bytes: number;
  /** How many of them to ask for at a time, where a part is not the array's own memory. */
  readonly most?: number;
  /** Bytes of the array that they are made of. */
  readonly arrayBytes: number;
  /** The bytes of the elements `from` to `to`, until the next ones are asked for. Throws ShapeError for a value out of a narrow integer's range. */
  part(from: number, to: number): Uint8Array;
  /** All of them, where they lie in a `hostArray` as they are: its memory stays as long as somebody reads it. */
  readonly inPlace?: Uint8Array;
}

// What is put together, or converted, and then copied on stays in a processor's cache: 256 KiB at most.
const mostTogether = 2 ** 16;

/** Which tile of a tensor: what a partition has. */
export interface Cut {
  readonly sharding: Sharding;
  readonly partition: number;
}

/** The bytes to upload, of all of a tensor or a tile. Throws ShapeError for an array of another kind or length than the type's. */
export function hostParts(type: TensorType, data: HostData, cut?: Cut): HostParts {
  const { dtype } = type;
  const isWidened = checkData(type, data);
  const total = data.length;
  const array = () => {
    if (data.length !== total) throw new ShapeError('an array that is uploaded stays until the buffer is ready; it was transferred');
    return partOf(data, 0, total);
  };
  const words = Math.min(data.BYTES_PER_ELEMENT, 4);
  const tile = cut && new Tile(type, cut.sharding, cut.partition, total ? data.byteLength / words / sizeOf(type) : 1);
  const taken = (from: number, to: number) => (tile ? tile.taken(wordsOf(array()), from, to) : array().subarray(from, to));
  const part = (from: number, to: number) => encoded(dtype, taken(from, to), isWidened);
  const length = tile?.length ?? total;
  const bytes = bytesOf(cut ? cut.sharding.shardOf(type) : type);
  const arrayBytes = length * (tile ? words : data.BYTES_PER_ELEMENT);
  const isOneRun = tile?.isOneRun ?? true;
  const most = isOneRun && !isWidened ? undefined : mostTogether;
  const isInPlace = isOneRun && !isWidened && !dtypes[dtype].bits && hostMemories.has(data.buffer);
  return {
    length,
    elementBytes: length ? bytes / length : 1,
    bytes,
    most,
    arrayBytes,
    part,
    inPlace: isInPlace ? part(0, length) : undefined,
  };
}

// Whether it is f32 for a narrower float.
function checkData(type: TensorType, data: HostData): boolean {
  const { dtype } = type;
  const kind = kindOf(data);
  const own = dtypes[dtype].host.name;
  const isWidened = kind === 'Float32Array' && isNarrowFloat(dtype);
  if (kind !== own && kind !== 'Uint8Array' && !isWidened) {
    const kinds = [...new Set([own, ...(isNarrowFloat(dtype) ? ['Float32Array'] : []), 'Uint8Array'])].join(' or ');
    throw new ShapeError(`${dtype} is uploaded from ${kinds}; got ${kind}`);
  }
  const [length, unit] = kind === own || isWidened ? [hostLength(type), 'elements'] : [bytesOf(type), 'bytes'];
  if (data.length !== length) throw new ShapeError(`${typeText(type)} has ${length} ${unit}; the array has ${data.length}`);
  return isWidened;
}

function encoded(dtype: TensorType['dtype'], values: HostArray, isWidened: boolean): Uint8Array {
  const { buffer, byteOffset, length } = values;
  if (dtypes[dtype].bits) checkRange(dtype, values as Int8Array | Uint8Array);
  const array = isWidened ? toBits(dtype as 'bf16' | 'f16', new Float32Array(buffer as ArrayBuffer, byteOffset, length)) : values;
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

// An empty array may have been transferred, too, which its length does not show.
function partOf(data: HostData, from: number, to: number): HostArray {
  try {
    return data.subarray(from, to);
  } catch {
    throw new ShapeError('an array has its memory; that of this one was transferred');
  }
}

/** All of the bytes. Throws ShapeError. */
export function hostBytes(type: TensorType, data: HostData): Uint8Array {
  const parts = hostParts(type, data);
  return parts.part(0, parts.length);
}

// The values of what takes a byte on the host and less on a device.
function checkRange(dtype: TensorType['dtype'], data: Int8Array | Uint8Array): void {
  const [low, high] = rangeOf(dtype).map(Number);
  const [what, verb] = dtype.startsWith('f') ? ['the bits of a value', 'are'] : ['a value', 'is'];
  const values = low < 0 ? new Int8Array(data.buffer, data.byteOffset, data.length) : data;
  for (let i = 0; i < values.length; i++)
    if (values[i] < low || values[i] > high)
      throw new ShapeError(`${what} of ${dtype} ${verb} from ${low} to ${high}; the array has ${values[i]}`);
}
