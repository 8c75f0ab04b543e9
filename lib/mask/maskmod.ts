/**
 * FlexAttention's `mask_mod(b, h, q_idx, kv_idx)` from and to a lazy mask, as the expression that it returns. What has no lazy kind is refused by name:
 * nothing becomes a dense mask unasked.
 */
import { ShapeError } from '../errors';
import { documents, keyLengths, type LazyMask, local, causal, full, segments, strided } from './mask';
import { type Printer, predicate } from './predicate';
import { type Python, parsePython } from './python';
import { all, any, atMostZero, type Linear, leaf, never, not, sameChunk, type Condition } from './condition';

export interface Sizes {
  readonly queries: number;
  readonly keys: number;
}

const shapes =
  'q, kv or q - kv compared with a number, q // c == kv // c, (q - kv) % s == r, abs(q - kv) <= w, doc[q] == doc[kv] and kv < lengths[b], of these with & | ~';

/** What is compared. `ids` is an array at each query or key, `length` one at each sequence. */
type Term =
  | ({ readonly is: 'linear' } & Linear)
  | { readonly is: '//' | '%'; readonly of: Linear; readonly by: number }
  | { readonly is: 'abs'; readonly of: Linear }
  | { readonly is: 'ids'; readonly of: 'q' | 'kv'; readonly name: string }
  | { readonly is: 'length'; readonly name: string };

type Variable = 'b' | 'h' | 'q' | 'kv';
const variables: readonly Variable[] = ['b', 'h', 'q', 'kv'];
/** A Map, where `constructor` is no name. */
type Names = ReadonlyMap<string, Variable>;
const usual: Names = new Map([...variables.map((name) => [name, name] as const), ['q_idx', 'q'], ['kv_idx', 'kv']]);

/**
 * Reads an expression over b, h, q (or q_idx) and kv (or kv_idx), or a lambda of four names of your own. Chunks with no causal test beside them
 * become documents, for which the sizes are needed. Throws ShapeError that names the part which has no lazy kind.
 */
