/** Native handlers of custom calls, of other packages: docs/ffi.md. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { PjrtError, PluginError, ShapeError, shown } from '../errors';
import { native } from './native';
import type { Plugin } from './plugin';

/**
 * Where a handler is: a shared library, and the symbols of its functions, each an `XLA_FFI_Handler` (`NodePjrtHandler` of
 * `node_pjrt/ffi.h`).
 */
export interface HandlerSource {
  /** Path of the library: a `.so`, or a `.node` of node-gyp. */
  readonly library: string;
  /** Runs the custom call, at each run of the program. */
  readonly execute: string;
  /** Once for each custom call of a program, when that is compiled or loaded: makes the call's state. It sees attributes only. */
  readonly instantiate?: string;
  /** Before each run, in this order. The CPU plugin calls neither. */
  readonly prepare?: string;
  readonly initialize?: string;
}

const stages = ['execute', 'instantiate', 'prepare', 'initialize'] as const;
// What the compiler's and this library's own custom calls begin with.
const reserved = /^(node_pjrt|xla|sdy|mhlo|stablehlo|tpu_|__)/;

/** Throws ShapeError unless it may be the target of a custom call, or the name of a callback. */
export function checkTarget(what: string, name: unknown): void {
  if (typeof name !== 'string' || !/^[A-Za-z_][\w$.]*$/.test(name))
    throw new ShapeError(
      `the name of ${what} is a letter or _ and then letters, digits, _, $ and dots; got ${typeof name === 'string' ? JSON.stringify(name) : shown(name)}`,
    );
}

/** See `Plugin.register`. */
export function registerHandler(plugin: Plugin, name: string, source: HandlerSource): void {
  checkTarget('a handler', name);
  if (reserved.test(name))
    throw new ShapeError(`a handler's name is its package's own, as 'acme.scale'; ${name} is kept for the compiler and this library`);
  const { library, ...others } = source ?? {};
  const unknown = Object.keys(others).find((key) => !stages.includes(key as never));
  if (unknown) throw new ShapeError(`a handler is of library, ${stages.join(', ')}; got ${unknown}`);
  for (const stage of stages) {
    const symbol = others[stage];
    if (stage !== 'execute' && symbol === undefined) continue;
    if (typeof symbol !== 'string' || symbol === '') throw new ShapeError(`${stage} is a symbol's name; got ${shown(symbol) || "''"}`);
  }
  if (typeof library !== 'string' || library === '') throw new ShapeError(`library is a path; got ${shown(library) || "''"}`);
  if (plugin.isTpu)
    throw new PjrtError('UNIMPLEMENTED', `handlers are functions of this machine's processor; ${plugin.path} runs programs on a TPU`);
  native().registerHandler(
    plugin.raw,
    name,
    realPath(library),
    stages.map((stage) => others[stage] ?? ''),
  );
}

// One library whatever it is called by.
function realPath(library: string): string {
  try {
    return fs.realpathSync(path.resolve(library));
  } catch {
    throw new PluginError(`a library of handlers is a file; there is no ${path.resolve(library)}`);
  }
}
