/**
 * What the devices of a partitioned program say to one another in a run, and what each of them holds: read from the program as the
 * compiler left it (HloModuleProto, xla/service/hlo.proto, where the fields' numbers are from).
 */
import type { CompiledMemory, Executable } from '../pjrt';
import type { Message } from '../pjrt/proto';
import { moduleOf } from '../pjrt/sharding';
import { bytesText } from './units';

const kinds = ['all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all', 'collective-permute', 'collective-broadcast'] as const;
export type CollectiveKind = (typeof kinds)[number];

/** Collectives of one kind, size and group. */
export interface Collective {
  readonly kind: CollectiveKind;
  /** Times in a run, loops' passes counted; of a loop whose passes are not known, once. */
  readonly count: number;
  /** Devices that take part in one; of a collective-permute 2, who sends and who gets. */
  readonly group: number;
  /** What a device puts in, each time. */
  readonly bytes: number;
  /**
   * What a device sends in a run: of a collective-permute as it is; of the others estimated, as a ring algorithm sends it. A device that
   * has nothing to send, or sends it to itself, sends less.
   */
  readonly sentBytes: number;
}

export interface Distribution {
  readonly replicas: number;
  readonly partitions: number;
  readonly collectives: readonly Collective[];
  /** Of the collectives, together. */
  readonly sentBytes: number;
  /** Of one device. */
  readonly memory: CompiledMemory;
  toString(): string;
}

/** Throws ShapeError for a program from a cache (see `Executable.optimizedProgram`), PjrtError for one that its plugin does not show. */
export async function distribution(executable: Executable): Promise<Distribution> {
  const { format, bytes } = await executable.optimizedProgram();
  const { replicas, partitions, memory } = executable;
  const collectives = collectivesOf(moduleOf(format, bytes));
  const sentBytes = collectives.reduce((sum, one) => sum + one.sentBytes, 0);
  const known = { replicas, partitions, collectives, sentBytes, memory };
  const text = [`${replicas} x ${partitions} devices`, ...distributionRows(known).map((row) => row.join(': '))].join('\n');
  return Object.freeze({ ...known, toString: () => text });
}

/** What there is to say of one device: titles, and texts. */
export function distributionRows({ collectives, sentBytes, memory }: Omit<Distribution, 'toString'>): [title: string, text: string][] {
  const isEstimated = ({ kind }: Collective) => kind !== 'collective-permute';
  const { argumentBytes, outputBytes, tempBytes } = memory;
  return [
    ...collectives.map((one): [string, string] => [
      one.kind,
      `${one.count} x ${bytesText(one.bytes)}${isEstimated(one) ? ` among ${one.group} devices` : ' to another device'}`,
    ]),
    ['sends', `${bytesText(sentBytes)} in a run${collectives.some(isEstimated) ? ', estimated' : ''}`],
    ['holds', `${bytesText(argumentBytes)} of arguments, ${bytesText(outputBytes)} of outputs, ${bytesText(tempBytes)} of temporaries`],
  ];
}

/** An instruction (HloInstructionProto). */
interface Instruction {
  readonly opcode: string;
  readonly operands: readonly number[];
  readonly called: readonly number[];
  readonly message: Message;
}

interface Computation {
  readonly root: number;
  readonly instructions: ReadonlyMap<number, Instruction>;
}

function collectivesOf(module: Message): Collective[] {
  const computations = new Map(module.messages(3).map((message) => [message.number(5), computationOf(message)]));
  const sums = new Map<string, Collective>();
  const visit = (id: number, times: number): void => {
    const computation = computations.get(id);
    if (!computation) return;
    for (const instruction of computation.instructions.values()) {
      const { opcode, called } = instruction;
      const kind = kinds.find((one) => opcode === one || opcode === `${one}-start`);
      if (kind) add(sums, oneOf(kind, instruction, computation), times);
      else if (opcode === 'while') visit(called[0], times * (passesOf(instruction, computation, computations) ?? 1));
      else for (const inner of called) visit(inner, times);
    }
  };
  visit(module.number(6), 1);
  return [...sums.values()];
}

function add(sums: Map<string, Collective>, one: Collective, times: number): void {
  const key = `${one.kind} ${one.group} ${one.bytes}`;
  const { count = 0, sentBytes = 0 } = sums.get(key) ?? {};
  sums.set(key, { ...one, count: count + times, sentBytes: sentBytes + times * one.sentBytes });
}

