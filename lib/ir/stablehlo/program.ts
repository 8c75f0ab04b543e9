/** A whole program: named inputs in, named outputs out, one `@main`. */
import { ShapeError } from '../../errors';
import { type Module, type Port, type TensorType, tensor, typeText } from '../../types';
import { type Value, attr, emit, isolated, printBlock } from '../mlir';
import { type Tensor, isTensor } from './core';

/**
 * Builds a program: `body` gets a tensor for each of `inputs` and returns the outputs by name. Ports keep the order they are written in.
 * A name is a letter or _ and then letters, digits and _, so that it can be read in the text. `options`: see Module.
 */
export function program<I extends Readonly<Record<string, TensorType>>>(
  name: string,
  inputs: I,
  body: (args: { readonly [K in keyof I]: Tensor }) => Readonly<Record<string, Tensor>>,
  options: Pick<Module, 'hiddenFlops' | 'maskBytes' | 'kernels'> = {},
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
        if (!isTensor(value)) throw new ShapeError(`an output is a tensor of the program; ${port} is ${String(value)}`);
        outputs.push({ name: word('an output', port), type: value.type });
      }
      emit('func.return', Object.values(results), []);
    },
  );
  const names = new Map<Value<TensorType>, string>(args.map((value, i) => [value, `%${ports[i].name}`]));
  const head = ports.map((port) => `%${port.name}: ${typeText(port.type)}`).join(', ');
  const results = outputs.map((port) => typeText(port.type)).join(', ');
  const text =
    `module @${symbol(name)} {\n  func.func public @main(${head}) -> (${results}) {\n` +
    `${printBlock(block, typeText, '    ', names)}  }\n}\n`;
  return Object.freeze({ text, inputs: Object.freeze(ports), outputs: Object.freeze(outputs), ...options });
}

function word(what: string, name: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new ShapeError(`the name of ${what} is a letter or _ and then letters, digits and _; got ${JSON.stringify(name)}`);
  return name;
}

function symbol(name: string): string {
  return /^[A-Za-z_][\w$.]*$/.test(name) ? name : attr.string(name);
}
