/** What a test of a StableHLO program is: the program, what goes in, and what must come out. */
import * as s from '../lib/ir/stablehlo';
import type { Module, TensorType } from '../lib/types';

export interface Case {
  readonly name: string;
  readonly module: Module;
  readonly inputs: Readonly<Record<string, number[]>>;
  readonly outputs: Readonly<Record<string, number[]>>;
  /** Whether float results are rounded: off by a few units in their dtype's last place. Others are exact. */
  readonly rounded: boolean;
}

/** `inputs` are types and values; a program of one tensor calls it `out`. */
export function given(
  name: string,
  inputs: Record<string, [TensorType, number[]]>,
  body: (args: Record<string, s.Tensor>) => s.Bundle,
  outputs: Record<string, number[]> | number[],
  rounded = false,
): Case {
  const types = Object.fromEntries(Object.entries(inputs).map(([port, [type]]) => [port, type]));
  const module = s.program(name, types, (args) => {
    const result = body(args);
    return 'owner' in result ? { out: result as s.Tensor } : (result as Record<string, s.Tensor>);
  });
  const values = Object.fromEntries(Object.entries(inputs).map(([port, [, list]]) => [port, list]));
  return { name, module, inputs: values, outputs: Array.isArray(outputs) ? { out: outputs } : outputs, rounded };
}

export const count = (n: number) => Array.from({ length: n }, (_, i) => i);
