/** What is known of a program before a plugin sees it: its ports, and that it is none of those that take the process down (reader.ts). */
import { ShapeError, checkObject, shown } from '../../errors';
import { type Module, type Port, sameType, typeText, checkedType } from '../../types';
import type { Collective } from './hazards';
import { type RawPort, Reader } from './reader';

/** The custom call that is JavaScript. */
export const callbackTarget = 'node_pjrt_callback';

/** A module that may be compiled. */
export interface Program extends Module {
  /** Names of inputs whose memory a run may take for its outputs (`tf.aliasing_output`, `jax.buffer_donor`). */
  readonly donated: ReadonlySet<string>;
  /** Whether it may call JavaScript. */
  readonly callsBack: boolean;
  /** Whether it has what a plugin's cost analysis cannot see into: custom calls and loops. */
  readonly opaque: boolean;
  readonly collectives: readonly Collective[];
  /** What its tensors are of, also those inside. */
  readonly elements: ReadonlySet<string>;
}

/** The devices that a module says it is split over; a text does not say. */
export function partitionsOf(module: Module | string): number | undefined {
  return typeof module === 'string' ? undefined : module.partitions;
}

/**
 * Checks a program and names its ports. A module's ports keep their names; those of a text are the names of `@main`'s arguments, and
 * the results' `jax.result_info`, else out, or out0, out1 and so on. Throws ShapeError.
 */
export async function programOf(module: Module | string): Promise<Program> {
  const text = textOf(module);
  const reader = new Reader(text);
  const main = await reader.read();
  const inputs = main.inputs.map((port, i) => named(port.name ?? `arg${i}`, port, 'takes'));
  const outputs = outputNames(main.outputs).map((name, i) => named(name, main.outputs[i], 'returns'));
  const { opaque, hazards, divisors } = reader;
  const { collectives, elements } = hazards;
  const read = { inputs, outputs, opaque, callsBack: text.includes(callbackTarget), collectives, elements };
  const ports = typeof module === 'string' ? read : module;
  agree('inputs', ports.inputs, inputs);
  agree('outputs', ports.outputs, outputs);
  const donated = new Set(ports.inputs.filter((_, i) => main.inputs[i].donated).map(({ name }) => name));
  return { ...read, ...ports, text: divisors.edited(), donated };
}

function textOf(module: Module | string): string {
  if (typeof module === 'string') return module;
  checkObject('a program is text or a module', module);
  const { text, inputs, outputs } = module;
  if (typeof text !== 'string') throw new ShapeError(`a module has a text; got ${shown(text)}`);
  checkPorts(inputs);
  checkPorts(outputs);
  return text;
}

/** A program of which only the ports are known. Throws ShapeError. */
export function programOfPorts({ inputs, outputs }: Pick<Module, 'inputs' | 'outputs'>): Program {
  checkPorts(inputs);
  checkPorts(outputs);
  return { text: '', inputs, outputs, opaque: true, callsBack: true, collectives: [], elements: new Set(), donated: new Set() };
}

function checkPorts(ports: readonly Port[]): void {
  const isPort = (port: unknown) => {
    const { name, type } = (port ?? {}) as Partial<Port>;
    return typeof name === 'string' && checkedType(type as Port['type']) !== undefined;
  };
  if (!Array.isArray(ports) || !ports.every(isPort)) throw new ShapeError(`ports are an array of { name, type }; got ${shown(ports)}`);
}

function named(name: string, { type }: RawPort, verb: string): Port {
  if (!type) throw new ShapeError(`@main takes and returns tensors of static shape and known dtype; ${name}, which it ${verb}, is none`);
  return { name, type };
}

function outputNames(ports: readonly RawPort[]): string[] {
  const infos = ports.map(({ info }) => info ?? '');
  if (infos.every((info) => info !== '') && new Set(infos).size === infos.length) return infos;
  return ports.length === 1 ? ['out'] : ports.map((_, i) => `out${i}`);
}

function agree(what: string, said: readonly Port[], read: readonly Port[]): void {
  if (said.length === read.length && said.every(({ type }, i) => sameType(type, read[i].type))) return;
  const list = (ports: readonly Port[]) => `(${ports.map(({ type }) => typeText(type)).join(', ')})`;
  throw new ShapeError(`a module's ${what} are those of its text; the module says ${list(said)}, the text ${list(read)}`);
}
