/** Protocol buffers, read without their schema: fields by number, and what is in them by who knows. */
import { PjrtError } from '../errors';

/** A varint, or the bytes of a string, a message, packed numbers or a fixed width. */
type Value = bigint | Uint8Array;

/** A message's fields. A number that is not there has no values. */
export class Message {
  readonly #fields = new Map<number, Value[]>();

  /** Throws PjrtError for bytes that are no message. */
  constructor(bytes: Uint8Array) {
    const reader = new WireReader(bytes);
    while (!reader.isAtEnd) {
      const tag = Number(reader.varint());
      const values = this.#fields.get(tag >>> 3);
      const value = reader.value(tag & 7);
      if (values) values.push(value);
      else this.#fields.set(tag >>> 3, [value]);
    }
  }

  messages(field: number): Message[] {
    return this.#bytes(field).map((bytes) => new Message(bytes));
  }

  message(field: number): Message | undefined {
    return this.messages(field).at(-1);
  }

  text(field: number): string {
    return new TextDecoder().decode(this.#bytes(field).at(-1));
  }

  /** The last one, 0 where there is none. */
  number(field: number): number {
    return this.numbers(field).at(-1) ?? 0;
  }

  /** Integers, packed or one by one. */
  numbers(field: number): number[] {
    return (this.#fields.get(field) ?? []).flatMap((value) => {
      if (typeof value === 'bigint') return [Number(BigInt.asIntN(64, value))];
      const reader = new WireReader(value);
      const numbers: number[] = [];
      while (!reader.isAtEnd) numbers.push(Number(BigInt.asIntN(64, reader.varint())));
      return numbers;
    });
  }

  #bytes(field: number): Uint8Array[] {
    return (this.#fields.get(field) ?? []).filter((value) => value instanceof Uint8Array);
  }
}

class WireReader {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#take(1)[0];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw malformed('a varint of over 10 bytes');
  }

  value(wireType: number): Value {
    if (wireType === 0) return this.varint();
    if (wireType === 1) return this.#take(8);
    if (wireType === 2) return this.#take(Number(this.varint()));
    if (wireType === 5) return this.#take(4);
    throw malformed(`wire type ${wireType}`);
  }

  #take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.bytes.length) throw malformed(`${count} bytes at ${this.#at} of ${this.bytes.length}`);
    const taken = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function malformed(what: string): PjrtError {
  return new PjrtError('DATA_LOSS', `a message of protocol buffers has whole fields; got ${what}`);
}
