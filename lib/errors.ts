/** The errors this library throws. A message says the rule first, and then what came. */

/** The caller's mistake: a shape, a dtype or an option that breaks a rule. Nothing reached a plugin. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** A value that came, as a message has it: short, of any kind, and never an error of its own. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = Array.isArray(value) ? `[${value.slice(0, 20).map(shown).join(', ')}]` : String(value);
  } catch {
    // An object without a prototype, a detached array, a revoked proxy.
    text = typeof value;
  }
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

/** Throws ShapeError where `value` is none of `values`; `what` names it. */
export function checkOneOf(what: string, values: readonly string[], value: unknown): void {
  if (!values.includes(value as string)) throw new ShapeError(`${what} is one of ${values.join(', ')}; got ${shown(value)}`);
}

/** Throws ShapeError unless `value` is an object; `rule` says what it has to be. */
export function checkObject(rule: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw new ShapeError(`${rule}; got ${shown(value)}`);
}

/** Throws ShapeError unless `bytes` are; `what` names them. */
export function checkBytes(what: string, bytes: unknown): void {
  if (!(bytes instanceof Uint8Array)) throw new ShapeError(`${what} is a Uint8Array; got ${shown(bytes)}`);
}

/** Throws ShapeError unless `options` is an object that has no fields but these; `what` takes them. */
export function checkOptions(what: string, names: readonly string[], options: unknown): void {
  const rule = `the options of ${what} are: ${names.join(', ')}`;
  checkObject(rule, options);
  for (const name of Object.keys(options as object)) if (!names.includes(name)) throw new ShapeError(`${rule}; got ${name}`);
}

/** A plugin library that cannot be had: not installed, missing, not a library, not a PJRT plugin, or of a version we cannot speak to. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
}

/** The absl status codes that PJRT reports (`PJRT_Error_Code`), by number. */
export const pjrtCodes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type PjrtCode = (typeof pjrtCodes)[number];

/**
 * A plugin's own error, with its code. `UNIMPLEMENTED` is also what a plugin that lacks a function gets; the message then has its version of
 * PJRT, and `missing` is the function's name, as in `Plugin.capabilities`.
 */
export class PjrtError extends Error {
  override readonly name = 'PjrtError';
  constructor(
    readonly code: PjrtCode,
    message: string,
    readonly missing?: string,
  ) {
    super(`${code}: ${message}`);
  }
}

/** A handle (client, executable, buffer, topology) that was used after it, or what it came from, was disposed. */
export class DisposedError extends Error {
  override readonly name = 'DisposedError';
}

/**
 * The process of an isolated plugin has ended, by itself or because it was told to. What was made there is gone; a new client has a new
 * process.
 */
export class PluginCrashError extends Error {
  override readonly name = 'PluginCrashError';
  /** The process that has ended. */
  readonly pid: number;
  /** Why: it 'ended' by itself or by somebody else's signal, it did not answer within its 'timeout', or its AbortSignal was 'aborted'. */
  readonly reason: 'ended' | 'timeout' | 'aborted';
  /** What ended it, where a signal did. */
  readonly signal?: NodeJS.Signals;
  /** Its exit status, where it has one. */
  readonly exitCode?: number;
  /** What it wrote last, up to 4096 characters. */
  readonly log: string;

  constructor(message: string, facts: Omit<PluginCrashError, keyof Error>, options?: ErrorOptions) {
    super(message, options);
    this.pid = facts.pid;
    this.reason = facts.reason;
    this.signal = facts.signal;
    this.exitCode = facts.exitCode;
    this.log = facts.log;
  }
}
