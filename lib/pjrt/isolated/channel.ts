/**
 * Messages between a client's process and its plugin's: values over a socket, in order, and what is large of them as memory that both
 * processes map, whose descriptors go over a socket of their own.
 */
import * as fs from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { types } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { native } from '../native';

/** Bytes from which on they go as memory: to make and map it takes as long as to write and read so many. */
export const sharedBytes = 2 ** 14;
const largestFrame = 2 ** 16;
const asMemory = 0xffff_ffff;

/** Memory of both processes, by a descriptor that is the receiver's. What is sent goes to the other process and is closed in this one. */
export class Memory {
  constructor(
    readonly descriptor: number,
    /** Of a Uint8Array; else of an ArrayBuffer. */
    readonly isBytes = false,
  ) {}
}

/** What goes by its number: a handle, or a function, of either process. */
export type Reference = readonly [kind: 'handle' | 'function', id: number];

/** What one end does with what comes, and how it tells of what stays in its process. */
interface End {
  receive(message: unknown[]): void;
  /** The other process is gone, or has closed its end. */
  ended(): void;
  /** Undefined of what goes as it is. */
  referenceTo(value: object): Reference | undefined;
  referred(reference: Reference): unknown;
  received(memory: Memory): unknown;
}

/** One end. It is read whenever the event loop comes round, and in `wait`. */
export class Channel {
  readonly #socket: Socket;
  readonly #memories: Socket;
  /** What is to be written, and what was read, message by message. */
  readonly #leaving: Uint8Array[] = [];
  readonly #frames: Uint8Array[] = [];
  readonly #buffer = Buffer.allocUnsafe(largestFrame);
  #rest: Uint8Array = new Uint8Array();
  #isReceiving = false;
  #isOver = false;

  constructor(
    readonly socket: number,
    readonly memories: number,
    readonly end: End,
  ) {
    const callback = (bytes: number, buffer: Uint8Array) => {
      this.#take(buffer.subarray(0, bytes));
      this.#receive();
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(largestFrame), callback };
    this.#socket = new Socket({ fd: socket, readable: true, writable: true, onread } as SocketConstructorOpts);
    this.#socket.on('end', () => this.#over()).on('error', () => this.#over());
    // It is written and read directly: it is a Socket to be closed with its thread.
    this.#memories = new Socket({ fd: memories, readable: false, writable: true });
    this.#memories.on('error', () => {});
    this.unref();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
    this.#memories.unref();
  }

  readonly #endTurn = () => {
    this.#flush();
    this.#receive();
  };

  /** What is sent in one turn goes together: at the end of it, or before something is waited for. */
  send(message: unknown[]): void {
    const memories: Memory[] = [];
    let sent = 0;
    try {
      const body = serialize(this.#packed(message, memories));
      const isLarge = body.length > largestFrame;
      if (isLarge) memories.unshift(new Memory(native().shareBytes(body)));
      // A descriptor is there before the message that tells of it, and there is room for it when others have been told of.
      for (const { descriptor } of memories) {
        while (!native().sendDescriptor(this.memories, descriptor)) {
          this.#flush();
          this.#takeWithin(1);
        }
        sent++;
      }
      const frame = Buffer.allocUnsafe(4 + (isLarge ? 0 : body.length));
      frame.writeUInt32LE(isLarge ? asMemory : body.length);
      if (!isLarge) frame.set(body, 4);
      if (this.#leaving.push(frame) === 1) queueMicrotask(this.#endTurn);
    } catch (error) {
      for (const { descriptor } of memories.slice(sent)) native().close(descriptor);
      throw error;
    }
  }

  /** Receives what comes within `ms`, and returns as soon as anything does: whether it did. */
  wait(ms: number): boolean {
    this.#flush();
    const isAny = this.#takeWithin(ms);
    this.#receive();
    return isAny;
  }

  close(): void {
    this.#flush();
    this.#isOver = true;
    this.#socket.destroy();
    this.#memories.destroy();
  }

  // By `types`, not instanceof: a value may come from another realm.
  #packed(value: unknown, memories: Memory[]): unknown {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value;
    const reference = this.end.referenceTo(value);
    if (reference) return new Map([reference]);
    if (types.isUint8Array(value)) {
      if (value.length < sharedBytes) return value;
      return this.#packed(new Memory(native().shareBytes(value), true), memories);
    }
    if (value instanceof Memory) {
      memories.push(value);
      return new Map([['memory', Number(value.isBytes)]]);
    }
    if (Array.isArray(value)) return value.map((one) => this.#packed(one, memories));
    if (types.isArrayBuffer(value) && value.byteLength >= sharedBytes)
      return this.#packed(new Memory(native().shareBytes(new Uint8Array(value))), memories);
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#packed(one, memories)]));
  }

  #unpacked(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (types.isMap(value)) {
      const [[kind, number]] = value as Map<Reference[0] | 'memory', number>;
      if (kind !== 'memory') return this.end.referred([kind, number]);
      return this.end.received(new Memory(native().receiveDescriptor(this.memories), number === 1));
    }
    if (Array.isArray(value)) return value.map((one) => this.#unpacked(one));
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#unpacked(one)]));
  }

  // The other process may be in the same place, so what comes is taken meanwhile.
  #flush(): void {
    const all = Buffer.concat(this.#leaving.splice(0));
    for (let done = 0; done < all.length && !this.#isOver; ) {
      try {
        done += fs.writeSync(this.socket, all, done);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPIPE' || code === 'ECONNRESET') this.#over();
        else if (code !== 'EAGAIN') throw error;
        native().waitFor(this.socket, true, 1000);
        this.#takeWithin(0);
      }
    }
  }

  #takeWithin(ms: number): boolean {
    if (this.#isOver || !native().waitFor(this.socket, false, ms)) return false;
    let bytes = 0;
    try {
      bytes = fs.readSync(this.socket, this.#buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return false;
      if (code !== 'ECONNRESET') throw error;
    }
    if (bytes) this.#take(this.#buffer.subarray(0, bytes));
    else this.#over();
    return true;
  }

  #take(bytes: Uint8Array): void {
    let all = this.#rest.length ? Buffer.concat([this.#rest, bytes]) : Buffer.from(bytes);
    while (all.length >= 4) {
      const length = all.readUInt32LE();
      const end = length === asMemory ? 4 : 4 + length;
      if (all.length < end) break;
      this.#frames.push(all.subarray(0, end));
      all = all.subarray(end);
    }
    this.#rest = all;
  }

  // In order, and one at a time: what a message makes this process send may take others in.
  #receive(): void {
    if (this.#isReceiving) return;
    this.#isReceiving = true;
    try {
      for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) {
        const body = frame.length > 4 ? Uint8Array.prototype.slice.call(frame, 4) : this.#largeBody();
        this.end.receive(this.#unpacked(deserialize(body)) as unknown[]);
      }
    } finally {
      this.#isReceiving = false;
    }
  }

  #largeBody(): Uint8Array {
    return new Uint8Array(native().mapMemory(native().receiveDescriptor(this.memories)));
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.end.ended();
  }
}
