/** XLA's CompileOptionsProto, as far as it is needed: replicas and partitions, where they run, and the compiler's options by name. */
import { checkObject, checkOneOf, ShapeError, shown } from '../errors';

/**
 * The compiler's own options, as in JAX's `compiler_options`: fields of XLA's DebugOptions (`xla_cpu_max_isa: 'AVX2'`) and, on a TPU, the
 * TPU compiler's (`xla_tpu_scoped_vmem_limit_kib: 65536`). A number is a float where it is no whole one.
 */
export type CompilerOptions = Readonly<Record<string, string | number | boolean>>;

/** How a program is spread over devices. */
export interface Spread {
  /** Copies of the whole program, 1 by default. */
  readonly replicas?: number;
  /** Devices that each copy is split over, by its shardings (`sdy.sharding`, `mhlo.sharding`); 1 by default. */
  readonly partitions?: number;
  /** What splits it: 'shardy' by default. Shardings of the sdy dialect need it. */
  readonly partitioner?: 'shardy' | 'gspmd';
  /** Ids of the devices, replica by replica; the first ones by default. */
  readonly devices?: readonly number[];
}

/** The whole of a spread over some of the devices `ids`. Throws ShapeError for counts and ids that there are not: plugins take any id. */
export function spreadOver(ids: readonly number[], spread: Spread): Required<Spread> {
  const { replicas = 1, partitions = 1, partitioner = 'shardy' } = spread;
  checkOneOf('the partitioner', ['shardy', 'gspmd'], partitioner);
  for (const [name, count] of Object.entries({ replicas, partitions }))
    if (!Number.isInteger(count) || count < 1) throw new ShapeError(`${name} is a whole number, 1 or more; got ${shown(count)}`);
  const count = replicas * partitions;
  if (count > ids.length)
    throw new ShapeError(
      `each partition of each replica has a device; ${replicas} x ${partitions} are more than the ${ids.length} there are`,
    );
  const devices = spread.devices ?? ids.slice(0, count);
  if (!Array.isArray(devices)) throw new ShapeError(`devices are ids, an array; got ${shown(devices)}`);
  if (devices.length !== count || new Set(devices).size !== count || !devices.every((id) => ids.includes(id)))
    throw new ShapeError(`devices are ${count} different ids of ${idsText(ids)}; got ${devices.map(shown).join(', ') || 'none'}`);
  return { replicas, partitions, partitioner, devices };
}

function idsText(ids: readonly number[]): string {
  return ids.length > 8 ? `${ids.slice(0, 3).join(', ')}, ..., ${ids.at(-1)}` : ids.join(', ');
}

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
 * The bytes. The counts are always written: without them the CPU plugin aborts. Throws ShapeError for an option that has no name or is of
 * no type that there is.
 */
export function compileOptions(
  { replicas, partitions, partitioner, devices }: Required<Spread>,
  options: CompilerOptions = {},
): Uint8Array {
  checkObject('compiler options are values by name', options);
  // A row a partition: its device in each replica.
  const rows = Array.from({ length: partitions }, (_, partition) =>
    message(3, message(1, Array.from({ length: replicas }, (_, replica) => devices[replica * partitions + partition]).flatMap(varint))),
  );
  const assignment = [...integer(1, replicas), ...integer(2, partitions), ...rows.flat()];
  const split = partitions > 1 ? [...integer(6, 1), ...(partitioner === 'shardy' ? integer(19, 1) : [])] : [];
  const build = [...integer(4, replicas), ...integer(5, partitions), ...message(9, assignment), ...split];
  return Uint8Array.from([...message(3, build), ...Object.entries(options).flatMap(override)]);
}

// The CPU plugin allocates so many parts before it looks further: at 2 * 10^9 it does not come back.
const mostParts = 1024;

// An entry of env_option_overrides. Its value is an OptionOverrideProto: a string, a bool, an int64 or a double.
function override([name, value]: [string, unknown]): number[] {
  if (!/^\w+$/.test(name)) throw new ShapeError(`a compiler option has a name such as xla_cpu_max_isa; got '${name}'`);
  if (name === 'xla_cpu_parallel_codegen_split_count' && !(typeof value === 'number' && value >= 1 && value <= mostParts))
    throw new ShapeError(`${name} is a number from 1 to ${mostParts}; got ${shown(value)}`);
  return message(7, [...message(1, bytesOf(name)), ...message(2, optionValue(name, value))]);
}

function optionValue(name: string, value: unknown): number[] {
  if (typeof value === 'string') return message(1, bytesOf(value));
  if (typeof value === 'boolean') return integer(2, Number(value));
  if (Number.isSafeInteger(value)) return integer(3, value as number);
  if (Number.isFinite(value) && !Number.isInteger(value)) return double(4, value as number);
  throw new ShapeError(`a compiler option is a string, a boolean, or a number below 2^53; ${name} is ${shown(value)}`);
}
