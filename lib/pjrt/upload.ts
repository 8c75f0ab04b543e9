/** Arrays become tensors: small ones at once, large ones in turns. */
import { dtypes, type TensorType } from '../types';
import { Arrival, Staging } from './arrival';
import { Buffer } from './buffer';
import type { Client, Device } from './client';
import { rawOf } from './handle';
import type { HostParts } from './host-data';
import { type Memory, placeOf } from './memory';
import { Distant, native } from './native';
import { observedNow } from './observe/events';

/** Bytes of arrays that are copied at once: 1 ms, or 5 where values are converted. */
const mostAtOnce = 2 ** 22;

/** A tensor that an array, or a tile of it, is to be. */
export interface Wanted {
  readonly type: TensorType;
  /** The same ones are copied once, for however many devices. */
  readonly parts: HostParts;
  readonly to: Device | Memory;
}

/** The tensors of one upload, as Client.upload says. Throws what is found at once, and leaves nothing then. */
export function uploaded(client: Client, wanted: readonly Wanted[]): Buffer[] {
  const isSmall = wanted.reduce((sum, { parts }) => sum + parts.arrayBytes, 0) <= mostAtOnce;
  const made = isSmall ? atOnce(client) : later(client);
  const buffers: Buffer[] = [];
  try {
    for (const one of wanted) buffers.push(made(one));
    return buffers;
  } catch (error) {
    for (const buffer of buffers) buffer.dispose();
    throw error;
  }
}

function atOnce(client: Client): (wanted: Wanted) => Buffer {
  const made = new Map<HostParts, Uint8Array>();
  return ({ type, parts, to }) => {
    const bytes = made.get(parts) ?? parts.part(0, parts.length);
    made.set(parts, bytes);
    return placed(client, type, bytes, to, native().upload);
  };
}

function later(client: Client): (wanted: Wanted) => Buffer {
  const raw = rawOf(client);
  const isDistant = raw instanceof Distant;
  const made = new Map<HostParts, Staging>();
  return ({ type, parts, to }) => {
    const { device, memory } = placeOf(to, client);
    // Into its own memory a device copies; the host's may become the tensor's.
    const isCopied = client.platform !== 'cpu' && (memory?.isDefault ?? true);
    // A process that is sent memory gives it back with the first tensor of it.
    const staging = (!isDistant && made.get(parts)) || new Staging(parts, isDistant, isCopied);
    made.set(parts, staging);
    const place = [raw, device.index, memory?.index ?? -1, dtypes[type.dtype].pjrt, type.shape] as const;
    return new Buffer(new Arrival(staging, place), client, type, device);
  };
}

/** A tensor of bytes, by what the addon has for it. */
export function placed(client: Client, type: TensorType, bytes: Uint8Array, to: Device | Memory, upload: Upload): Buffer {
  const { device, memory } = placeOf(to, client);
  const work = () => upload(rawOf(client), device.index, memory?.index ?? -1, dtypes[type.dtype].pjrt, type.shape, bytes);
  const raw = observedNow('upload', work, () => ({ bytes: bytes.length }));
  return new Buffer(raw, client, type, device);
}

type Upload = ReturnType<typeof native>['upload' | 'alias'];
