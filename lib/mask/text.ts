/** Masks as a person writes them on a command line: `causal`, `causal(16)`, `local(1023, 0)`, `full`, `dense(causal)`. */
import { ShapeError } from '../errors';
import { materialize } from './cover';
import { causal, full, local, type Mask } from './mask';

const rule =
  'a mask is full, causal, causal(offset), local(left, right), local(left, right, offset) with null for no bound, or dense(mask)';

/** Reads a mask for a plane of queries x keys. Throws ShapeError that names the forms there are. */
export function parseMask(text: string, queries: number, keys: number): Mask {
  const [, kind, , list] = /^\s*(\w+)\s*(\((.*)\))?\s*$/s.exec(text) ?? [];
  const args = list?.trim() ? list.split(',').map((part) => part.trim()) : [];
  const number = (part: string | undefined) => {
    if (part === undefined) return 0;
    if (part === 'null') return null;
    if (!/^-?\d+$/.test(part)) throw new ShapeError(`${rule}; got ${JSON.stringify(text)}`);
    return Number(part);
  };
  if (kind === 'full' && !args.length) return full();
  if (kind === 'causal' && args.length <= 1) return causal(number(args[0]) ?? Number.NaN);
  if (kind === 'local' && (args.length === 2 || args.length === 3))
    return local(number(args[0]), number(args[1]), number(args[2]) ?? Number.NaN);
  if (kind === 'dense' && list !== undefined) {
    const lazy = parseMask(list, queries, keys);
    return lazy.kind === 'dense' ? lazy : materialize(lazy, queries, keys);
  }
  throw new ShapeError(`${rule}; got ${JSON.stringify(text)}`);
}
