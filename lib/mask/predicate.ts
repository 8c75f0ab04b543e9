/**
 * A mask as one small program of tests on (i, j) = (query row, key column), the same in every lowering that prints it: a printer says what each
 * test is in its language, and `predicate` puts them together.
 */
import type { LazyMask } from './mask';

export interface Printer<B> {
  always(value: boolean): B;
  /** `low <= j - i <= high`, null for no bound. */
  diagonals(low: number | null, high: number | null): B;
  /** `j < length`. */
  keyBelow(length: number): B;
  /** `i < length`. */
  rowBelow(length: number): B;
  /** `floor(i / size) == floor(j / size)`. */
  sameChunk(size: number): B;
  /** `(j - i - offset) mod stride == 0`. */
  strided(stride: number, offset: number): B;
  /** Both in the same of documents that follow one another. */
  sameDocument(lengths: readonly number[]): B;
  sameSegment(): B;
  withinLength(): B;
  and(a: B, b: B): B;
  or(a: B, b: B): B;
  not(a: B): B;
}

export function predicate<B>(mask: LazyMask, print: Printer<B>): B {
  switch (mask.kind) {
    case 'full':
      return print.always(true);
    case 'causal':
      return print.diagonals(null, mask.offset);
    case 'local':
      return print.diagonals(mask.left === null ? null : mask.offset - mask.left, mask.right === null ? null : mask.offset + mask.right);
    case 'chunkedCausal':
      return print.and(print.diagonals(null, 0), print.sameChunk(mask.size));
    case 'prefix':
      return print.or(print.keyBelow(mask.length), print.diagonals(null, 0));
    case 'keyLimit':
      return print.keyBelow(mask.length);
    case 'documents':
      return print.sameDocument(mask.lengths);
    case 'strided':
      return print.strided(mask.stride, mask.offset);
    case 'globalTokens':
      return print.or(print.rowBelow(mask.count), print.keyBelow(mask.count));
    case 'segments':
      return print.sameSegment();
    case 'keyLengths':
      return print.withinLength();
    case 'not':
      return print.not(predicate(mask.mask, print));
    case 'and':
    case 'or': {
      const all = mask.masks.map((one) => predicate(one, print));
      return all.reduce((a, b) => print[mask.kind as 'and' | 'or'](a, b));
    }
  }
}

/** The document of each of `tokens` tokens, `none` for those after the last. */
export function documentIds(lengths: readonly number[], tokens: number, none: number): Int32Array {
  const ids = new Int32Array(tokens).fill(none);
  let start = 0;
  for (const [document, length] of lengths.entries()) {
    ids.fill(document, start, start + length);
    start += length;
  }
  return ids;
}

/** A bound on which keys a row sees, of those that a walk over blocks can use; the others of a mask's tests bound nothing. */
export type Bound =
  | { readonly kind: 'diagonals'; readonly low: number | null; readonly high: number | null }
  | { readonly kind: 'keys'; readonly start: number; readonly end: number | null }
  | { readonly kind: 'rows'; readonly start: number; readonly end: number | null }
  | { readonly kind: 'chunk'; readonly size: number }
  | { readonly kind: 'document'; readonly lengths: readonly number[] }
  | { readonly kind: 'segment' }
  | { readonly kind: 'length' };

const mostRanges = 8;

/**
 * Ranges that together cover what a mask allows: in each, all of its bounds hold. A range may hold more than the mask (`not` of a chunk bounds
 * nothing), never less; a composition of more than eight ranges is one without bounds.
 */
export function ranges(mask: LazyMask): readonly (readonly Bound[])[] {
  type Both = { readonly yes: readonly (readonly Bound[])[]; readonly no: readonly (readonly Bound[])[] };
  const capped = (list: readonly (readonly Bound[])[]) => (list.length > mostRanges ? [[]] : list);
  const any = (a: readonly (readonly Bound[])[], b: readonly (readonly Bound[])[]) => capped([...a, ...b]);
  const all = (a: readonly (readonly Bound[])[], b: readonly (readonly Bound[])[]) =>
    capped(a.flatMap((one) => b.map((other) => [...one, ...other])));
  const test = (bound: Bound, no: readonly (readonly Bound[])[] = [[]]): Both => ({ yes: [[bound]], no });
  return predicate<Both>(mask, {
    always: (value) => (value ? { yes: [[]], no: [] } : { yes: [], no: [[]] }),
    diagonals: (low, high) => {
      const outside: Bound[][] = [];
      if (low !== null) outside.push([{ kind: 'diagonals', low: null, high: low - 1 }]);
      if (high !== null) outside.push([{ kind: 'diagonals', low: high + 1, high: null }]);
      return test({ kind: 'diagonals', low, high }, outside);
    },
    keyBelow: (length) => test({ kind: 'keys', start: 0, end: length }, [[{ kind: 'keys', start: length, end: null }]]),
    rowBelow: (length) => test({ kind: 'rows', start: 0, end: length }, [[{ kind: 'rows', start: length, end: null }]]),
    sameChunk: (size) => test({ kind: 'chunk', size }),
    strided: () => ({ yes: [[]], no: [[]] }),
    sameDocument: (lengths) => test({ kind: 'document', lengths }),
    sameSegment: () => test({ kind: 'segment' }),
    withinLength: () => test({ kind: 'length' }),
    and: (a, b) => ({ yes: all(a.yes, b.yes), no: any(a.no, b.no) }),
    or: (a, b) => ({ yes: any(a.yes, b.yes), no: all(a.no, b.no) }),
    not: (a) => ({ yes: a.no, no: a.yes }),
  }).yes;
}