export function fromMaskMod(text: string, sizes?: Sizes): LazyMask {
  const lambda = /^\s*lambda\s+(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*:/.exec(text);
  const names = lambda ? new Map(variables.map((variable, place) => [lambda[place + 1], variable])) : usual;
  const expression = parsePython(lambda ? text.slice(lambda[0].length) : text, 'a mask_mod');
  return new Reader(names, sizes).test(expression).mask(false);
}

class Reader {
  /** The one array that stands for each run-time input. */
  private readonly arrays = new Map<string, string>();

  constructor(
    private readonly names: Names,
    private readonly sizes?: Sizes,
  ) {}

  test(node: Python): Condition {
    if (node.type === 'name' && node.name === 'True') return leaf(full());
    if (node.type === 'name' && node.name === 'False') return leaf(never());
    if (node.type === 'unary' && (node.sign === '~' || node.sign === 'not')) return not(this.test(node.of));
    if (node.type === 'binary' && (node.sign === '&' || node.sign === 'and')) return all([this.test(node.left), this.test(node.right)]);
    if (node.type === 'binary' && (node.sign === '|' || node.sign === 'or')) return any([this.test(node.left), this.test(node.right)]);
    if (node.type !== 'compare') return refuse(node, 'is no test (& and | bind tighter than comparisons, which stand in parentheses)');
    const { signs, items } = node;
    const tests = signs.map((sign, k) => this.compare(node, sign, items[k], items[k + 1]));
    return tests.length === 1 ? tests[0] : all(tests);
  }

  private compare(node: Python, sign: string, left: Python, right: Python): Condition {
    if (sign === '!=') return not(this.compare(node, '==', left, right));
    // What is greater is compared as what is less, the other way round.
    if (sign === '>' || sign === '>=') return this.compare(node, sign.replace('>', '<'), right, left);
    const [a, b] = [this.term(left), this.term(right)];
    const strict = sign === '<';
    const test = sign === '==' ? (this.equal(node, a, b) ?? this.equal(node, b, a)) : this.less(node, a, b, strict);
    return test ?? refuse(node);
  }

  private equal(node: Python, a: Term, b: Term): Condition | undefined {
    if (a.is === 'linear' && b.is === 'linear') {
      const [below, above] = [atMostZero(minus(a, b)), atMostZero(minus(b, a))];
      return below && above && all([below, above]);
    }
    if (a.is === '//' && b.is === '//' && a.by === b.by && isOne(a.of, 'q') && isOne(b.of, 'kv')) return this.chunks(node, a.by);
    if (a.is === '%' && b.is === 'linear' && isNumber(b)) {
      if (b.constant < 0 || b.constant >= a.by) return leaf(never());
      return multiple(minus(a.of, b), a.by);
    }
    if (a.is === '%' && b.is === '%' && a.by === b.by) return multiple(minus(a.of, b.of), a.by);
    if (a.is === 'ids' && b.is === 'ids' && a.of === 'q' && b.of === 'kv') {
      this.only(node, 'the ids of queries', a.name);
      this.only(node, 'the ids of keys', b.name);
      return leaf(segments());
    }
    return undefined;
  }

  /** `a <= b`, or `a < b`. */
  private less(node: Python, a: Term, b: Term, strict: boolean): Condition | undefined {
    const less = (x: Linear, y: Linear) => atMostZero(minus(x, { ...y, constant: y.constant - (strict ? 1 : 0) }));
    if (a.is === 'linear' && b.is === 'linear') return less(a, b);
    if (a.is === 'abs' && b.is === 'linear') {
      const [one, other] = [less(a.of, b), less(minus(zero, a.of), b)];
      return one && other && all([one, other]);
    }
    if (a.is === 'linear' && b.is === 'abs') {
      const within = this.less(node, b, a, !strict);
      return within && not(within);
    }
    if (a.is === '//' && b.is === '//' && a.by === b.by) {
      // One chunk is before another where its token is, and the chunk not the same.
      const before = isOne(a.of, 'kv') && isOne(b.of, 'q') ? causal() : isOne(a.of, 'q') && isOne(b.of, 'kv') ? local(0, null) : undefined;
      const same = this.chunks(node, a.by);
      return before && (strict ? all([leaf(before), not(same)]) : any([leaf(before), same]));
    }
    const [key, length] = strict ? [a, b] : [b, a];
    if (key.is !== 'linear' || !isOne(key, 'kv') || length.is !== 'length') return undefined;
    this.only(node, 'the key lengths', length.name);
    return strict ? leaf(keyLengths()) : not(leaf(keyLengths()));
  }

  private chunks(node: Python, size: number): Condition {
    return sameChunk(size, () => {
      if (!this.sizes) return refuse(node, 'has a lazy kind beside q >= kv, and otherwise where the sizes are given');
      return documents(new Array(Math.ceil(Math.max(this.sizes.queries, this.sizes.keys) / size)).fill(size));
    });
  }

  /** A program has one input of each kind: two arrays are not the same mask. */
  private only(node: Python, input: string, name: string): void {
    const known = this.arrays.get(input) ?? name;
    if (known !== name) refuse(node, `takes ${input} from a second array; ${known} has them already`);
    this.arrays.set(input, name);
  }

  private term(node: Python): Term {
    switch (node.type) {
      case 'number':
        return { is: 'linear', ...zero, constant: node.value };
      case 'name': {
        const variable = this.names.get(node.name);
        if (variable === 'h') return refuse(node, 'is the head: masks that differ by head are perHead(...)');
        if (variable === 'b') return refuse(node, 'is the sequence: what differs by sequence is segments or key lengths');
        return variable ? { is: 'linear', ...zero, [variable]: 1 } : refuse(node, 'is not known: numbers are written out');
      }
      case 'unary':
        if (node.sign === '+') return this.term(node.of);
        return node.sign === '-' ? { is: 'linear', ...minus(zero, this.linear(node.of)) } : refuse(node);
      case 'call':
        return node.name === 'abs' && node.args.length === 1 ? { is: 'abs', of: this.linear(node.args[0].value) } : refuse(node);
      case 'index': {
        const at = node.items.map((item) => (item.type === 'name' ? this.names.get(item.name) : undefined)).join();
        const variable = /^(?:b,)?(q|kv)$/.exec(at)?.[1] as 'q' | 'kv' | undefined;
        if (variable) return { is: 'ids', of: variable, name: node.name };
        return at === 'b' ? { is: 'length', name: node.name } : refuse(node);
      }
      case 'binary':
        return this.arithmetic(node, node.sign, this.linear(node.left), this.linear(node.right));
      default:
        return refuse(node);
    }
  }

  private arithmetic(node: Python, sign: string, a: Linear, b: Linear): Term {
    if (sign === '+') return { is: 'linear', ...minus(a, minus(zero, b)) };
    if (sign === '-') return { is: 'linear', ...minus(a, b) };
    if (sign === '*' && (isNumber(a) || isNumber(b)))
      return { is: 'linear', ...(isNumber(a) ? times(b, a.constant) : times(a, b.constant)) };
    if (sign === '//' || sign === '%') {
      if (isNumber(b) && b.constant >= 1) return { is: sign, of: a, by: b.constant };
      return refuse(node, 'divides by what is no number, 1 or more');
    }
    return refuse(node);
  }

  private linear(node: Python): Linear {
    const term = this.term(node);
    return term.is === 'linear' ? term : refuse(node, 'is compared as it stands, and has no arithmetic around it');
  }
}

function refuse(node: Python, reason = 'has no lazy kind'): never {
  throw new ShapeError(`a mask_mod is made of ${shapes}; ${JSON.stringify(node.text)} ${reason}`);
}

const zero: Linear = { q: 0, kv: 0, constant: 0 };
const minus = (a: Linear, b: Linear): Linear => ({ q: a.q - b.q, kv: a.kv - b.kv, constant: a.constant - b.constant });
const times = (a: Linear, n: number): Linear => ({ q: a.q * n, kv: a.kv * n, constant: a.constant * n });
const isNumber = ({ q, kv }: Linear): boolean => q === 0 && kv === 0;
const isOne = (a: Linear, name: 'q' | 'kv'): boolean => a.constant === 0 && a[name] === 1 && a.q + a.kv === 1;

/** `linear` is a multiple of `by`. */
function multiple({ q, kv, constant }: Linear, by: number): Condition | undefined {
  if (q === 0 && kv === 0) return leaf(constant % by === 0 ? full() : never());
  if (Math.abs(kv) !== 1 || q !== -kv) return undefined;
  const offset = (((-kv * constant) % by) + by) % by;
  return leaf(strided(by, offset));
}

const printer: Printer<string> = {
  always: (value) => (value ? 'kv_idx >= 0' : 'kv_idx < 0'),
  diagonals: (low, high) => {
    const query = (shift: number) => (shift === 0 ? 'q_idx' : `q_idx ${shift < 0 ? '-' : '+'} ${Math.abs(shift)}`);
    const least = low === null ? [] : [`kv_idx >= ${query(low)}`];
    const most = high === null ? [] : [`kv_idx <= ${query(high)}`];
    const both = [...least, ...most];
    return both.length === 2 ? `(${both[0]}) & (${both[1]})` : (both[0] ?? printer.always(true));
  },
  keyBelow: (length) => `kv_idx < ${length}`,
  rowBelow: (length) => `q_idx < ${length}`,
  sameChunk: (size) => `q_idx // ${size} == kv_idx // ${size}`,
  strided: (stride, offset) => `(kv_idx - q_idx - ${offset}) % ${stride} == 0`,
  sameDocument: (lengths) => {
    let end = 0;
    const inside = lengths.map((length) => {
      const start = end;
      end += length;
      return ['q_idx', 'kv_idx'].map((name) => `(${name} >= ${start}) & (${name} < ${end})`).join(' & ');
    });
    return inside.map((pair) => `(${pair})`).join(' | ') || printer.always(false);
  },
  sameSegment: () => 'doc[b, q_idx] == doc[b, kv_idx]',
  withinLength: () => 'kv_idx < lengths[b]',
  and: (a, b) => `(${a}) & (${b})`,
  or: (a, b) => `(${a}) | (${b})`,
  not: (a) => `~(${a})`,
};

/**
 * The expression of a mask, which torch takes after `lambda b, h, q_idx, kv_idx:`; `doc` and `lengths` are tensors of yours. `fromMaskMod` reads it as a mask
 * that allows the same pairs, if not always the same value.
 */
export function toMaskMod(mask: LazyMask): string {
  return predicate(mask, printer);
}
