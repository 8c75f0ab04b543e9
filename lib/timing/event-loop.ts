/** How long work holds up the event loop of this thread: what comes in meanwhile, a timer or a request, waits that long. */
import * as fs from 'node:fs';

export interface Held<T> {
  readonly result: T;
  /** The longest that a timer of 1 ms was kept waiting, by this thread's work or waits: milliseconds. */
  readonly heldMs: number;
  readonly totalMs: number;
}

/**
 * Does `work` beside a timer of 1 ms. Time that the thread was ready to run and had no processor is left out, where the system says it
 * (`/proc/self/task/*\/schedstat`): on a busy machine that is most of a timer's wait. On the main thread.
 */
export async function heldBy<T>(work: () => T | Promise<T>): Promise<Held<T>> {
  let heldMs = 0;
  let last = now();
  const look = () => {
    const next = now();
    heldMs = Math.max(heldMs, next - last);
    last = next;
  };
  const timer = setInterval(look, 1);
  const begin = performance.now();
  try {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const result = await work();
    const totalMs = performance.now() - begin;
    // What is left to do when the promise settles, as freeing what is not needed any more, holds it up too.
    await new Promise((resolve) => setTimeout(resolve, 2));
    look();
    return { result, heldMs, totalMs };
  } finally {
    clearInterval(timer);
  }
}

const file = `/proc/self/task/${process.pid}/schedstat`;

// Milliseconds, without those that the thread waited for a processor; where it waits between the two clocks, both are read again.
function now(): number {
  for (let waited = waitedMs(); ; ) {
    const at = performance.now();
    const again = waitedMs();
    if (again === waited) return at - waited;
    waited = again;
  }
}

function waitedMs(): number {
  try {
    return Number(fs.readFileSync(file, 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
