/**
 * A seal on a serialized program: whether its bytes are still those that the plugin wrote. The CPU plugin takes them as they are, machine
 * code among them, and one changed byte may end the process (an alignment of 2^14 is a failed check).
 */
import { webcrypto } from 'node:crypto';
import { PjrtError } from '../../errors';
import { inTurns } from '../turns';

// A field of a protocol buffer, number 2^29 - 1 of kind bytes, which readers of the plugin's format skip: the sha256 of all before it.
const head = Uint8Array.of(0xfa, 0xff, 0xff, 0xff, 0x0f, 32);
const size = head.length + 32;

// Not createHash: this one has a thread of its own.
const sealOf = async (bytes: Uint8Array) => Buffer.concat([head, new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes))]);

/** The bytes with their seal. */
export async function sealed(bytes: Uint8Array): Promise<Uint8Array> {
  const result = new Uint8Array(bytes.length + size);
  await inTurns(bytes.length, (from, to) => result.set(bytes.subarray(from, to), from));
  result.set(await sealOf(bytes), bytes.length);
  return result;
}

/** The bytes without their seal, where they lie. Throws PjrtError DATA_LOSS where it is broken, or there is none. */
export async function unsealed(bytes: Uint8Array): Promise<Uint8Array> {
  const whole = bytes.subarray(0, Math.max(bytes.length - size, 0));
  if (bytes.length > size && (await sealOf(whole)).equals(bytes.subarray(whole.length))) return whole;
  throw new PjrtError('DATA_LOSS', 'a serialized program is what serialize gave, whole; these bytes are something else, or damaged');
}
