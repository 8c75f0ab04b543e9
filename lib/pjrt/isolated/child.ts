/** A plugin in a process of its own: what crashes or hangs there is an error here. */
import { type ChildProcess, spawn } from 'node:child_process';
import * as path from 'node:path';
import { types } from 'node:util';
import type { PluginCrashError } from '../../errors';
import { Channel, Memory, type Reference } from './channel';
import { crashOf, type Ending, endingOf, exitOf } from './child-end';
import { ChildLog } from './child-log';
import { type IsolatedOption, type Limits, limitsOf } from './isolated';
import { Functions } from './questions';
import type { pluginEnvironment } from '../environment';
import { Distant, guarded, isPromising, native, type PluginFacts, type Staged } from '../native';
import { levelPrinted } from '../observe/log';

type Answer = { readonly value: unknown } | { readonly error: unknown };

/** An answer to a call, or a question: see questions.ts. */
type FromChild = [call: number, isResult: boolean, value: unknown] | [question: number, 'ask', id: number, args: unknown[]];

interface Pending {
  readonly timer?: NodeJS.Timeout;
  answer(answer: Answer): void;
}

// It runs what is built, whoever asks: this file's own folder, or the one beside it where TypeScript is run as it stands.
const entry = path.join(__dirname, '..', '..', '..', 'dist', 'pjrt', 'isolated', 'child-main.js');
/** For what a call waits for that returns at once, without the event loop. */
const longestWaitMs = 60_000;
/** For a process that is asked to end. */
const patienceMs = 5000;
// The first handle is the plugin, which stays, and the second one the client or topology, which all others belong to.
const plugin = 1;
const root = 2;

const children = new Set<Child>();
const forgotten = new FinalizationRegistry<{ child: Child; id: number }>(({ child, id }) => child.release(id));

/** Handles of isolated plugins, of this thread, that are not disposed yet. */
export function distantHandles(): number {
  return [...children].reduce((sum, child) => sum + child.liveHandles, 0);
}

class DistantHandle extends Distant {
  constructor(
    readonly child: Child,
    readonly id: number,
  ) {
    super();
  }

  call(name: string, args: readonly unknown[]): unknown {
    return name === 'release' ? this.child.release(this.id) : this.child.call(name, args);
  }
}

export class Child {
  readonly pid: number;
  /** The environment that it was started with. */
  readonly env: NodeJS.ProcessEnv;
  /** Loads the plugin at a path, under these rows of `pluginEnvironment`. */
  readonly load: (path: string, rows: ReturnType<typeof pluginEnvironment>) => Promise<PluginFacts>;
  readonly #process: ChildProcess;
  readonly #channel: Channel;
  readonly #limits: Limits;
  readonly #log: ChildLog;
  readonly #functions = new Functions();
  readonly #live = new Set<number>();
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  #isOver = false;
  #isDisposed = false;
  #isClosed = false;
  #failure: PluginCrashError | undefined;

  /** Undefined where the option is off. Throws ShapeError for what is no such option. */
  static start(option: IsolatedOption | undefined): Child | undefined {
    const limits = limitsOf(option);
    return limits && new Child(limits);
  }

