/** A device's tile of an array: its elements out of the whole, and into it. */
import type { HostArray, TensorType } from '../types';
import { eachRun, isOneRun, type Part, type Sharding } from './sharding';
import { countOf } from './grid';

/** An array as words of up to 4 bytes: elements that are moved stay as they are, which a NaN does not as a number. */
export type Words = Uint8Array | Uint16Array | Uint32Array;

const kinds = { 1: Uint8Array, 2: Uint16Array } as Record<number, typeof Uint8Array | typeof Uint16Array>;

export function wordsOf({ buffer, byteOffset, byteLength, BYTES_PER_ELEMENT }: HostArray): Words {
  const Kind = kinds[BYTES_PER_ELEMENT] ?? Uint32Array;
  return new Kind(buffer as ArrayBuffer, byteOffset, byteLength / Kind.BYTES_PER_ELEMENT);
}

/** Words up to which a loop is faster than `set` of a part. */
const few = 32;

export class Tile {
  /** Of the tile, in words. */
  readonly length: number;
  readonly #whole: readonly number[];
  readonly #tile: readonly number[];
  readonly #part: Part;
  #copied: Words | undefined;

  /** What a partition has of a tensor whose elements are `unit` words each. */
  constructor(type: TensorType, sharding: Sharding, partition: number, unit: number) {
    const { start, shape } = sharding.partOf(type, partition);
    this.#whole = [...type.shape, unit];
    this.#tile = [...sharding.shardOf(type).shape, unit];
    this.#part = { start: [...start, 0], shape: [...shape, unit] };
    this.length = countOf(this.#tile);
  }

  /**
   * The tile's words `from` to `to`: where they lie in the whole, if they are one run there, else a copy, which is there until the next one.
   * What lies outside of the whole is 0.
   */
  taken(whole: Words, from: number, to: number): Words {
    let words: Words | undefined;
    this.#each(from, to, (inWhole, inTile, length) => {
      if (length === to - from) {
        words = whole.subarray(inWhole, inWhole + length);
        return;
      }
      words ??= this.#zeros(whole, to - from);
      copy(words, inTile - from, whole, inWhole, length);
    });
    return words ?? this.#zeros(whole, to - from);
  }

  #zeros(like: Words, length: number): Words {
    if (this.#copied?.length !== length) this.#copied = new (like.constructor as new (length: number) => Words)(length);
    else this.#copied.fill(0);
    return this.#copied;
  }

  /** Puts the tile's words `from` to `to` where they are in the whole. */
  put(whole: Words, words: Words, from: number, to: number): void {
    this.#each(from, to, (inWhole, inTile, length) => copy(whole, inWhole, words, inTile, length));
  }

  /** Whether it lies in the whole as it is. */
  get isOneRun(): boolean {
    return isOneRun(this.#whole, this.#tile, this.#part);
  }

  #each(from: number, to: number, visit: (inWhole: number, inTile: number, length: number) => void): void {
    eachRun(this.#whole, this.#tile, this.#part, [from, to], visit);
  }
}

function copy(to: Words, at: number, from: Words, begin: number, length: number): void {
  if (length > few) to.set(from.subarray(begin, begin + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[begin + i];
}
