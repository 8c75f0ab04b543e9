/** Row-major grids: how many places there are, which number a place has, and where a number is. */

export function countOf(sizes: readonly number[]): number {
  return sizes.reduce((product, n) => product * n, 1);
}

/** The number of a place. Along an axis that `index` does not reach it is the first one. */
export function numberOf(sizes: readonly number[], index: readonly number[]): number {
  return sizes.reduce((sum, n, axis) => sum * n + (index[axis] ?? 0), 0);
}

export function indexOf(sizes: readonly number[], number: number): number[] {
  const index: number[] = [];
  let rest = number;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    index[axis] = rest % sizes[axis];
    rest = Math.floor(rest / sizes[axis]);
  }
  return index;
}
