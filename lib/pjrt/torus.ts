/**
 * Where on a TPU's grid of chips the partitions of a program go whose devices pass things on in rings: so that each passes to a neighbour,
 * and the last one to the first. In the order of ids, every other step of a ring would be over several links.
 */
import type { Module } from '../types';
import { countOf, indexOf, numberOf } from './grid';
import type { DeviceFacts } from './native';
import type { Spread } from './options';

type Place = Pick<DeviceFacts, 'id' | 'attributes'>;

/** How a module over a mesh is spread unless `spread` says otherwise: on as many devices, in its rings' order where the grid has one. */
export function meshSpread(module: Module | string, devices: readonly Place[], spread: Spread): Spread {
  if (typeof module === 'string') return spread;
  const { partitions = module.partitions, replicas = 1 } = spread;
  const isItsOwn = partitions === module.partitions && replicas === 1;
  return { ...spread, partitions, devices: spread.devices ?? (isItsOwn ? ringDevices(devices, module) : undefined) };
}

/** Ids of devices, partition by partition; undefined where the program has no rings, or the grid none of their size. */
export function ringDevices(devices: readonly Place[], { rings, partitions }: Pick<Module, 'rings' | 'partitions'>): number[] | undefined {
  if (!rings || !partitions) return undefined;
  const { size, stride } = rings;
  const grid = gridOf(devices);
  const block = grid && blockOf(grid.sizes, size);
  const cycle = block && cycleOf(block);
  if (!grid || !block || !cycle || partitions > devices.length) return undefined;
  const blocks = grid.sizes.map((count, axis) => count / block[axis]);
  return Array.from({ length: partitions }, (_, partition) => {
    const place = cycle[Math.floor(partition / stride) % size];
    const number = Math.floor(partition / (stride * size)) * stride + (partition % stride);
    const corner = indexOf(blocks, number);
    return grid.ids[
      numberOf(
        grid.sizes,
        corner.map((at, axis) => at * block[axis] + place[axis]),
      )
    ];
  });
}

interface Grid {
  /** Along the chips' coordinates, and the cores of a chip that are devices of their own. */
  readonly sizes: readonly number[];
  /** Row-major. */
  readonly ids: readonly number[];
}

/** Undefined unless each place has a device. */
function gridOf(devices: readonly Place[]): Grid | undefined {
  const places = devices.map(({ attributes: { coords, core_on_chip: core } }) =>
    Array.isArray(coords) ? [...(coords as readonly number[]), Number(core ?? 0)] : undefined,
  );
  const [first] = places;
  if (!first || places.some((place) => place?.length !== first.length)) return undefined;
  const sizes = first.map((_, axis) => Math.max(...places.map((place) => place?.[axis] ?? 0)) + 1);
  const ids: number[] = [];
  for (const [i, place] of places.entries()) ids[numberOf(sizes, place ?? [])] = devices[i].id;
  const count = countOf(sizes);
  return count === devices.length && Object.keys(ids).length === count ? { sizes, ids } : undefined;
}

/** The most compact box of `count` places that tiles the grid and has a way round; undefined where there is none. */
function blockOf(sizes: readonly number[], count: number): number[] | undefined {
  const boxes = (axes: readonly number[], rest: number): number[][] => {
    const [axis, ...others] = axes;
    if (axis === undefined) return rest === 1 ? [[]] : [];
    const fitting = Array.from({ length: axis }, (_, i) => i + 1).filter((n) => axis % n === 0 && rest % n === 0);
    return fitting.flatMap((n) => boxes(others, rest / n).map((box) => [n, ...box]));
  };
  const longest = (box: readonly number[]) => Math.max(...box);
  return boxes(sizes, count)
    .filter((box) => cycleOf(box))
    .sort((a, b) => longest(a) - longest(b))[0];
}

/**
 * All places of a box, each next to the one before, and the first to the last. One side is even, or there is no such way; the others, in
 * a winding path, are the other side of a rectangle: along its rows to and fro but for the first column, and back up that one.
 */
function cycleOf(box: readonly number[]): number[][] | undefined {
  const count = countOf(box);
  if (count <= 2) return windingPath(box);
  const even = box.findIndex((n) => n % 2 === 0 && n < count);
  if (even < 0) return undefined;
  const path = windingPath(box.map((n, axis) => (axis === even ? 1 : n)));
  const rows = box[even];
  const at = (row: number, column: number) => path[column].map((place, axis) => (axis === even ? row : place));
  const inside = Array.from({ length: rows }, (_, row) => {
    const columns = Array.from({ length: path.length - 1 }, (_, i) => i + 1);
    return (row % 2 ? columns.reverse() : columns).map((column) => at(row, column));
  });
  return [...inside.flat(), ...Array.from({ length: rows }, (_, i) => at(rows - 1 - i, 0))];
}

/** All places of a box, each next to the one before. */
function windingPath(box: readonly number[]): number[][] {
  const [size, ...rest] = box;
  if (size === undefined) return [[]];
  const inner = windingPath(rest);
  return Array.from({ length: size }, (_, at) => (at % 2 ? [...inner].reverse() : inner).map((place) => [at, ...place])).flat();
}
