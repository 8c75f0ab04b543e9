/**
 * The frame of a Mosaic kernel: a grid, windows over the operands, scratch memory; as a module, and as the text that libtpu's custom call
 * takes.
 */
import { ShapeError, shown } from '../errors';
import type { Phase } from '../types';
import { attr, type Block, isolated, printRegion } from './mlir';
import { rows, type Element, type MosaicType, ref, type Ref, returns, scalar, type Scalar, spell, type V } from './mosaic';
import { type Op, prefix } from './mosaic/row';

export type { Phase };

/**
 * What a kernel sees of an operand: a block of it in vector memory that the pipeline moves with the grid, or, without `window`, all of it
 * in HBM.
 */
export interface Operand {
  readonly element: Element;
  readonly shape: readonly number[];
  /** The block's size, and its index in blocks at a grid point. */
  readonly window?: { readonly block: readonly number[]; readonly at: (...grid: V[]) => readonly V[] };
}

/** Steps a dimension. A `parallel` one may be split over a chip's cores, which share no scratch. */
export interface GridDimension {
  readonly steps: number;
  readonly semantics: 'parallel' | 'arbitrary';
}

export interface Kernel {
  readonly grid: readonly GridDimension[];
  /** Arrays in scalar memory (i32 unless told), there before the first step; the first operands of the call. */
  readonly prefetch: readonly { readonly shape: readonly number[]; readonly element?: 'i32' | 'f32' }[];
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly scratch: readonly Ref[];
  /** In the order of their marks; filled while the body is built. */
  readonly phases?: readonly Phase[];
  /** One grid step. `refs` are prefetched arrays, inputs, outputs and scratch in that order. */
  readonly body: (grid: readonly V[], refs: readonly V[]) => void;
}

/** A kernel whose operations are there as data: made of a `Kernel`, or parsed from text. */
export interface KernelModule {
  /** Of the entry function. */
  readonly name: string;
  readonly grid: readonly GridDimension[];
  readonly prefetch: readonly Ref[];
  /** Inputs, then outputs. */
  readonly operands: readonly {
    readonly type: Ref;
    /** `at` is a function of the grid and the prefetched arrays; its results are the block's index. */
    readonly window?: {
      readonly name: string;
      readonly block: readonly number[];
      readonly at: Block<MosaicType>;
      readonly isSynchronous?: boolean;
    };
  }[];
  readonly scratch: readonly Ref[];
  readonly body: Block<MosaicType>;
}

/** Throws ShapeError where an operation breaks its rule. */
export function moduleOf(kernel: Kernel): KernelModule {
  const gridTypes: Scalar[] = kernel.grid.map(() => scalar('i32'));
  const prefetch = prefetchTypes(kernel);
  const operands = operandsOf(kernel);
  const types = [...gridTypes, ...prefetch, ...operands.map(({ type }) => type), ...kernel.scratch];
  const body = isolated<MosaicType>(types, (...args) => {
    kernel.body(args.slice(0, gridTypes.length), args.slice(gridTypes.length));
    returns();
  });
  return { name: 'main', grid: kernel.grid, prefetch, operands, scratch: kernel.scratch, body };
}

export function prefetchTypes({ prefetch }: Kernel): Ref[] {
  return prefetch.map(({ shape, element = 'i32' }) => ref('smem', element, shape));
}

/** The operands as the body sees them, with the functions of their windows. */
export function operandsOf(kernel: Kernel): KernelModule['operands'] {
  const types: MosaicType[] = [...kernel.grid.map(() => scalar('i32')), ...prefetchTypes(kernel)];
  return [...kernel.inputs, ...kernel.outputs].map(({ element, shape, window }, i) => {
    if (!window) return { type: ref('any', element, shape) };
    const at = isolated<MosaicType>(types, (...args) => returns(window.at(...args.slice(0, kernel.grid.length))));
    return { type: ref('vmem', element, window.block), window: { name: `window_${i}`, block: window.block, at } };
  });
}

/**
 * The versions of the dialect, [since, before), in which every operation of the module has the form that it has there. Throws ShapeError
 * where none is.
 */
export function versionsOf({ body, operands }: KernelModule): { readonly since: number; readonly before: number } {
  let [since, before] = [1, Number.POSITIVE_INFINITY];
  const visit = (block: Block<MosaicType>) => {
    for (const op of block.operations) {
      const row = rows.get(nameOf(op));
      since = Math.max(since, typeof row?.since === 'function' ? row.since(op) : (row?.since ?? 1));
      before = Math.min(before, row?.before?.(op) ?? before);
      if (since >= before)
        throw new ShapeError(
          `mosaic: all operations have the forms of one version; got ${nameOf(op)} of before ${before} beside one of ${since}`,
        );
      op.regions.forEach(visit);
    }
  };
  visit(body);
  for (const { window } of operands) if (window) visit(window.at);
  return { since, before };
}

/** Throws ShapeError where an operation does not have the form of that version. */
export function checkVersion(module: KernelModule, version: number): void {
  const { since, before } = versionsOf(module);
  if (version >= since && version < before) return;
  const range = before === Number.POSITIVE_INFINITY ? `${since} or later` : `${since} to ${before - 1}`;
  throw new ShapeError(`mosaic: the forms of these operations are those of versions ${range}; got ${shown(version)}`);
}

export const nameOf = ({ name }: Op): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name);

/** The kernel's module as text: the entry function, and a function a window that gives its block's index. */
export const kernelText = (kernel: Kernel): string => moduleText(moduleOf(kernel));

/**
 * As `kernelText`; printed at the lowest version of the dialect unless told. Throws ShapeError for a version that does not have the
 * operations' forms.
 */
export function moduleText(module: KernelModule, wanted?: number): string {
  const { grid, prefetch, operands, scratch } = module;
  if (wanted !== undefined) checkVersion(module, wanted);
  const version = wanted ?? versionsOf(module).since;
  const functions = [
    functionText(module.name, module.body, 0, {
      dimension_semantics: attr.list(grid.map(({ semantics }) => `#tpu.dimension_semantics<${semantics}>`)),
      iteration_bounds: attr.array(grid.map(({ steps }) => steps)),
      scalar_prefetch: attr.integer(prefetch.length),
      scratch_operands: attr.integer(scratch.length),
      'tpu.core_type': '#tpu.core_type<tc>',
      window_params: attr.list(
        operands.map(({ window }) =>
          attr.dictionary(
            window
              ? {
                  ...(window.isSynchronous ? { pipeline_mode: '#tpu.pipeline_mode<synchronous>' } : {}),
                  transform_indices: `@${window.name}`,
                  window_bounds: attr.array(window.block),
                }
              : {},
          ),
        ),
      ),
    }),
    ...operands.flatMap(({ window }) => (window ? [functionText(window.name, window.at, window.block.length, {})] : [])),
  ];
  return `module attributes {stable_mosaic.version = ${attr.integer(version)}} {\n${functions.join('')}}\n`;
}

function functionText(name: string, body: Block<MosaicType>, results: number, attributes: Record<string, string>): string {
  const list = (parts: readonly MosaicType[]) => `(${parts.map(spell).join(', ')})`;
  const type = `${list(body.args.map((arg) => arg.type))} -> ${list(Array<MosaicType>(results).fill(scalar('i32')))}`;
  const all = attr.dictionary({ ...attributes, function_type: type, sym_name: attr.string(name) });
  return `  "${prefix}func.func"() (${printRegion(body, spell, '  ')}) ${all} : () -> ()\n`;
}
