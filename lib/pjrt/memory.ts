/** A memory that a device can address: its own, or a part of the host's. */
import { ShapeError } from '../errors';
import type { Client, Device } from './client';
import type { MemoryFacts } from './native';

export class Memory {
  readonly id: number;
  /** The plugin's name of what it is: 'device', 'pinned_host', 'unpinned_host'. */
  readonly kind: string;
  readonly description: string;
  /** Whether it is where the device's buffers are unless they are put elsewhere. */
  readonly isDefault: boolean;

  /** @internal */
  constructor(
    facts: MemoryFacts,
    readonly device: Device,
    /** @internal The place among the device's memories. */
    readonly index: number,
  ) {
    this.id = facts.id;
    this.kind = facts.kind;
    this.description = facts.description;
    this.isDefault = facts.isDefault;
  }
}

/** Where a buffer goes: a device, which is its default memory, or one of its memories. Throws ShapeError for one of another client. */
export function placeOf(place: Device | Memory, client: Client): { readonly device: Device; readonly memory?: Memory } {
  const memory = place instanceof Memory ? place : undefined;
  const device = memory ? memory.device : (place as Device);
  if (!client.devices.includes(device))
    throw new ShapeError('a device is one of its client, client.devices, and a memory one of its device, device.memories');
  return memory ? { device, memory } : { device };
}
