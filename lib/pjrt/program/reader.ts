/**
 * Reads a program's text before a plugin does. A plugin checks most of what it is given, but some input ends it with an abort or a
 * segmentation fault, and this process with it. So the text is read once, as tokens, and refused for the rules below. What is merely
 * wrong is left to the plugin, which says it better.
 */
import { ShapeError } from '../../errors';
import { isDType, maxElements, type TensorType } from '../../types';
import { checkCalls } from '../calls';
import { Divisors } from './divisors';
import { Hazards } from './hazards';
import { type Kind, Scanner } from './scanner';
import { Turn } from '../turns';

/**
 * Brackets within brackets, counted on through calls. A plugin walks all of these by recursion and runs out of stack (8 MiB) between
 * 2,000 and 5,000 regions in regions, 600 and 1,000 calls one in another, or 5,000 and 20,000 attributes.
 */
const maxNesting = 256;
/** Operations that wait for somebody outside of the program, and so for ever. */
const waiting = new Set(['infeed', 'outfeed', 'send', 'recv']);
const opaque = new Set(['custom_call', 'while']);

/** An argument or result as it is written: what is said of it. */
export interface RawPort {
  name?: string;
  type?: TensorType;
  info?: string;
  donated?: boolean;
}

/** A function as it is written. */
export interface Func {
  name: string;
  inputs: RawPort[];
  outputs: RawPort[];
  hasBody: boolean;
  /** Written in MLIR's generic form, where the name may come after the body. */
  readonly generic: boolean;
  /** Brackets around its body, and the most inside of it. */
  depth: number;
  nesting: number;
  /** Names it mentions, with the brackets around that, inside of it. */
  readonly mentions: Map<string, number>;
}

const element = /complex<f(?:32|64)>|\w+/y;
// What a character does to the number of open brackets.
const turns = new Int8Array(128);
for (const opening of '([{<') turns[opening.charCodeAt(0)] = 1;
for (const closing of ')]}>') turns[closing.charCodeAt(0)] = -1;

export class Reader {
  opaque = false;
  readonly hazards = new Hazards();
  readonly divisors: Divisors;
  readonly #scanner: Scanner;
  readonly #functions = new Map<string, Func>();
  /** Functions whose bodies are being read, the innermost last. */
  readonly #open: Func[] = [];
  #depth = 0;
  #minuses = 0;
  #isTarget = false;
  #again = false;
  #isTensor = false;
  #type: TensorType | undefined;

  constructor(text: string) {
    this.#scanner = new Scanner(text);
    this.divisors = new Divisors(text);
  }

