/**
 * Mosaic, the TPU kernel dialect: operations as rows (row.ts), and typed builders that make them. Operations are those of jaxlib's `tpu`
 * dialect and MLIR's arith, math, vector, scf and memref (jax-ml/jax, jaxlib/mosaic/dialect/tpu/tpu_ops.td), in the forms that the rows'
 * rules tell; the frame of a kernel (grid, windows, scratch) is kernel.ts.
 */
import { arithmetic } from './arithmetic';
import { controlRows } from './control';
import { matmulRows } from './matmul';
import { memoryRows } from './memory';
import type { Row } from './row';
import { shapeRows } from './shapes';

/** Every operation that is known, by its name without `stable_mosaic.`. */
export const rows: ReadonlyMap<string, Row> = new Map(
  [...arithmetic, ...shapeRows, ...matmulRows, ...memoryRows, ...controlRows].map((row) => [row.name, row]),
);

export { cond, forLoop, returns, when, whileLoop } from './control';
export * from './math';
export { matmul } from './matmul';
export {
  assumeMultiple,
  firstMark,
  load,
  loadScalar,
  mark,
  slice,
  squeeze,
  startCopy,
  store,
  storeScalar,
  waitCopy,
} from './access';
export { broadcast, broadcastColumn, broadcastRow, concat, corner, iota, part, reduce, reshape, tile, transpose } from './shapes';
export * from './types';
