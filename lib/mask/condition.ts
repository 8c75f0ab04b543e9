/** Conditions on (query, key) as masks: what a foreign expression is read into before it is one mask. */
import * as m from './mask';
import type { LazyMask } from './mask';

/** `q * i + kv * j + constant`. */
export interface Linear {
  readonly q: number;
  readonly kv: number;
  readonly constant: number;
}

/**
 * `mask(within)` is its mask, where `within` says that only keys up to the query's own matter, as another condition rules out the others: there
 * the same chunk is a chunked causal mask. `causal`: the condition itself allows no key after the query. `rows` marks `i < rows`.
 */
export interface Condition {
  readonly causal: boolean;
  readonly mask: (within: boolean) => LazyMask;
  readonly rows?: number;
}

export const never = (): LazyMask => m.not(m.full());

export function leaf(mask: LazyMask): Condition {
  const ends = diagonals(mask);
  return { causal: mask.kind === 'chunkedCausal' || (ends !== undefined && ends[1] <= 0), mask: () => mask };
}

/** Both in the same chunk of `size` tokens; `otherwise` is the mask where keys after the query matter. */
export function sameChunk(size: number, otherwise: () => LazyMask): Condition {
  return { causal: false, mask: (within) => (within ? m.chunkedCausal(size) : otherwise()) };
}

export function not(condition: Condition): Condition {
  return { causal: false, mask: (within) => inverse(condition.mask(within)) };
}

export function all(conditions: readonly Condition[]): Condition {
  const causal = conditions.some((condition) => condition.causal);
  return {
    causal,
    mask: (within) => {
      const masks = conditions
        .map((condition) => condition.mask(within || causal))
        .flatMap((mask) => (mask.kind === 'and' ? mask.masks : [mask]));
      // Bounds on `j - i` are one band, which chunks need not be told of twice.
      const bounds = masks.map(diagonals).filter((ends) => ends !== undefined);
      const others = masks.filter((mask) => diagonals(mask) === undefined);
      const low = Math.max(...bounds.map(([least]) => least));
      const high = Math.min(...bounds.map(([, most]) => most));
      const needed =
        bounds.length && !(low === Number.NEGATIVE_INFINITY && high >= 0 && others.some(({ kind }) => kind === 'chunkedCausal'));
      const parts = needed ? [band(low, high), ...others] : others;
      return parts.length === 1 ? parts[0] : m.and(...parts);
    },
  };
}

export function any(conditions: readonly Condition[]): Condition {
  return {
    causal: conditions.every((condition) => condition.causal),
    mask: (within) => {
      const masks = conditions.map((condition) => condition.mask(within)).flatMap((mask) => (mask.kind === 'or' ? mask.masks : [mask]));
      const limit = masks.find((mask) => mask.kind === 'keyLimit');
      if (masks.length === 2 && limit) {
        if (masks.some((mask) => mask.kind === 'causal' && mask.offset === 0)) return m.prefix(limit.length);
        if (conditions.some(({ rows }) => rows === limit.length)) return m.globalTokens(limit.length);
      }
      return masks.length === 1 ? masks[0] : m.or(...masks);
    },
  };
}

/** `linear <= 0`; undefined where no lazy mask says so, as for `i + j`. */
export function atMostZero({ q, kv, constant }: Linear): Condition | undefined {
  if (!q && !kv) return leaf(constant <= 0 ? m.full() : never());
  const scale = Math.max(Math.abs(q), Math.abs(kv));
  // Divided by the scale, whole numbers are at most what this rounds down to.
  const most = Math.floor(-constant / scale) || 0;
  switch (`${q / scale},${kv / scale}`) {
    case '-1,1':
      return leaf(band(Number.NEGATIVE_INFINITY, most));
    case '1,-1':
      return leaf(band(0 - most, Number.POSITIVE_INFINITY));
    case '0,1':
      return leaf(keysBelow(most + 1));
    case '0,-1':
      return leaf(inverse(keysBelow(-most)));
    case '1,0':
      return { causal: false, mask: () => rowsBelow(most + 1), rows: most + 1 };
    case '-1,0':
      return leaf(inverse(rowsBelow(-most)));
    default:
      return undefined;
  }
}

function inverse(mask: LazyMask): LazyMask {
  return mask.kind === 'not' ? mask.mask : m.not(mask);
}

/** The least and the most `j - i` of a mask that is a band of diagonals. */
function diagonals(mask: LazyMask): [low: number, high: number] | undefined {
  if (mask.kind === 'causal') return [Number.NEGATIVE_INFINITY, mask.offset];
  if (mask.kind !== 'local') return undefined;
  const { left, right, offset } = mask;
  return [left === null ? Number.NEGATIVE_INFINITY : offset - left, right === null ? Number.POSITIVE_INFINITY : offset + right];
}

/** `low <= j - i <= high`. */
function band(low: number, high: number): LazyMask {
  if (low > high) return never();
  if (low === Number.NEGATIVE_INFINITY) return high === Number.POSITIVE_INFINITY ? m.full() : m.causal(high);
  if (high === Number.POSITIVE_INFINITY) return m.local(Math.max(0 - low, 0), null, Math.max(low, 0));
  // The offset is 0 wherever the query's own key is in the band.
  const offset = Math.min(Math.max(0, low), high);
  return m.local(offset - low, high - offset, offset);
}

function keysBelow(length: number): LazyMask {
  return length > 0 ? m.keyLimit(length) : never();
}

/** `i < count`: of what the first tokens see or are seen by, all but what later queries see. */
function rowsBelow(count: number): LazyMask {
  return count > 0 ? m.and(m.globalTokens(count), m.or(m.documents([count]), m.not(m.keyLimit(count)))) : never();
}
