/**
 * StableHLO as functions: each appends one operation to the program being built, infers its result's type, and throws a ShapeError that
 * names the rule it breaks (Cn and In are the StableHLO specification's own numbers). Nothing is evaluated here and nothing is rewritten;
 * where a scalar is taken for a tensor, it becomes a constant of the other operand's type.
 *
 *     const module = program('halve', { x: tensor('f32', [8]) }, ({ x }) => ({ y: multiply(x, 0.5) }));
 */
export { program } from './program';
export type { Bundle, Operand, Scalar, Tensor } from './core';
export { constant, iota } from './constant';
export * from './elementwise';
export * from './shape';
export * from './contract';
export * from './gather';
export * from './control';
export * from './ffi';
