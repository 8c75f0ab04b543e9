/** XLA's CompileOptionsProto, as far as it is needed: one replica, one partition, where it runs, and the compiler's options by name. */
import { ShapeError } from '../errors';

/**
 * The compiler's own options, as in JAX's `compiler_options`: fields of XLA's DebugOptions (`xla_cpu_max_isa: 'AVX2'`) and, on a TPU, the
 * TPU compiler's (`xla_tpu_scoped_vmem_limit_kib: 65536`). A number is a float where it is no whole one.
 */
export type CompilerOptions = Readonly<Record<string, string | number | boolean>>;

const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const integer = (field: number, value: number) => [...varint(field * 8), ...varint(value)];
const message = (field: number, bytes: readonly number[]) => [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];

function double(field: number, value: number): number[] {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value, true);
  return [...varint(field * 8 + 1), ...new Uint8Array(bytes.buffer)];
}

/**
 * `device`: the id of the one device. The counts are always written: without them the CPU plugin aborts. Throws ShapeError for an option
 * that has no name or is of no type that there is.
 */
export function compileOptions(device: number, options: CompilerOptions = {}): Uint8Array {
  const computation = message(1, varint(device));
  const assignment = [...integer(1, 1), ...integer(2, 1), ...message(3, computation)];
  const build = [...integer(4, 1), ...integer(5, 1), ...message(9, assignment)];
  return Uint8Array.from([...message(3, build), ...Object.entries(options).flatMap(override)]);
}

// The CPU plugin allocates so many parts before it looks further: at 2 * 10^9 it does not come back.
const mostParts = 1024;

// An entry of env_option_overrides. Its value is an OptionOverrideProto: a string, a bool, an int64 or a double.
function override([name, value]: [string, unknown]): number[] {
  if (!/^\w+$/.test(name)) throw new ShapeError(`a compiler option has a name such as xla_cpu_max_isa; got '${name}'`);
  if (name === 'xla_cpu_parallel_codegen_split_count' && !(typeof value === 'number' && value >= 1 && value <= mostParts))
    throw new ShapeError(`${name} is a number from 1 to ${mostParts}; got ${String(value)}`);
  return message(7, [...message(1, bytesOf(name)), ...message(2, optionValue(name, value))]);
}

function optionValue(name: string, value: unknown): number[] {
  if (typeof value === 'string') return message(1, bytesOf(value));
  if (typeof value === 'boolean') return integer(2, Number(value));
  if (Number.isSafeInteger(value)) return integer(3, value as number);
  if (Number.isFinite(value) && !Number.isInteger(value)) return double(4, value as number);
  throw new ShapeError(`a compiler option is a string, a boolean, or a number below 2^53; ${name} is ${String(value)}`);
}
