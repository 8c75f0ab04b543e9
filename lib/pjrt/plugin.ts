/** A plugin: a shared library with an XLA compiler, and a runtime for what it compiles. */
import * as fs from 'node:fs';
import { PjrtError } from '../errors';
import { pluginPath } from '../supply';
import { type CallbackFunction, registerCallback } from './callback';
import { type Capabilities, capabilitiesOf, extensionText, type Version } from './capabilities';
import { pluginEnvironment } from './environment';
import { observed } from './events';
import { type HandlerSource, registerHandler } from './handlers';
import { type Attribute, type PluginFacts, type Raw, native } from './native';

// What a plugin was loaded under, by path: it reads these once.
const flagsOf = new Map<string, string>();

export class Plugin {
  /** The library's real path. */
  readonly path: string;
  /** The version of PJRT that it speaks. */
  readonly apiVersion: Version;
  /** What it says of itself, such as the StableHLO versions it takes. */
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** What it has of PJRT, function by function and extension by extension. */
  readonly capabilities: Capabilities;
  /** The names of its extensions, or `extension 18` for one without a name. */
  readonly extensions: readonly string[];
  /** @internal */
  readonly raw: Raw;
  /** Why this library's custom calls are not available; empty where they are. */
  readonly ffiProblem: string;

  /** @internal The compiler's flags that its environment had when it was loaded, this library's own left out. */
  get flags(): string {
    return flagsOf.get(this.path) ?? '';
  }

  /** @internal */
  get isTpu(): boolean {
    return this.extensions.includes('TpuTopology');
  }

  private constructor(path: string, facts: PluginFacts) {
    this.path = path;
    this.attributes = facts.attributes;
    this.raw = facts.raw;
    this.capabilities = capabilitiesOf(native().capabilities(facts.raw));
    this.apiVersion = this.capabilities.api;
    this.extensions = this.capabilities.extensions.map(extensionText);
    this.ffiProblem = facts.ffiProblem;
  }

  /**
   * Makes a function of a shared library the custom call `name` (api_version 4) of this plugin's programs, for the life of the process and
   * all of its threads; again with the same functions does nothing. Throws ShapeError for a name or source that is none, PluginError for
   * a library or symbol that is not there or was built for another version of XLA's FFI, PjrtError ALREADY_EXISTS where the name has
   * other functions, and UNIMPLEMENTED on a plugin that calls no handlers, as a TPU's. The library is native code: it is trusted.
   */
  register(name: string, source: HandlerSource): void {
    registerHandler(this, name, source);
  }

  /**
   * Makes a JavaScript function the callback `name` of the programs that this thread runs: `stablehlo.callback(name, ...)` in a program.
   * For debugging: each call copies its tensors and waits for the event loop. What it throws, or its promise rejects with, is the run's
   * error, and its `cause`. `using`, or `[Symbol.dispose]()`, takes it away. Throws ShapeError for a name that is taken or none, PjrtError UNIMPLEMENTED on
   * a plugin that calls no handlers, as a TPU's.
   */
  callback(name: string, callback: CallbackFunction): Disposable {
    return registerCallback(this, name, callback);
  }

  /**
   * Loads 'cpu', 'tpu' or the library at a path. A plugin is loaded once per process, for all of its threads, and stays. Throws
   * PluginError where there is no such library or it is no plugin, PjrtError where it cannot be initialised.
   */
  static async load(nameOrPath: string): Promise<Plugin> {
    const path = fs.realpathSync(pluginPath(nameOrPath));
    const rows = pluginEnvironment();
    if (!flagsOf.has(path)) flagsOf.set(path, compilerFlags(rows.map(([, value]) => value)));
    native().setEnvironment(rows);
    try {
      return new Plugin(
        path,
        await observed(
          'load',
          () => native().loadPlugin(path),
          () => ({ plugin: path }),
        ),
      );
    } catch (error) {
      if (!(error instanceof PjrtError) || !error.message.includes('lockfile')) throw error;
      const instead = 'ALLOW_MULTIPLE_LIBTPU_LOAD=1 is for a process that only compiles ahead of time';
      throw new PjrtError(error.code, `one process at a time has the TPU, and another one has it now; ${instead}`);
    }
  }
}

/** The flags by variable, without those of `ours`: a worker's environment has them where its parent has loaded a plugin. */
export function compilerFlags(ours: readonly string[]): string {
  const words = (value = '') => value.split(/\s+/).filter((word) => word !== '' && !ours.includes(word));
  return JSON.stringify([words(process.env.XLA_FLAGS), words(process.env.LIBTPU_INIT_ARGS)]);
}