  constructor(limits: Limits, { publishesLogs = true } = {}) {
    this.#limits = limits;
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.env = { ...env, ...limits.env };
    this.#log = new ChildLog(publishesLogs ? levelPrinted(this.env) : undefined);
    const [socket, itsSocket] = native().socketPair();
    const [memories, itsMemories] = native().socketPair();
    const { output, lines } = this.#log;
    const stdio = ['ignore' as const, output, output, itsSocket, itsMemories, ...lines];
    this.#process = spawn(process.execPath, [entry], { env: this.env, stdio });
    for (const descriptor of [itsSocket, itsMemories]) native().close(descriptor);
    this.#log.started();
    this.pid = this.#process.pid ?? 0;
    if (this.pid) native().own(this.pid);
    this.load = guarded((path, rows) => {
      this.#log.plugin = path as string;
      return this.call('loadPlugin', [path, rows, this.#log.level]);
    }) as Child['load'];
    this.#channel = new Channel(socket, memories, {
      receive: (message) => this.#receive(message as FromChild),
      ended: () => {
        this.#isOver = true;
      },
      referenceTo: (value) => this.#referenceTo(value),
      referred: ([, id]) => this.#handle(id),
      received: mapped,
    });
    this.#process.on('error', (error) => {
      this.#fail({ reason: 'ended', how: `did not start: ${error.message}` });
      this.#gone();
    });
    this.#process.on('exit', (code, signal) => {
      this.#exited(code, signal);
      native().disown(this.pid);
      this.#gone();
    });
    limits.signal?.addEventListener('abort', this.#abort, { once: true });
    if (!children.size) process.once('exit', endAll);
    children.add(this);
    this.#process.unref();
  }

  get liveHandles(): number {
    return this.#live.size;
  }

  /** Makes a call there. Throws PluginCrashError, or rejects with it, where the process has ended or ends meanwhile. */
  call(name: string, args: readonly unknown[]): unknown {
    if (name === 'view' || isPromising(name)) return this.#ask(name, args);
    return this.#askNow(name, args);
  }

  release(id: number): void {
    if (!this.#live.delete(id)) return;
    this.#tell('release', [id]);
    if (id === root) this.dispose();
  }

  /** Ends the process, as soon as nobody waits for it. */
  dispose(): void {
    this.#isDisposed = true;
    this.#live.clear();
    this.#settled();
  }

  /** A call that is not answered. */
  #tell(name: string, args: readonly unknown[]): void {
    if (!this.#isOver && !this.#isClosed) this.#channel.send([0, name, args]);
  }

  #referenceTo(value: object): Reference | undefined {
    if (typeof value === 'function') return ['function', this.#functions.idOf(value as Parameters<Functions['idOf']>[0])];
    return value instanceof DistantHandle ? ['handle', value.id] : undefined;
  }

  #gone(): void {
    this.#log.end();
    if (children.delete(this) && !children.size) process.removeListener('exit', endAll);
  }

  #handle(id: number): DistantHandle {
    const handle = new DistantHandle(this, id);
    if (id === plugin) return handle;
    this.#live.add(id);
    forgotten.register(handle, { child: this, id });
    return handle;
  }

  #ask(name: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { timeoutMs } = this.#limits;
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#timeOut(name, timeoutMs), timeoutMs);
      this.#begin({ timer, answer: (given) => ('error' in given ? reject(given.error) : resolve(given.value)) }, name, args);
    });
  }

  #askNow(name: string, args: readonly unknown[]): unknown {
    const limit = Math.min(this.#limits.timeoutMs ?? longestWaitMs, longestWaitMs);
    const end = performance.now() + limit;
    const answers: Answer[] = [];
    this.#begin({ answer: (given) => answers.push(given) }, name, args);
    while (!answers.length) {
      const left = end - performance.now();
      if (left <= 0) this.#timeOut(name, limit);
      else if (!this.#isOver) this.#channel.wait(Math.ceil(left));
      // Node tells of an end when its event loop comes round, which waits for this.
      else this.#exited(...exitOf(this.pid));
    }
    const [answer] = answers;
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  #begin(pending: Pending, name: string, args: readonly unknown[]): void {
    if (!this.#pending.size) this.#ref();
    const id = ++this.#last;
    if (id % 256 === 0) this.#log.trim();
    this.#pending.set(id, pending);
    try {
      if (this.#failure) throw this.#failure;
      if (!this.#isOver) this.#channel.send([id, name, args.map((arg) => shared(arg, this.pid))]);
    } catch (error) {
      this.#settle(id, { error });
    }
  }

  #receive([id, what, value, args]: FromChild): void {
    this.#log.publishSoon();
    if (what === 'ask') this.#functions.answer(id, value as number, args as unknown[], (answer) => this.#tell('answer', answer));
    else this.#settle(id, what ? { value } : { error: errorOf(value as Parameters<typeof errorOf>[0]) });
  }

  #settle(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    pending.answer(answer);
    this.#settled();
  }

  #settled(): void {
    if (this.#pending.size) return;
    this.#unref();
    if (this.#isDisposed) this.#close();
  }

  #ref(): void {
    this.#process.ref();
    this.#channel.ref();
  }

  #unref(): void {
    this.#process.unref();
    this.#channel.unref();
  }

  #timeOut(name: string, ms: number): void {
    this.#fail({ reason: 'timeout', how: `was killed: it did not answer to ${name} within ${ms} ms` });
  }

  readonly #abort = () =>
    this.#fail({ reason: 'aborted', how: 'was killed: its AbortSignal is aborted', cause: this.#limits.signal?.reason });

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    // What it answered before its end.
    while (!this.#isClosed && this.#channel.wait(0));
    this.#fail(endingOf(code, signal));
  }

  #fail(ending: Ending): void {
    if (this.#isClosed) return;
    this.#log.publishSoon();
    this.#failure = crashOf(this.pid, ending, this.#log.said());
    this.#isDisposed = true;
    this.#live.clear();
    for (const id of [...this.#pending.keys()]) this.#settle(id, { error: this.#failure });
    this.#close();
  }

  /** The process ends when it has read that its channel is closed, and all that was sent before. */
  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#limits.signal?.removeEventListener('abort', this.#abort);
    this.#channel.close();
    this.#log.close();
    if (this.#failure) this.kill();
    else setTimeout(() => this.kill(), patienceMs).unref();
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** With this process, of which there is no later turn. */
  end(): void {
    this.#log.publish();
    this.kill();
  }
}

function endAll(): void {
  for (const child of children) child.end();
}

// As the addon itself throws it.
function errorOf({ message, ...facts }: { message: string; code?: unknown; missing?: string }): Error {
  return Object.assign(new Error(message), facts);
}

// All that the addon of this process has to give to another one's: an array that is staged for an upload.
function shared(arg: unknown, pid: number): unknown {
  return types.isExternal(arg) ? new Memory(native().shareStage(arg as Staged, pid), true) : arg;
}

function mapped(memory: Memory): ArrayBuffer | Uint8Array {
  const buffer = native().mapMemory(memory.descriptor);
  return memory.isBytes ? new Uint8Array(buffer) : buffer;
}
