/** Devices in a grid with named axes, and how a tensor lies on them. Text as Shardy's dialect (sdy) has it. */
import { ShapeError, shown } from '../../errors';
import { type TensorType, tensor, typeText } from '../../types';

/** The devices of a program. The last axis is that of neighbours: device `i` of `{ x: 2, y: 4 }` is at x = floor(i / 4), y = i mod 4. */
export interface Mesh {
  readonly axes: Readonly<Record<string, number>>;
  /** The product of the axes' sizes. */
  readonly devices: number;
}

/** An entry a dimension: the axis that splits it, or several, the first in the largest steps; null leaves it whole. */
export type Sharding = readonly (string | readonly string[] | null)[];

/** Throws ShapeError for an axis without a name or of no size. */
export function mesh(axes: Readonly<Record<string, number>>): Mesh {
  let devices = 1;
  for (const [axis, size] of Object.entries(axes)) {
    if (!/^[A-Za-z_]\w*$/.test(axis))
      throw new ShapeError(`mesh: an axis has a name of a letter or _ and then letters, digits and _; got ${JSON.stringify(axis)}`);
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ShapeError(`mesh: an axis has a whole number of devices, 1 or more; ${axis} has ${String(size)}`);
    devices *= size;
  }
  if (!Object.keys(axes).length) throw new ShapeError('mesh: there is at least one axis; got none');
  // A program's device ids are written out, and no TPU slice has more chips.
  if (devices > 2 ** 15) throw new ShapeError(`mesh: there are at most 2^15 devices; got ${meshText(axes)}`);
  return Object.freeze({ axes: Object.freeze({ ...axes }), devices });
}

/** `data=2,heads=4`. */
export function meshText(axes: Readonly<Record<string, number>>): string {
  return Object.entries(axes)
    .map(([axis, size]) => `${axis}=${size}`)
    .join(',');
}

/** The size of an axis. Throws ShapeError where there is none of that name. */
export function axisSize({ axes }: Mesh, axis: string, what: string): number {
  if (!Object.hasOwn(axes, axis)) throw new ShapeError(`${what}: an axis is one of the mesh, ${meshText(axes)}; got ${shown(axis)}`);
  return axes[axis];
}

/** The axes of each dimension. Throws ShapeError for a sharding that is none of a tensor of `type`. */
function axesOf(on: Mesh, { shape }: TensorType, sharding: Sharding, what: string): (readonly string[])[] {
  if (sharding.length !== shape.length)
    throw new ShapeError(`${what}: a sharding has an entry for each of ${shape.length} dimensions; got ${sharding.length}`);
  const each = sharding.map((entry) => (entry === null ? [] : typeof entry === 'string' ? [entry] : entry));
  const used = each.flat();
  for (const axis of used) axisSize(on, axis, what);
  if (new Set(used).size !== used.length) throw new ShapeError(`${what}: an axis splits one dimension of a tensor; got ${used.join(', ')}`);
  return each;
}

const product = (on: Mesh, axes: readonly string[]) => axes.reduce((size, axis) => size * on.axes[axis], 1);

/** What a device holds of a tensor. Throws ShapeError where the axes do not divide a dimension. */
export function localType(on: Mesh, type: TensorType, sharding: Sharding, what: string): TensorType {
  const each = axesOf(on, type, sharding, what);
  const shape = type.shape.map((size, dimension) => {
    const parts = product(on, each[dimension]);
    if (size % parts !== 0)
      throw new ShapeError(
        `${what}: the axes of a dimension divide it; dimension ${dimension} of ${typeText(type)} is split in ${parts} by ${each[dimension].join(', ')}`,
      );
    return size / parts;
  });
  return tensor(type.dtype, shape);
}

/** The tensor of which each device holds a part of `type`. */
export function globalType(on: Mesh, type: TensorType, sharding: Sharding, what: string): TensorType {
  const each = axesOf(on, type, sharding, what);
  return tensor(
    type.dtype,
    type.shape.map((size, dimension) => size * product(on, each[dimension])),
  );
}

/** `<@mesh, [{"data"}, {}]>`. */
export function shardingText(on: Mesh, type: TensorType, sharding: Sharding, what: string): string {
  const each = axesOf(on, type, sharding, what);
  return `<@mesh, [${each.map((axes) => `{${axes.map((axis) => `"${axis}"`).join(', ')}}`).join(', ')}]>`;
}

/** The operation that names the mesh, `@mesh`. */
export function meshOperation({ axes }: Mesh): string {
  return `sdy.mesh @mesh = <[${Object.entries(axes)
    .map(([axis, size]) => `"${axis}"=${size}`)
    .join(', ')}]>`;
}

/**
 * The devices that differ along `axes` only, group by group; in a group, in the order of the axes as they are named, the last one the
 * fastest.
 */
export function groupsAlong(on: Mesh, axes: readonly string[], what: string): number[][] {
  for (const axis of axes) axisSize(on, axis, what);
  if (!axes.length || new Set(axes).size !== axes.length)
    throw new ShapeError(`${what}: there is at least one axis, and none twice; got ${axes.join(', ') || 'none'}`);
  const strides = stridesOf(on);
  const offsets = (names: readonly string[]) =>
    names.reduce((list, axis) => list.flatMap((base) => Array.from({ length: on.axes[axis] }, (_, i) => base + i * strides[axis])), [0]);
  const along = offsets(axes);
  return offsets(Object.keys(on.axes).filter((axis) => !axes.includes(axis))).map((base) => along.map((offset) => base + offset));
}

/** How far apart in device numbers neighbours along each axis are. */
export function stridesOf({ axes }: Mesh): Record<string, number> {
  let stride = 1;
  return Object.fromEntries(
    Object.entries(axes)
      .reverse()
      .map(([axis, size]) => {
        const own = stride;
        stride *= size;
        return [axis, own];
      }),
  );
}
