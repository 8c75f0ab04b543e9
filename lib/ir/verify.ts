/**
 * What libtpu would refuse of a kernel, before it is asked and in words that say the rule: alignment to tiles of 8 x 128, and the budget
 * of memory. What an operation's types may be is its row's rule, and checked as it is made. Rules are those that libtpu 0.0.52 was found
 * to keep.
 */
import { ShapeError } from '../errors';
import type { Chip } from './chips';
import { type Kernel, type KernelModule, moduleOf, nameOf, operandsOf, prefetchTypes } from './kernel';
import type { Block } from './mlir';
import { integers, type Op } from './mosaic/row';
import { bitsOf, countOf, type Element, type MosaicType, shapeOf, spell, type V } from './mosaic/types';

const lanes = 128;
const sublanes = 8;

/** Bytes of a reference in vector memory: rows are padded to a tile's, of 8 or what few rows take, and columns to 128. */
export function paddedBytes(element: Element, shape: readonly number[]): number {
  const bytes = bitsOf(element) / 8;
  const up = (n: number, to: number) => Math.ceil(n / to) * to;
  if (shape.length < 2) return up(countOf(shape), lanes) * bytes;
  const [rows, columns] = shape.slice(-2);
  return countOf(shape.slice(0, -2)) * up(rows, tileRows(element, rows)) * up(columns, lanes) * bytes;
}

/** Rows of the tile that a reference of so many rows is laid out in: a power of two, up to 8, and no less than share a 32-bit word. */
function tileRows(element: Element, rows: number): number {
  let tile = 32 / bitsOf(element);
  while (tile < Math.min(rows, sublanes)) tile *= 2;
  return tile;
}

/**
 * What a kernel holds in vector memory: windows, twice where their block changes from step to step, and scratch. What the compiler spills
 * comes on top.
 */
export function vmemBytes(kernel: Kernel): number {
  return memoryOf(kernel).vmem;
}

/** Prefetched arrays and scratch in scalar memory. */
export function smemBytes(kernel: Kernel): number {
  return memoryOf(kernel).smem;
}

/** By what a kernel declares: its body need not be built. */
function memoryOf(kernel: Kernel) {
  const { grid, scratch: all } = kernel;
  const steps = countOf(grid.map((dimension) => dimension.steps));
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const windows = sum(
    operandsOf(kernel).map(({ type, window }) => {
      if (!window) return 0;
      const isSingle = window.isSynchronous || steps === 1 || !varies(window.at, grid);
      return paddedBytes(type.element, type.shape) * (isSingle ? 1 : 2);
    }),
  );
  const scratchIn = (space: string) => all.filter((type) => type.space === space);
  const scratch = sum(scratchIn('vmem').map(({ element, shape }) => paddedBytes(element, shape)));
  const plain = (types: readonly { element: Element; shape: readonly number[] }[]) =>
    sum(types.map(({ element, shape }) => (countOf(shape) * bitsOf(element)) / 8));
  return { windows, scratch, vmem: windows + scratch, smem: plain(prefetchTypes(kernel)) + plain(scratchIn('smem')) };
}

/** Whether a window's block depends on a dimension of the grid that has steps, or on a prefetched array. */
function varies(at: Block<MosaicType>, grid: KernelModule['grid']): boolean {
  const moving = new Set<V>(at.args.filter((_, d) => (grid[d]?.steps ?? 2) > 1));
  for (const op of at.operations) if (op.operands.some((value) => moving.has(value))) for (const result of op.results) moving.add(result);
  return at.operations[at.operations.length - 1].operands.some((value) => moving.has(value));
}

