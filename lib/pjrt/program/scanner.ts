/**
 * MLIR's tokens, read in place: one pass, time linear in the text, nothing copied but the names that are asked for. Strings, of which a
 * constant's bytes may be one, are skipped at the speed of indexOf.
 */

export type Kind = 'end' | 'string' | 'symbol' | 'word' | 'number' | 'mark';

const code = (character: string) => character.charCodeAt(0);
const [quote, slash, at, backslash] = ['"', '/', '@', '\\'].map(code);

// What a character may be part of: 1 a word's first, 2 a word's later, 4 that of a name with a sigil (%arg-0, #map, !type, ^bb0), 8 a
// sigil, 16 space.
const classes = new Uint8Array(128);
for (const [characters, bits] of [
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_', 1 | 2 | 4],
  ['0123456789$.', 2 | 4],
  ['-', 4],
  ['%#!^', 8],
  [' \t\r\n', 16],
] as const)
  for (const character of characters) classes[code(character)] |= bits;

const is = (character: number, bits: number) => character < 128 && (classes[character] & bits) !== 0;

export class Scanner {
  /** The last token: its kind, and where it begins and ends. A number is 1.5e of 1.5e-3, or 2x3xf32; a mark is a character, `->` or `>=`. */
  kind: Kind = 'end';
  start = 0;
  end = 0;

  constructor(readonly text: string) {}

  /** Moves on to the next token. */
  next(): Kind {
    const { text } = this;
    this.start = this.skip(this.end);
    const first = text.charCodeAt(this.start);
    if (Number.isNaN(first)) return this.#token('end', this.start);
    if (first === quote) return this.#token('string', this.#stringEnd(this.start));
    if (first === at) {
      const quoted = text.charCodeAt(this.start + 1) === quote;
      return this.#token('symbol', quoted ? this.#stringEnd(this.start + 1) : this.#run(this.start + 1, 4));
    }
    if (is(first, 1)) return this.#token('word', this.#run(this.start + 1, 2));
    if (is(first, 8)) return this.#token('word', this.#run(this.start + 1, 4));
    if (is(first, 2)) return this.#token('number', this.#run(this.start + 1, 2));
    return this.#token('mark', this.start + (text.startsWith('->', this.start) || text.startsWith('>=', this.start) ? 2 : 1));
  }

  /** Whether the last token is spelled so. */
  is(spelling: string): boolean {
    return this.end - this.start === spelling.length && this.text.startsWith(spelling, this.start);
  }

  /** The last token's text; of a string or symbol, the name. */
  get value(): string {
    const start = this.start + (this.kind === 'symbol' ? 1 : 0);
    return this.text.charCodeAt(start) === quote ? this.text.slice(start + 1, this.end - 1) : this.text.slice(start, this.end);
  }

  /** The first place from `at` on that is neither space nor comment. */
  skip(at: number): number {
    for (let i = at; ; ) {
      const character = this.text.charCodeAt(i);
      if (is(character, 16)) i++;
      else if (character === slash && this.text.charCodeAt(i + 1) === slash) i = this.#after(this.text.indexOf('\n', i));
      else return i;
    }
  }

  #token(kind: Kind, end: number): Kind {
    this.end = end;
    this.kind = kind;
    return kind;
  }

  #run(from: number, bits: number): number {
    let i = from;
    while (is(this.text.charCodeAt(i), bits)) i++;
    return i;
  }

  // A string ends at the first quote after an even number of backslashes. That an unfinished one is an error is the plugin's to say.
  #stringEnd(start: number): number {
    for (let i = start + 1; ; i++) {
      i = this.text.indexOf('"', i);
      if (i < 0) return this.text.length;
      let escapes = 0;
      while (this.text.charCodeAt(i - 1 - escapes) === backslash) escapes++;
      if (escapes % 2 === 0) return i + 1;
    }
  }

  #after(index: number): number {
    return index < 0 ? this.text.length : index + 1;
  }
}
