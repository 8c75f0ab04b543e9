/** Operations between the devices along axes of the mesh, inside of manualComputation: StableHLO's collectives by the axes' names. */
import { ShapeError, shown } from '../../errors';
import { type TensorType, tensor, typeText } from '../../types';
import { attr } from '../mlir';
import { broken, checkAxes, closed, op, scalarOf, type Tensor } from '../stablehlo/core';
import { add, convert, divide, maximum, minimum, multiply, remainder } from '../stablehlo/elementwise';
import { axisSize, groupsAlong, meshText, stridesOf } from './mesh';
import { currentMesh } from './manual';

const combiners = { sum: add, max: maximum, min: minimum, product: multiply };
export type Combiner = keyof typeof combiners;

// Partitions of one replica, as SPMD programs have them.
const channel = { channel_handle: '#stablehlo.channel_handle<handle = 1, type = 1>' };

const matrix = (rows: readonly (readonly number[])[]) =>
  `dense<[${rows.map((row) => `[${row.join(', ')}]`).join(', ')}]> : tensor<${rows.length}x${rows[0]?.length ?? 0}xi64>`;

function groups(name: string, axes: string | readonly string[]) {
  const rows = groupsAlong(currentMesh(name), typeof axes === 'string' ? [axes] : axes, name);
  return { size: rows[0].length, attributes: { replica_groups: matrix(rows), ...channel } };
}

function combine(name: string, how: Combiner, type: TensorType) {
  if (!Object.hasOwn(combiners, how))
    throw new ShapeError(`${name}: elements are combined by one of ${Object.keys(combiners).join(', ')}; got ${shown(how)}`);
  const scalar = scalarOf(type.dtype);
  return [closed([scalar, scalar], (a, b) => [combiners[how](a, b)])];
}

/** On every device, the elements of all devices along the axes combined. */
export function allReduce(operand: Tensor, axes: string | readonly string[], how: Combiner = 'sum'): Tensor {
  const { attributes } = groups('all_reduce', axes);
  const all = { ...attributes, use_global_device_ids: 'unit' };
  return op('all_reduce', [operand], operand.type, all, combine('all_reduce', how, operand.type));
}

/** On every device, the parts of all devices along the axes, one after the other along `dimension`. */
export function allGather(operand: Tensor, axes: string | readonly string[], dimension: number): Tensor {
  const { size, attributes } = groups('all_gather', axes);
  checkAxes('all_gather', 'C1', 'all_gather_dim', [dimension], operand.type.shape.length);
  return op('all_gather', [operand], scaled(operand.type, { [dimension]: size }), {
    all_gather_dim: attr.integer(dimension),
    ...attributes,
    use_global_device_ids: 'unit',
  });
}

/** `allReduce`, of which each device keeps its part along `dimension`. */
export function reduceScatter(operand: Tensor, axes: string | readonly string[], dimension: number, how: Combiner = 'sum'): Tensor {
  const { size, attributes } = groups('reduce_scatter', axes);
  checkSplit('reduce_scatter', 'C2', 'scatter_dimension', operand.type, dimension, size);
  return op(
    'reduce_scatter',
    [operand],
    scaled(operand.type, { [dimension]: 1 / size }),
    { scatter_dimension: attr.integer(dimension), ...attributes, use_global_device_ids: 'unit' },
    combine('reduce_scatter', how, operand.type),
  );
}

/** Splits along `split` into a part for each device along the axes; puts the parts that come from them together along `concat`. */
export function allToAll(
  operand: Tensor,
  axes: string | readonly string[],
  { split, concat }: { readonly split: number; readonly concat: number },
): Tensor {
  const { size, attributes } = groups('all_to_all', axes);
  checkSplit('all_to_all', 'C1', 'split_dimension', operand.type, split, size);
  checkAxes('all_to_all', 'C3', 'concat_dimension', [concat], operand.type.shape.length);
  const result = split === concat ? operand.type : scaled(operand.type, { [split]: 1 / size, [concat]: size });
  return op('all_to_all', [operand], result, {
    split_dimension: attr.integer(split),
    concat_dimension: attr.integer(concat),
    split_count: attr.integer(size),
    ...attributes,
  });
}

/**
 * What the device that sends to this one has: device `from` along the axis sends to `to(from)`, each to another one. One that nobody sends
 * to (`to` may give undefined) has zeros.
 */
export function collectivePermute(operand: Tensor, axis: string, to: (from: number) => number | undefined): Tensor {
  const { name, pairs } = { name: 'collective_permute', pairs: [] as number[][] };
  const rows = groupsAlong(currentMesh(name), [axis], name);
  const size = rows[0].length;
  const targets = Array.from({ length: size }, (_, from) => to(from));
  const taken = targets.filter((target) => target !== undefined);
  if (!taken.every((target) => Number.isInteger(target) && target >= 0 && target < size) || new Set(taken).size !== taken.length)
    broken(name, 'C3', `each sends to another one of the ${size} along ${axis}`, targets.join(', '));
  for (const group of rows)
    for (const [from, target] of targets.entries()) if (target !== undefined) pairs.push([group[from], group[target]]);
  return op(name, [operand], operand.type, { source_target_pairs: matrix(pairs), ...channel });
}

/** This device's place along an axis: i32, from 0. */
export function axisIndex(axis: string): Tensor {
  const on = currentMesh('axis_index');
  const size = axisSize(on, axis, 'axis_index');
  const id = op('partition_id', [], tensor('ui32', []));
  return convert(remainder(divide(id, stridesOf(on)[axis]), size), 'i32');
}

function scaled({ dtype, shape }: TensorType, factors: Readonly<Record<number, number>>): TensorType {
  return tensor(
    dtype,
    shape.map((size, dimension) => Math.round(size * (factors[dimension] ?? 1))),
  );
}

function checkSplit(name: string, label: string, what: string, type: TensorType, dimension: number, parts: number): void {
  checkAxes(name, label, what, [dimension], type.shape.length);
  if (type.shape[dimension] % parts !== 0)
    broken(
      name,
      label,
      `the devices along the axes, ${parts}, divide ${what} ${dimension} (mesh ${meshText(currentMesh(name).axes)})`,
      typeText(type),
    );
}
