import type { Plugin, stablehlo } from 'node-pjrt';

/** Makes the custom calls of this package known to a plugin: once a process, and again is harmless. */
export function register(plugin: Plugin): void;

/** a x + y, of f32, f64 or i32. */
export function axpy(a: number, x: stablehlo.Tensor, y: stablehlo.Tensor): stablehlo.Tensor;

/** -x, of f32. */
export function negate(x: stablehlo.Tensor): stablehlo.Tensor;
