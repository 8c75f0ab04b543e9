/** Profiles by a plugin's own profiler, libtpu's: what the device and the runtime did, and when. */
import { ShapeError } from '../errors';
import { native, type Raw } from './native';
import { Message } from './proto';

export interface Profile<T> {
  /** What the work gave. */
  readonly result: T;
  /** An XSpace of XLA's (`xplane.proto`), which xprof and TensorBoard's profiler read. */
  readonly xspace: Uint8Array;
}

// ProfileOptions of XLA's (`profiler_options.proto`), its defaults: version 1, the host's events of level 2, the device's of level 1, with
// the programs' HLO.
const options = Uint8Array.from([0x28, 1, 0x10, 2, 0x18, 1, 0x38, 1]);

const running = new Set<string>();

/** Does `work` while the plugin's profiler runs. Throws what `work` throws, ShapeError for a second one at a time, PjrtError. */
export async function profiled<T>(plugin: { readonly path: string; readonly raw: Raw }, work: () => T | Promise<T>): Promise<Profile<T>> {
  if (running.has(plugin.path)) throw new ShapeError(`a plugin makes one profile at a time; ${plugin.path} makes one now`);
  running.add(plugin.path);
  try {
    const profile = await native().startProfile(plugin.raw, options);
    try {
      const result = await work();
      return { result, xspace: message(new Uint8Array(await native().stopProfile(profile))) };
    } finally {
      native().release(profile);
    }
  } finally {
    running.delete(plugin.path);
  }
}

// A plugin's profiler puts a zero after the message, which is none with it.
function message(bytes: Uint8Array): Uint8Array {
  try {
    new Message(bytes);
    return bytes;
  } catch {
    return bytes.subarray(0, -1);
  }
}
