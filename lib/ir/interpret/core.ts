/** One core: runs blocks of operations by their rows' meaning, and holds its copies in flight and its semaphores. */
import { ShapeError } from '../../errors';
import { nameOf as operationName } from '../kernel';
import type { Block, Value } from '../mlir';
import { rows } from '../mosaic';
import type { Data, Held, Machine, Op, View } from '../mosaic/row';
import type { MosaicType, V } from '../mosaic/types';
import { bufferOf, bytesOf, checkFree, checkWritten, type Copy, firstCore, firstOf, gather, scatter } from './memory';

/** When a copy's data moves: at the wait that ends it, or at its start. */
export type Transfers = 'late' | 'early';

interface Step {
  readonly name: string;
  readonly index: number;
  readonly operands: readonly number[];
  readonly results: readonly number[];
  /** Not there for a terminator. */
  readonly act?: (args: readonly Held[], machine: Machine) => Held | readonly Held[] | undefined;
  /** Values that nothing reads after this. */
  readonly dead: readonly number[];
}

/** Blocks made ready to run: values numbered, meanings prepared, the last reader of each value known. Cores share it. */
export class Program {
  private readonly blocks = new Map<Block<MosaicType>, readonly Step[]>();
  private readonly numbers = new Map<Value<MosaicType>, number>();

  slot(value: V): number {
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(value, number);
    }
    return number;
  }

  stepsOf(block: Block<MosaicType>): readonly Step[] {
    let steps = this.blocks.get(block);
    if (!steps) {
      // What only gives values that nothing reads is not run: compilers drop it, and JAX loads before each store, from scratch not yet
      // written too.
      const last = new Map<V, number>();
      const run = new Set<number>();
      for (let i = block.operations.length - 1; i >= 0; i--) {
        const op = block.operations[i];
        if (op.results.length && !op.regions.length && !op.results.some((value) => last.has(value))) continue;
        run.add(i);
        for (const value of [...op.results, ...uses(op)]) if (value.owner === block && !last.has(value)) last.set(value, i);
      }
      const dead = block.operations.map((): number[] => []);
      for (const [value, i] of last) dead[i].push(this.slot(value));
      steps = block.operations.flatMap((op, i) => (run.has(i) ? [this.step(op, i, dead[i])] : []));
      this.blocks.set(block, steps);
    }
    return steps;
  }

  private step(op: Op, index: number, dead: readonly number[]): Step {
    const name = operationName(op);
    const row = rows.get(name);
    if (!row) throw new ShapeError(`interpret: operations are those of lib/ir/mosaic; got ${name}`);
    return {
      name,
      index,
      operands: op.operands.map((value) => this.slot(value)),
      results: op.results.map((value) => this.slot(value)),
      act: row.meaning?.(op),
      dead,
    };
  }
}

function* uses(op: Op): Generator<V> {
  yield* op.operands;
  for (const block of op.regions) for (const inner of block.operations) yield* uses(inner);
}

interface Semaphore {
  copies: Copy[];
  /** Bytes waited for of copies that may still be in flight. */
  waited: number;
  /** Of signals. */
  count: number;
}

export class Core implements Machine {
  private readonly held: (Held | undefined)[] = [];
  private readonly semaphores = new Map<string, Semaphore>();
  private readonly semaphoreBuffers: object[] = [];
  /** The operation that runs in each enclosing block. */
  private readonly trail: Step[] = [];
  private depth = -1;

  constructor(
    private readonly program: Program,
    readonly number: number,
    private readonly transfers: Transfers,
  ) {}

  /** Runs a function; errors tell the operation. */
  call(name: string, block: Block<MosaicType>, args: readonly Held[]): readonly Held[] {
    this.depth = -1;
    this.function = name;
    try {
      return this.run(block, args);
    } catch (error) {
      if (error instanceof ShapeError) throw new ShapeError(`interpret: ${error.message}; in ${this.where()}`);
      throw error;
    }
  }
  private function = '';

