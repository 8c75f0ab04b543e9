/** A trace of what the runtime does, in the format of Perfetto and chrome://tracing. See docs/traces.md. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import * as path from 'node:path';
import { threadId } from 'node:worker_threads';
import { ShapeError } from '../../errors';
import { channelOf, eventNames, type EventName, type Timed } from './events';
import { liveResources } from './live';
import { native, type Raw } from '../native';

/** An event, by the names of the Trace Event Format: `ph` is its phase, `ts` when it was, in microseconds. */
interface TraceEvent {
  readonly ph: 'M' | 'b' | 'e' | 'C';
  readonly name: string;
  readonly ts?: number;
  readonly cat?: EventName;
  readonly id?: string;
  readonly args?: object;
}

// Of this thread, in all of its traces: two may share a file.
let operations = 0;

/** A trace of this thread that is being written. */
export class Trace {
  readonly #file: Raw;
  // When the file was opened, by whichever thread, in this thread's `performance.now()`.
  readonly #zero: number;
  readonly #listeners: (readonly [channel: string, listener: (message: unknown) => void])[];
  readonly #dispose = () => this.dispose();
  #counters = '';
  #isOpen = true;

  /** @internal */
  constructor(
    /** The file. */
    readonly path: string,
  ) {
    const [file, began] = native().openTrace(path);
    this.#file = file;
    this.#zero = began - performance.timeOrigin;
    const thread = threadId ? `worker ${threadId}` : 'main';
    this.#write(
      { ph: 'M', name: 'process_name', args: { name: 'node-pjrt' } },
      { ph: 'M', name: 'thread_name', args: { name: thread } },
      ...this.#changedCounters(),
    );
    this.#listeners = eventNames.map((name) => [channelOf(name), (message) => this.#hear(name, message as Timed)]);
    for (const [channel, listener] of this.#listeners) subscribe(channel, listener);
    process.once('exit', this.#dispose);
  }

  /** Ends it: what is under way is not in it. */
  dispose(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.#dispose);
    for (const [channel, listener] of this.#listeners) unsubscribe(channel, listener);
    this.#write(...this.#changedCounters());
    native().closeTrace(this.#file);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // Operations of a thread overlap, so each is a pair of its own: what is `X`, complete, has to lie within another one or apart.
  #hear(cat: EventName, { begin, durationMs, error, ...facts }: Timed & { readonly program?: string }): void {
    const id = `${threadId}.${operations++}`;
    const name = facts.program === undefined ? cat : `${cat} ${facts.program}`;
    const args = error === undefined ? facts : { ...facts, error: String(error) };
    this.#write(
      { ph: 'b', cat, name, id, ts: this.#microseconds(begin), args },
      { ph: 'e', cat, name, id, ts: this.#microseconds(begin + durationMs) },
      ...this.#changedCounters(),
    );
  }

  // Of the process.
  #changedCounters(): TraceEvent[] {
    const { bufferBytes, viewBytes, hostArrayBytes, clients, executables, buffers } = liveResources('process');
    const counters = { 'live bytes': { bufferBytes, viewBytes, hostArrayBytes }, 'live handles': { clients, executables, buffers } };
    const text = JSON.stringify(counters);
    if (text === this.#counters) return [];
    this.#counters = text;
    const ts = this.#microseconds(performance.now());
    return Object.entries(counters).map(([name, args]) => ({ ph: 'C', name, ts, args }));
  }

  // To a nanosecond.
  #microseconds(now: number): number {
    return Math.round((now - this.#zero) * 1e6) / 1e3;
  }

  #write(...events: TraceEvent[]): void {
    if (!events.length) return;
    const lines = events.map((event) => JSON.stringify({ ...event, pid: process.pid, tid: threadId }));
    native().writeTrace(this.#file, lines.join(',\n'));
  }
}

/**
 * Writes what this thread's plugins do to a file from now on, for ui.perfetto.dev or chrome://tracing, until it is disposed or the process ends. Threads
 * that trace to one file share it. `%p` in the path is the process's id. Throws PjrtError NOT_FOUND for a file that cannot be written.
 */
export function trace(file: string): Trace {
  if (typeof file !== 'string' || !file)
    throw new ShapeError(`a trace is written to a file; got ${typeof file === 'string' ? 'no name' : typeof file}`);
  return new Trace(path.resolve(file.replaceAll('%p', String(process.pid))));
}

let isStarted = false;

/** Before a plugin is loaded: traces from now on, where the environment names a file in `NODE_PJRT_TRACE`. */
export function traceFromEnvironment(): void {
  const { NODE_PJRT_TRACE } = process.env;
  if (!NODE_PJRT_TRACE || isStarted) return;
  trace(NODE_PJRT_TRACE);
  isStarted = true;
}
