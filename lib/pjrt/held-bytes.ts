/** What plugins read on a worker: programs, as text and compiled, in memory that the addon can hold on to. */
import { native } from './native';
import { inTurns } from './turns';

const encoder = new TextEncoder();
const slice = 2 ** 20;

/** A text in UTF-8. */
export async function heldText(text: string): Promise<Uint8Array> {
  let length = 0;
  await inTurns(text.length, (from, to) => {
    for (const part of parts(text, from, to)) length += globalThis.Buffer.byteLength(part);
  });
  const bytes = new Uint8Array(native().hostMemory(length));
  let at = 0;
  await inTurns(text.length, (from, to) => {
    for (const part of parts(text, from, to)) at += encoder.encodeInto(part, bytes.subarray(at)).written;
  });
  return bytes;
}

/** A copy of bytes. */
export async function heldCopy(bytes: Uint8Array): Promise<Uint8Array> {
  const copy = new Uint8Array(native().hostMemory(bytes.length));
  await inTurns(bytes.length, (from, to) => copy.set(bytes.subarray(from, to), from));
  return copy;
}

// No part begins or ends inside of a surrogate pair.
function* parts(text: string, from: number, to: number): Generator<string> {
  const boundary = (at: number) => (isLowSurrogate(text.charCodeAt(at)) ? at - 1 : at);
  for (let at = from; at < to; at += slice) yield text.slice(boundary(at), at + slice < to ? boundary(at + slice) : boundary(to));
}

const isLowSurrogate = (code: number) => code >= 0xdc00 && code < 0xe000;
