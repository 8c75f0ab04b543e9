/** Types of the Mosaic dialect: scalars, vectors and references to memory. */
import type { Value } from '../mlir';

const elements = {
  i1: { bits: 1, isFloat: false },
  i8: { bits: 8, isFloat: false },
  i32: { bits: 32, isFloat: false },
  index: { bits: 32, isFloat: false },
  f32: { bits: 32, isFloat: true },
  bf16: { bits: 16, isFloat: true },
  dma_semaphore: { bits: 32, isFloat: false },
  semaphore: { bits: 32, isFloat: false },
} as const;

export type Element = keyof typeof elements;
/** HBM left to the compiler's choice (`any`), HBM, vector memory, scalar memory, semaphores. */
export const spaces = ['any', 'hbm', 'vmem', 'smem', 'semaphore_mem'] as const;
export type Space = (typeof spaces)[number];

export interface Scalar {
  readonly kind: 'scalar';
  readonly element: Element;
}
export interface Vector {
  readonly kind: 'vector';
  readonly element: Element;
  readonly shape: readonly number[];
}
export interface Ref {
  readonly kind: 'ref';
  readonly element: Element;
  readonly shape: readonly number[];
  readonly space: Space;
}
export type MosaicType = Scalar | Vector | Ref;
/** A value of the kernel: scalar, vector or reference. */
export type V = Value<MosaicType>;

export const scalar = (element: Element): Scalar => ({ kind: 'scalar', element });
export const vector = (element: Element, shape: readonly number[]): Vector => ({ kind: 'vector', element, shape });
export const ref = (space: Space, element: Element, shape: readonly number[]): Ref => ({ kind: 'ref', element, shape, space });
export const i32 = scalar('i32');
export const index = scalar('index');

export const isElement = (name: string): name is Element => Object.hasOwn(elements, name);
export const isSpace = (name: string): name is Space => (spaces as readonly string[]).includes(name);
export const isFloat = ({ element }: { readonly element: Element }): boolean => elements[element].isFloat;
export const bitsOf = (element: Element): number => elements[element].bits;
export const countOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
export const shapeOf = (type: MosaicType): readonly number[] => (type.kind === 'scalar' ? [] : type.shape);
/** Elements of a row-major shape between neighbours along each dimension. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}
export function isSame(a: MosaicType, b: MosaicType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.element !== b.element) return false;
  if (a.kind === 'ref' && a.space !== (b as Ref).space) return false;
  const [one, other] = [shapeOf(a), shapeOf(b)];
  return one.length === other.length && one.every((n, d) => n === other[d]);
}

/** The MLIR text of a type. */
export function spell(type: MosaicType): string {
  const element = type.element.endsWith('semaphore') ? `!tpu.${type.element}` : type.element;
  if (type.kind === 'scalar') return element;
  const body = [...type.shape, element].join('x');
  return type.kind === 'vector' ? `vector<${body}>` : `memref<${body}, #tpu.memory_space<${type.space}>>`;
}
