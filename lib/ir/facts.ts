/** What a kernel says of itself beside its text, for who reads its schedule. */
import type { KernelFacts } from '../types';
import type { Kernel } from './kernel';
import { vmemBytes } from './verify';

/** Of a kernel whose text has been printed: its phases are there since. */
export function factsOf(kernel: Kernel, name: string): KernelFacts {
  const parallel = kernel.grid.filter(({ semantics }) => semantics === 'parallel').reduce((product, { steps }) => product * steps, 1);
  const all = kernel.grid.reduce((product, { steps }) => product * steps, 1);
  return Object.freeze({
    name,
    phases: Object.freeze([...(kernel.phases ?? [])]),
    steps: all / parallel,
    cores: parallel,
    // Counted for who asks: it takes another walk through the kernel.
    get vmemBytes() {
      return vmemBytes(kernel);
    },
  });
}