/** Throws ShapeError for what libtpu would refuse. `module` is the kernel's, where it is built already. */
export function verify(kernel: Kernel, chip: Chip, module: KernelModule = moduleOf(kernel)): void {
  verifyWindows(kernel);
  verifyAlignment(module);
  verifyMemory(kernel, chip);
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

function verifyMemory(kernel: Kernel, chip: Chip): void {
  const { windows, scratch, vmem, smem } = memoryOf(kernel);
  if (vmem > chip.vmemBytes)
    throw new ShapeError(
      `a kernel on ${chip.name} has ${mebibytes(chip.vmemBytes)} of vector memory; got ${mebibytes(vmem)}: ${mebibytes(windows)} of windows, each twice ` +
        `where its block changes, and ${mebibytes(scratch)} of scratch`,
    );
  if (smem > chip.smemBytes)
    throw new ShapeError(
      `a kernel on ${chip.name} has ${chip.smemBytes} bytes of scalar memory for prefetched arrays and scratch; got ${smem}`,
    );
}

function fits(kernel: Kernel, chip: Chip): boolean {
  const { vmem, smem } = memoryOf(kernel);
  return vmem <= chip.vmemBytes && smem <= chip.smemBytes;
}

/** The first of the candidates, in their order, whose kernel fits in a core's memory; undefined where none does. */
export function largestFitting<T>(candidates: readonly T[], build: (candidate: T) => Kernel, chip: Chip): T | undefined {
  return candidates.find((candidate) => fits(build(candidate), chip));
}

/** The kernel of what was asked for, if its memory fits; else the error names the first of the candidates that does. */
export function fitting<T>(asked: T, candidates: readonly T[], build: (candidate: T) => Kernel, chip: Chip): Kernel {
  const kernel = build(asked);
  try {
    verifyMemory(kernel, chip);
  } catch (error) {
    const next = largestFitting(candidates, build, chip);
    const words = (candidate: T) => (typeof candidate === 'object' ? JSON.stringify(candidate) : String(candidate));
    const hint =
      next === undefined ? `none of ${candidates.map(words).join(', ')} fits` : `the next block size that fits is ${words(next)}`;
    throw new ShapeError(`${(error as Error).message}, at block size ${words(asked)}; ${hint}`);
  }
  return kernel;
}

function verifyWindows({ inputs, outputs }: Kernel): void {
  const all = [
    ...inputs.map((operand, i) => ({ ...operand, name: `input ${i}` })),
    ...outputs.map((operand, i) => ({ ...operand, name: `output ${i}` })),
  ];
  for (const { name, shape, window } of all) {
    if (!window) continue;
    if (window.block.length !== shape.length)
      throw new ShapeError(`a window's block has the rank of its array; got [${window.block}] of ${name}, [${shape}]`);
    for (const [fromEnd, tile] of [lanes, sublanes].entries()) {
      const d = shape.length - 1 - fromEnd;
      if (shape.length >= 2 && window.block[d] % tile && window.block[d] !== shape[d])
        throw new ShapeError(
          `the last two sizes of a window's block are multiples of ${sublanes} and ${lanes}, or all of the array's; got [${window.block}] of ${name}, [${shape}]`,
        );
    }
  }
}

function verifyAlignment({ name, body }: KernelModule): void {
  const made = new Map<V, Op>();
  const factors = new Map<V, number>();
  /** A number that divides the value for sure, as far as libtpu sees too; 0 for the constant 0. */
  const factorOf = (value: V): number => {
    let factor = factors.get(value);
    if (factor === undefined) {
      factor = factorOfOp(made.get(value), value, factorOf);
      factors.set(value, factor);
    }
    return factor;
  };
  const isConstant = (value: V): boolean => {
    const op = made.get(value);
    return op !== undefined && (nameOf(op) === 'arith.constant' || (nameOf(op) === 'arith.index_cast' && isConstant(op.operands[0])));
  };
  const visit = (block: Block<MosaicType>, path: string) => {
    for (const [i, op] of block.operations.entries()) {
      for (const result of op.results) made.set(result, op);
      if (nameOf(op) === 'scf.for') for (const inner of op.regions) made.set(inner.args[0], op);
      const where = `${path}, operation ${i} (${nameOf(op)})`;
      const isProven = (offset: V, tile: number) => factorOf(offset) % tile === 0;
      const broken = misaligned(op, isConstant, isProven);
      if (broken)
        throw new ShapeError(
          `${broken}; got ${spell(op.operands.map(({ type }) => type).find(({ kind }) => kind === 'ref') as MosaicType)} in ${where}`,
        );
      for (const inner of op.regions) visit(inner, where);
    }
  };
  visit(body, name);
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

function factorOfOp(op: Op | undefined, value: V, factorOf: (value: V) => number): number {
  if (!op) return 1;
  const name = nameOf(op);
  const of = (i: number) => factorOf(op.operands[i]);
  switch (name) {
    case 'arith.constant':
      return Math.abs(integers(op.attributes.value)[0] ?? 1);
    case 'arith.muli':
      return Math.min(of(0) * of(1), 2 ** 40);
    case 'arith.addi':
    case 'arith.subi':
    case 'arith.remsi':
    case 'arith.minsi':
      return gcd(of(0), of(1));
    case 'arith.select':
      return gcd(of(1), of(2));
    case 'arith.index_cast':
      return of(0);
    case 'tpu.assume_multiple': {
      const [multiple] = integers(op.attributes.multiple);
      return (multiple * of(0)) / (gcd(multiple, of(0)) || 1);
    }
    case 'scf.for':
      return value === op.regions[0].args[0] ? gcd(of(0), of(2)) : 1;
    default:
      return 1;
  }
}

/** The rule that an access breaks. Only the last two dimensions are tiled. */
function misaligned(op: Op, isConstant: (offset: V) => boolean, isProven: (offset: V, tile: number) => boolean): string | undefined {
  const { operands, results } = op;
  const kind = nameOf(op);
  if (kind === 'vector.load' || kind === 'tpu.vector_store') {
    const [base, ...at] = kind === 'vector.load' ? operands : operands.slice(1);
    const rank = at.length;
    if (rank && !isConstant(at[rank - 1]) && !isProven(at[rank - 1], lanes))
      return `an offset along the last dimension is a constant or, for sure, a multiple of ${lanes}`;
    if (rank > 1 && bitsOf(base.type.element) < 32 && !isConstant(at[rank - 2]) && !isProven(at[rank - 2], sublanes))
      return `an offset along the last dimension but one, of elements below 32 bits, is a constant or, for sure, a multiple of ${sublanes}`;
    return undefined;
  }
  if (kind !== 'tpu.memref_slice') return undefined;
  const [source, ...at] = operands;
  if (source.type.kind !== 'ref' || source.type.space === 'smem' || source.type.space === 'semaphore_mem') return undefined;
  const [from, to] = [source.type.shape, shapeOf(results[0].type)];
  const rank = from.length;
  if (rank < 2) return undefined;
  const tiles = [tileRows(source.type.element, from[rank - 2]), lanes];
  for (const [i, tile] of tiles.entries()) {
    const d = rank - 2 + i;
    if (to[d] === from[d]) continue;
    if (!isProven(at[d], tile))
      return `a window of a reference starts, along its last two dimensions, for sure at a multiple of ${tiles.join(' and ')}`;
    const isFree = i === 0 && bitsOf(source.type.element) === 32;
    if (to[d] % tile && !isFree)
      return `a window of a reference has, along its last two dimensions, multiples of ${tiles.join(' and ')} elements or all`;
  }
  return undefined;
}
