/** Who calls whom in a program. */
import { ShapeError } from '../errors';

/** A function: how deep its brackets nest, and the names it mentions, with the brackets around each. */
export interface Caller {
  readonly name: string;
  readonly nesting: number;
  readonly mentions: ReadonlyMap<string, number>;
}

/**
 * Throws ShapeError where a function comes to itself again, or where calls and brackets together nest deeper than `limit`: plugins inline
 * all calls. Any mention of a function counts as a call. Takes no stack of its own, and linear time.
 */
export function checkCalls(functions: ReadonlyMap<string, Caller>, limit: number): void {
  const reach = new Map<Caller, number>();
  const path: { func: Caller; calls: [Caller, number][]; seen: number }[] = [];
  const visit = (func: Caller) => {
    reach.set(func, Number.POSITIVE_INFINITY); // until it is known: infinite means that the path leads through it
    const calls = [...func.mentions].flatMap(([name, depth]): [Caller, number][] => {
      const callee = functions.get(name);
      return callee ? [[callee, depth]] : [];
    });
    path.push({ func, calls, seen: 0 });
  };
  for (const start of functions.values()) {
    if (!reach.has(start)) visit(start);
    for (let step = path.at(-1); step; step = path.at(-1)) {
      while (step.seen < step.calls.length && reach.has(step.calls[step.seen][0])) step.seen++;
      if (step.seen < step.calls.length) {
        visit(step.calls[step.seen][0]);
        continue;
      }
      const total = step.calls.reduce((most, [callee, depth]) => Math.max(most, depth + (reach.get(callee) ?? 0)), step.func.nesting);
      if (total === Number.POSITIVE_INFINITY)
        throw new ShapeError(`a function does not call itself; @${step.func.name} does, by way of its calls`);
      if (total > limit) throw new ShapeError(`calls and brackets nest at most ${limit} deep; those of @${step.func.name} nest deeper`);
      reach.set(step.func, total);
      path.pop();
    }
  }
}
