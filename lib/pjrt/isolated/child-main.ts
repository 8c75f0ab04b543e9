/** The process of child.ts: makes the calls that it is sent, on a plugin of its own, and ends with the process that started it. */
import { types } from 'node:util';
import { Channel, Memory, sharedBytes } from './channel';
import { Questions } from './questions';
import { native, rawAddon } from '../native';
import { mostWaiting } from '../observe/log';

type Call = (...args: unknown[]) => unknown;

const addon = rawAddon();
const handles = new Map<number, unknown>();
let last = 0;

const end = () => process.kill(process.pid, 'SIGKILL');

/** Calls that are more than the addon's: what a plugin is loaded under, and bytes that the other process has too, or which a worker reads. */
const ownCalls: Record<string, Call> = {
  loadPlugin,
  upload,
  alias: upload,
  uploadStage: upload,
  uploadStageLater: upload,
  transferStage,
  compile: (on, text, ...rest) => addon.compile(on, held(text), ...rest),
  compileAhead: (on, text, ...rest) => addon.compileAhead(on, held(text), ...rest),
  deserialize: (on, bytes) => addon.deserialize(on, held(bytes)),
  read,
  view: read,
  answer: (question, isResult, value) => questions.answered(question as number, isResult as boolean, mapped(value)),
  release(id) {
    const handle = handles.get(id as number);
    handles.delete(id as number);
    return addon.release(handle);
  },
};

// Descriptors that this process is given where its lines are wanted: see child.ts.
const logPipe = 5;
const printed = 6;

function loadPlugin(path: unknown, rows: unknown, level: unknown): unknown {
  native().setEnvironment(rows as Parameters<ReturnType<typeof native>['setEnvironment']>[0]);
  if (level !== undefined) native().sendLogs(level as number, printed, logPipe, mostWaiting);
  return addon.loadPlugin(path);
}

function upload(...args: unknown[]): unknown {
  const bytes = args[5];
  return bytes instanceof Memory ? addon.uploadMemory(...args.slice(0, 5), bytes.descriptor) : addon.upload(...args);
}

async function transferStage(transfer: unknown, index: unknown, memory: unknown, ...rest: unknown[]): Promise<unknown> {
  const bytes = new Uint8Array(native().mapMemory((memory as Memory).descriptor));
  const staged = native().stage(bytes.length, false);
  try {
    native().fillStage(staged, 0, bytes);
    return await addon.transferStage(transfer, index, staged, ...rest);
  } finally {
    native().dropStage(staged);
  }
}

// See Addon in native.ts.
function held(bytes: unknown): Uint8Array {
  const given = bytes instanceof Memory ? new Uint8Array(native().mapMemory(bytes.descriptor)) : (bytes as Uint8Array);
  const copy = new Uint8Array(native().hostMemory(given.length));
  copy.set(given);
  return copy;
}

async function read(buffer: unknown, bytes: unknown): Promise<unknown> {
  if ((bytes as number) < sharedBytes) return addon.read(buffer, bytes);
  return new Memory((await addon.readMemory(buffer, bytes)) as number);
}

const channel = new Channel(3, 4, {
  // What is left here is nobody's any more: handles are released before the other end is closed.
  ended: end,
  referenceTo(value) {
    if (!types.isExternal(value)) return undefined;
    handles.set(++last, value);
    return ['handle', last];
  },
  referred: ([kind, id]) => (kind === 'handle' ? handles.get(id) : questions.functionOf(id)),
  received: (memory) => memory,
  receive(message) {
    const [id, name, args] = message as [number, string, unknown[]];
    try {
      const result = (ownCalls[name] ?? onBytes(addon[name]))(...args);
      if (!types.isPromise(result)) return answer(id, result);
      result.then(
        (value) => answer(id, value),
        (error) => refuse(id, error),
      );
    } catch (error) {
      refuse(id, error);
    }
  },
});

/** What is asked of the other process by functions that it gave. */
const questions = new Questions((question, id, args) => channel.send([question, 'ask', id, args]));

function onBytes(call: Call): Call {
  return (...args) => call(...args.map(mapped));
}

function mapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mapped);
  return value instanceof Memory ? new Uint8Array(native().mapMemory(value.descriptor)) : value;
}

function answer(id: number, value: unknown): void {
  if (!id) return;
  try {
    channel.send([id, true, value]);
  } catch (error) {
    refuse(id, error);
  }
}

function refuse(id: number, error: unknown): void {
  const { message, code, missing } = error as { message: string; code?: unknown; missing?: string };
  try {
    if (id) channel.send([id, false, { message, code, missing }]);
  } catch {
    end(); // nobody is there
  }
}

native().endWithParent();
// A terminal's Ctrl-C and a service's end are meant for the process that started this one, which may have work left.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {});
channel.ref();
