/**
 * Reading and writing at indices which are themselves a tensor: an embedding is a gather, its gradient a scatter. Both address an operand
 * in one way, under different names: a row for each has the names, and the numbers of the rules.
 */
import { type TensorType, tensor, typeText } from '../../types';
import {
  type Tensor,
  broken,
  checkAxes,
  checkCount,
  checkReturn,
  checkSorted,
  checkUnique,
  closed,
  kindOf,
  list,
  op,
  scalarOf,
  types,
} from './core';
import { add } from './elementwise';

export interface GatherOptions {
  /** Axes of the result that come from the slices; the others come from the indices. */
  readonly offsetDims: readonly number[];
  /** Axes of operand that the result lacks: a slice has one element there. */
  readonly collapsedSliceDims: readonly number[];
  /** Axes of operand, and of the indices, that go along with each other: slice b is of operand's part b. */
  readonly operandBatchingDims?: readonly number[];
  readonly startIndicesBatchingDims?: readonly number[];
  /** The axis of operand that each entry of an index is a position on. */
  readonly startIndexMap: readonly number[];
  /** The axis of the indices that holds one index; their rank where an index is a single number. */
  readonly indexVectorDim: number;
  /** Size of a slice along each axis of operand. */
  readonly sliceSizes: readonly number[];
  /** A promise, not checked. */
  readonly indicesAreSorted?: boolean;
}

export interface ScatterOptions {
  /** Axes of updates that lie within one slice; the others are those of the indices. */
  readonly updateWindowDims: readonly number[];
  /** Axes of operand that updates lack: a slice has one element there. */
  readonly insertedWindowDims: readonly number[];
  readonly inputBatchingDims?: readonly number[];
  readonly scatterIndicesBatchingDims?: readonly number[];
  /** The axis of operand that each entry of an index is a position on. */
  readonly scatterDimsToOperandDims: readonly number[];
  /** The axis of the indices that holds one index; their rank where an index is a single number. */
  readonly indexVectorDim: number;
  /** Promises, not checked. */
  readonly indicesAreSorted?: boolean;
  readonly uniqueIndices?: boolean;
}

/** What both options say, in common terms. */
interface Addressing {
  readonly window: readonly number[];
  readonly collapsed: readonly number[];
  readonly batching: readonly number[];
  readonly indicesBatching: readonly number[];
  readonly map: readonly number[];
  readonly vector: number;
}

/** `spelling`: StableHLO's names of the terms, in the order of its attribute; `rules`: the specification's number of each. */
const gatherRow = {
  name: 'gather',
  spelling: {
    window: 'offset_dims',
    collapsed: 'collapsed_slice_dims',
    batching: 'operand_batching_dims',
    indicesBatching: 'start_indices_batching_dims',
    map: 'start_index_map',
    vector: 'index_vector_dim',
  },
  rules: {
    rank: 'C1',
    vector: 'C2',
    mapSize: 'C3',
    windowOrder: 'C4',
    windowAxes: 'C5',
    sliceUnique: 'C6',
    collapsedOrder: 'C7',
    collapsedAxes: 'C8',
    batchingOrder: 'C10',
    batchingAxes: 'C11',
    indicesUnique: 'C13',
    indicesAxes: 'C14',
    indicesVector: 'C15',
    batchingCount: 'C16',
    batchingSizes: 'C17',
    mapUnique: 'C18',
    mapAxes: 'C19',
  },
};

type Row = typeof gatherRow;

const scatterRow: Row = {
  name: 'scatter',
  spelling: {
    window: 'update_window_dims',
    collapsed: 'inserted_window_dims',
    batching: 'input_batching_dims',
    indicesBatching: 'scatter_indices_batching_dims',
    map: 'scatter_dims_to_operand_dims',
    vector: 'index_vector_dim',
  },
  rules: {
    rank: 'C2',
    windowOrder: 'C7',
    windowAxes: 'C8',
    sliceUnique: 'C9',
    collapsedOrder: 'C10',
    collapsedAxes: 'C11',
    batchingOrder: 'C12',
    batchingAxes: 'C13',
    indicesUnique: 'C14',
    indicesAxes: 'C15',
    indicesVector: 'C16',
    batchingCount: 'C17',
    batchingSizes: 'C18',
    mapSize: 'C19',
    mapUnique: 'C20',
    mapAxes: 'C21',
    vector: 'C22',
  },
};

