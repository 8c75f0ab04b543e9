/**
 * Key-value stores that plugins of several processes find each other by: each puts what it has under a key, and waits for the others'. One
 * is served over TCP by a process, and used by all.
 */
import * as net from 'node:net';
import * as readline from 'node:readline';
import { type PjrtCode, PjrtError, pjrtCodes, ShapeError } from '../errors';
import type { Refusal, StoreQuestion } from './asking';

/** What a plugin asks for, from threads of its own, while it opens a client or runs a program. */
export interface KeyValueStore {
  /** The value of a key, when somebody has put it. Rejects after `timeoutMs`. */
  get(key: string, timeoutMs: number): Promise<Uint8Array>;
  /** The value of a key, undefined where there is none now. */
  tryGet(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
}

/** A store of this process. */
export class LocalStore implements KeyValueStore {
  readonly #values = new Map<string, Uint8Array>();
  readonly #waiting = new Map<string, Set<(value: Uint8Array) => void>>();

  async get(key: string, timeoutMs: number): Promise<Uint8Array> {
    const there = this.#values.get(key);
    if (there) return there;
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    return new Promise((resolve, reject) => {
      const found = (value: Uint8Array) => {
        clearTimeout(timer);
        resolve(value);
      };
      const timer = setTimeout(() => {
        waiting.delete(found);
        reject(new PjrtError('DEADLINE_EXCEEDED', `nobody put the key ${key} in ${timeoutMs} ms`));
      }, timeoutMs);
      timer.unref();
      waiting.add(found);
    });
  }

  async tryGet(key: string): Promise<Uint8Array | undefined> {
    return this.#values.get(key);
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const copy = value.slice();
    this.#values.set(key, copy);
    for (const found of this.#waiting.get(key) ?? []) found(copy);
    this.#waiting.delete(key);
  }
}

interface Question {
  readonly id: number;
  readonly operation: 'get' | 'tryGet' | 'put';
  readonly key: string;
  readonly value?: string;
  readonly timeoutMs?: number;
}

interface Reply {
  readonly id: number;
  readonly value?: string;
  readonly code?: PjrtCode;
  readonly message?: string;
}

/** A PjrtError's code and message without it; of another error, UNKNOWN. */
function failureOf(error: unknown): { readonly code: PjrtCode; readonly message: string } {
  const { code, message } = error as PjrtError;
  const known = pjrtCodes.includes(code) && code !== 'OK';
  return known ? { code, message: message.replace(`${code}: `, '') } : { code: 'UNKNOWN', message: String(message ?? error) };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

async function replyTo(store: KeyValueStore, { id, operation, key, value = '', timeoutMs = 0 }: Question): Promise<Reply> {
  try {
    if (operation === 'put') await store.put(key, bytesOf(value));
    const found = operation === 'get' ? await store.get(key, timeoutMs) : operation === 'tryGet' ? await store.tryGet(key) : undefined;
    return { id, ...(found ? { value: base64(found) } : {}) };
  } catch (error) {
    return { id, ...failureOf(error) };
  }
}

const gone = () => new PjrtError('UNAVAILABLE', 'the key-value store is gone');

// A socket's errors are heard where it is used.
const linesOf = (socket: net.Socket) => readline.createInterface({ input: socket }).on('error', () => {});

/** Lines of JSON that cannot be read end a connection: they are not of a RemoteStore. */
function serve(store: KeyValueStore, socket: net.Socket): void {
  socket.on('error', () => socket.destroy());
  linesOf(socket).on('line', async (line) => {
    try {
      const reply = await replyTo(store, JSON.parse(line));
      if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
    } catch {
      socket.destroy();
    }
  });
}

/**
 * Serves a store to other processes until it is closed, on this machine only unless a host is given. Whoever can connect can read and write
 * it: on a network that others use, it is for an encrypted tunnel.
 */
export async function serveStore(
  { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
  store: KeyValueStore = new LocalStore(),
): Promise<{ readonly host: string; readonly port: number; close(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(store, socket);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { host, port: (server.address() as net.AddressInfo).port, close };
}

/** A store that another process serves. */
export class RemoteStore implements KeyValueStore {
  readonly #socket: net.Socket;
  readonly #open = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
  #last = 0;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    // It keeps no process alive but while it waits for an answer.
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const { reject } of this.#open.values()) reject(gone());
      this.#open.clear();
    });
    linesOf(socket).on('line', (line) => {
      const reply = JSON.parse(line) as Reply;
      this.#open.get(reply.id)?.resolve(reply);
      this.#open.delete(reply.id);
      if (!this.#open.size) socket.unref();
    });
  }

  /** Connects to what `serveStore` serves, which may begin to up to `timeoutMs` later. Throws PjrtError UNAVAILABLE. */
  static async connect(host: string, port: number, timeoutMs = 60_000): Promise<RemoteStore> {
    for (const end = performance.now() + timeoutMs; ; ) {
      try {
        return new RemoteStore(await connected(host, port));
      } catch (error) {
        if (performance.now() > end)
          throw new PjrtError('UNAVAILABLE', `no key-value store at ${host}:${port}: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async get(key: string, timeoutMs: number): Promise<Uint8Array> {
    return bytesOf((await this.#ask({ operation: 'get', key, timeoutMs })).value ?? '');
  }

  async tryGet(key: string): Promise<Uint8Array | undefined> {
    const { value } = await this.#ask({ operation: 'tryGet', key });
    return value === undefined ? undefined : bytesOf(value);
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#ask({ operation: 'put', key, value: base64(value) });
  }

  close(): void {
    this.#socket.destroy();
  }

  async #ask(question: Omit<Question, 'id'>): Promise<Reply> {
    if (this.#socket.destroyed) throw gone();
    const id = ++this.#last;
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#socket.ref();
      this.#socket.write(`${JSON.stringify({ id, ...question })}\n`);
    });
    if (reply.code) throw new PjrtError(reply.code, reply.message ?? '');
    return reply;
  }
}

function connected(host: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** What the addon asks a store by. Throws ShapeError for what is no store. */
export function askedBy(store: KeyValueStore): StoreQuestion {
  for (const name of ['get', 'tryGet', 'put'] as const)
    if (typeof store?.[name] !== 'function') throw new ShapeError(`a key-value store has get, tryGet and put; got one without ${name}`);
  return async (operation, key, value, timeoutMs) => {
    try {
      if (operation === 'put') await store.put(key, value.slice());
      const found =
        operation === 'get' ? await store.get(key, timeoutMs) : operation === 'tryGet' ? await store.tryGet(key) : new Uint8Array();
      if (!found) throw new PjrtError('NOT_FOUND', `the key ${key} is not in the key-value store`);
      return Uint8Array.from(found);
    } catch (error) {
      const { code, message } = failureOf(error);
      throw { code: pjrtCodes.indexOf(code), message } satisfies Refusal;
    }
  };
}
