/**
 * Runs a Mosaic kernel on the host by the meaning of its operations, so that a kernel is checked on a machine with no TPU. f32 values are
 * rounded to f32 after every operation and bf16 values to bf16; a product accumulates in double. Memory is told from its promises: the
 * target of a copy holds NaN from the copy's start to its wait, scratch holds NaN until it is written (a core's own: it starts anew with
 * each step of a parallel dimension), and a wait without a start, a copy never waited for, or an access out of bounds is an error.
 * Not for speed: a block of 128 x 128 at head_dim 64 takes some milliseconds.
 */
import { ShapeError } from '../errors';
import { fromBits, toBits } from '../types';
import type { Kernel } from './kernel';
import { type Block, isolated, type Operation, type Value } from './mlir';
import { type Element, type MosaicType, type Ref, ref, scalar, spell, type V } from './mosaic';

type Data = Float32Array | Int32Array;

/** A vector's places, row-major. */
interface Tile {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** A view of memory: element (i, j, ...) is data[offset + i * strides[0] + ...]. */
interface Memory {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly data: Data;
  readonly element: Element;
}

type Held = number | Tile | Memory;

interface Copy {
  readonly source: Memory;
  readonly target: Memory;
}

const count = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
const isFloat = (element: Element) => element === 'f32' || element === 'bf16';

/** What integers hold in NaN's place. */
const poison = -0x21524111;

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, d) => count(shape.slice(d + 1)));
}

function memory(type: { element: Element; shape: readonly number[] }, data: Data = blank(type.element, count(type.shape))): Memory {
  return { shape: type.shape, strides: stridesOf(type.shape), offset: 0, data, element: type.element };
}

function blank(element: Element, length: number): Data {
  return isFloat(element) ? new Float32Array(length).fill(Number.NaN) : new Int32Array(length).fill(poison);
}

/** Calls `visit` with the data index of each element of a view, in row-major order. */
function each(view: Memory, visit: (at: number, i: number) => void): void {
  const rank = view.shape.length;
  const total = count(view.shape);
  const place = new Array<number>(rank).fill(0);
  let at = view.offset;
  for (let i = 0; i < total; i++) {
    visit(at, i);
    for (let d = rank - 1; d >= 0; d--) {
      at += view.strides[d];
      if (++place[d] < view.shape[d]) break;
      at -= view.strides[d] * view.shape[d];
      place[d] = 0;
    }
  }
}

function copyInto(target: Memory, source: Memory): void {
  const values = new Array<number>(count(source.shape));
  each(source, (at, i) => {
    values[i] = source.data[at];
  });
  each(target, (at, i) => {
    target.data[at] = values[i];
  });
}

/** A part of a view; throws where it leaves it. */
function part(view: Memory, offsets: readonly number[], sizes: readonly number[], what: string): Memory {
  for (const [d, size] of sizes.entries())
    if (!(offsets[d] >= 0 && offsets[d] + size <= view.shape[d]))
      throw new ShapeError(`${what}: a part lies within [${view.shape}]; got offsets [${offsets}] and sizes [${sizes}]`);
  return { ...view, shape: sizes, offset: offsets.reduce((sum, n, d) => sum + n * view.strides[d], view.offset) };
}

