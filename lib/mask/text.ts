/**
 * Masks as a person writes them: `causal`, `local(1023, 0) & ~documents(4096, 28672)`, `prefix(512) | chunkedCausal(1024)`. `~` binds tighter than `&`, and that
 * than `|`. What `maskText` writes, `parseMask` reads.
 */
import { ShapeError, shown } from '../errors';
import { materialize } from './cover';
import * as m from './mask';
import type { LazyMask, Mask } from './mask';

type Argument = number | null;

/** A row a name: how many arguments it takes at least and at most, whether null is one, and the mask it makes. */
const names: Record<string, { least: number; most: number; nullable?: true; make: (args: Argument[]) => LazyMask; form: string }> = {
  full: { least: 0, most: 0, make: () => m.full(), form: 'full' },
  causal: { least: 0, most: 1, make: ([offset]) => m.causal(offset ?? 0), form: 'causal(offset)' },
  local: {
    least: 2,
    most: 3,
    nullable: true,
    make: ([left, right, offset]) => m.local(left, right, offset ?? 0),
    form: 'local(left, right, offset)',
  },
  windowOfTokens: { least: 1, most: 1, make: ([tokens]) => m.windowOfTokens(Number(tokens)), form: 'windowOfTokens(tokens)' },
  windowOfContext: { least: 1, most: 1, make: ([context]) => m.windowOfContext(Number(context)), form: 'windowOfContext(context)' },
  chunkedCausal: { least: 1, most: 1, make: ([size]) => m.chunkedCausal(Number(size)), form: 'chunkedCausal(size)' },
  prefix: { least: 1, most: 1, make: ([length]) => m.prefix(Number(length)), form: 'prefix(length)' },
  keyLimit: { least: 1, most: 1, make: ([length]) => m.keyLimit(Number(length)), form: 'keyLimit(length)' },
  documents: {
    least: 1,
    most: Number.POSITIVE_INFINITY,
    make: (lengths) => m.documents(lengths.map(Number)),
    form: 'documents(length, ...)',
  },
  strided: { least: 1, most: 2, make: ([stride, offset]) => m.strided(Number(stride), offset ?? 0), form: 'strided(stride, offset)' },
  globalTokens: { least: 1, most: 1, make: ([count]) => m.globalTokens(Number(count)), form: 'globalTokens(count)' },
  segments: { least: 0, most: 0, make: () => m.segments(), form: 'segments' },
  keyLengths: { least: 0, most: 0, make: () => m.keyLengths(), form: 'keyLengths' },
};

const rule = `a mask is ${Object.values(names)
  .map(({ form }) => form)
  .join(', ')}, of these with &, | and ~, or perHead(mask, ...) or dense(mask) around them`;

/** Reads a mask for a plane of queries x keys, which only `dense` needs. Throws ShapeError that says where it stopped reading. */
export function parseMask(text: string, queries: number, keys: number): Mask {
  const tokens = [...text.matchAll(/\s*([A-Za-z]\w*|-?\d+|[()&|~,]|\S)/g)].map((match) => ({
    text: match[1],
    at: match.index + match[0].length - match[1].length,
  }));
  let [next, depth] = [0, 0];
  const peek = () => tokens[next]?.text;
  const fail = (expected: string): never => {
    const token = tokens[next];
    throw new ShapeError(`${rule}; expected ${expected} at column ${(token?.at ?? text.length) + 1} of ${JSON.stringify(shown(text))}`);
  };
  const take = (token: string) => {
    if (peek() !== token) fail(`"${token}"`);
    next++;
  };
  const chain = (sign: '|' | '&', inner: () => LazyMask, kind: 'and' | 'or'): LazyMask => {
    const masks = [inner()];
    while (peek() === sign) {
      next++;
      masks.push(inner());
    }
    return masks.length === 1 ? masks[0] : m.joined(kind, masks);
  };
  const expression = (): LazyMask => chain('|', () => chain('&', unary, 'and'), 'or');
  const inside = (read: () => LazyMask): LazyMask => {
    if (++depth > m.mostNested) fail(`at most ${m.mostNested} of ~ and ( one inside the other`);
    next++;
    const mask = read();
    depth--;
    return mask;
  };
  const unary = (): LazyMask => {
    if (peek() === '~') return m.not(inside(unary));
    if (peek() === '(') {
      const inner = inside(expression);
      take(')');
      return inner;
    }
    const name = peek() ?? '';
    if (!Object.hasOwn(names, name)) fail('a mask');
    next++;
    return call(name);
  };
  const call = (name: string): LazyMask => {
    const { least, most, nullable, make } = names[name];
    const args: Argument[] = [];
    if (peek() === '(') {
      do {
        next++;
        if (args.length === 0 && peek() === ')') break;
        const word = peek() ?? '';
        if (word === 'null' && nullable && args.length < 2) args.push(null);
        else if (/^-?\d+$/.test(word)) args.push(Number(word));
        else fail(nullable ? 'a whole number or null' : 'a whole number');
        next++;
      } while (peek() === ',');
      take(')');
    }
    if (args.length < least || args.length > most)
      fail(`${names[name].form} with ${least === most ? least : `${least} to ${most}`} arguments before what stands`);
    return make(args);
  };
  const outer = (): Mask => {
    const name = peek();
    if (name !== 'dense' && name !== 'perHead') return expression();
    next++;
    take('(');
    const masks = [expression()];
    while (name === 'perHead' && peek() === ',') {
      next++;
      masks.push(expression());
    }
    take(')');
    return name === 'dense' ? materialize(masks[0], queries, keys) : m.perHead(masks);
  };
  const mask = outer();
  if (next < tokens.length) fail('the end');
  return mask;
}

/** A mask as text. A dense one is `dense`, which says nothing of its bits. */
export function maskText(mask: Mask): string {
  switch (mask.kind) {
    case 'full':
    case 'segments':
    case 'keyLengths':
    case 'dense':
      return mask.kind;
    case 'causal':
      return mask.offset ? `causal(${mask.offset})` : 'causal';
    case 'local':
      return `local(${[mask.left, mask.right, ...(mask.offset ? [mask.offset] : [])].map(String).join(', ')})`;
    case 'chunkedCausal':
      return `chunkedCausal(${mask.size})`;
    case 'prefix':
    case 'keyLimit':
      return `${mask.kind}(${mask.length})`;
    case 'documents':
      return `documents(${mask.lengths.join(', ')})`;
    case 'strided':
      return `strided(${mask.offset ? `${mask.stride}, ${mask.offset}` : mask.stride})`;
    case 'globalTokens':
      return `globalTokens(${mask.count})`;
    case 'perHead':
      return `perHead(${mask.masks.map(maskText).join(', ')})`;
    case 'not':
      return `~${within(mask.mask, ['and', 'or'])}`;
    case 'and':
      return mask.masks.map((one) => within(one, ['and', 'or'])).join(' & ');
    case 'or':
      return mask.masks.map((one) => within(one, ['or'])).join(' | ');
  }
}

function within(mask: LazyMask, looser: readonly string[]): string {
  return looser.includes(mask.kind) ? `(${maskText(mask)})` : maskText(mask);
}
