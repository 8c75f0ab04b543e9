/** What all native things share: dispose once, children first, no use after. */
import { DisposedError } from '../errors';
import { recordDisposed, recordMade } from './observe/live';
import { type Raw, native } from './native';

// Node has had it since 20.2; `using` looks for it by this name.
(Symbol as { dispose?: symbol }).dispose ??= Symbol('Symbol.dispose');

let raw: (handle: Handle) => Raw;

/**
 * Something that lives outside of JavaScript. `dispose()`, or `using`, frees it and everything made from it; work under way is finished
 * first. A handle that is forgotten is freed by garbage collection, some time.
 */
export abstract class Handle {
  #raw: Raw | (() => Raw) | undefined;
  readonly #parent: Handle | undefined;
  #released = false;
  #end = 'has been disposed';

  static {
    raw = (handle) => {
      if (!handle.disposed) {
        if (typeof handle.#raw === 'function') handle.#raw = handle.#raw();
        return handle.#raw as Raw;
      }
      const end = handle.#released ? handle.#end : 'has been disposed, with what it belongs to';
      throw new DisposedError(`a handle is used before it is disposed; this ${handle.constructor.name} ${end}`);
    };
  }

  /** `raw`: undefined of what the plugin holds no handle of; of one that is not there yet, what makes it when it is needed. */
  protected constructor(raw: Raw | (() => Raw) | undefined, parent?: Handle) {
    this.#raw = raw;
    this.#parent = parent;
    recordMade(this, parent);
  }

  get disposed(): boolean {
    return this.#released || (this.#parent?.disposed ?? false);
  }

  dispose(): void {
    if (this.#released) return;
    this.#released = true;
    recordDisposed(this);
    if (this.#raw && typeof this.#raw !== 'function') native().release(this.#raw);
  }

  /** Disposes what has ended in another way, which the error of a later use says: 'was donated to ...'. */
  protected disposeAs(end: string): void {
    if (!this.#released) this.#end = end;
    this.dispose();
  }

  /** What was not there yet is. */
  protected arrive(raw: Raw): void {
    if (this.#released) native().release(raw);
    else this.#raw = raw;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** What the addon knows a handle by. Throws DisposedError. */
export function rawOf(handle: Handle): Raw {
  return raw(handle);
}