const scalarMeanings: Record<string, (...operands: number[]) => number> = {
  'arith.addi': (a, b) => (a + b) | 0,
  'arith.subi': (a, b) => (a - b) | 0,
  'arith.muli': Math.imul,
  'arith.divsi': (a, b) => Math.trunc(a / b),
  'arith.remsi': (a, b) => a % b,
  'arith.minsi': (a, b) => Math.min(a, b),
  'arith.maxsi': (a, b) => Math.max(a, b),
  'arith.andi': (a, b) => a & b,
  'arith.ori': (a, b) => a | b,
  'arith.xori': (a, b) => a ^ b,
  'arith.addf': (a, b) => a + b,
  'arith.subf': (a, b) => a - b,
  'arith.mulf': (a, b) => a * b,
  'arith.divf': (a, b) => a / b,
  'arith.minimumf': (a, b) => Math.min(a, b),
  'arith.maximumf': (a, b) => Math.max(a, b),
  'arith.select': (condition, a, b) => (condition ? a : b),
  'arith.index_cast': (a) => a,
  'arith.truncf': (a) => a,
  'arith.extf': (a) => a,
  'math.exp2': (a) => 2 ** a,
  'math.log': Math.log,
  'math.exp': Math.exp,
  'math.log2': Math.log2,
  'math.tanh': Math.tanh,
  'math.absf': Math.abs,
  'arith.negf': (a) => -a,
  'tpu.reciprocal': (a) => 1 / a,
  'arith.extui': (a) => a,
  'arith.sitofp': (a) => a,
  'arith.fptosi': Math.trunc,
};
const integerPredicates = [
  (a: number, b: number) => a === b,
  (a: number, b: number) => a !== b,
  (a: number, b: number) => a < b,
  (a: number, b: number) => a <= b,
  (a: number, b: number) => a > b,
  (a: number, b: number) => a >= b,
];
// Ordered float predicates 1 to 6 are eq, gt, ge, lt, le, ne.
const floatPredicates = [0, 4, 5, 2, 3, 1].map((i) => integerPredicates[i]);

/** What one core holds while it runs. */
class Core {
  private readonly held = new Map<Value<MosaicType>, Held>();
  /** Copies in flight by semaphore: its data and place. */
  private readonly inFlight = new Map<string, Copy[]>();
  private readonly semaphores: Data[] = [];

  set(value: V, held: Held): void {
    this.held.set(value, held);
  }

  get(value: V): Held {
    const held = this.held.get(value);
    if (held === undefined) throw new ShapeError(`interpret: a value of type ${spell(value.type)} is read before it is made`);
    return held;
  }

  number(value: V): number {
    return this.get(value) as number;
  }

  /** Runs a block and returns the operands of its terminator. */
  run(block: Block<MosaicType>): Held[] {
    for (const operation of block.operations) {
      const name = operation.name.replace('stable_mosaic.', '');
      if (['scf.yield', 'scf.condition', 'func.return'].includes(name)) return operation.operands.map((operand) => this.get(operand));
      if (name === 'scf.while') {
        this.repeat(operation);
        continue;
      }
      if (name === 'scf.for' || name === 'scf.if') {
        const held = name === 'scf.for' ? this.count(operation) : this.run(operation.regions[this.number(operation.operands[0]) ? 0 : 1]);
        for (const [i, value] of operation.results.entries()) this.set(value, held[i]);
        continue;
      }
      const result = this.perform(name, operation);
      if (operation.results.length) this.set(operation.results[0], rounded(result as Held, operation.results[0].type));
    }
    return [];
  }

  private repeat({ operands, regions: [before, after], results }: Operation<MosaicType>): void {
    const bind = (values: readonly V[], state: readonly Held[]) => {
      for (const [i, value] of values.entries()) this.set(value, state[i]);
    };
    let state = operands.map((operand) => this.get(operand));
    for (;;) {
      bind(before.args, state);
      const [holds, ...kept] = this.run(before);
      if (!holds) {
        bind(results, kept);
        return;
      }
      bind(after.args, kept);
      state = this.run(after);
    }
  }

  private count({ operands: [from, to, step, ...start], regions: [body] }: Operation<MosaicType>): readonly Held[] {
    let state = start.map((operand) => this.get(operand));
    for (let i = this.number(from); i < this.number(to); i += this.number(step)) {
      for (const [at, held] of [i, ...state].entries()) this.set(body.args[at], held);
      state = this.run(body);
    }
    return state;
  }

