/**
 * What a kernel's program makes of the attention's arrays: padding to whole tiles and back, and what a mask with ids brings: an id a
 * token, and the tiles that hold any of a tile's.
 */
import type { AttentionSpec } from '../attention';
import * as s from '../ir/stablehlo';
import { type TensorType, tensor } from '../types';
import type { IdSet } from './tpu-mask';

/** Padded tokens, and tokens a tile. */
export interface TokenBlocks {
  readonly queries: number;
  readonly keys: number;
  readonly blockQ: number;
  readonly blockK: number;
}

/** [batch, heads, tokens, size] as [batch x heads, padded tokens, size], zeros after the last token. */
export function padded(x: s.Tensor, to: TensorType): s.Tensor {
  const tokens = x.type.shape[2];
  const [heads, all, size] = to.shape;
  return padTokens(s.reshape(x, [heads, tokens, size]), all, 0);
}

/** More tokens, along axis 1, of one value. */
export function padTokens(x: s.Tensor, tokens: number, value: number): s.Tensor {
  const { shape } = x.type;
  if (tokens === shape[1]) return x;
  return s.pad(x, value, { low: shape.map(() => 0), high: shape.map((n, axis) => (axis === 1 ? tokens - n : 0)) });
}

/** The opposite: padded tokens cut off, heads of each sequence apart. */
export function cut(x: s.Tensor, to: TensorType): s.Tensor {
  const { shape } = x.type;
  const tokens = to.shape[2];
  const limit = shape.map((n, axis) => (axis === 1 ? tokens : n));
  return s.reshape(tokens === shape[1] ? x : s.slice(x, { start: shape.map(() => 0), limit }), to.shape);
}

/** Bytes of all that `idArrays` makes. */
export function idBytes(sets: readonly IdSet[], { batch }: AttentionSpec, { queries, keys, blockQ }: TokenBlocks): number {
  return sets.reduce((bytes, { lengths }) => bytes + 4 * (lengths ? 1 : batch) * (queries + keys + (2 * queries) / blockQ), 0);
}

/** Ids i32 [sequences, 1, padded tokens], and the key blocks [start, end) of each query block, i32 [sequences x query blocks]. */
export function idArrays({ lengths }: IdSet, spec: AttentionSpec, blocks: TokenBlocks, inputs: Readonly<Record<string, s.Tensor>>) {
  const [rows, columns] = [blocks.queries / blocks.blockQ, blocks.keys / blocks.blockK];
  const q = lengths ? documentIdsOf(lengths, spec.queries, -1) : inputs.qSegments;
  const kv = lengths ? documentIdsOf(lengths, spec.keys, -2) : inputs.kvSegments;
  const [sequences] = q.type.shape;
  // By the least and greatest id of each block: exact where ids are sorted, and never too little where they are not.
  const extremes = (ids: s.Tensor, tokens: number, count: number) => {
    const block = (value: number) => s.reshape(padTokens(ids, tokens, value), [sequences, count, tokens / count]);
    return [s.min(block(2 ** 31 - 1), [2]), s.max(block(-(2 ** 31)), [2])];
  };
  const [leastQ, mostQ] = extremes(q, blocks.queries, rows);
  const [leastK, mostK] = extremes(kv, blocks.keys, columns);
  const plane = [sequences, rows, columns];
  const ofQ = (x: s.Tensor) => s.broadcastInDim(x, plane, [0, 1]);
  const ofK = (x: s.Tensor) => s.broadcastInDim(x, plane, [0, 2]);
  const meet = s.and(s.compare(ofQ(leastQ), ofK(mostK), 'LE'), s.compare(ofK(leastK), ofQ(mostQ), 'LE'));
  const column = s.iota(tensor('i32', plane), 2);
  const table = (x: s.Tensor) => s.reshape(x, [sequences * rows]);
  return {
    q: s.reshape(padTokens(q, blocks.queries, 0), [sequences, 1, blocks.queries]),
    kv: s.reshape(padTokens(kv, blocks.keys, 0), [sequences, 1, blocks.keys]),
    start: table(s.min(s.select(meet, column, columns), [2])),
    end: table(s.max(s.select(meet, s.add(column, 1), 0), [2])),
  };
}

/**
 * The document of each token, i32 [1, tokens]: the number of documents that end before it, or `none` after the last. Made by the program,
 * so that its text does not grow with T.
 */
function documentIdsOf(lengths: readonly number[], tokens: number, none: number): s.Tensor {
  let end = 0;
  const ends = lengths.map((length) => {
    end += length;
    return Math.min(end, tokens);
  });
  const plane = [ends.length, tokens];
  // The barrier keeps the compiler from working the ids out itself: of a million tokens that takes 3 s.
  const bounds = s.optimizationBarrier(s.constant(Int32Array.from(ends), tensor('i32', [ends.length])));
  const each = s.broadcastInDim(bounds, plane, [0]);
  const past = s.compare(each, s.iota(tensor('i32', plane), 1), 'LE');
  const ids = s.sum(s.convert(past, 'i32'), [0]);
  return s.reshape(s.select(s.compare(ids, ends.length, 'LT'), ids, none), [1, tokens]);
}

/** Rows [start, end) of tiles that visit each column of tiles, by the columns that each row visits: i32 [sequences x columns]. */
export function columnTables({ start, end }: { start: s.Tensor; end: s.Tensor }, rows: number, columns: number) {
  const sequences = start.type.shape[0] / rows;
  const plane = [sequences, rows, columns];
  const ofRow = (x: s.Tensor) => s.broadcastInDim(s.reshape(x, [sequences, rows]), plane, [0, 1]);
  const column = s.iota(tensor('i32', plane), 2);
  const visits = s.and(s.compare(ofRow(start), column, 'LE'), s.compare(column, ofRow(end), 'LT'));
  const row = s.iota(tensor('i32', plane), 1);
  const table = (x: s.Tensor) => s.reshape(x, [sequences * columns]);
  return { start: table(s.min(s.select(visits, row, rows), [1])), end: table(s.max(s.select(visits, s.add(row, 1), 0), [1])) };
}
