/** What a kernel says of itself beside its text, for who reads its schedule. */
import type { KernelFacts } from '../types';
import type { Kernel } from './kernel';
import type { Element } from './mosaic';

const elementBytes: Readonly<Partial<Record<Element, number>>> = { i32: 4, f32: 4, bf16: 2 };

/** Of a kernel whose text has been printed: its phases are there since. */
export function factsOf(kernel: Kernel, name: string): KernelFacts {
  const parallel = kernel.grid.filter(({ semantics }) => semantics === 'parallel').reduce((product, { steps }) => product * steps, 1);
  const all = kernel.grid.reduce((product, { steps }) => product * steps, 1);
  return Object.freeze({
    name,
    phases: Object.freeze([...(kernel.phases ?? [])]),
    steps: all / parallel,
    cores: parallel,
    vmemBytes: vmemBytes(kernel),
  });
}

/** Windows twice, of the block at work and the one on its way, and scratch; both in whole tiles of 8 x 128 words. */
function vmemBytes(kernel: Kernel): number {
  const padded = (element: Element, shape: readonly number[]) => {
    const bytes = elementBytes[element] ?? 0;
    const [rows = 1, columns = 1] = shape.slice(-2);
    const tile = 8 * (4 / bytes);
    const outer = shape.slice(0, -2).reduce((product, n) => product * n, 1);
    return outer * Math.ceil(rows / tile) * tile * Math.ceil(columns / 128) * 128 * bytes;
  };
  const windows = [...kernel.inputs, ...kernel.outputs].flatMap(({ element, window }) =>
    window ? [2 * padded(element, window.block)] : [],
  );
  const scratch = kernel.scratch.flatMap(({ space, element, shape }) => (space === 'vmem' ? [padded(element, shape)] : []));
  return [...windows, ...scratch].reduce((sum, bytes) => sum + bytes, 0);
}
