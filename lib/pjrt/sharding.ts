/** How a tensor lies on the devices that a program is split over. */
import { PjrtError } from '../errors';
import type { TensorType } from '../types';
import { countOf, indexOf, numberOf } from './grid';
import { Message } from './proto';

/** A part of a tensor: `shape` elements from `start` on, along each dimension. */
export interface Part {
  readonly start: readonly number[];
  readonly shape: readonly number[];
}

/** Tiles of equal size along each dimension, the last ones cut where they do not go up, and which of them each partition has. */
export class Sharding {
  constructor(
    /** Tiles along each dimension: 1 where it is whole. */
    readonly tiles: readonly number[],
    /** For each partition its tile, as an index along each dimension. Several may have the same one. */
    readonly places: readonly (readonly number[])[],
  ) {}

  /** The whole on each of `partitions`. */
  static replicated(rank: number, partitions: number): Sharding {
    return new Sharding(Array(rank).fill(1), Array(partitions).fill(Array(rank).fill(0)));
  }

  /** What one device holds of a tensor: a tile. At the edges a part of it may lie outside of the tensor. */
  shardOf({ dtype, shape }: TensorType): TensorType {
    return { dtype, shape: shape.map((size, axis) => Math.ceil(size / this.tiles[axis])) };
  }

  /** The part of a tensor that is on a partition. */
  partOf(type: TensorType, partition: number): Part {
    const tile = this.shardOf(type).shape;
    const start = this.places[partition].map((place, axis) => Math.min(place * tile[axis], type.shape[axis]));
    return { start, shape: start.map((from, axis) => Math.min(tile[axis], type.shape[axis] - from)) };
  }

  equals({ tiles, places }: Sharding): boolean {
    return isSame(this.tiles, tiles) && places.length === this.places.length && this.places.every((place, i) => isSame(place, places[i]));
  }

  /** `4 x 1 tiles on 8 partitions`. */
  toString(): string {
    return `${this.tiles.join(' x ') || 'no'} tiles on ${this.places.length} partitions`;
  }
}

const isSame = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((value, i) => value === b[i]);

/** The shardings of a program's inputs and outputs, as its partitioner left them. */
export interface Shardings {
  readonly inputs: readonly Sharding[];
  readonly outputs: readonly Sharding[];
}

