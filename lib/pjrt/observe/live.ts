/** What of this library is alive: counts and bytes, and, where asked for, where each handle was made. */
import { distantHandles } from '../isolated/child';
import type { Handle } from '../handle';
import { isLoaded, native } from '../native';

/** Counts of what there is now. */
export interface LiveResources {
  /** Loaded, of the whole process: a plugin is never unloaded. */
  readonly plugins: number;
  /** Clients, and further kinds of handles: until they are disposed, with what they belong to, or collected. */
  readonly clients: number;
  readonly topologies: number;
  readonly executables: number;
  readonly buffers: number;
  /** Handles of other kinds, and all of this thread's isolated plugins. */
  readonly others: number;
  /** Memories of buffers that somebody looks at, disposed or not: until the arrays are collected. */
  readonly views: number;
  /** Memories of `hostArray`: until the arrays are collected and no buffer is them. */
  readonly hostArrays: number;
  /** Promises of work that is not done. */
  readonly operations: number;
  /** Of the buffers that are not disposed, without a layout's padding; those of `alias` have none of their own. */
  readonly bufferBytes: number;
  readonly viewBytes: number;
  readonly hostArrayBytes: number;
}

// The addon's own order: see native/live.h.
const kinds = ['plugins', 'clients', 'topologies', 'executables', 'buffers', 'others', 'views', 'hostArrays', 'operations'] as const;
const handleKinds = ['clients', 'topologies', 'executables', 'buffers', 'others'] as const;
const noCounts: readonly number[] = kinds.flatMap(() => [0, 0]);

/**
 * What is alive of this thread, or of all of the process's threads, those that have ended included: what a plugin still works on outlives
 * them.
 */
export function liveResources(scope: 'thread' | 'process' = 'thread'): LiveResources {
  const isOfProcess = scope === 'process';
  const counts = isOfProcess || isLoaded() ? native().live(isOfProcess) : noCounts;
  const things = (kind: (typeof kinds)[number]) => counts[2 * kinds.indexOf(kind)];
  const bytes = (kind: (typeof kinds)[number]) => counts[2 * kinds.indexOf(kind) + 1];
  return {
    ...(Object.fromEntries(kinds.map((kind) => [kind, things(kind)])) as Record<(typeof kinds)[number], number>),
    others: things('others') + distantHandles(),
    plugins: isLoaded() ? native().live(true)[0] : 0,
    bufferBytes: bytes('buffers'),
    viewBytes: bytes('views'),
    hostArrayBytes: bytes('hostArrays'),
  };
}

/** Handles of this thread that are not disposed yet: clients, topologies, executables and buffers. */
export function liveHandles(): number {
  native();
  const resources = liveResources();
  return handleKinds.reduce((sum, kind) => sum + resources[kind], 0);
}

interface Made {
  readonly kind: string;
  readonly stack: string;
  readonly parent: Made | undefined;
  disposed: boolean;
}

const isRecording = process.env.NODE_PJRT_HANDLE_STACKS === '1';
const madeOf = new WeakMap<Handle, Made>();
const all = new Set<Made>();
const isDisposed = (made: Made): boolean => made.disposed || (made.parent !== undefined && isDisposed(made.parent));

const collected = new FinalizationRegistry<Made>((made) => {
  all.delete(made);
  if (isDisposed(made)) return;
  const message = `a handle is disposed before it is forgotten; a ${made.kind} was collected that was made\n${made.stack}`;
  process.emitWarning(message, { type: 'PjrtHandleWarning', code: 'PJRT_HANDLE_FORGOTTEN' });
});

/** Keeps where a handle was made, in a process whose environment has `NODE_PJRT_HANDLE_STACKS=1`. */
export function recordMade(handle: Handle, parent: Handle | undefined): void {
  if (!isRecording) return;
  const frames = (new Error().stack ?? '').split('\n').slice(2);
  const stack = frames.filter((frame) => !/^ *at new /.test(frame)).join('\n');
  const made = { kind: handle.constructor.name, stack, parent: parent && madeOf.get(parent), disposed: false };
  madeOf.set(handle, made);
  all.add(made);
  collected.register(handle, made);
}

export function recordDisposed(handle: Handle): void {
  const made = isRecording && madeOf.get(handle);
  if (!made) return;
  made.disposed = true;
  all.delete(made);
}

/**
 * Where each live handle of this thread was made: 'Buffer made at ...', oldest first. Of a process whose environment has
 * `NODE_PJRT_HANDLE_STACKS=1`; empty elsewhere. A handle that is collected without being disposed is a warning there, too.
 */
export function liveHandleStacks(): string[] {
  return [...all].filter((made) => !isDisposed(made)).map(({ kind, stack }) => `a ${kind} made\n${stack}`);
}
