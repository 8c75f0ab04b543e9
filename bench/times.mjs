/** How long things take, and what is timed again and again. */
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

/** 8 additions. */
export const addition = `func.func @main(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32> {
  %0 = stablehlo.add %a, %b : tensor<8xf32>
  return %0 : tensor<8xf32>
}`;

/** What `times` does after a run: the buffer's end. */
export const dispose = (buffer) => () => buffer.dispose();

/** The same, once the buffer is there. */
export async function ready(buffer) {
  await buffer.ready();
  return dispose(buffer);
}
