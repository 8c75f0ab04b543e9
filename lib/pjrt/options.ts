/** XLA's CompileOptionsProto, as far as it is needed: one replica, one partition, and where it runs. */

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

const integer = (field: number, value: number) => [...varint(field * 8), ...varint(value)];
const message = (field: number, bytes: readonly number[]) => [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];

/** `device`: the id of the one device. The counts are always written: without them the CPU plugin aborts. */
export function compileOptions(device: number): Uint8Array {
  const computation = message(1, varint(device));
  const assignment = [...integer(1, 1), ...integer(2, 1), ...message(3, computation)];
  const build = [...integer(4, 1), ...integer(5, 1), ...message(9, assignment)];
  return Uint8Array.from(message(3, build));
}
