/**
 * Runs a Mosaic kernel on the host by the meaning of its operations (the rows of mosaic/), so that a kernel is checked where there is no
 * TPU. f32 is rounded after every operation and bf16 to bf16; sums of products and reductions are taken in double and rounded once.
 *
 * What a TPU would do wrong without a word is an error here, with the operation it came from: see memory.ts for memory and copies. Each
 * step of the parallel dimensions is a core of its own, with scratch of its own. An output's block is written by one core, in steps that
 * follow each other.
 */
import { ShapeError } from '../../errors';
import { type Kernel, type KernelModule, moduleOf } from '../kernel';
import type { Data, Held } from '../mosaic/row';
import { slicedView } from '../mosaic/memory';
import { countOf, isFloat, stridesOf } from '../mosaic/types';
import { Core, Program, type Transfers } from './core';
import { Buffer, checkFree, flush, gather } from './memory';

export type { Transfers } from './core';

export interface InterpretOptions {
  /** When a copy's data moves: as late as it may (at the wait, the default) or as early (at the start). */
  readonly transfers?: Transfers;
  /** Outputs, by number, whose values nobody reads: cores may write one block of them. */
  readonly discarded?: readonly number[];
}

/** An array of numbers in row-major order; bf16 as numbers already rounded. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Runs the kernel on its prefetched arrays and inputs and returns its outputs; what it does not write of them is NaN. Throws ShapeError.
 */
export function interpret(kernel: Kernel, inputs: readonly ArrayLike<number>[], options: InterpretOptions = {}): Float32Array[] {
  const shapes = [...kernel.prefetch, ...kernel.inputs].map(({ shape }) => shape);
  if (inputs.length !== shapes.length) throw new ShapeError(`interpret: the kernel takes ${shapes.length} arrays; got ${inputs.length}`);
  return interpretModule(
    moduleOf(kernel),
    shapes.map((shape, i) => ({ shape, data: inputs[i] })),
    kernel.outputs.map(({ shape }) => shape),
    options,
  );
}

/** As `interpret`; a module tells the shapes of windows but not of the arrays that they are over, so those come with the arrays. */
export function interpretModule(
  module: KernelModule,
  inputs: readonly HostArray[],
  outputs: readonly (readonly number[])[],
  { transfers = 'late', discarded = [] }: InterpretOptions = {},
): Float32Array[] {
  const { grid, operands } = module;
  const tables = module.prefetch.map(
    ({ element, shape }, i) => new Buffer(`prefetched array ${i}`, element, shape, copied(element, inputs[i].data)),
  );
  const given = inputs.slice(tables.length);
  if (given.length + outputs.length !== operands.length)
    throw new ShapeError(`interpret: the kernel has ${operands.length} operands; got ${given.length} inputs and ${outputs.length} outputs`);
  const arrays = operands.map(({ type: { element } }, i) => {
    if (i < given.length) return new Buffer(`input ${i}`, element, given[i].shape, copied(element, given[i].data));
    const buffer = new Buffer(`output ${i - given.length}`, element, outputs[i - given.length]);
    buffer.data.fill(isFloat({ element }) ? Number.NaN : poison);
    return buffer;
  });
  const program = new Program();
  const owners = operands.map(() => new Map<string, number>());

  const isParallel = grid.map(({ semantics }) => semantics === 'parallel');
  const sizes = (parallel: boolean) => grid.map(({ steps }, d) => (isParallel[d] === parallel ? steps : 1));
  let number = 0;
  for (const share of places(sizes(true))) {
    const core = new Core(program, number++, transfers);
    const scratch = module.scratch.map(({ element, shape, space }, i) => new Buffer(`scratch ${i} (${space})`, element, shape));
    /** The block of each window that is in vector memory now. */
    const windows = operands.map((): { at: string; origin: number[]; buffer: Buffer } | undefined => undefined);
    const leave = (i: number) => {
      const window = windows[i];
      if (!window) return;
      checkFree(window.buffer.all);
      if (i >= given.length) flush(window.buffer, slicedView(arrays[i].all, window.origin, window.buffer.shape), core.number);
    };
    for (const step of places(sizes(false))) {
      const place = step.map((n, d) => n + share[d]);
      try {
        for (const [i, { window, type }] of operands.entries()) {
          if (!window) continue;
          const index = core.call(window.name, window.at, [...place, ...tables.map(({ all }) => all)]) as readonly number[];
          const at = String(index);
          if (windows[i]?.at === at) continue;
          leave(i);
          const origin = index.map((n, d) => n * window.block[d]);
          const view = slicedView(arrays[i].all, origin, window.block);
          const isOutput = i >= given.length;
          if (isOutput && !discarded.includes(i - given.length)) own(owners[i], at, core.number, arrays[i].name);
          const name = `the window of ${arrays[i].name}`;
          windows[i] = { at, origin, buffer: new Buffer(name, type.element, window.block, isOutput ? undefined : gather(view)) };
        }
        const refs = [...tables, ...operands.map((_, i) => windows[i]?.buffer ?? arrays[i]), ...scratch];
        core.call(module.name, module.body, [...place, ...refs.map(({ all }): Held => all)]);
      } catch (error) {
        if (error instanceof ShapeError) throw new ShapeError(`${error.message} at grid step [${place}]`);
        throw error;
      }
    }
    core.finish();
    for (let i = 0; i < operands.length; i++) leave(i);
  }
  return arrays.slice(given.length).map(({ data }) => data as Float32Array);
}

/** What integers hold in NaN's place. */
const poison = -0x21524111;

function copied(element: Buffer['element'], data: ArrayLike<number>): Data {
  return isFloat({ element }) ? Float32Array.from(data) : Int32Array.from(data);
}

/** A block is entered once, by one core. */
function own(owners: Map<string, number>, block: string, core: number, name: string): void {
  const owner = owners.get(block);
  if (owner !== undefined)
    throw new ShapeError(
      owner === core
        ? `interpret: a block of ${name} is written in grid steps that follow each other; block [${block}] was left before`
        : `interpret: a block of ${name} is written by one core; block [${block}] is by two`,
    );
  owners.set(block, core);
}

function* places(sizes: readonly number[]): Generator<number[]> {
  const strides = stridesOf(sizes);
  for (let i = 0; i < countOf(sizes); i++) yield sizes.map((n, d) => Math.floor(i / strides[d]) % n);
}
