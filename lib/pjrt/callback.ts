/** JavaScript functions as custom calls, for debugging: docs/ffi.md. */
import { type PjrtCode, PjrtError, pjrtCodes, ShapeError } from '../errors';
import { dtypes, fromBits, type HostArray, isNarrowFloat, tensor, type TensorType } from '../types';
import { callbackFailure, type Dispatch, type Refusal } from './asking';
import { dtypeOf } from './buffer';
import { inCallback } from './callback-scope';
import { checkTarget } from './handlers';
import { type HostData, hostBytes } from './host-data';
import { native, type Where, where } from './native';
import type { Plugin } from './plugin';

/** A tensor that a program gives to a callback: a copy, which is the callback's to keep or change. */
export interface CallbackInput {
  readonly type: TensorType;
  /** As `Buffer.read` gives it: bf16 and f16 widened to f32. */
  readonly data: HostArray;
}

/** A result for each of the call's: an array alone where there is one, nothing where there is none. As `Client.upload` takes them. */
// biome-ignore lint/suspicious/noConfusingVoidType: (inputs) => console.log(inputs) is the first callback that anybody writes.
export type CallbackResults = HostData | readonly HostData[] | undefined | void;

/** `results` are the types that the program expects. */
export type CallbackFunction = (
  inputs: readonly CallbackInput[],
  results: readonly TensorType[],
) => CallbackResults | Promise<CallbackResults>;

/** The callbacks of a plugin by name, and what calls them. */
interface Callbacks {
  readonly functions: Map<string, CallbackFunction>;
  readonly dispatch: Dispatch;
}

// Of this thread: a program calls those of the thread that runs it. A plugin of this process is one, whatever it is loaded by.
const here = new Map<string, Callbacks>();
const isolated = new WeakMap<Plugin, Callbacks>();

function callbacksOf(plugin: Plugin): Callbacks {
  const known = plugin.isIsolated ? isolated.get(plugin) : here.get(plugin.path);
  if (known) return known;
  const functions = new Map<string, CallbackFunction>();
  const callbacks = { functions, dispatch: dispatchTo(functions) };
  if (plugin.isIsolated) isolated.set(plugin, callbacks);
  else here.set(plugin.path, callbacks);
  return callbacks;
}

/** See `Plugin.callback`. */
export function registerCallback(plugin: Plugin, name: string, callback: CallbackFunction): Disposable {
  checkTarget('a callback', name);
  if (typeof callback !== 'function') throw new ShapeError(`a callback is a function; ${name} is ${typeof callback}`);
  if (plugin.isTpu)
    throw new PjrtError('UNIMPLEMENTED', `callbacks are called by this machine's processor; ${plugin.path} runs programs on a TPU`);
  const { functions: known, dispatch } = callbacksOf(plugin);
  if (known.has(name)) throw new ShapeError(`a callback has a name of its own, until it is disposed; ${name} is taken`);
  // Each time: another copy of this module in the thread may have taken its place.
  native().listen(plugin.raw, dispatch);
  known.set(name, callback);
  return {
    [Symbol.dispose]: () => {
      if (known.get(name) === callback) known.delete(name);
    },
  };
}

function dispatchTo(functions: ReadonlyMap<string, CallbackFunction>): Dispatch {
  return async (name, inputs, results) => {
    const types = results.map(([type, shape]) => tensor(dtypeOf(type), shape));
    try {
      return await call(functions, name, inputs.map(inputOf), types);
    } catch (error) {
      throw refused(name, error);
    }
  };
}

async function call(
  functions: ReadonlyMap<string, CallbackFunction>,
  name: string,
  inputs: readonly CallbackInput[],
  types: readonly TensorType[],
): Promise<Uint8Array[]> {
  const callback = functions.get(name);
  if (!callback) throw new PjrtError('NOT_FOUND', `it is not registered; this thread has ${[...functions.keys()].join(', ') || 'none'}`);
  const given = await inCallback(() => callback(inputs, types));
  const values: readonly HostData[] = given === undefined ? [] : Array.isArray(given) ? given : [given as HostData];
  if (values.length !== types.length)
    throw new ShapeError(`it gives an array for each of its ${types.length} results; got ${values.length}`);
  return types.map((type, i) => hostBytes(type, values[i]));
}

function inputOf([type, shape, memory]: Parameters<Dispatch>[1][number]): CallbackInput {
  const dtype = dtypeOf(type);
  const bits = new dtypes[dtype].host(memory);
  return { type: tensor(dtype, shape), data: isNarrowFloat(dtype) ? fromBits(dtype, bits as Uint16Array) : bits };
}

// What callbacks threw, until their runs fail: a plugin passes on no more than a code and a text.
const thrown = new Map<string, unknown>();
const mostThrown = 64;

function refused(name: string, error: unknown): Refusal {
  const [code, message] = codeAndMessage(error);
  thrown.set(callbackFailure(name, message), error);
  // A run may have failed of something else.
  if (thrown.size > mostThrown) thrown.delete(thrown.keys().next().value as string);
  return { code: pjrtCodes.indexOf(code), message };
}

/** A run. The error of one with callbacks has what a callback threw as its `cause`, where it comes from one: that has the stack. */
export function withCause<T>(place: Where, run: Promise<T>): Promise<T> {
  if (place !== where.ownThread) return run;
  return run.catch((error: Error) => {
    // A code comes before the text, and of several devices more.
    const text = [...thrown.keys()].find((one) => error.message.endsWith(one));
    if (text === undefined) throw error;
    error.cause = thrown.get(text);
    thrown.delete(text);
    throw error;
  });
}

function codeAndMessage(error: unknown): [PjrtCode, string] {
  // Its message begins with the code, as the run's will.
  if (error instanceof PjrtError) return [error.code, error.message.slice(error.code.length + 2)];
  return [error instanceof ShapeError ? 'INVALID_ARGUMENT' : 'UNKNOWN', error instanceof Error ? error.message : String(error)];
}
