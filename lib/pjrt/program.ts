import type { Module, Port } from '../types';
export interface Program {
  readonly text: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly hiddenFlops?: number;
  readonly opaque: boolean;
}
export function programOf(module: Module | string): Program {
  if (typeof module === 'string') throw new Error('later');
  return { ...module, opaque: module.text.includes('custom_call') };
}