  /** The running operation: its index and name in its block, after those of the blocks around it. */
  private where(): string {
    const path = this.trail.slice(0, this.depth + 1).map(({ index, name }) => `operation ${index} (${name})`);
    return [this.function, ...path].join(', ');
  }

  run(block: Block<MosaicType>, args: readonly Held[]): readonly Held[] {
    const { held } = this;
    for (const [i, arg] of block.args.entries()) held[this.program.slot(arg)] = args[i];
    const depth = ++this.depth;
    for (const step of this.program.stepsOf(block)) {
      this.trail[depth] = step;
      const operands = step.operands.map((slot) => held[slot] as Held);
      if (!step.act) {
        this.depth--;
        return operands;
      }
      const result = step.act(operands, this);
      for (const slot of step.dead) held[slot] = undefined;
      // A dead value has no reader after this step, but a result with a later one must be set after the clearing.
      if (Array.isArray(result)) for (const [i, slot] of step.results.entries()) held[slot] = result[i];
      else if (step.results.length) held[step.results[0]] = result as Held;
    }
    this.depth--;
    return [];
  }

  read(view: View): Data {
    checkWritten(view, this.number);
    return gather(view);
  }

  write(view: View, data: Data): void {
    checkFree(view);
    scatter(view, data, firstCore + this.number);
  }

  startCopy(source: View, target: View, semaphore: View): void {
    checkWritten(source, this.number);
    checkFree(target);
    const copy = { source, target, where: this.where() };
    this.semaphore(semaphore).copies.push(copy);
    bufferOf(source).inFlight.add(copy);
    bufferOf(target).inFlight.add(copy);
    if (this.transfers === 'early') this.move(copy);
  }

  /**
   * A semaphore counts bytes, and copies on it may end in any order: those in flight have surely ended only when as many bytes were
   * waited for as all of them have.
   */
  waitCopy(target: View, semaphore: View): void {
    const state = this.semaphore(semaphore);
    const total = state.copies.reduce((sum, copy) => sum + bytesOf(copy.target), 0);
    state.waited += bytesOf(target);
    if (!state.copies.length) throw new ShapeError('a wait is for a copy that was started; none is in flight on its semaphore');
    if (state.waited > total)
      throw new ShapeError(`a wait is for no more than was started; got ${state.waited} bytes of ${total} in flight on its semaphore`);
    if (state.waited < total) return;
    for (const copy of state.copies) {
      bufferOf(copy.source).inFlight.delete(copy);
      bufferOf(copy.target).inFlight.delete(copy);
      if (this.transfers === 'late') this.move(copy);
    }
    state.copies = [];
    state.waited = 0;
  }

  private move({ source, target }: Copy): void {
    scatter(target, gather(source), firstCore + this.number);
  }

  signal(semaphore: View, amount: number): void {
    this.semaphore(semaphore).count += amount;
  }

  wait(semaphore: View, amount: number): void {
    const state = this.semaphore(semaphore);
    if (state.count < amount) throw new ShapeError(`a semaphore is raised before it is waited for; got ${state.count} of ${amount}`);
    state.count -= amount;
  }

  private semaphore(view: View): Semaphore {
    let buffer = this.semaphoreBuffers.indexOf(view.buffer);
    if (buffer < 0) buffer = this.semaphoreBuffers.push(view.buffer) - 1;
    const key = `${buffer}/${firstOf(view)}`;
    let state = this.semaphores.get(key);
    if (!state) {
      state = { copies: [], waited: 0, count: 0 };
      this.semaphores.set(key, state);
    }
    return state;
  }

  /** Throws where a copy was started and never waited for, or a semaphore was left raised. */
  finish(): void {
    for (const { copies, count } of this.semaphores.values()) {
      if (copies.length)
        throw new ShapeError(
          `interpret: every copy is waited for before its core ends; ${copies.length} on one semaphore were not, started in ${copies[0].where}`,
        );
      if (count) throw new ShapeError(`interpret: every semaphore is at zero as its core ends; one is at ${count}`);
    }
  }
}
