/** Parses a kernel's module, printed in MLIR's generic form in the versioned Mosaic dialect: by this library (kernel.ts) or by others. */
import { ShapeError } from '../errors';
import { type GridDimension, type KernelModule, checkVersion } from './kernel';
import { Block, Value } from './mlir';
import { isElement, isSpace, type MosaicType, type Ref, ref, rows, scalar, spell, type V, vector } from './mosaic';
import { check, integers, prefix } from './mosaic/row';
import { Scanner } from './scan';

export interface ParsedModule extends KernelModule {
  /** Of the dialect, as the module tells it. */
  readonly version: number;
}

interface ParsedFunction {
  readonly body: Block<MosaicType>;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Throws ShapeError, with the line, for text of another form and for an operation that is not in the table or breaks its row's rule. */
export function parseModule(text: string): ParsedModule {
  const scanner = new Scanner(text);
  skipAliases(scanner);
  let attributes: Record<string, string> = {};
  const functions: ParsedFunction[] = [];
  if (scanner.take('"builtin.module"')) {
    scanner.expect('(');
    scanner.expect(')');
    scanner.expect('(');
    functions.push(...functionsOf(scanner));
    scanner.expect(')');
    if (scanner.isAt('{')) attributes = scanner.attributes();
    scanner.expect(':');
    scanner.match(/\(\)\s*->\s*\(\)/, "a module's type, () -> (),");
  } else {
    scanner.expect('module');
    if (scanner.take('attributes')) attributes = scanner.attributes();
    functions.push(...functionsOf(scanner));
  }
  scanner.skipLocation();
  skipAliases(scanner);
  if (!scanner.isAtEnd()) scanner.fail('a module is all of the text');
  const [version] = integers(attributes[`${prefix}version`]);
  if (!version) throw new ShapeError(`mosaic text: a module has a ${prefix}version; got ${JSON.stringify(attributes)}`);
  const module = moduleOf(functions);
  checkVersion(module, version);
  return { ...module, version };
}

/** `#loc1 = loc(...)` lines; locations are not kept. */
function skipAliases(scanner: Scanner): void {
  while (scanner.isAt('#')) {
    scanner.match(/#\w+\s*=\s*/, 'an alias');
    if (!scanner.isAt('loc(')) scanner.fail('aliases are of locations');
    scanner.skipLocation();
  }
}

function functionsOf(scanner: Scanner): ParsedFunction[] {
  const functions: ParsedFunction[] = [];
  scanner.expect('{');
  while (!scanner.take('}')) {
    scanner.expect(`"${prefix}func.func"`);
    scanner.expect('(');
    scanner.expect(')');
    let attributes = scanner.take('<') ? properties(scanner) : {};
    const [body] = scanner.list('(', ')', () => regionOf(scanner, new Map(), undefined));
    if (scanner.isAt('{')) attributes = { ...attributes, ...scanner.attributes() };
    scanner.expect(':');
    scanner.match(/\(\)\s*->\s*\(\)/, "a function's type, () -> (),");
    scanner.skipLocation();
    functions.push({ body, attributes });
  }
  return functions;
}

/** The rest of `<{...}>`. */
function properties(scanner: Scanner): Record<string, string> {
  const found = scanner.attributes();
  scanner.expect('>');
  return found;
}

/** Values by name; a region sees those of what encloses it. */
type Names = Map<string, readonly V[]>;

function regionOf(scanner: Scanner, outer: Names, parent: Block<MosaicType> | undefined): Block<MosaicType> {
  scanner.expect('{');
  const names: Names = new Map(outer);
  let args: { name: string; type: MosaicType }[] = [];
  if (scanner.isAt('^')) {
    scanner.match(/\^\w+/, 'a label');
    if (scanner.isAt('('))
      args = scanner.list('(', ')', () => {
        const name = scanner.match(/%[\w$.-]+/, 'an argument');
        scanner.expect(':');
        const type = typeOf(scanner);
        scanner.skipLocation();
        return { name, type };
      });
    scanner.expect(':');
  }
  const block = new Block<MosaicType>(
    args.map(({ type }) => type),
    parent,
  );
  for (const [i, { name }] of args.entries()) names.set(name, [block.args[i]]);
  while (!scanner.take('}')) {
    if (scanner.isAt('^')) scanner.fail('a region has one block');
    operation(scanner, block, names);
  }
  return block;
}

function operation(scanner: Scanner, block: Block<MosaicType>, names: Names): void {
  const results: { name: string; count: number }[] = [];
  if (scanner.isAt('%')) {
    do {
      const name = scanner.match(/%[\w$.-]+/, 'a result');
      results.push({ name, count: scanner.take(':') ? Number(scanner.match(/\d+/, 'a number of results')) : 1 });
    } while (scanner.take(','));
    scanner.expect('=');
  }
  const name = scanner.match(/"[^"]*"/, "an operation's name").slice(1, -1);
  const row = name.startsWith(prefix) ? rows.get(name.slice(prefix.length)) : undefined;
  if (!row) scanner.fail(`operations are those of lib/ir/mosaic, named ${prefix}<operation>; ${name} is none of them`);
  const operands = scanner.list('(', ')', () => {
    const [base, nth = '0'] = scanner.match(/%[\w$.-]+(#\d+)?/, 'an operand').split('#');
    const value = names.get(base)?.[Number(nth)];
    if (!value) scanner.fail(`an operand is a value of this region or one around it; ${base} is none`);
    return value;
  });
  let attributes = scanner.take('<') ? properties(scanner) : {};
  const regions = scanner.isAt('(') ? scanner.list('(', ')', () => regionOf(scanner, names, block)) : [];
  if (scanner.isAt('{')) attributes = { ...attributes, ...scanner.attributes() };
  scanner.expect(':');
  const operandTypes = scanner.list('(', ')', () => typeOf(scanner));
  scanner.expect('->');
  const resultTypes = scanner.isAt('(') ? scanner.list('(', ')', () => typeOf(scanner)) : [typeOf(scanner)];
  scanner.skipLocation();
  const list = (types: readonly MosaicType[]) => types.map(spell).join(', ');
  if (list(operandTypes) !== list(operands.map(({ type }) => type)))
    scanner.fail(`the operands of ${name} before this have the types of its signature, ${list(operandTypes)}`);
  const values = resultTypes.map((type) => new Value(type, block));
  const form = { name, operands, results: values, attributes, regions };
  try {
    check(row, form);
  } catch (error) {
    scanner.fail(`the operation before this keeps its rule, but ${(error as Error).message}`);
  }
  block.operations.push(form);
  let next = 0;
  for (const result of results) {
    names.set(result.name, values.slice(next, next + result.count));
    next += result.count;
  }
  if (next !== values.length) scanner.fail(`${name} before this has ${values.length} results, not ${next}`);
}

function typeOf(scanner: Scanner): MosaicType {
  const text = scanner.match(/(?:vector|memref)(?=<)|!tpu\.\w+|\w+/, 'a type');
  const element = text.replace('!tpu.', '');
  if (isElement(element)) return scalar(element);
  if (text !== 'vector' && text !== 'memref') scanner.fail(`a type is a vector, a memref or a scalar that is known, not ${text}`);
  scanner.expect('<');
  const sizes: number[] = [];
  const dimensions = scanner.match(/(?:\d+x)*/, 'a shape');
  for (const size of dimensions.split('x').slice(0, -1)) sizes.push(Number(size));
  const of = scanner.match(/!tpu\.\w+|\w+/, 'an element').replace('!tpu.', '');
  if (!isElement(of)) scanner.fail(`elements are i1, i8, i32, index, f32, bf16 and semaphores, not ${of}`);
  if (text === 'vector') {
    scanner.expect('>');
    return vector(of, sizes);
  }
  scanner.expect(',');
  const space = scanner.match(/#tpu\.memory_space<\w+>/, 'a memory space').slice('#tpu.memory_space<'.length, -1);
  if (!isSpace(space)) scanner.fail(`memory spaces are any, hbm, vmem, smem and semaphore_mem, not ${space}`);
  scanner.expect('>');
  return ref(space, of, sizes);
}

function moduleOf(functions: readonly ParsedFunction[]): KernelModule {
  const nameOf = ({ attributes }: ParsedFunction) => attributes.sym_name?.slice(1, -1);
  const main = functions.find(({ attributes }) => attributes.window_params !== undefined || attributes.iteration_bounds !== undefined);
  if (!main) throw new ShapeError('mosaic text: one function has the iteration_bounds and window_params of a kernel; got none');
  const { body, attributes } = main;
  const steps = integers(attributes.iteration_bounds);
  const semantics = [...(attributes.dimension_semantics ?? '').matchAll(/#tpu\.dimension_semantics<(\w+)>/g)].map(([, name]) => name);
  const grid = steps.map((n, d): GridDimension => {
    const name = semantics[d] ?? 'arbitrary';
    if (name !== 'parallel' && name !== 'arbitrary')
      throw new ShapeError(`mosaic text: a dimension of the grid is parallel or arbitrary; got ${name}`);
    return { steps: n, semantics: name };
  });
  const windows = dictionaries(attributes.window_params ?? '[]');
  const types = body.args.map(({ type }) => type);
  const refs = types.slice(grid.length).filter((type): type is Ref => type.kind === 'ref');
  const [prefetched = 0] = integers(attributes.scalar_prefetch);
  const [scratch = 0] = integers(attributes.scratch_operands);
  if (refs.length !== types.length - grid.length || refs.length !== prefetched + windows.length + scratch)
    throw new ShapeError(
      `mosaic text: a kernel takes its place in the grid, then ${prefetched} prefetched, ${windows.length} operands and ${scratch} scratch references; ` +
        `got ${types.map(spell).join(', ')}`,
    );
  const operands = refs.slice(prefetched, prefetched + windows.length).map((type, i) => {
    const { transform_indices: name, window_bounds: bounds, pipeline_mode: mode } = windows[i];
    if (!name) return { type };
    const at = functions.find((candidate) => nameOf(candidate) === name.slice(1));
    if (!at) throw new ShapeError(`mosaic text: a window's transform_indices is a function of the module; got ${name}`);
    return { type, window: { name: name.slice(1), block: integers(bounds), at: at.body, isSynchronous: mode?.includes('synchronous') } };
  });
  const first = prefetched + windows.length;
  return { name: nameOf(main) ?? 'main', grid, prefetch: refs.slice(0, prefetched), operands, scratch: refs.slice(first), body };
}

/** `[{a = b}, {}]` as records. */
function dictionaries(text: string): Record<string, string>[] {
  const scanner = new Scanner(text);
  return scanner.list('[', ']', () => scanner.attributes());
}