function computationOf(message: Message): Computation {
  const instructions = message
    .messages(2)
    .map((one): [number, Instruction] => [
      one.number(35),
      { opcode: one.text(2), operands: one.numbers(36), called: one.numbers(38), message: one },
    ]);
  return { root: message.number(6), instructions: new Map(instructions) };
}

function oneOf(kind: CollectiveKind, { operands, message }: Instruction, { instructions }: Computation): Collective {
  const bytes = operands.reduce((sum, id) => sum + bytesOf(instructions.get(id)?.message.message(3)), 0);
  if (kind === 'collective-permute') {
    // SourceTarget: 1 source, 2 target.
    const isSent = message.messages(52).some((pair) => pair.number(1) !== pair.number(2));
    return { kind, count: 1, group: 2, bytes, sentBytes: isSent ? bytes : 0 };
  }
  const group = groupSize(message);
  const share = (group - 1) / group;
  const factors = {
    'all-reduce': 2 * share,
    'all-gather': group - 1,
    'reduce-scatter': share,
    'all-to-all': share,
    'collective-broadcast': 1,
  };
  return { kind, count: 1, group, bytes, sentBytes: Math.round(bytes * factors[kind]) };
}

/** Devices of a group: written out, or as an iota (CollectiveDeviceListProto, 87: 1 groups, 2 iota with 2 devices a group). */
function groupSize(message: Message): number {
  const list = message.message(87);
  const [group] = [...message.messages(49), ...(list?.messages(1) ?? [])];
  return Math.max(group?.numbers(1).length ?? list?.message(2)?.number(2) ?? 1, 1);
}

// Bits of an element by PrimitiveType, xla/xla_data.proto; others have 8.
const bits: Readonly<Record<number, number>> = {
  3: 16,
  4: 32,
  5: 64,
  7: 16,
  8: 32,
  9: 64,
  10: 16,
  11: 32,
  12: 64,
  15: 64,
  16: 16,
  17: 0,
  18: 128,
  21: 4,
  22: 4,
};

/** ShapeProto: 2 element_type, 3 dimensions, 4 tuple_shapes. */
function bytesOf(shape: Message | undefined): number {
  if (!shape) return 0;
  if (shape.number(2) === tuple) return shape.messages(4).reduce((sum, part) => sum + bytesOf(part), 0);
  return (shape.numbers(3).reduce((product, n) => product * n, 1) * (bits[shape.number(2)] ?? 8)) / 8;
}

const tuple = 13;

/**
 * How often a loop's body runs: as its backend_config says, or, where the counter goes up by one from one constant to another, as its
 * condition does.
 */
function passesOf(loop: Instruction, around: Computation, computations: ReadonlyMap<number, Computation>): number | undefined {
  const said = /"known_trip_count":\s*\{\s*"n":\s*"(\d+)"/.exec(loop.message.text(43))?.[1];
  if (said !== undefined) return Number(said);
  const [body, condition] = loop.called.map((id) => computations.get(id));
  if (!body || !condition) return undefined;
  const compare = condition.instructions.get(condition.root);
  const [counter, limit] = compare?.operands ?? [];
  const index = condition.instructions.get(counter)?.message.number(13) ?? 0;
  const last = constantAt(limit, condition);
  const first = constantAt(argumentAt(loop.operands[0], index, around), around);
  const next = body.instructions.get(argumentAt(body.root, index, body) ?? -1);
  const isByOne = next?.opcode === 'add' && next.operands.some((operand) => constantAt(operand, body) === 1);
  const over = { LT: 0, LE: 1 }[compare?.message.text(63) ?? ''];
  if (last === undefined || first === undefined || over === undefined || !isByOne) return undefined;
  return Math.max(last - first + over, 0);
}

function argumentAt(id: number | undefined, index: number, { instructions }: Computation): number | undefined {
  const made = instructions.get(id ?? -1);
  return made?.opcode === 'tuple' ? made.operands[index] : undefined;
}

/** The value of an integer constant (LiteralProto: 4 s32s), through copies. */
function constantAt(id: number | undefined, computation: Computation): number | undefined {
  const made = computation.instructions.get(id ?? -1);
  if (made?.opcode === 'copy') return constantAt(made.operands[0], computation);
  return made?.opcode === 'constant' ? made.message.message(8)?.numbers(4)[0] : undefined;
}
