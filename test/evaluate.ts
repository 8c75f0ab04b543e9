/** Runs a program once: numbers in, numbers out, by name. */
import type { Client } from '../lib/pjrt';
import { type DType, dtypes, isNarrowFloat, type Module } from '../lib/types';

/** Host data for numbers (0 and 1 for i1). */
export function hostData(dtype: DType, values: readonly number[]) {
  if (isNarrowFloat(dtype)) return Float32Array.from(values);
  const { host } = dtypes[dtype];
  const array = new host(values.length);
  const wide = /^u?i64$/.test(dtype);
  for (let i = 0; i < values.length; i++) array[i] = wide ? BigInt(values[i]) : values[i];
  return array;
}

/** Outputs of `module` on inputs given by port name. */
export async function evaluate(
  client: Client,
  module: Module,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
): Promise<Record<string, number[]>> {
  using executable = await client.compile(module);
  const buffers = module.inputs.map(
    ({ name, type }) => [name, client.upload(type, hostData(type.dtype, Array.from(inputs[name])))] as const,
  );
  const results = await executable.run(Object.fromEntries(buffers));
  const outputs: Record<string, number[]> = {};
  for (const [name, buffer] of Object.entries(results)) outputs[name] = Array.from(await buffer.read(), Number);
  for (const buffer of [...buffers.map(([, buffer]) => buffer), ...Object.values(results)]) buffer.dispose();
  return outputs;
}
