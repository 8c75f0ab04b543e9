/**
 * A mask as a part of its plane has it: `allows(shifted(mask, { rows, keys, ... }), i, j)` is `allows(mask, i + rows, j + keys)`. It is a
 * mask again, of the kinds there are, so a kernel for a device's share of an attention is a kernel like any other.
 */
import { ShapeError } from '../errors';
import { cover } from './cover';
import { modulo } from './plane';
import { and, causal, documents, full, globalTokens, keyLimit, type LazyMask, local, not, or, strided } from './mask';

/** Where the part begins, and its size in tokens: `queries` rows and `columns` keys. */
export interface PlanePart {
  readonly rows: number;
  readonly keys: number;
  readonly queries: number;
  readonly columns: number;
}

/**
 * Throws ShapeError for key lengths, which count from the first key: all else moves. What allows no pair of the part, or every one, is
 * left out, so that parts that are alike have equal masks; undefined where nothing is left.
 */
export function shifted(mask: LazyMask, part: PlanePart): LazyMask | undefined {
  const { queries, columns } = part;
  const left = reduced(moved(mask, part), { queries, keys: columns, blockQ: queries, blockK: columns });
  return left === none ? undefined : left;
}

/** The mask on one block, without the parts of it that are empty or full there. */
function reduced(mask: LazyMask, block: Parameters<typeof cover>[1]): LazyMask {
  const known = cover(mask, block).classOf(0, 0);
  if (known !== 'partial') return known === 'full' ? everything : none;
  if (mask.kind === 'not') return not(reduced(mask.mask, block));
  if (mask.kind !== 'and' && mask.kind !== 'or') return mask;
  const neutral = mask.kind === 'and' ? everything : none;
  const rest = mask.masks.map((one) => reduced(one, block)).filter((one) => one !== neutral);
  return (mask.kind === 'and' ? and : or)(...rest);
}

function moved(mask: LazyMask, part: PlanePart): LazyMask {
  const { rows, keys } = part;
  const diagonal = rows - keys;
  switch (mask.kind) {
    case 'full':
    case 'segments':
      return mask;
    case 'causal':
      return causal(mask.offset + diagonal);
    case 'local':
      return local(mask.left, mask.right, mask.offset + diagonal);
    case 'strided':
      return strided(mask.stride, modulo(mask.offset + diagonal, mask.stride));
    case 'prefix':
      return or(keyLimit(Math.max(mask.length - keys, 0)), causal(diagonal));
    case 'keyLimit':
      return keyLimit(Math.max(mask.length - keys, 0));
    case 'globalTokens':
      return or(rowLimit(Math.max(mask.count - rows, 0)), keyLimit(Math.max(mask.count - keys, 0)));
    case 'chunkedCausal':
      return chunks(mask.size, part);
    case 'documents':
      return sections(mask.lengths, part);
    case 'keyLengths':
      throw new ShapeError('key lengths count from the first key of all; a part of the keys has none: use segments, or keyLimit');
    case 'not':
      return not(moved(mask.mask, part));
    case 'and':
      return and(...mask.masks.map((one) => moved(one, part)));
    case 'or':
      return or(...mask.masks.map((one) => moved(one, part)));
  }
}

const everything = full();
const none = not(everything);

/** `i < length`: those of `globalTokens` that are not there for their key's sake, and those whose key is below `length` too. */
function rowLimit(length: number): LazyMask {
  return length ? or(and(globalTokens(length), not(keyLimit(length))), documents([length])) : none;
}

function chunks(size: number, part: PlanePart): LazyMask {
  const { rows, keys } = part;
  if (rows === keys && rows % size === 0) return Object.freeze({ kind: 'chunkedCausal', size });
  const first = Math.floor(Math.max(rows, keys) / size);
  const end = Math.min(rows + part.queries, keys + part.columns);
  const lengths = Array.from({ length: Math.max(Math.ceil(end / size) - first, 0) }, () => size);
  return and(causal(rows - keys), sections(lengths, part, first * size));
}

/** Documents that follow one another from token `start` on. */
function sections(lengths: readonly number[], { rows, keys, queries, columns }: PlanePart, start = 0): LazyMask {
  const spans: [number, number][] = [];
  let begin = start;
  for (const length of lengths) {
    const end = begin + length;
    if (end > Math.max(rows, keys) && begin < Math.min(rows + queries, keys + columns)) spans.push([begin, end]);
    begin = end;
  }
  if (!spans.length) return none;
  // On the diagonal, what is left of documents are documents, but for the tokens before the first.
  if (rows === keys && spans[0][0] <= rows) return documents(spans.map(([from, to]) => to - Math.max(from, rows)));
  return or(...spans.map(([from, to]) => rectangle([from - rows, to - rows, queries], [from - keys, to - keys, columns])));
}

type Bounds = readonly [from: number, to: number, size: number];

function rectangle(rows: Bounds, columns: Bounds): LazyMask {
  const side = ([from, to, size]: Bounds, below: (length: number) => LazyMask) => [
    ...(to < size ? [below(to)] : []),
    ...(from > 0 ? [not(below(from))] : []),
  ];
  const bounds = [...side(rows, rowLimit), ...side(columns, keyLimit)];
  return bounds.length ? and(...bounds) : full();
}