  private perform(name: string, operation: Operation<MosaicType>): Held | undefined {
    const { operands, attributes, results } = operation;
    const type = results[0]?.type;
    const shape = type && type.kind !== 'scalar' ? type.shape : [];
    const tile = (i: number) => this.get(operands[i]) as Tile;
    const view = (i: number) => this.get(operands[i]) as Memory;
    const numbers = (from: number) => operands.slice(from).map((operand) => this.number(operand));
    switch (name) {
      case 'arith.constant': {
        const value = constantValue(attributes.value);
        return type.kind === 'scalar' ? value : { shape, data: blank(type.element, count(shape)).fill(value) };
      }
      case 'arith.cmpi':
      case 'arith.cmpf': {
        const predicate = Number.parseInt(attributes.predicate, 10);
        return this.elementwise(
          operation,
          (name === 'arith.cmpi' ? integerPredicates[predicate] : floatPredicates[predicate - 1]) as never,
        );
      }
      case 'vector.broadcast': {
        const source = this.get(operands[0]) as number | Tile;
        const data = blank(type.element, count(shape));
        if (typeof source === 'number') return { shape, data: data.fill(source) };
        const view: Memory = { ...memory({ element: type.element, shape: source.shape }, source.data) };
        const lead = shape.length - source.shape.length;
        const strides = shape.map((_, d) => (d < lead || source.shape[d - lead] === 1 ? 0 : view.strides[d - lead]));
        each({ ...view, shape, strides }, (at, i) => {
          data[i] = source.data[at];
        });
        return { shape, data };
      }
      case 'tpu.iota': {
        const stride = attributes.dimensions.includes('0') ? shape[1] : 1;
        const size = attributes.dimensions.includes('0') ? shape[0] : shape[1];
        return { shape, data: new Int32Array(count(shape)).map((_, i) => Math.floor(i / stride) % size) };
      }
      case 'vector.shape_cast':
        return { shape, data: tile(0).data };
      case 'tpu.transpose': {
        const { data, shape: from } = tile(0);
        return { shape, data: blank(type.element, count(shape)).map((_, i) => data[(i % from[0]) * from[1] + Math.floor(i / from[0])]) };
      }
      case 'vector.extract_strided_slice': {
        const offsets = [...attributes.offsets.matchAll(/(\d+) : i64/g)].map(([, n]) => Number(n));
        const source = part(memory({ element: type.element, shape: tile(0).shape }, tile(0).data), offsets, shape, name);
        const data = blank(type.element, count(shape));
        each(source, (at, i) => {
          data[i] = source.data[at];
        });
        return { shape, data };
      }
      case 'tpu.concatenate': {
        const axis = Number.parseInt(attributes.dimension, 10);
        const whole = memory({ element: type.element, shape });
        const offsets = shape.map(() => 0);
        for (const [i] of operands.entries()) {
          const { shape: sizes, data } = tile(i);
          copyInto(part(whole, offsets, sizes, name), memory({ element: type.element, shape: sizes }, data));
          offsets[axis] += sizes[axis];
        }
        return { shape, data: whole.data };
      }
      case 'vector.multi_reduction': {
        const { data, shape: from } = tile(0);
        const isSum = attributes.kind.includes('add');
        const overRows = attributes.reduction_dims.includes('0');
        const combine = isSum ? (a: number, b: number) => a + b : attributes.kind.includes('max') ? Math.max : Math.min;
        const result = Float64Array.from(tile(1).data);
        for (let i = 0; i < data.length; i++) {
          const at = overRows ? i % from[1] : Math.floor(i / from[1]);
          result[at] = combine(result[at], data[i]);
        }
        return { shape, data: Float32Array.from(result) };
      }
      case 'tpu.matmul': {
        const [, k, inner] = attributes.dimension_numbers.match(/<\[(\d)\], \[(\d)\]/) as RegExpMatchArray;
        const left = k === '0' ? flip(tile(0)) : tile(0);
        return matmul(left, tile(1), tile(2), inner === '1');
      }
      case 'tpu.memref_slice':
        return part(view(0), numbers(1), shape, name);
      case 'tpu.memref_squeeze': {
        const { shape: from, strides } = view(0);
        return { ...view(0), shape, strides: strides.slice(from.length - shape.length) };
      }
      case 'vector.load': {
        const data = blank(type.element, count(shape));
        const source = part(view(0), numbers(1), shape, name);
        each(source, (at, i) => {
          data[i] = source.data[at];
        });
        return { shape, data };
      }
      case 'tpu.vector_store': {
        const target = part(view(1), numbers(2), tile(0).shape, name);
        each(target, (at, i) => {
          target.data[at] = tile(0).data[i];
        });
        return undefined;
      }
      case 'memref.load': {
        const source = part(
          view(0),
          numbers(1),
          view(0).shape.map(() => 1),
          name,
        );
        return source.data[source.offset];
      }
      case 'memref.store': {
        const target = part(
          view(1),
          numbers(2),
          view(1).shape.map(() => 1),
          name,
        );
        target.data[target.offset] = this.number(operands[0]);
        return undefined;
      }
      case 'tpu.enqueue_dma': {
        const copies = this.copies(view(2));
        copies.push({ source: view(0), target: view(1) });
        each(view(1), (at) => {
          view(1).data[at] = isFloat(view(1).element) ? Number.NaN : poison;
        });
        return undefined;
      }
      case 'tpu.wait_dma2': {
        const copy = this.copies(view(0)).shift();
        if (!copy) throw new ShapeError('interpret: tpu.wait_dma2 waits for a copy that was started; none is in flight on its semaphore');
        // The data moves as late as it may: at the wait.
        copyInto(copy.target, copy.source);
        return undefined;
      }
      default: {
        const meaning = scalarMeanings[name];
        if (!meaning) throw new ShapeError(`interpret: operations are those of mosaic.ts; got ${name}`);
        return this.elementwise(operation, meaning);
      }
    }
  }

