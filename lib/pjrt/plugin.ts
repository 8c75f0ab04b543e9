/** A plugin: a shared library with an XLA compiler, and a runtime for what it compiles. */
import * as fs from 'node:fs';
import { PjrtError } from '../errors';
import { pluginPath } from '../supply';
import { type CallbackFunction, registerCallback } from './callback';
import type { Child } from './isolated/child';
import { type Capabilities, capabilitiesOf, extensionText, type Version } from './capabilities';
import { pluginEnvironment } from './environment';
import { observed } from './observe/events';
import { checkFlags, compilerFlags } from './flags';
import { type HandlerSource, registerHandler } from './handlers';
import { holdersText, lockHolders } from './holders';
import { takeLogs } from './observe/log';
import { type Attribute, type PluginFacts, type Raw, native } from './native';
import { type Profile, profiled } from './profile';
import { traceFromEnvironment } from './observe/trace';

// What libtpu locks, wherever it is installed.
const lockFile = '/tmp/libtpu_lockfile';

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
  /** The process that it is in: this one, or its own where it is isolated. */
  readonly pid: number;
  /** @internal The compiler's flags that its environment had when it was loaded, this library's own left out. */
  readonly flags: string;

  /** @internal */
  get isIsolated(): boolean {
    return this.pid !== process.pid;
  }

  /** @internal */
  get isTpu(): boolean {
    return this.extensions.includes('TpuTopology');
  }

  private constructor(path: string, facts: PluginFacts, { flags, pid }: { readonly flags: string; readonly pid: number }) {
    this.path = path;
    this.flags = flags;
    this.pid = pid;
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
   * error, and its `cause`. `using`, or `[Symbol.dispose]()`, takes it away. Throws ShapeError for a name that is taken or none,
   * PjrtError UNIMPLEMENTED on a plugin that calls no handlers, as a TPU's.
   */
  callback(name: string, callback: CallbackFunction): Disposable {
    return registerCallback(this, name, callback);
  }

  /**
   * Does `work` while the plugin's profiler runs. Throws what `work` throws, PjrtError UNIMPLEMENTED for a plugin that has none, as the CPU's,
   * ShapeError where one runs already.
   */
  profile<T>(work: () => T | Promise<T>): Promise<Profile<T>> {
    return profiled(this, work);
  }

  /**
   * Loads 'cpu', 'tpu' or the library at a path. A plugin is loaded once per process, for all of its threads, and stays. Throws
   * PluginError where there is no such library or it is no plugin, PjrtError where it cannot be initialised.
   */
  static load(nameOrPath: string): Promise<Plugin> {
    return Plugin.#loaded(undefined, nameOrPath);
  }

  /** @internal Loads a plugin, in a process of its own or in this one, and what `use` makes of it; where that fails, the process ends. */
  static async isolated<T>(child: Child | undefined, nameOrPath: string, use: (plugin: Plugin) => Promise<T>): Promise<T> {
    try {
      return await use(await Plugin.#loaded(child, nameOrPath));
    } catch (error) {
      child?.dispose();
      throw error;
    }
  }

  static async #loaded(child: Child | undefined, nameOrPath: string): Promise<Plugin> {
    const path = fs.realpathSync(pluginPath(nameOrPath));
    traceFromEnvironment();
    const rows = pluginEnvironment(child?.env);
    const ours = rows.map(([, value]) => value);
    const flags = compilerFlags(ours, child?.env);
    if (!child && !flagsOf.has(path)) {
      await checkFlags(path, flags);
      flagsOf.set(path, flags);
    }
    if (!child) {
      native().setEnvironment(rows);
      takeLogs();
    }
    try {
      return new Plugin(
        path,
        await observed(
          'load',
          () => child?.load(path, rows) ?? native().loadPlugin(path),
          () => ({ plugin: path }),
        ),
        child ? { flags, pid: child.pid } : { flags: flagsOf.get(path) ?? flags, pid: process.pid },
      );
    } catch (error) {
      if (!(error instanceof PjrtError) || !error.message.includes('lockfile')) throw error;
      const instead = 'ALLOW_MULTIPLE_LIBTPU_LOAD=1 is for a process that only compiles ahead of time';
      const holder = holdersText(lockHolders(lockFile)) || 'another one';
      throw new PjrtError(error.code, `one process at a time has the TPU, and ${holder} has it now; ${instead}`);
    }
  }
}
