/** Reads the expressions of Python that masks are written in elsewhere, with Python's own precedence: `&` binds tighter than `>=`. */
import { ShapeError, shown } from '../errors';
import { mostNested } from './mask';

/** What is read; `text` is the source it was read from. A dotted name is one name; `None`, `True` and `False` are names. */
export type Python = { readonly text: string } & (
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'tuple' | 'list'; readonly items: readonly Python[] }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Argument[] }
  | { readonly type: 'index'; readonly name: string; readonly items: readonly Python[] }
  | { readonly type: 'unary'; readonly sign: string; readonly of: Python }
  | { readonly type: 'binary'; readonly sign: string; readonly left: Python; readonly right: Python }
  | { readonly type: 'compare'; readonly signs: readonly string[]; readonly items: readonly Python[] }
);

/** An argument of a call, by its place or by its name. */
export interface Argument {
  readonly name?: string;
  readonly value: Python;
}

type Shape<T> = T extends unknown ? Omit<T, 'text'> : never;

/** From the loosest on; `not` stands between `and` and the comparisons, and binds what follows it. */
const binary = [
  ['or'],
  ['and'],
  ['not'],
  ['<', '<=', '>', '>=', '==', '!='],
  ['|'],
  ['^'],
  ['&'],
  ['+', '-'],
  ['*', '/', '//', '%'],
] as const;
const notLevel = 2;
const compareLevel = 3;
/** `a | b | c` is read as (a | b) | c, as deep as it is long. */
const mostChained = 1000;

/** Throws ShapeError that says where it stopped reading. `what` is what the text should be, for the error. */
export function parsePython(text: string, what: string): Python {
  const pattern = /\s*([A-Za-z_][\w.]*|\d+(?![\w.])|\/\/|[<>=!]=|\S)/g;
  const tokens = [...text.matchAll(pattern)].map((match) => {
    const end = match.index + match[0].length;
    return { text: match[1], start: end - match[1].length, end };
  });
  let [next, depth] = [0, 0];
  const peek = () => tokens[next]?.text ?? '';
  const fail = (expected: string): never => {
    const column = (tokens[next]?.start ?? text.length) + 1;
    throw new ShapeError(`${what} is an expression of Python; expected ${expected} at column ${column} of ${JSON.stringify(shown(text))}`);
  };
  const take = (token: string) => {
    if (peek() !== token) fail(`"${token}"`);
    next++;
  };
  /** What `read` reads, one level further in. */
  const inside = <T>(read: () => T): T => {
    if (++depth > mostNested) fail(`at most ${mostNested} brackets and signs one inside the other`);
    const result = read();
    depth--;
    return result;
  };
  /** What `read` reads, with its source. */
  const node = (from: number, shape: Shape<Python>): Python =>
    ({ ...shape, text: text.slice(tokens[from].start, tokens[next - 1].end) }) as Python;
  const isName = (token: string) =>
    /^[A-Za-z_]/.test(token) && !['or', 'and', 'not', 'lambda', 'if', 'else', 'in', 'is', 'for'].includes(token);

  const expression = (level = 0): Python => {
    if (level === binary.length) return unary();
    const from = next;
    if (level === notLevel) {
      if (peek() !== 'not') return expression(level + 1);
      next++;
      const of = inside(() => expression(level));
      return node(from, { type: 'unary', sign: 'not', of });
    }
    const items = [expression(level + 1)];
    const signs: string[] = [];
    while ((binary[level] as readonly string[]).includes(peek())) {
      if (signs.length === mostChained) fail(`at most ${mostChained} signs of a kind in a row`);
      signs.push(peek());
      next++;
      const right = expression(level + 1);
      if (level === compareLevel) items.push(right);
      else items[0] = node(from, { type: 'binary', sign: signs[signs.length - 1], left: items[0], right });
    }
    return items.length === 1 ? items[0] : node(from, { type: 'compare', signs, items });
  };

  const unary = (): Python => {
    const from = next;
    const sign = peek();
    if (!['-', '+', '~'].includes(sign)) return postfix();
    next++;
    const of = inside(unary);
    return node(from, { type: 'unary', sign, of });
  };

  /** A name's call, or its indices: `doc[b, q]` and `doc[b][q]` alike. */
  const postfix = (): Python => {
    const from = next;
    const name = peek();
    if (!isName(name)) return atom();
    next++;
    if (peek() === '(') {
      const args = series(')', argument);
      return node(from, { type: 'call', name, args });
    }
    const items: Python[] = [];
    while (peek() === '[') items.push(...series(']', expression));
    return node(from, items.length ? { type: 'index', name, items } : { type: 'name', name });
  };

  const argument = (): Argument => {
    if (!isName(peek()) || tokens[next + 1]?.text !== '=') return { value: expression() };
    const name = peek();
    next += 2;
    return { name, value: expression() };
  };

  const atom = (): Python => {
    const from = next;
    const token = peek();
    if (/^\d/.test(token)) {
      next++;
      return node(from, { type: 'number', value: Number(token) });
    }
    if (token === '[') {
      const items = series(']', expression);
      return node(from, { type: 'list', items });
    }
    if (token !== '(') fail('a name, a whole number or "("');
    const items = series(')', expression);
    // One thing in parentheses is itself; its source is without them.
    return items.length === 1 && tokens[next - 2].text !== ',' ? items[0] : node(from, { type: 'tuple', items });
  };

  /** What stands between the bracket here and its end, with commas between, and one at the end as it likes. */
  const series = <T>(end: string, read: () => T): T[] => {
    next++;
    const items: T[] = [];
    while (peek() !== end) {
      items.push(inside(read));
      if (peek() !== end) take(',');
    }
    next++;
    return items;
  };

  const result = expression();
  if (next < tokens.length) fail('the end');
  return result;
}