interface Ranks {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Reads them out of an optimized program (HloModuleProto, xla/service/hlo.proto: 12 is spmd_output_sharding, 14
 * spmd_parameters_shardings). Throws PjrtError for one of another format, or a sharding that is no tiling.
 */
export function shardingsOf(format: string, bytes: Uint8Array, ranks: Ranks, partitions: number): Shardings {
  const module = moduleOf(format, bytes);
  const all = (shardings: readonly Message[], counts: readonly number[]) =>
    counts.map((rank, i) => shardingOf(shardings[i], rank, partitions));
  const [output] = module.messages(12);
  const outputs = output?.number(1) === kinds.tuple ? output.messages(5) : output ? [output] : [];
  return { inputs: all(module.messages(14), ranks.inputs), outputs: all(outputs, ranks.outputs) };
}

/** The HloModuleProto of an optimized program. Throws PjrtError for another format. */
export function moduleOf(format: string, bytes: Uint8Array): Message {
  if (format === 'hlo') return new Message(bytes);
  const module = format === 'hlo_with_config' ? new Message(bytes).message(1) : undefined;
  if (!module) throw new PjrtError('UNIMPLEMENTED', `an optimized program is read as hlo_with_config or hlo; this plugin gives ${format}`);
  return module;
}

// OpSharding.Type, xla/xla_data.proto.
const kinds = { replicated: 0, tuple: 2, other: 3 };

// OpSharding: 3 is tile_assignment_dimensions, 4 tile_assignment_devices, 9 iota_reshape_dims, 10 iota_transpose_perm. Dimensions after the
// tensor's own say how many partitions share a tile.
function shardingOf(proto: Message | undefined, rank: number, partitions: number): Sharding {
  const kind = proto?.number(1) ?? kinds.replicated;
  if (!proto || kind === kinds.replicated) return Sharding.replicated(rank, partitions);
  if (kind !== kinds.other)
    throw new PjrtError('UNIMPLEMENTED', `a port is replicated or in tiles; this one has an OpSharding of type ${kind}`);
  const grid = proto.numbers(3);
  const order = proto.numbers(4);
  const partitionsInOrder = order.length ? order : iota(proto.numbers(9), proto.numbers(10));
  const places: number[][] = [];
  partitionsInOrder.forEach((partition, i) => {
    places[partition] = indexOf(grid, i).slice(0, rank);
  });
  if (places.length !== partitions) throw new PjrtError('INTERNAL', `a sharding is over ${partitions} partitions; got ${places.length}`);
  return new Sharding(grid.slice(0, rank), places);
}

// 0, 1, 2 and so on as an array of `dims`, transposed, flat again.
function iota(dims: readonly number[], permutation: readonly number[]): number[] {
  const turned = permutation.map((axis) => dims[axis]);
  return Array.from({ length: countOf(dims) }, (_, i) => {
    const index: number[] = [];
    for (const [axis, at] of indexOf(turned, i).entries()) index[permutation[axis]] = at;
    return numberOf(dims, index);
  });
}

/**
 * Shows `visit` where the elements of a part are that lie one after the other both in the whole and in its tile, row-major: run by run, those
 * of the tile's elements `from` to `to`.
 */
export function eachRun(
  whole: readonly number[],
  tile: readonly number[],
  { start, shape }: Part,
  [from, to]: readonly [from: number, to: number],
  visit: (inWhole: number, inTile: number, length: number) => void,
): void {
  if (shape.includes(0)) return;
  const axis = runAxis(whole, tile, shape);
  const length = countOf(shape.slice(axis));
  const index = lastUpTo(shape.slice(0, axis), indexOf(tile, from));
  const stepsOf = (sizes: readonly number[]) => index.map((_, k) => countOf(sizes.slice(k + 1)));
  const [wholeSteps, tileSteps] = [stepsOf(whole), stepsOf(tile)];
  const first = start.map((at, k) => at + (index[k] ?? 0));
  // Counted on from row to row: there may be as many rows as elements.
  let [inWhole, inTile] = [numberOf(whole, first), numberOf(tile, index)];
  while (inTile < to) {
    const skipped = Math.max(from - inTile, 0);
    const end = Math.min(length, to - inTile);
    if (skipped < end) visit(inWhole + skipped, inTile + skipped, end - skipped);
    let k = axis - 1;
    for (; k >= 0 && index[k] === shape[k] - 1; k--) {
      inWhole -= index[k] * wholeSteps[k];
      inTile -= index[k] * tileSteps[k];
      index[k] = 0;
    }
    if (k < 0) return;
    index[k]++;
    inWhole += wholeSteps[k];
    inTile += tileSteps[k];
  }
}

/** Whether the elements of a tile lie one after the other in the whole too, all of them. */
export function isOneRun(whole: readonly number[], tile: readonly number[], { shape }: Part): boolean {
  return countOf(shape.slice(runAxis(whole, tile, shape))) === countOf(tile);
}

// Axes behind this one are whole, so they go along.
function runAxis(whole: readonly number[], tile: readonly number[], shape: readonly number[]): number {
  let axis = Math.max(shape.length - 1, 0);
  while (axis > 0 && shape[axis] === whole[axis] && shape[axis] === tile[axis]) axis--;
  return axis;
}

// The last place of a grid up to one that may lie outside of it.
function lastUpTo(grid: readonly number[], place: readonly number[]): number[] {
  const outside = grid.findIndex((size, k) => place[k] >= size);
  return grid.map((size, k) => (outside >= 0 && k >= outside ? size - 1 : place[k]));
}
