/** A part of a program written from a device's point of view: on its parts of the tensors, with collectives between devices. */
import { ShapeError, shown } from '../../errors';
import type { TensorType } from '../../types';
import { emit, isolated } from '../mlir';
import { isTensor, type Tensor } from '../stablehlo/core';
import { globalType, localType, type Mesh, type Sharding, shardingText } from './mesh';

// The mesh whose devices the body that is running is written for. Bodies are synchronous, so one variable is enough.
let inside: Mesh | undefined;

/** The mesh that a collective is along. Throws ShapeError outside of a manual computation. */
export function currentMesh(what: string): Mesh {
  if (!inside) throw new ShapeError(`${what}: devices are told apart inside of manualComputation; this was made outside of one`);
  return inside;
}

/** How the tensors that a manual computation takes and gives lie on the mesh, by name. */
export interface Shardings {
  readonly inputs: Readonly<Record<string, Sharding>>;
  readonly outputs: Readonly<Record<string, Sharding>>;
}

/**
 * `sdy.manual_computation` over all axes of the mesh, which is the program's own: `body` gets a device's part of each of `operands` and
 * returns its part of each result; it sees nothing else. Throws ShapeError for a sharding that is missing, that names an axis that there
 * is not, or that does not divide its tensor.
 */
export function manualComputation(
  on: Mesh,
  operands: Readonly<Record<string, Tensor>>,
  shardings: Shardings,
  body: (parts: Record<string, Tensor>) => Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const names = Object.keys(operands);
  const locals = names.map((name) => localType(on, operands[name].type, shardingOf('operand', name, shardings.inputs), name));
  let results: readonly (readonly [name: string, part: Tensor])[] = [];
  const outer = inside;
  if (outer) throw new ShapeError('manualComputation: all axes are manual already; it was made inside of another one');
  inside = on;
  try {
    const block = isolated<TensorType>(locals, (...parts) => {
      results = Object.entries(body(Object.fromEntries(names.map((name, i) => [name, parts[i]]))));
      for (const [name, part] of results)
        if (!isTensor(part)) throw new ShapeError(`manualComputation: a result is a tensor of the body; ${name} is ${shown(part)}`);
      emit(
        'sdy.return',
        results.map(([, part]) => part),
        [],
      );
    });
    const types = results.map(([name, { type }]) => globalType(on, type, shardingOf('result', name, shardings.outputs), name));
    const texts = (list: readonly string[]) => `#sdy.sharding_per_value<[${list.join(', ')}]>`;
    const values = emit(
      'sdy.manual_computation',
      Object.values(operands),
      types,
      {
        in_shardings: texts(names.map((name) => shardingText(on, operands[name].type, shardings.inputs[name], name))),
        out_shardings: texts(results.map(([name], i) => shardingText(on, types[i], shardings.outputs[name], name))),
        manual_axes: `#sdy<manual_axes{${Object.keys(on.axes)
          .map((axis) => `"${axis}"`)
          .join(', ')}}>`,
      },
      [block],
    );
    return Object.fromEntries(results.map(([name], i) => [name, values[i]]));
  } finally {
    inside = outer;
  }
}

function shardingOf(what: string, name: string, shardings: Readonly<Record<string, Sharding>>): Sharding {
  if (!Object.hasOwn(shardings, name)) throw new ShapeError(`manualComputation: there is a sharding for each ${what}; ${name} has none`);
  return shardings[name];
}
