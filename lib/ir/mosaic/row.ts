/**
 * What the builders, the verifier, the interpreter and the parser share of an operation: a row. Rows are in the files of their family
 * (arithmetic, shapes, matmul, memory, control); index.ts has them all in a table.
 */
import { ShapeError } from '../../errors';
import { type Block, emit, type Operation } from '../mlir';
import { type Element, isFloat, type MosaicType, type Ref, spell, type V } from './types';

export type Op = Operation<MosaicType>;
/** f32 and bf16 values are held as f32 (bf16 rounded), all else as i32; i1 is 0 or 1. */
export type Data = Float32Array | Int32Array;
/** A vector's places, row-major. Never written to once made. */
export interface Tile {
  readonly shape: readonly number[];
  readonly data: Data;
}
/** A box of a buffer in memory; `dims` are the buffer's dimensions that are left where others were squeezed out. */
export interface View {
  readonly buffer: object;
  readonly element: Element;
  readonly start: readonly number[];
  readonly sizes: readonly number[];
  readonly dims: readonly number[];
}
export type Held = number | Tile | View;

/** What a meaning may do to the core that runs it. */
export interface Machine {
  /** Runs a region and gives the operands of its terminator. */
  run(block: Block<MosaicType>, args: readonly Held[]): readonly Held[];
  read(view: View): Data;
  write(view: View, data: Data): void;
  startCopy(source: View, target: View, semaphore: View): void;
  waitCopy(target: View, semaphore: View): void;
  signal(semaphore: View, amount: number): void;
  wait(semaphore: View, amount: number): void;
}

export interface Row {
  /** Without `stable_mosaic.`. */
  readonly name: string;
  /** The lowest dialect version that has this form: a number, or by what an operation has. */
  readonly since: number | ((op: Op) => number);
  /** The first version that no longer has this form; undefined where all later ones have it. */
  readonly before?: (op: Op) => number | undefined;
  /** What of its rule an operation breaks, in words; undefined where it breaks nothing. */
  readonly rule: (op: Op) => string | undefined | false;
  /** What an operation does; the outer call may prepare what does not change from run to run. A terminator has none. */
  readonly meaning?: (op: Op) => (args: readonly Held[], machine: Machine) => Held | readonly Held[] | undefined;
}

export const prefix = 'stable_mosaic.';

/** Throws ShapeError where an operation breaks its row's rule. */
export function check(row: Row, op: Op): void {
  const broken = row.rule(op);
  if (broken) throw new ShapeError(`mosaic ${row.name}: ${broken}; got ${formOf(op)}`);
}

function formOf({ operands, results }: Op): string {
  const list = (values: readonly V[]) => values.map(({ type }) => spell(type)).join(', ') || 'none';
  return results.length ? `${list(operands)} to ${list(results)}` : list(operands);
}

/** Appends a row's operation to the body being built. */
export function make(
  row: Row,
  operands: readonly V[],
  results: readonly MosaicType[],
  attributes: Readonly<Record<string, string>> = {},
  regions: readonly Block<MosaicType>[] = [],
): V[] {
  const form = { name: row.name, operands, results: results.map((type) => ({ type }) as V), attributes, regions };
  check(row, form);
  return emit(prefix + row.name, operands, results, attributes, regions);
}

export const one = (row: Row, operands: readonly V[], result: MosaicType, attributes?: Readonly<Record<string, string>>): V =>
  make(row, operands, [result], attributes)[0];

/** Zeros. */
export const allocate = (element: Element, length: number): Data =>
  isFloat({ element }) ? new Float32Array(length) : new Int32Array(length);

// A kernel has thousands of attributes and a few dozen texts.
const read = new Map<string, readonly number[]>();

/** Whole numbers of an attribute: `array<i32: 1, 0>`, `[1 : i64, 0 : i64]` or `1 : i32`. */
export function integers(text: string | undefined): readonly number[] {
  if (!text) return [];
  let numbers = read.get(text);
  if (!numbers) {
    const body = text.replace(/^array<i\d+:?/, '').replace(/: *i\d+/g, '');
    numbers = [...body.matchAll(/-?\d+/g)].map(([n]) => Number(n));
    if (read.size > 10000) read.clear();
    read.set(text, numbers);
  }
  return numbers;
}

/** Rounds to bf16 in place, to nearest even; NaN stays NaN. */
export function roundToBf16(values: Float32Array): Float32Array {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i];
    if ((x & 0x7fffffff) <= 0x7f800000) bits[i] = (x + 0x7fff + ((x >>> 16) & 1)) & 0xffff0000;
  }
  return values;
}

export const isRef = (type: MosaicType): type is Ref => type.kind === 'ref';
