/** What the addon asks of JavaScript, as functions that return promises: it gives each question a way back of its own. */
import { type PjrtCode, pjrtCodes } from '../errors';
import type { Raw } from './native';

type Unknown = (...args: unknown[]) => unknown;

/** Why a question is not answered: a PJRT_Error_Code, and words. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** What is asked for the callbacks of a program: bytes for each result. It rejects with a `Refusal`. */
export type Dispatch = (
  name: string,
  inputs: readonly (readonly [type: number, shape: readonly number[], memory: ArrayBuffer])[],
  results: readonly (readonly [type: number, shape: readonly number[]])[],
) => Promise<readonly Uint8Array[]>;

/** What a plugin asks of a key-value store: the value where there is one. It rejects with a `Refusal`. */
export type StoreQuestion = (operation: 'get' | 'tryGet' | 'put', key: string, value: Uint8Array, timeoutMs: number) => Promise<Uint8Array>;

/** An error as a refusal. */
export function refusalOf(error: unknown): Refusal {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const number = typeof code === 'number' ? code : pjrtCodes.indexOf(code as PjrtCode);
  return { code: number > 0 ? number : pjrtCodes.indexOf('UNKNOWN'), message: String(message ?? error) };
}

/** The message of a run whose callback `name` fails for a reason. A zero would end a plugin's message. */
export const callbackFailure = (name: string, reason: string) => `the callback ${name}: ${reason}`.replaceAll('\0', '\ufffd').trim();

/** The addon, whose functions that ask take promises. */
export function withPromises(addon: Record<string, Unknown>): Record<string, Unknown> {
  const { finishCallback, failCallback, ...others } = addon;
  const listen = (plugin: unknown, dispatch: unknown) =>
    addon.listen(plugin, (answer: Raw, name: string, inputs: Parameters<Dispatch>[1], results: Parameters<Dispatch>[2]) => {
      (dispatch as Dispatch)(name, inputs, results).then(
        (bytes) => finishCallback(answer, bytes),
        (error) => failCallback(answer, refusalOf(error).code, callbackFailure(name, refusalOf(error).message)),
      );
    });
  const askedBy = (ask: StoreQuestion) => {
    return (...[operation, key, value, timeoutMs, answer]: [...Parameters<StoreQuestion>, (code: number, bytes: Uint8Array) => void]) => {
      ask(operation, key, value, timeoutMs).then(
        (found) => answer(0, found),
        (error) => answer(refusalOf(error).code, Buffer.from(refusalOf(error).message)),
      );
    };
  };
  const createClient = (plugin: unknown, rows: unknown, ask?: unknown) =>
    addon.createClient(plugin, rows, ask && askedBy(ask as StoreQuestion));
  return { ...others, listen, createClient };
}
