/** Long work on the JavaScript thread in turns of a few milliseconds: the event loop goes round in between, however much is under way. */

/** How long a turn lasts, about, in milliseconds. */
export const turnMs = 4;
/** What is over sooner than a turn, at 5 ns an element or byte, is not worth waiting for one. */
const short = 2 ** 18;
/** The first part is small: code that V8 has not compiled yet takes ten times as long. */
const first = 2 ** 12;

const waiting: (() => void)[] = [];

/** Settles in a turn of its own: there is one in each round of the event loop, first come, first served. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next);
  });
}

function next(): void {
  waiting.shift()?.();
  if (waiting.length) setImmediate(next);
}

/** A turn of work that is no array's: now and then it asks whether the turn is over, and waits for the next one. */
export class Turn {
  #begin = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#begin > turnMs;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#begin = performance.now();
  }
}

/**
 * Does `work` on 0 to `length`, a part at a time, of which each takes a turn; at once, where all of it is short. `prepare` is waited for
 * before each part.
 */
export async function inTurns(
  length: number,
  work: (from: number, to: number) => void,
  prepare?: (to: number) => Promise<void> | undefined,
): Promise<void> {
  if (length <= short) return work(0, length);
  let step = first;
  for (let from = 0; from < length; ) {
    const to = Math.min(from + step, length);
    await prepare?.(to);
    await nextTurn();
    const begin = performance.now();
    work(from, to);
    from = to;
    step = nextStep(step, performance.now() - begin);
  }
}

// Half to all of a turn.
function nextStep(step: number, ms: number): number {
  if (ms < turnMs / 2) return step * 2;
  return ms > turnMs ? Math.max(step >> 1, 2 ** 12) : step;
}
