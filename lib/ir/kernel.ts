/** The frame of a Mosaic kernel: a grid, windows over the operands, scratch memory; printed as the text that libtpu's custom call takes. */
import type { Phase } from '../types';
import { attr, emit, isolated, printRegion } from './mlir';
import { type Element, type MosaicType, ref, type Ref, scalar, spell, type V, version } from './mosaic';

export type { Phase };

/** What a kernel sees of an operand: a block of it in vector memory that the pipeline moves with the grid, or, without `window`, all of it in HBM. */
export interface Operand {
  readonly element: Element;
  readonly shape: readonly number[];
  /** The block's size, and its index in blocks at a grid point. */
  readonly window?: { readonly block: readonly number[]; readonly at: (...grid: V[]) => readonly V[] };
}

export interface Kernel {
  /** Steps a dimension. A `parallel` one may be split over a chip's cores, which share no scratch. */
  readonly grid: readonly { readonly steps: number; readonly semantics: 'parallel' | 'arbitrary' }[];
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

/** The kernel's module: `@main`, and a function a window that gives its block's index. */
export function kernelText(kernel: Kernel): string {
  const operands = [...kernel.inputs, ...kernel.outputs];
  const gridTypes = kernel.grid.map(() => scalar('i32'));
  const refTypes: MosaicType[] = operands.map(({ element, shape, window }) =>
    window ? ref('vmem', element, window.block) : ref('any', element, shape),
  );
  const prefetchTypes = kernel.prefetch.map(({ shape, element = 'i32' }) => ref('smem', element, shape));
  const types = [...gridTypes, ...prefetchTypes, ...refTypes, ...kernel.scratch];
  const body = isolated<MosaicType>(types, (...args) => {
    kernel.body(args.slice(0, gridTypes.length), args.slice(gridTypes.length));
    emit<MosaicType>('stable_mosaic.func.return', [], []);
  });
  const functions = [
    functionText('main', body, types, [], {
      dimension_semantics: attr.list(kernel.grid.map(({ semantics }) => `#tpu.dimension_semantics<${semantics}>`)),
      iteration_bounds: attr.array(kernel.grid.map(({ steps }) => steps)),
      scalar_prefetch: attr.integer(prefetchTypes.length),
      scratch_operands: attr.integer(kernel.scratch.length),
      'tpu.core_type': '#tpu.core_type<tc>',
      window_params: attr.list(
        operands.map(({ window }, i) =>
          attr.dictionary(window ? { transform_indices: `@window_${i}`, window_bounds: attr.array(window.block) } : {}),
        ),
      ),
    }),
  ];
  for (const [i, { window, shape }] of operands.entries()) {
    if (!window) continue;
    const windowTypes = [...gridTypes, ...prefetchTypes];
    const at = isolated<MosaicType>(windowTypes, (...args) => {
      emit<MosaicType>('stable_mosaic.func.return', window.at(...args.slice(0, gridTypes.length)), []);
    });
    const indices = shape.map(() => scalar('i32'));
    functions.push(functionText(`window_${i}`, at, windowTypes, indices, {}));
  }
  return `module attributes {stable_mosaic.version = ${attr.integer(version)}} {\n${functions.join('')}}\n`;
}

function functionText(
  name: string,
  body: ReturnType<typeof isolated<MosaicType>>,
  types: readonly MosaicType[],
  results: readonly MosaicType[],
  attributes: Record<string, string>,
) {
  const list = (parts: readonly MosaicType[]) => `(${parts.map(spell).join(', ')})`;
  const all = attr.dictionary({ ...attributes, function_type: `${list(types)} -> ${list(results)}`, sym_name: attr.string(name) });
  return `  "stable_mosaic.func.func"() (${printRegion(body, spell, '  ')}) ${all} : () -> ()\n`;
}