/** A slice of `operand` for each index. A start that would reach past the end is moved back so that it does not. */
export function gather(operand: Tensor, indices: Tensor, options: GatherOptions): Tensor {
  const { sliceSizes, indicesAreSorted = false } = options;
  const { dtype, shape } = operand.type;
  const to: Addressing = {
    window: options.offsetDims,
    collapsed: options.collapsedSliceDims,
    batching: options.operandBatchingDims ?? [],
    indicesBatching: options.startIndicesBatchingDims ?? [],
    map: options.startIndexMap,
    vector: options.indexVectorDim,
  };
  const single = [...to.collapsed, ...to.batching];
  checkAddressing(gatherRow, to, operand.type, indices.type);
  checkCount('gather', 'C20', 'sliceSizes', sliceSizes, shape.length);
  if (!shape.every((n, i) => 0 <= sliceSizes[i] && sliceSizes[i] <= n))
    broken('gather', 'C21', `0 <= sliceSizes <= ${list(shape)}`, list(sliceSizes));
  if (single.some((d) => sliceSizes[d] > 1))
    broken(
      'gather',
      to.collapsed.some((d) => sliceSizes[d] > 1) ? 'C9' : 'C12',
      `sliceSizes are at most 1 along ${list(single)}`,
      list(sliceSizes),
    );
  const window = sliceSizes.filter((_, d) => !single.includes(d));
  const result = tensor(dtype, combine(gatherRow, to, indices.type, window));
  return op('gather', [operand, indices], result, {
    dimension_numbers: numbers(gatherRow, to),
    slice_sizes: `array<i64: ${sliceSizes.join(', ')}>`,
    indices_are_sorted: `${indicesAreSorted}`,
  });
}

/**
 * `operand` with each slice of `updates` put in at its index by `body(old, update)`, a sum unless given, in any order. A slice that would
 * reach past the end is left out. The body is a function of its own: it sees its arguments, and none of the values around it.
 */
export function scatter(
  operand: Tensor,
  indices: Tensor,
  updates: Tensor,
  options: ScatterOptions,
  body: (old: Tensor, update: Tensor) => Tensor = add,
): Tensor {
  const { dtype, shape } = operand.type;
  const to: Addressing = {
    window: options.updateWindowDims,
    collapsed: options.insertedWindowDims,
    batching: options.inputBatchingDims ?? [],
    indicesBatching: options.scatterIndicesBatchingDims ?? [],
    map: options.scatterDimsToOperandDims,
    vector: options.indexVectorDim,
  };
  checkAddressing(scatterRow, to, operand.type, indices.type);
  const limit = shape.filter((_, d) => !to.collapsed.includes(d) && !to.batching.includes(d));
  const window = to.window.map((d) => updates.type.shape[d]);
  const want = combine(scatterRow, to, indices.type, window);
  if (list(want) !== list(updates.type.shape) || window.some((n, i) => n > limit[i]))
    broken(
      'scatter',
      'C4',
      `updates are ${list(combine(scatterRow, to, indices.type, limit))}, or smaller along ${list(to.window)}`,
      typeText(updates.type),
    );
  if (updates.type.dtype !== dtype) broken('scatter', 'C6', 'operand and updates have the same element type', types([operand, updates]));
  const scalar = scalarOf(dtype);
  const region = closed([scalar, scalar], (old, update) => {
    const result = body(old, update);
    checkReturn('scatter', 'C23', 'body', [result], [scalar]);
    return [result];
  });
  const attributes = {
    scatter_dimension_numbers: numbers(scatterRow, to),
    indices_are_sorted: `${options.indicesAreSorted ?? false}`,
    unique_indices: `${options.uniqueIndices ?? false}`,
  };
  return op('scatter', [operand, indices, updates], operand.type, attributes, [region]);
}