  private elementwise({ operands, results }: Operation<MosaicType>, meaning: (...operands: number[]) => number): Held {
    const values = operands.map((operand) => this.get(operand));
    const { type } = results[0];
    if (type.kind === 'scalar') return Number(meaning(...(values as number[])));
    const data = blank(type.element, count(type.shape));
    // A scalar condition chooses between whole vectors.
    const [a, b, c] = values.map((value) => (typeof value === 'number' ? new Int32Array(data.length).fill(value) : (value as Tile).data));
    for (let i = 0; i < data.length; i++) data[i] = Number(meaning(a[i], b?.[i], c?.[i]));
    return { shape: type.shape, data };
  }

  private copies(semaphore: Memory): Copy[] {
    let core = this.semaphores.indexOf(semaphore.data);
    if (core < 0) core = this.semaphores.push(semaphore.data) - 1;
    const key = `${core}/${semaphore.offset}`;
    const copies = this.inFlight.get(key) ?? [];
    this.inFlight.set(key, copies);
    return copies;
  }

  /** Throws where a copy was started and never waited for. */
  finish(): void {
    for (const copies of this.inFlight.values())
      if (copies.length)
        throw new ShapeError(`interpret: every copy is waited for before its core ends; ${copies.length} on one semaphore were not`);
  }
}

function constantValue(text: string): number {
  const body = text.replace(/^dense<(.*)> : .*$/, '$1').replace(/ : \w+$/, '');
  if (body === 'true' || body === 'false') return Number(body === 'true');
  if (!body.startsWith('0x')) return Number(body);
  return new Float32Array(new Uint32Array([Number(body)]).buffer)[0];
}

function rounded(held: Held, type: MosaicType): Held {
  if (type.kind === 'scalar') return type.element === 'f32' ? Math.fround(held as number) : held;
  if (type.kind === 'vector' && type.element === 'bf16') {
    const { shape, data } = held as Tile;
    return { shape, data: fromBits('bf16', toBits('bf16', data)) };
  }
  return held;
}

function flip({ shape: [rows, columns], data }: Tile): Tile {
  const flipped = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) flipped[j * rows + i] = data[i * columns + j];
  return { shape: [columns, rows], data: flipped };
}

