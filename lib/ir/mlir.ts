/**
 * MLIR as data: values, operations and blocks, printed in MLIR's generic form, which every parser of it takes. What an operation means
 * and which types it may have is a dialect's matter (stablehlo/, mosaic/); here is only the structure they share.
 */
import { ShapeError, shown } from '../errors';

/** The result of an operation, or a block's argument. `T` is the dialect's type. */
export class Value<T> {
  constructor(
    readonly type: T,
    readonly owner: Block<T>,
  ) {}
}

export interface Operation<T> {
  readonly name: string;
  readonly operands: readonly Value<T>[];
  readonly results: readonly Value<T>[];
  /** Attribute name to MLIR text. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly regions: readonly Block<T>[];
}

/** A list of operations with arguments: the one block of a region. */
export class Block<T> {
  readonly args: readonly Value<T>[];
  readonly operations: Operation<T>[] = [];
  /** Operations without operands that stand before all others, by what they say: see `shared`. */
  readonly shared = new Map<string, Value<T>>();
  constructor(
    types: readonly T[],
    readonly parent?: Block<T>,
  ) {
    this.args = types.map((type) => new Value(type, this));
  }
}

// Where operations go: the innermost region whose body is running. Bodies are synchronous, so one variable is enough.
let current: Block<unknown> | undefined;

/** Runs `body` with the block's arguments; the operations it makes go into the block. */
export function region<T>(types: readonly T[], body: (...args: Value<T>[]) => void): Block<T> {
  const outer = current;
  const block = new Block<T>(types, outer as Block<T> | undefined);
  current = block as Block<unknown>;
  try {
    body(...block.args);
  } finally {
    current = outer;
  }
  return block;
}

/** Like `region`, for a function's body: nothing of what encloses it is visible inside. */
export function isolated<T>(types: readonly T[], body: (...args: Value<T>[]) => void): Block<T> {
  const outer = current;
  current = undefined;
  try {
    return region(types, body);
  } finally {
    current = outer;
  }
}

/** Appends an operation to the block being built and returns its results. */
export function emit<T>(
  name: string,
  operands: readonly Value<T>[],
  results: readonly T[],
  attributes: Readonly<Record<string, string>> = {},
  regions: readonly Block<T>[] = [],
): Value<T>[] {
  const block = current as Block<T> | undefined;
  if (!block) throw new ShapeError(`an operation is made inside a program's body; ${name} was made outside of one`);
  for (const [i, operand] of operands.entries())
    if (!isVisible(operand, block))
      throw new ShapeError(
        'an operand comes from the body that uses it or one that this body sees into; ' +
          `operand ${i} of ${name} comes from another program, a body that has ended, or outside of one that sees only its arguments`,
      );
  const values = results.map((type) => new Value(type, block));
  block.operations.push({ name, operands, results: values, attributes, regions });
  return values;
}

/**
 * The result of an operation without operands, such as a constant: made once for the whole function, before all else. A kernel has a
 * thousand constants and fifty different ones.
 */
export function shared<T>(name: string, result: T, key: string, attributes: () => Readonly<Record<string, string>>): Value<T> {
  let root = current as Block<T> | undefined;
  if (!root) throw new ShapeError(`an operation is made inside a program's body; ${name} was made outside of one`);
  while (root.parent) root = root.parent;
  const known = root.shared.get(key);
  if (known) return known;
  const value = new Value(result, root);
  root.operations.splice(root.shared.size, 0, { name, operands: [], results: [value], attributes: attributes(), regions: [] });
  root.shared.set(key, value);
  return value;
}

function isVisible<T>(value: Value<T>, from: Block<T>): boolean {
  for (let block: Block<T> | undefined = from; block; block = block.parent) if (block === value.owner) return true;
  return false;
}

/** Attribute texts. */
export const attr = {
  string: (value: string) => {
    // A kernel's text is 200 kB of base64 in quotes.
    if (/^[ !#-[\]-~"]*$/.test(value)) return `"${value.replaceAll('"', '\\22')}"`;
    return `"${Buffer.from(value, 'utf8')
      .toString('latin1')
      .replace(/[^ -~]|["\\]/g, escaped)}"`;
  },
  integer: (value: number | bigint, type = 'i64') => `${value} : ${type}`,
  float: (value: number, type = 'f32') => `${floatText(value, type)} : ${type}`,
  boolean: (value: boolean) => String(value),
  array: (values: readonly (number | bigint | boolean)[], type = 'i64') =>
    values.length ? `array<${type}: ${values.join(', ')}>` : `array<${type}>`,
  list: (texts: readonly string[]) => `[${texts.join(', ')}]`,
  dictionary: (entries: Readonly<Record<string, string>>) => `{${entriesText(entries)}}`,
};

function escaped(byte: string): string {
  return `\\${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** A float as MLIR reads it back exactly: the shortest decimal that does, or, where decimal cannot say it, the bits in hexadecimal. */
export function floatText(value: number, type: string): string {
  if (Number.isFinite(value) && !Object.is(value, -0)) {
    const [digits, exponent] = String(value).split('e');
    return `${digits}${digits.includes('.') ? '' : '.0'}${exponent ? `e${exponent}` : ''}`;
  }
  const negative = value < 0 || Object.is(value, -0);
  const bits: Record<string, [zero: bigint, infinite: bigint, nan: bigint]> = {
    f16: [0x8000n, 0x7c00n, 0x7e00n],
    bf16: [0x8000n, 0x7f80n, 0x7fc0n],
    f32: [0x80000000n, 0x7f800000n, 0x7fc00000n],
    f64: [0x8000000000000000n, 0x7ff0000000000000n, 0x7ff8000000000000n],
  };
  const row = bits[type];
  if (!row) throw new ShapeError(`${type} constants are finite numbers; got ${shown(value)}`);
  const [sign, infinite, nan] = row;
  const magnitude = Number.isNaN(value) ? nan : value === 0 ? 0n : infinite;
  return `0x${((negative ? sign : 0n) | magnitude).toString(16).toUpperCase().padStart(sign.toString(16).length, '0')}`;
}

function entriesText(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, text]) => `${name} = ${text}`)
    .join(', ');
}

/** A function's operations, one a line; `names` has its arguments'. */
export function printBlock<T>(block: Block<T>, spell: (type: T) => string, indent: string, names: Map<Value<T>, string>): string {
  const pieces: string[] = [];
  const writer = { spell: remembered(spell), names, pieces };
  for (const operation of block.operations) writeOperation(operation, writer, indent);
  return pieces.join('');
}

/** `{ ^bb0(...): ... }`, as an operation's region. Names are local to a function. `spell` writes a type. */
export function printRegion<T>(block: Block<T>, spell: (type: T) => string, indent: string): string {
  // Pieces joined once: a kernel is 200 kB, and a string that grows is a tree to be flattened.
  const pieces: string[] = [];
  writeRegion(block, { spell: remembered(spell), names: new Map(), pieces }, indent);
  return pieces.join('');
}

/** A value's type is written wherever it is used. */
function remembered<T>(spell: (type: T) => string): (type: T) => string {
  const known = new Map<T, string>();
  return (type) => {
    let text = known.get(type);
    if (text === undefined) {
      text = spell(type);
      known.set(type, text);
    }
    return text;
  };
}

interface Writer<T> {
  readonly spell: (type: T) => string;
  /** Of values of this function: those of enclosing blocks too. */
  readonly names: Map<Value<T>, string>;
  readonly pieces: string[];
}

// Pieces are flat strings: joining strings that were themselves put together takes three times as long.
function writeRegion<T>(block: Block<T>, writer: Writer<T>, indent: string): void {
  const { spell, names, pieces } = writer;
  pieces.push('{\n');
  if (block.args.length) {
    pieces.push(indent, '^bb0(');
    for (const [i, value] of block.args.entries()) pieces.push(i ? ', ' : '', name(names, value), ': ', spell(value.type));
    pieces.push('):\n');
  }
  const inner = `${indent}  `;
  for (const operation of block.operations) writeOperation(operation, writer, inner);
  pieces.push(indent, '}');
}

function writeOperation<T>({ name: title, operands, results, attributes, regions }: Operation<T>, writer: Writer<T>, indent: string): void {
  const { spell, names, pieces } = writer;
  pieces.push(indent);
  for (let i = 0; i < results.length; i++) pieces.push(i ? ', ' : '', name(names, results[i]));
  pieces.push(results.length ? ' = "' : '"', title, '"(');
  for (let i = 0; i < operands.length; i++) pieces.push(i ? ', ' : '', name(names, operands[i]));
  pieces.push(')');
  for (let i = 0; i < regions.length; i++) {
    pieces.push(i ? ', ' : ' (');
    writeRegion(regions[i], writer, indent);
  }
  if (regions.length) pieces.push(')');
  let open = ' {';
  for (const key in attributes) {
    pieces.push(open, key, ' = ', attributes[key]);
    open = ', ';
  }
  pieces.push(open === ' {' ? ' : (' : '} : (');
  for (let i = 0; i < operands.length; i++) pieces.push(i ? ', ' : '', spell(operands[i].type));
  pieces.push(results.length === 1 ? ') -> ' : ') -> (');
  for (let i = 0; i < results.length; i++) pieces.push(i ? ', ' : '', spell(results[i].type));
  pieces.push(results.length === 1 ? '\n' : ')\n');
}

function name<T>(names: Map<Value<T>, string>, value: Value<T>): string {
  let text = names.get(value);
  if (!text) {
    text = `%${names.size}`;
    names.set(value, text);
  }
  return text;
}
