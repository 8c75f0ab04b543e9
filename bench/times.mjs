/** How long things take. */
/** Of milliseconds. */
export function figures(ms) {
  const sorted = [...ms].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1] };
}

/** Times `work`, without what it returns to be done after it; the first eighth does not count. */
export async function times(runs, work) {
  const ms = [];
  for (let i = 0; i < runs; i++) {
    const begin = performance.now();
    const done = await work();
    ms.push(performance.now() - begin);
    done?.();
  }
  return figures(ms.slice(runs >> 3));
}
