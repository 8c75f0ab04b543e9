/**
 * Integer divisions by what may be 0 when a program is compiled: folding such a constant, the CPU plugin divides by it, which ends the
 * process with SIGFPE. A barrier before the divisor keeps it from being folded; a division by 0 then gives -1, its remainder the dividend.
 */
import type { Kind, Scanner } from './scanner';

/** A token of the text: `%a`, or `%a#1`. */
interface Value {
  name: string;
  readonly start: number;
  end: number;
}

/** A division that is being read. */
interface Division {
  /** Where its statement begins. */
  readonly start: number;
  /** Brackets around it. */
  readonly depth: number;
  readonly operands: Value[];
  /** Where its dividend's type ends, 0 between the colon and that; undefined before the colon. */
  end?: number;
}

const division = /^"?(?:stablehlo\.|chlo\.broadcast_)(?:divide|remainder)"?$/;
const literal = /"?\s*(?:\(\s*\)\s*<\{\s*value\s*=\s*)?dense<([-\d,\s[\]]*)>/y;
/** Their result has the elements of their first operand. */
const rearranging = /^"?stablehlo\.(?:broadcast_in_dim|reshape|transpose)"?$/;
const type = /tensor\s*<[^<>]*>|![\w$.-]+/y;
const isInteger = (text: string) => text.startsWith('!') || /[x<\s]u?i\d+\s*[,>]/.test(text);

export class Divisors {
  /** What goes into the text, in order: at a place, instead of so many characters. */
  readonly #edits: { readonly at: number; readonly length: number; readonly text: string }[] = [];
  readonly #isNeeded: boolean;
  readonly #prefix: string;
  /** Constants that have no 0, by name. */
  readonly #nonzero = new Set<string>();
  /** Open brackets but < and >. */
  readonly #open: string[] = [];
  /** A value whose definition may follow: `%a = `, `%a:2 = `, `(%a: `. */
  #candidate: Value | undefined;
  #defined: Value | undefined;
  #division: Division | undefined;
  /** What the operation's result has the elements of, once that operand comes. */
  #rearranged: Value | undefined;

  constructor(readonly text: string) {
    this.#isNeeded = /divide|remainder/.test(text);
    this.#prefix = '%divisor';
    while (this.#isNeeded && text.includes(this.#prefix)) this.#prefix += '_';
  }

  /** Every token. */
  token(kind: Kind, scanner: Scanner): void {
    if (!this.#isNeeded) return;
    const first = this.text[scanner.start];
    if (kind === 'mark') this.#mark(first);
    else if (kind === 'word' && first === '%') this.#value({ name: scanner.value, start: scanner.start, end: scanner.end });
    else if (kind === 'word' && first === '#') this.#part(scanner);
    else {
      if (kind !== 'number') this.#candidate = undefined;
      if (this.#division?.end !== undefined) this.#type(scanner.start);
      else if (kind === 'word' || kind === 'string') this.#operation(scanner);
    }
  }

  /** The text with barriers. */
  edited(): string {
    let [text, at] = ['', 0];
    for (const edit of this.#edits) {
      text += this.text.slice(at, edit.at) + edit.text;
      at = edit.at + edit.length;
    }
    return text + this.text.slice(at);
  }

  #mark(mark: string): void {
    if ('([{'.includes(mark)) this.#open.push(mark);
    else if (')]}'.includes(mark)) this.#open.pop();
    const isColon = mark === ':';
    if (mark === '=' && this.#candidate) {
      this.#defined = this.#candidate;
      this.#nonzero.delete(this.#defined.name);
    } else if (isColon && this.#candidate && this.#open.at(-1) === '(') {
      this.#nonzero.delete(this.#candidate.name);
    }
    if (!isColon) this.#candidate = undefined;
    if (this.#division && isColon && this.#open.length === this.#division.depth) this.#division.end ??= 0;
  }

  #value(value: Value): void {
    this.#candidate = value;
    this.#defined = undefined;
    if (this.#division && this.#division.end === undefined) this.#division.operands.push(value);
    if (this.#rearranged && this.#nonzero.has(value.name)) this.#nonzero.add(this.#rearranged.name);
    this.#rearranged = undefined;
  }

  // `#1` of `%a#1`; another value than %a.
  #part({ start, end }: Scanner): void {
    const operand = this.#division?.operands.at(-1);
    if (operand?.end !== start) return;
    operand.name += this.text.slice(start, end);
    operand.end = end;
  }

  #operation(scanner: Scanner): void {
    const name = this.text.slice(scanner.start, Math.min(scanner.end, scanner.start + 32));
    const defined = this.#defined;
    this.#defined = undefined;
    if (!/^"?(?:stable|c)hlo\./.test(name)) return;
    this.#rearranged = this.#division = undefined;
    if (division.test(name)) this.#division = { start: defined?.start ?? scanner.start, depth: this.#open.length, operands: [] };
    else if (rearranging.test(name)) this.#rearranged = defined;
    else if (defined && /^"?stablehlo\.constant"?$/.test(name) && this.#hasNoZero(scanner.end)) this.#nonzero.add(defined.name);
  }

  #hasNoZero(at: number): boolean {
    literal.lastIndex = at - (this.text[at - 1] === '"' ? 1 : 0);
    const [, values = ''] = literal.exec(this.text) ?? [];
    const numbers = values.length < 1e5 ? (values.match(/[^\s,[\]]+/g) ?? []) : [];
    return numbers.length > 0 && numbers.every((number) => /^-?\d*[1-9]\d*$/.test(number));
  }

  // `: T`, or `: (T, T) -> T`, of which the second is the divisor's.
  #type(at: number): void {
    const reading = this.#division as Division;
    if (at < (reading.end ?? 0) || !/[t!]/.test(this.text[at])) return;
    type.lastIndex = at;
    const [found] = type.exec(this.text) ?? [];
    const isDividends = this.#open.length > reading.depth && reading.end === 0;
    reading.end = type.lastIndex;
    if (found && isDividends) return;
    this.#division = undefined;
    const { start, operands } = reading;
    const divisor = operands[1];
    if (!found || !divisor || !isInteger(found) || this.#nonzero.has(divisor.name)) return;
    const name = `${this.#prefix}${this.#edits.length / 2}`;
    this.#edits.push({ at: start, length: 0, text: `${name} = stablehlo.optimization_barrier ${divisor.name} : ${found} ` });
    this.#edits.push({ at: divisor.start, length: divisor.end - divisor.start, text: name });
  }
}
