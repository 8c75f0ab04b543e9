/** What the StableHLO builders share: tensors, bundles of them, the wording of a broken rule, and bodies of regions. */
import { ShapeError } from '../../errors';
import { type DType, type TensorType, sameType, tensor, typeText } from '../../types';
import { type Block, Value, emit, isolated, region } from '../mlir';

/** A tensor of the program being built. */
export type Tensor = Value<TensorType>;

/** A number that stands for a constant of a type known from elsewhere. */
export type Scalar = number | bigint | boolean;
export type Operand = Tensor | Scalar;

/** One tensor, or several by name: what a loop carries, a branch gives and a reduction combines. */
export type Bundle = Tensor | { readonly [name: string]: Tensor };

export type Kind = 'boolean' | 'signed' | 'unsigned' | 'float' | 'complex';

export function kindOf(dtype: DType): Kind {
  if (dtype === 'i1') return 'boolean';
  if (dtype.startsWith('complex')) return 'complex';
  if (dtype.startsWith('ui')) return 'unsigned';
  return dtype.startsWith('i') ? 'signed' : 'float';
}

export function isTensor(value: unknown): value is Tensor {
  return value instanceof Value;
}

/** Throws: the operation, the specification's number of the rule, the rule, and what came instead. */
export function broken(operation: string, label: string, rule: string, got: string): never {
  throw new ShapeError(`${operation} (${label}): ${rule}; got ${got}`);
}

/** Appends `stablehlo.<name>` with one result. */
export function op(
  name: string,
  operands: readonly Tensor[],
  result: TensorType,
  attributes?: Readonly<Record<string, string>>,
  regions?: readonly Block<TensorType>[],
): Tensor {
  return emit(`stablehlo.${name}`, operands, [result], attributes, regions)[0];
}

export function list(values: readonly unknown[]): string {
  return `[${values.join(', ')}]`;
}

export function types(tensors: readonly Tensor[]): string {
  return tensors.map((value) => typeText(value.type)).join(' and ');
}

/** Checks that each of `dims` is an axis of a tensor of `rank`. */
export function checkAxes(operation: string, label: string, what: string, dims: readonly number[], rank: number): void {
  if (!dims.every((d) => Number.isInteger(d) && d >= 0 && d < rank)) broken(operation, label, `0 <= ${what} < ${rank}`, list(dims));
}

export function checkUnique(operation: string, label: string, what: string, dims: readonly number[]): void {
  if (new Set(dims).size !== dims.length) broken(operation, label, `${what} do not repeat`, list(dims));
}

export function checkSorted(operation: string, label: string, what: string, dims: readonly number[]): void {
  if (dims.some((d, i) => i > 0 && d < dims[i - 1])) broken(operation, label, `${what} are in ascending order`, list(dims));
}

/** Checks that there are `count` values, and that the numbers among them are whole. */
export function checkCount(operation: string, label: string, what: string, values: readonly unknown[], count: number): void {
  if (values.length !== count) broken(operation, label, `${what} has ${count} ${count === 1 ? 'entry' : 'entries'}`, list(values));
  if (values.some((value) => typeof value === 'number' && !Number.isSafeInteger(value)))
    broken(operation, label, `${what} has whole numbers`, list(values));
}

/** Checks that what a computation returned is of the types it must have. */
export function checkReturn(operation: string, label: string, what: string, got: readonly Tensor[], want: readonly TensorType[]): void {
  if (got.length !== want.length || !got.every((value, i) => isTensor(value) && sameType(value.type, want[i])))
    broken(operation, label, `${what} returns ${want.map(typeText).join(' and ')}`, got.every(isTensor) ? types(got) : 'what is no tensor');
}

export function scalarOf(dtype: DType): TensorType {
  return tensor(dtype, []);
}

/** The tensors of a bundle, in the order of its names. */
export function flatten(bundle: Bundle): Tensor[] {
  return isTensor(bundle) ? [bundle] : Object.values(bundle);
}

/** `values` under the names of `bundle`. */
export function rebuild<B extends Bundle>(bundle: B, values: readonly Tensor[]): B {
  if (isTensor(bundle)) return values[0] as B;
  return Object.fromEntries(Object.keys(bundle).map((name, i) => [name, values[i]])) as B;
}

/** The tensors that a body returned, in the order of `like`'s names; a rule is broken when the names are not the same ones. */
export function flattenLike(operation: string, label: string, what: string, bundle: Bundle, like: Bundle): Tensor[] {
  if (isTensor(like)) return [bundle as Tensor];
  const names = Object.keys(like);
  const got = isTensor(bundle) ? ['one tensor'] : Object.keys(bundle);
  if (got.length !== names.length || !names.every((name) => Object.hasOwn(bundle, name)))
    broken(operation, label, `${what} returns ${names.join(', ')}`, got.join(', '));
  return names.map((name) => (bundle as Record<string, Tensor>)[name]);
}

/** A region that sees the values around it and returns what `body` gives. */
export function open(inputs: readonly TensorType[], body: (...args: Tensor[]) => readonly Tensor[]): Block<TensorType> {
  return region<TensorType>(inputs, (...args) => void emit('stablehlo.return', body(...args), []));
}

/** A region that XLA makes a function of its own: it sees nothing but its arguments. */
export function closed(inputs: readonly TensorType[], body: (...args: Tensor[]) => readonly Tensor[]): Block<TensorType> {
  return isolated<TensorType>(inputs, (...args) => void emit('stablehlo.return', body(...args), []));
}
