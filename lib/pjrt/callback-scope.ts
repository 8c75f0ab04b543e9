/** What a callback may wait for: where a program on several devices waits for one, nothing of the plugin's. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { PjrtError } from '../errors';

// What a callback does, and what that leads to, is inside of it.
const inside = new AsyncLocalStorage<true>();
let waiting = 0;

/** Calls a callback. */
export function inCallback<T>(callback: () => T): T {
  return inside.run(true, callback);
}

/** A run with callbacks on several devices, from its launch to its end. */
export async function onSeveralDevices<T>(run: Promise<T>): Promise<T> {
  waiting++;
  try {
    return await run;
  } finally {
    waiting--;
  }
}

/**
 * Throws PjrtError FAILED_PRECONDITION in a callback, while a program with callbacks runs on several devices: until they are answered it has
 * all threads of the CPU plugin's, and what they waited for would never begin. Which program a callback is of is not known.
 */
export function checkFree(what: string): void {
  if (waiting && inside.getStore())
    throw new PjrtError('FAILED_PRECONDITION', `a callback, while a program with callbacks is on several devices, waits for no ${what}`);
}
