/** Calls of XLA FFI handlers: native ones, which packages register with a plugin, and JavaScript callbacks. */
import { ShapeError, shown } from '../../errors';
import { rangeOf, type TensorType } from '../../types';
import { attr, floatText } from '../mlir';
import { customCall, type CustomCallOptions } from './control';
import type { Tensor } from './core';

const integers = ['i8', 'i16', 'i32', 'i64', 'ui8', 'ui16', 'ui32', 'ui64'] as const;
const floats = ['f32', 'f64'] as const;
type ScalarDType = (typeof integers)[number] | (typeof floats)[number];

// The arrays that an attribute may be, by the type of their elements. XLA's FFI has none of unsigned integers.
const arrays = {
  Int8Array: 'i8',
  Int16Array: 'i16',
  Int32Array: 'i32',
  BigInt64Array: 'i64',
  Float32Array: 'f32',
  Float64Array: 'f64',
} as const;

/** A number of a dtype of its own: `scalar('i32', 3)`. */
export interface AttributeScalar {
  readonly dtype: ScalarDType;
  readonly value: number | bigint;
}

/**
 * What a handler is told with a call: a boolean is an i1, a number an f64, a bigint an i64, `scalar('i32', 3)` a number of another dtype; a
 * string, a typed array, or a dictionary of all of these. A handler takes exactly the type that it asks for.
 */
export type Attribute =
  | boolean
  | number
  | bigint
  | string
  | AttributeScalar
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | { readonly [name: string]: Attribute };

class ScalarValue implements AttributeScalar {
  constructor(
    readonly dtype: ScalarDType,
    readonly value: number | bigint,
  ) {}
}

/** A number of a dtype, as an attribute. Throws ShapeError for another dtype, or a value that it does not have. */
export function scalar(dtype: ScalarDType, value: number | bigint): AttributeScalar {
  const isFloat = floats.includes(dtype as never);
  if (!isFloat && !integers.includes(dtype as never))
    throw new ShapeError(`a scalar attribute is one of ${[...integers, ...floats].join(', ')}; got ${shown(dtype)}`);
  if (isFloat && typeof value !== 'number') throw new ShapeError(`a scalar attribute of ${dtype} is a number; got ${shown(value)}`);
  if (!isFloat) {
    const [low, high] = rangeOf(dtype);
    const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
    if (!isWhole || BigInt(value) < low || BigInt(value) > high)
      throw new ShapeError(`a scalar attribute of ${dtype} is a whole number from ${low} to ${high}; got ${shown(value)}`);
  }
  return Object.freeze(new ScalarValue(dtype, value));
}

export interface FfiCallOptions extends Pick<CustomCallOptions, 'results' | 'hasSideEffect' | 'outputOperandAliases'> {
  /** By name; none unless given. */
  readonly attributes?: { readonly [name: string]: Attribute };
}

/**
 * A call (api_version 4) of the handler that is registered as `target`: `Plugin.register`. Its results' types are the caller's word.
 *
 *     const [y] = ffiCall('acme.scale', [x], { results: [x.type], attributes: { factor: 0.5 } });
 */
export function ffiCall(target: string, operands: readonly Tensor[], { attributes = {}, ...options }: FfiCallOptions): Tensor[] {
  return customCall(target, operands, { ...options, backendConfig: texts(attributes, '') });
}

/**
 * A call of the JavaScript function that the thread which runs the program has registered as `name`: `Plugin.callback`. It happens also
 * where nothing reads its results, of which there may be none. Two calls are in the order of their data: where one has to come after the
 * other, pass a result of the first to the second.
 */
export function callback(name: string, operands: readonly Tensor[], results: readonly TensorType[] = []): Tensor[] {
  return ffiCall('node_pjrt_callback', operands, { results, hasSideEffect: true, attributes: { name } });
}

function texts(attributes: { readonly [name: string]: Attribute }, path: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => {
      if (!/^[A-Za-z_][\w$.]*$/.test(name))
        throw new ShapeError(
          `the name of an attribute is a letter or _ and then letters, digits, _, $ and dots; got ${JSON.stringify(name)}`,
        );
      return [name, text(`${path}${name}`, value)];
    }),
  );
}

function text(path: string, value: Attribute): string {
  if (typeof value === 'boolean') return attr.boolean(value);
  if (typeof value === 'string') return attr.string(value);
  if (typeof value === 'number') return attr.float(value, 'f64');
  if (typeof value === 'bigint') return text(path, scalar('i64', value));
  if (value instanceof ScalarValue) return scalarText(value);
  if (ArrayBuffer.isView(value)) return arrayText(path, value);
  const isPlain = typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (isPlain) return attr.dictionary(texts(value as { readonly [name: string]: Attribute }, `${path}.`));
  const got = Array.isArray(value) ? 'a plain array, whose elements have no type' : String(value);
  throw new ShapeError(
    `an attribute is a boolean, number, bigint, string, scalar, typed array or a dictionary of these; ${path} is ${got}`,
  );
}

function scalarText({ dtype, value }: AttributeScalar): string {
  return floats.includes(dtype as never) ? attr.float(value as number, dtype) : attr.integer(value, dtype);
}

function arrayText(path: string, value: ArrayBufferView & Iterable<number | bigint>): string {
  // Not instanceof: an array may come from another realm.
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (!Object.hasOwn(arrays, kind))
    throw new ShapeError(`an array attribute is one of ${Object.keys(arrays).join(', ')}; ${path} is a ${kind}`);
  const dtype = arrays[kind as keyof typeof arrays];
  const elements = [...value].map((each) => (typeof each === 'number' && dtype.startsWith('f') ? floatText(each, dtype) : String(each)));
  return elements.length ? `array<${dtype}: ${elements.join(', ')}>` : attr.array([], dtype);
}