function matmul(a: Tile, b: Tile, start: Tile, transposeRight: boolean): Tile {
  const [m, k] = a.shape;
  const n = transposeRight ? b.shape[0] : b.shape[1];
  const data = new Float32Array(m * n);
  const row = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) row[j] = start.data[i * n + j];
    if (transposeRight)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let d = 0; d < k; d++) sum += a.data[i * k + d] * b.data[j * k + d];
        row[j] += sum;
      }
    else
      for (let d = 0; d < k; d++) {
        const left = a.data[i * k + d];
        for (let j = 0; j < n; j++) row[j] += left * b.data[d * n + j];
      }
    data.set(row, i * n);
  }
  return { shape: [m, n], data };
}

/**
 * Runs the kernel on its prefetched arrays and inputs, given as numbers (bf16 already rounded), and returns its outputs. Throws ShapeError where the kernel breaks a
 * promise of its memory.
 */
export function interpret(kernel: Kernel, inputs: readonly (Float32Array | Int32Array)[]): Float32Array[] {
  const operands = [...kernel.inputs, ...kernel.outputs];
  const tables = kernel.prefetch.map(({ shape, element = 'i32' }, i) => memory({ element, shape }, inputs[i]));
  const arrays = operands.map((operand, i) => memory(operand, inputs[tables.length + i] ?? blank(operand.element, count(operand.shape))));
  const gridTypes = kernel.grid.map(() => scalar('i32'));
  const refTypes = operands.map(
    (operand): Ref => ref(operand.window ? 'vmem' : 'any', operand.element, operand.window?.block ?? operand.shape),
  );
  const tableTypes = kernel.prefetch.map(({ shape, element = 'i32' }) => ref('smem', element, shape));
  const body = isolated<MosaicType>([...gridTypes, ...tableTypes, ...refTypes, ...kernel.scratch], (...args) =>
    kernel.body(args.slice(0, gridTypes.length), args.slice(gridTypes.length)),
  );
  const blocksAt = operands.map(({ window }) => {
    if (!window) return undefined;
    let results: readonly V[] = [];
    const block = isolated<MosaicType>(gridTypes, (...grid) => {
      results = window.at(...grid);
    });
    return { block, results };
  });

  let core = new Core();
  let scratch: Memory[] = [];
  let share = '';
  for (const place of places(kernel.grid.map(({ steps }) => steps))) {
    const coreOf = place.filter((_, d) => kernel.grid[d].semantics === 'parallel').join();
    if (coreOf !== share || !scratch.length) {
      core.finish();
      core = new Core();
      scratch = kernel.scratch.map((type) => memory(type));
      share = coreOf;
    }
    const windows = operands.map((operand, i) => {
      const at = blocksAt[i];
      if (!at || !operand.window) return arrays[i];
      at.block.args.forEach((arg, d) => {
        core.set(arg, place[d]);
      });
      core.run(at.block);
      const { block } = operand.window;
      return part(
        arrays[i],
        at.results.map((value, d) => core.number(value) * block[d]),
        block,
        'window',
      );
    });
    // A window is a copy in vector memory: outputs start unwritten and go back after the step.
    const views = windows.map((window, i) => {
      if (!operands[i].window) return window;
      const copy = memory(window);
      if (i < kernel.inputs.length) copyInto(copy, window);
      return copy;
    });
    body.args.forEach((arg, i) => {
      core.set(arg, i < place.length ? place[i] : [...tables, ...views, ...scratch][i - place.length]);
    });
    core.run(body);
    for (let i = kernel.inputs.length; i < operands.length; i++) copyInto(windows[i], views[i]);
  }
  core.finish();
  return arrays.slice(kernel.inputs.length).map(({ data }) => data as Float32Array);
}

function* places(sizes: readonly number[]): Generator<number[]> {
  if (!sizes.length) yield [];
  else for (const rest of places(sizes.slice(0, -1))) for (let i = 0; i < sizes[sizes.length - 1]; i++) yield [...rest, i];
}
