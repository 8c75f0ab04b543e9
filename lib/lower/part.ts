/** An attention lowered to operations: what a program calls, on one device or on each of many, and what is known of it. */
import { type AttentionSpec, inputTypes } from '../attention';
import * as s from '../ir/stablehlo';
import type { Module } from '../types';

export type Tensors = Readonly<Record<string, s.Tensor>>;

export interface Part {
  readonly facts: Pick<Module, 'hiddenFlops' | 'maskBytes' | 'kernels'>;
  /** Appends it to a program: of the spec's inputs by name, its outputs. */
  readonly call: (inputs: Tensors) => Record<string, s.Tensor>;
}

/** The program of one part, for one device. */
export function moduleOf(spec: AttentionSpec, { call, facts }: Part): Module {
  return s.program('attention', inputTypes(spec), call, facts);
}
