/** MLIR's generic form, read: names, types and attributes are left as text where what they mean is a dialect's matter. */
import { ShapeError } from '../errors';

const closing: Record<string, string> = { '(': ')', '[': ']', '{': '}', '<': '>' };

/** A text and a place in it. */
export class Scanner {
  private at = 0;
  constructor(private readonly text: string) {}

  /** Throws ShapeError: the rule, and what is there. */
  fail(rule: string): never {
    const line = this.text.slice(0, this.at).split('\n').length;
    const found = this.text.slice(this.at).split('\n', 1)[0].slice(0, 60) || 'the end';
    throw new ShapeError(`mosaic text, line ${line}: ${rule}; got ${found}`);
  }

  /** Past spaces and comments. */
  private skip(): void {
    const blank = /(?:\s+|\/\/[^\n]*)*/y;
    blank.lastIndex = this.at;
    this.at += blank.exec(this.text)?.[0].length ?? 0;
  }

  isAt(token: string): boolean {
    this.skip();
    return this.text.startsWith(token, this.at);
  }

  isAtEnd(): boolean {
    this.skip();
    return this.at === this.text.length;
  }

  take(token: string): boolean {
    if (!this.isAt(token)) return false;
    this.at += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) this.fail(`${token} comes here`);
  }

  /** The text of a sticky pattern. */
  match(pattern: RegExp, what: string): string {
    this.skip();
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text);
    if (!found) this.fail(`${what} comes here`);
    this.at += found[0].length;
    return found[0];
  }

  /** Zero or more parts between brackets. */
  list<T>(open: string, close: string, part: () => T): T[] {
    this.expect(open);
    const parts: T[] = [];
    if (this.take(close)) return parts;
    do parts.push(part());
    while (this.take(','));
    this.expect(close);
    return parts;
  }

  /** Text up to one of `ends` that no bracket or string holds, not with it. */
  until(ends: string, what: string): string {
    this.skip();
    const from = this.at;
    const open: string[] = [];
    for (; this.at < this.text.length; this.at++) {
      const c = this.text[this.at];
      if (!open.length && ends.includes(c)) break;
      if (c === '"') {
        const string = /"(?:[^"\\]|\\.)*"/y;
        string.lastIndex = this.at;
        const found = string.exec(this.text);
        if (!found) this.fail('a string is closed');
        this.at += found[0].length - 1;
      } else if (c === '-' && this.text[this.at + 1] === '>') this.at++;
      else if (closing[c]) open.push(closing[c]);
      else if (c === open[open.length - 1]) open.pop();
      else if (')]}>'.includes(c)) this.fail(`${open[open.length - 1] ?? what} comes here`);
    }
    const found = this.text.slice(from, this.at).trim();
    if (!found) this.fail(`${what} comes here`);
    return found;
  }

  /** `loc(...)` after an operation, an argument or a module, if it is there. */
  skipLocation(): void {
    if (!this.take('loc(')) return;
    if (!this.isAt(')')) this.until(')', 'a location');
    this.expect(')');
  }

  /** `{name = text, flag}`; a flag's text is `unit`. */
  attributes(): Record<string, string> {
    const entries = this.list('{', '}', () => {
      const key = this.match(/"[^"]*"|[\w.$]+/, 'the name of an attribute').replace(/"/g, '');
      return [key, this.take('=') ? this.until(',}', 'an attribute') : 'unit'] as const;
    });
    return Object.fromEntries(entries);
  }
}
