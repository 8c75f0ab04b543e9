/** A whole program: named inputs in, named outputs out, one `@main`. */
import { ShapeError, shown } from '../../errors';
import { type Module, type Port, type TensorType, tensor, typeText } from '../../types';
import { type Value, attr, emit, isolated, printBlock } from '../mlir';
import { type Mesh, meshOperation, type Sharding, shardingText, localType } from '../shardy/mesh';
import { type Tensor, isTensor } from './core';

/**
 * Builds a program: `body` gets a tensor for each of `inputs` and returns the outputs by name. Ports keep the order they are written in.
 * A name is a letter or _ and then letters, digits and _, so that it can be read in the text. `options`: see Module; `mesh` and
 * `shardings`: the devices that it is spread over, and how inputs and outputs lie on them, those that are named.
 */
export function program<I extends Readonly<Record<string, TensorType>>>(
  name: string,
  inputs: I,
  body: (args: { readonly [K in keyof I]: Tensor }) => Readonly<Record<string, Tensor>>,
  { mesh, shardings, ...options }: ProgramOptions = {},
): Module {
  const ports: Port[] = Object.entries(inputs).map(([port, { dtype, shape }]) => ({
    name: word('an input', port),
    type: tensor(dtype, shape),
  }));
  const outputs: Port[] = [];
  let args: readonly Tensor[] = [];
  const block = isolated<TensorType>(
    ports.map((port) => port.type),
    (...values) => {
      args = values;
      const results = body(Object.fromEntries(ports.map((port, i) => [port.name, values[i]])) as { [K in keyof I]: Tensor });
      for (const [port, value] of Object.entries(results)) {
        if (!isTensor(value)) throw new ShapeError(`an output is a tensor of the program; ${port} is ${shown(value)}`);
        outputs.push({ name: word('an output', port), type: value.type });
      }
      emit('func.return', Object.values(results), []);
    },
  );
  const names = new Map<Value<TensorType>, string>(args.map((value, i) => [value, `%${ports[i].name}`]));
  const placed = placing(mesh, shardings);
  const head = ports.map((port) => `%${port.name}: ${typeText(port.type)}${placed('inputs', port)}`).join(', ');
  const results = outputs.map((port) => `${typeText(port.type)}${placed('outputs', port)}`).join(', ');
  const text =
    `module @${symbol(name)} {\n${mesh ? `  ${meshOperation(mesh)}\n` : ''}  func.func public @main(${head}) -> (${results}) {\n` +
    `${printBlock(block, typeText, '    ', names)}  }\n}\n`;
  const spread = mesh && { partitions: mesh.devices };
  return Object.freeze({ text, inputs: Object.freeze(ports), outputs: Object.freeze(outputs), ...options, ...spread });
}

export interface ProgramOptions extends Pick<Module, 'hiddenFlops' | 'maskBytes' | 'kernels'> {
  readonly mesh?: Mesh;
  readonly shardings?: { readonly inputs?: Readonly<Record<string, Sharding>>; readonly outputs?: Readonly<Record<string, Sharding>> };
}

/** The attribute that says how a port lies on the mesh. */
function placing(mesh: Mesh | undefined, shardings: ProgramOptions['shardings'] = {}) {
  return (side: 'inputs' | 'outputs', { name, type }: Port): string => {
    const sharding = shardings[side]?.[name];
    if (!sharding) return '';
    if (!mesh) throw new ShapeError(`a program with shardings has a mesh; ${name} has a sharding`);
    localType(mesh, type, sharding, name);
    return ` {sdy.sharding = #sdy.sharding${shardingText(mesh, type, sharding, name)}}`;
  };
}

function word(what: string, name: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new ShapeError(`the name of ${what} is a letter or _ and then letters, digits and _; got ${JSON.stringify(name)}`);
  return name;
}

function symbol(name: string): string {
  return /^[A-Za-z_][\w$.]*$/.test(name) ? name : attr.string(name);
}