function checkAddressing({ name, spelling, rules }: Row, to: Addressing, operand: TensorType, indices: TensorType): void {
  const rank = operand.shape.length;
  const indexRank = indices.shape.length;
  const integer = /signed/.test(kindOf(indices.dtype));
  if (!integer) broken(name, 'I2', 'indices are of integer type', typeText(indices));
  if (rank !== to.window.length + to.collapsed.length + to.batching.length) {
    const terms = [spelling.window, spelling.collapsed, spelling.batching].join(', ');
    broken(
      name,
      rules.rank,
      `operand's rank, ${rank}, is the number of ${terms}`,
      [to.window, to.collapsed, to.batching].map(list).join(', '),
    );
  }
  checkAxes(name, rules.vector, spelling.vector, [to.vector], indexRank + 1);
  checkCount(name, rules.mapSize, spelling.map, to.map, to.vector < indexRank ? indices.shape[to.vector] : 1);
  checkUnique(name, rules.windowOrder, spelling.window, to.window);
  checkSorted(name, rules.windowOrder, spelling.window, to.window);
  checkUnique(name, rules.sliceUnique, `${spelling.collapsed} and ${spelling.batching}`, [...to.collapsed, ...to.batching]);
  checkSorted(name, rules.collapsedOrder, spelling.collapsed, to.collapsed);
  checkAxes(name, rules.collapsedAxes, spelling.collapsed, to.collapsed, rank);
  checkSorted(name, rules.batchingOrder, spelling.batching, to.batching);
  checkAxes(name, rules.batchingAxes, spelling.batching, to.batching, rank);
  checkUnique(name, rules.indicesUnique, spelling.indicesBatching, to.indicesBatching);
  checkAxes(name, rules.indicesAxes, spelling.indicesBatching, to.indicesBatching, indexRank);
  if (to.indicesBatching.includes(to.vector))
    broken(name, rules.indicesVector, `${spelling.indicesBatching} are not ${spelling.vector}, ${to.vector}`, list(to.indicesBatching));
  checkCount(name, rules.batchingCount, spelling.indicesBatching, to.indicesBatching, to.batching.length);
  const [ours, theirs] = [to.batching.map((d) => operand.shape[d]), to.indicesBatching.map((d) => indices.shape[d])];
  if (list(ours) !== list(theirs))
    broken(name, rules.batchingSizes, 'batching dimensions have equal sizes', `${list(ours)} and ${list(theirs)}`);
  checkUnique(name, rules.mapUnique, `${spelling.map} and ${spelling.batching}`, [...to.map, ...to.batching]);
  checkAxes(name, rules.mapAxes, spelling.map, to.map, rank);
}

/** The shape of the gathered (scattered) tensor: `sizes` along the axes of the window, and those of the indices along the others. */
function combine({ name, spelling, rules }: Row, to: Addressing, indices: TensorType, sizes: readonly number[]): number[] {
  const batch = indices.shape.filter((_, d) => d !== to.vector);
  const rank = batch.length + to.window.length;
  checkAxes(name, rules.windowAxes, spelling.window, to.window, rank);
  const others = batch.values();
  return Array.from({ length: rank }, (_, d) => (to.window.includes(d) ? sizes[to.window.indexOf(d)] : (others.next().value as number)));
}

function numbers({ name, spelling }: Row, to: Addressing): string {
  const terms = (Object.keys(spelling) as (keyof Addressing)[]).map((term) => {
    const value = to[term];
    return `${spelling[term]} = ${typeof value === 'number' ? value : list(value)}`;
  });
  return `#stablehlo.${name}<${terms.join(', ')}>`;
}