  /** Reads it all and returns `@main`. Others get their turn every few milliseconds: 27 MB of decimals take 350 ms. */
  async read(): Promise<Func> {
    const scanner = this.#scanner;
    const turn = new Turn();
    let tokens = 0;
    for (let kind = this.#next(); kind !== 'end'; kind = this.#next()) {
      if (++tokens % 1024 === 0 && turn.isOver) await turn.next();
      if (kind === 'word' && scanner.is('func.func')) this.#function();
      else if (kind === 'string' && scanner.is('"func.func"')) this.#genericFunction();
      else if (kind === 'mark' && scanner.is('}') && this.#open.at(-1)?.depth === this.#depth) this.#close(this.#open.pop() as Func);
    }
    this.hazards.end();
    const main = this.#functions.get('main');
    if (!main) throw new ShapeError('a program is MLIR text with a function @main; this text has none');
    for (const { name, hasBody } of this.#functions.values())
      if (!hasBody) throw new ShapeError(`a function has a body; @${name} has none`);
    checkCalls(this.#functions, maxNesting);
    return main;
  }

  #fail(rule: string): never {
    const line = this.#scanner.text.slice(0, this.#scanner.start).split('\n').length;
    throw new ShapeError(`${rule} (line ${line})`);
  }

  /** The next token, with what every token is checked for. A tensor type's opening and dimensions count as one token, `#isTensor`. */
  #next(): Kind {
    const scanner = this.#scanner;
    if (this.#again) {
      this.#again = false;
      return scanner.kind;
    }
    const kind = scanner.next();
    this.#isTensor = false;
    this.hazards.token(kind, scanner);
    this.divisors.token(kind, scanner);
    if (kind === 'mark') {
      this.#mark();
      return kind;
    }
    this.#minuses = 0;
    if (kind === 'word' || kind === 'string') this.#word();
    else if (kind === 'symbol' && !this.#isTarget) this.#mention();
    if (kind === 'symbol') this.#isTarget = false;
    return kind;
  }

  #mark(): void {
    const { text, start, end } = this.#scanner;
    if (end - start === 2) return;
    const turn = turns[text.charCodeAt(start)];
    if (turn > 0) this.#deeper();
    else if (turn < 0 && this.#depth > 0) this.#depth--;
    else if (text[start] === '-' && ++this.#minuses > maxNesting) this.#fail(`at most ${maxNesting} minus signs follow one another`);
  }

  #deeper(): void {
    if (++this.#depth > maxNesting) this.#fail(`brackets nest at most ${maxNesting} deep`);
    const inside = this.#open.at(-1);
    if (inside) inside.nesting = Math.max(inside.nesting, this.#depth - inside.depth);
  }

  #word(): void {
    const scanner = this.#scanner;
    const { text } = scanner;
    const start = scanner.start + (scanner.kind === 'string' ? 1 : 0);
    if (text.startsWith('stablehlo.', start)) {
      const operation = text.slice(start + 10, scanner.end - (start - scanner.start));
      if (waiting.has(operation)) this.#fail(`a program has inputs and outputs only: stablehlo.${operation} waits for ever`);
      if (opaque.has(operation)) this.opaque = true;
      this.#isTarget = operation === 'custom_call';
      this.hazards.operation(operation);
    } else if (scanner.is('tensor')) this.#tensor();
  }

  #mention(): void {
    const inside = this.#open.at(-1);
    if (!inside) return;
    const name = this.#scanner.value;
    inside.mentions.set(name, Math.max(inside.mentions.get(name) ?? 0, this.#depth - inside.depth));
  }

  #tensor(): void {
    const scanner = this.#scanner;
    const { text } = scanner;
    this.#type = undefined;
    let at = scanner.skip(scanner.end);
    if (text[at] !== '<') return;
    this.#isTensor = true;
    this.#deeper();
    at = scanner.skip(at + 1);
    const shape: number[] = [];
    let elements = 1;
    for (;;) {
      if (text[at] === '?') this.#fail('a tensor has a static shape; got a dimension ?');
      let end = at;
      while (text[end] >= '0' && text[end] <= '9') end++;
      if (end === at) break;
      const dimension = Number(text.slice(at, end));
      shape.push(dimension);
      // As `tensor` counts them.
      elements *= Math.max(dimension, 1);
      at = scanner.skip(end);
      if (text[at] !== 'x') break;
      at = scanner.skip(at + 1);
    }
    if (elements > maxElements) this.#fail(`a tensor has at most 2^40 elements; got ${shape.join('x')}`);
    scanner.end = at;
    element.lastIndex = at;
    const dtype = element.exec(text)?.[0] ?? '';
    this.hazards.elements.add(dtype);
    if (isDType(dtype) && text[scanner.skip(at + dtype.length)] === '>') this.#type = { dtype, shape };
  }

  /** `func.func private @name(...) -> (...) attributes {...} {`; its body is read by `read`. */
  #function(): void {
    while (this.#next() === 'word');
    const name = this.#scanner.kind === 'symbol' ? this.#scanner.value : undefined;
    if (name === undefined || !this.#isMark('(')) return void this.#back();
    const func = newFunc(false, name);
    [func.inputs, func.outputs] = this.#signature();
    if (this.#next() === 'word' && this.#scanner.is('attributes')) {
      if (this.#isMark('{')) this.#leave(this.#depth - 1);
      this.#next();
    }
    if (!this.#scanner.is('{')) {
      this.#register(func);
      return void this.#back();
    }
    this.#enter(func);
  }

  /** `"func.func"() <{properties}> ({ ^bb0(...): body }) {attributes} : () -> ()`, up to the body or the end of it. */
  #genericFunction(): void {
    if (!this.#isMark('(')) return void this.#back();
    this.#leave(this.#depth - 1);
    this.#genericRest(newFunc(true, ''));
  }

  #genericRest(func: Func): void {
    const depth = this.#depth;
    while (this.#next() === 'mark') {
      if (this.#scanner.is('<') || this.#scanner.is('{')) this.#attributes(func, depth);
      else if (!this.#scanner.is('(') || func.hasBody || !this.#isMark('{')) break;
      else return void this.#enter(func);
    }
    this.#register(func);
    this.#back();
  }

  #attributes(func: Func, depth: number): void {
    while (this.#next() !== 'end' && this.#depth > depth) {
      if (this.#scanner.kind !== 'word') continue;
      const key = this.#scanner.value;
      if (!['sym_name', 'function_type', 'arg_attrs', 'res_attrs'].includes(key) || !this.#isMark('=')) continue;
      this.#next();
      if (key === 'sym_name') func.name = this.#scanner.value;
      else if (key === 'function_type')
        [func.inputs, func.outputs] = this.#signature().map((ports, i) => merged(ports, i ? func.outputs : func.inputs));
      else if (key === 'arg_attrs') func.inputs = merged(func.inputs, this.#ports());
      else func.outputs = merged(func.outputs, this.#ports());
    }
  }

  /** At the `{` of its body. */
  #enter(func: Func): void {
    func.depth = this.#depth - 1;
    this.#open.push(func);
    this.#next();
    if (func.generic && this.#scanner.text[this.#scanner.start] === '^' && this.#isMark('(')) {
      func.inputs = merged(func.inputs, this.#ports());
      this.#next(); // :
      this.#next();
    }
    func.hasBody = !this.#scanner.is('}');
    this.#back();
  }

  #close(func: Func): void {
    if (!func.generic) this.#register(func);
    else {
      this.#next(); // the region's )
      this.#genericRest(func);
    }
  }

  #register(func: Func): void {
    if (!this.#functions.has(func.name)) this.#functions.set(func.name, func);
  }

  /** At a `(`: arguments, and what `->` gives. */
  #signature(): [RawPort[], RawPort[]] {
    const inputs = this.#ports();
    if (this.#next() !== 'mark' || !this.#scanner.is('->')) {
      this.#back();
      return [inputs, []];
    }
    const depth = this.#depth;
    this.#next();
    if (this.#scanner.is('(')) return [inputs, this.#ports()];
    const type = this.#isTensor ? this.#type : undefined;
    if (this.#depth === depth && this.#scanner.text[this.#scanner.skip(this.#scanner.end)] === '<') this.#next();
    this.#leave(depth);
    return [inputs, [{ type }]];
  }

  /** At an opening bracket: what is between its commas, and on to the closing one. */
  #ports(): RawPort[] {
    const depth = this.#depth;
    const ports: RawPort[] = [];
    let port: RawPort | undefined;
    while (this.#next() !== 'end' && this.#depth >= depth) {
      const scanner = this.#scanner;
      if (!port) {
        port = {};
        ports.push(port);
      }
      if (scanner.kind === 'mark' && scanner.is(',') && this.#depth === depth) port = undefined;
      else if (scanner.kind !== 'word') continue;
      else if (scanner.text[scanner.start] === '%') port.name ??= scanner.value.slice(1);
      else if (this.#isTensor && this.#depth === depth + 1) port.type ??= this.#type;
      else if (scanner.is('tf.aliasing_output') || scanner.is('jax.buffer_donor')) port.donated = true;
      else if (scanner.is('jax.result_info') && this.#isMark('=') && this.#next() === 'string') port.info = scanner.value;
    }
    return ports;
  }

  /** Reads on until no more brackets than `depth` are open. */
  #leave(depth: number): void {
    while (this.#depth > depth && this.#next() !== 'end');
  }

  #isMark(mark: string): boolean {
    return this.#next() === 'mark' && this.#scanner.is(mark);
  }

  #back(): void {
    this.#again = true;
  }
}

function newFunc(generic: boolean, name: string): Func {
  return { name, inputs: [], outputs: [], hasBody: false, generic, depth: 0, nesting: 0, mentions: new Map() };
}

/** Ports of which each list knows a part. */
function merged(a: readonly RawPort[], b: readonly RawPort[]): RawPort[] {
  return (a.length ? a : b).map((_, i) => ({ ...a[i], ...b[i] }));
}
