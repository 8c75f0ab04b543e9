/** What `isolated` may be, of a client or a topology. */
import { ShapeError, shown } from '../../errors';

/**
 * Whether a plugin runs in a process of its own, which ends with its client or topology. `timeoutMs` bounds every call, a load and a
 * compilation too: the process of one that is not answered in time is killed. So it is when `signal` is aborted. `env` is added to the
 * environment, which it has of this process: plugins read flags there, once a process.
 */
export type IsolatedOption =
  | boolean
  | { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly env?: Readonly<Record<string, string>> };

export type Limits = Exclude<IsolatedOption, boolean>;

/** Undefined where the option is off. Throws ShapeError for what is no such option. */
export function limitsOf(option: unknown): Limits | undefined {
  if (option === undefined || option === false) return undefined;
  if (option === true) return {};
  if (typeof option !== 'object' || option === null)
    throw new ShapeError(`isolated is true, false or { timeoutMs, signal, env }; got ${shown(option)}`);
  const { timeoutMs, signal, env, ...others } = option as Limits;
  for (const name of Object.keys(others)) throw new ShapeError(`the options of isolated are: timeoutMs, signal, env; got ${name}`);
  if (timeoutMs !== undefined && !(Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs < 2 ** 31))
    throw new ShapeError(`timeoutMs is a whole number of milliseconds, 1 to 2^31 - 1; got ${shown(timeoutMs)}`);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new ShapeError(`signal is an AbortSignal; got ${shown(signal)}`);
  if (env !== undefined && !isEnvironment(env)) throw new ShapeError('env is an object of strings, without NUL characters, by their names');
  signal?.throwIfAborted();
  return { timeoutMs, signal, env };
}

function isEnvironment(env: unknown): boolean {
  if (typeof env !== 'object' || env === null) return false;
  return Object.entries(env).every(([name, value]) => /^[^=\0]+$/.test(name) && typeof value === 'string' && !value.includes('\0'));
}
