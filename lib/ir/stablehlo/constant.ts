/** Constants: one value everywhere, a few written out, or many as bytes. */
import { ShapeError } from '../../errors';
import { type DType, type TensorType, dtypes, hostLength, isNarrowFloat, rangeOf, sizeOf, tensor, toBits, typeText } from '../../types';
import { floatText } from '../mlir';
import { type Operand, type Scalar, type Tensor, broken, checkAxes, isTensor, kindOf, op } from './core';

// Lists up to this long are written in decimal, to be read. The CPU plugin takes 1.3 s for 4 MB in decimal, 0.4 s for 32 MB in hexadecimal.
const READABLE = 16;
// A JavaScript string has at most 2^29 characters, and each byte takes two.
const MOST_BYTES = 2 ** 27;

/** Any typed array. */
type Elements = ArrayBufferView & ArrayLike<number | bigint>;

/**
 * A constant of `type`. `value` is one number for every element; or a list with a number for each element, row-major; or the elements'
 * bits in the array that holds `type.dtype` on the host (for bf16 and f16, a Float32Array of values also does). A number of a complex
 * dtype is its real part.
 */
export function constant(value: Scalar | readonly Scalar[] | Elements, type: TensorType): Tensor {
  if (typeof value !== 'object') return dense(type, sizeOf(type) ? element(value, type.dtype) : '');
  const length = ArrayBuffer.isView(value) ? hostLength(type) : sizeOf(type);
  if (value.length !== length)
    broken('constant', 'C1', `a list has a value for each of the ${length} elements of ${typeText(type)}`, `${value.length}`);
  if (ArrayBuffer.isView(value)) return fromArray(value, type);
  // fp4 and fp8 kinds stay in decimal: the plugin's parser is the one place that rounds to them.
  const readable = value.length <= READABLE || (kindOf(type.dtype) === 'float' && dtypes[type.dtype].bytes === 1);
  if (!readable) return fromArray(hostArray(value, type.dtype), type);
  const texts = value.map((each) => element(each, type.dtype));
  return dense(type, nested(texts, type.shape));
}

/** 0, 1, 2, ... along one axis, the same along all others. */
export function iota(type: TensorType, dimension: number): Tensor {
  if (kindOf(type.dtype) === 'boolean') broken('iota', 'output', 'the result is of integer or float type', typeText(type));
  checkAxes('iota', 'C1', 'dimension', [dimension], type.shape.length);
  return op('iota', [], type, { iota_dimension: `${dimension} : i64` });
}

/** `value` itself, or the constant of `type` that a number stands for. */
export function lift(value: Operand, type: TensorType): Tensor {
  return isTensor(value) ? value : constant(value, type);
}

function dense(type: TensorType, text: string): Tensor {
  return op('constant', [], type, { value: `dense<${text}> : ${typeText(type)}` });
}

function fromArray(array: Elements, type: TensorType): Tensor {
  const { dtype, shape } = type;
  const given = array.constructor.name;
  if (isNarrowFloat(dtype) && given === 'Float32Array') return fromArray(toBits(dtype, array as ArrayLike<number>), type);
  if (given !== dtypes[dtype].host.name)
    broken('constant', 'C1', `a constant of ${dtype} comes from a list of numbers or a ${dtypes[dtype].host.name}`, `a ${given}`);
  if (array.byteLength > MOST_BYTES)
    throw new ShapeError(`constant: at most 2^27 bytes; make larger data an input of the program; got ${typeText(type)}`);
  if (!array.length) return dense(type, '');
  // How many bits of a byte an i1 takes in hexadecimal differs between versions of MLIR.
  if (dtype === 'i1') return op('convert', [fromArray(array, tensor('ui8', shape))], type);
  return dense(type, `"0x${Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex').toUpperCase()}"`);
}

function hostArray(values: readonly Scalar[], dtype: DType): Elements {
  for (const value of values) checkElement(value, dtype);
  const part = partOf(dtype);
  if (part)
    return hostArray(
      values.flatMap((value) => [value, 0]),
      part,
    );
  if (isNarrowFloat(dtype)) return toBits(dtype, values as readonly number[]);
  const array = new dtypes[dtype].host(values.length);
  const wide = array.BYTES_PER_ELEMENT === 8 && kindOf(dtype) !== 'float';
  for (let i = 0; i < values.length; i++) array[i] = wide ? BigInt(values[i]) : Number(values[i]);
  return array;
}

/** The dtype of a complex dtype's real and imaginary parts. */
function partOf(dtype: DType): 'f32' | 'f64' | undefined {
  if (dtype === 'complex<f32>') return 'f32';
  return dtype === 'complex<f64>' ? 'f64' : undefined;
}

/** One element as MLIR reads it. */
function element(value: Scalar, dtype: DType): string {
  checkElement(value, dtype);
  const kind = kindOf(dtype);
  if (kind === 'boolean') return String(Boolean(value));
  const part = partOf(dtype);
  if (part) return `(${element(value, part)}, ${element(0, part)})`;
  return kind === 'float' ? floatText(value as number, dtype) : String(value);
}

function checkElement(value: Scalar, dtype: DType): void {
  const kind = kindOf(dtype);
  if (kind === 'boolean') {
    if (typeof value !== 'boolean' && value !== 0 && value !== 1) broken('constant', 'C1', 'an i1 is true or false', String(value));
  } else if (kind === 'float' || kind === 'complex') {
    if (typeof value !== 'number') broken('constant', 'C1', `a value of ${dtype} is a number`, `${typeof value} ${value}`);
  } else {
    const [low, high] = rangeOf(dtype);
    const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
    if (!whole || value < low || value > high)
      broken('constant', 'C1', `a value of ${dtype} is a whole number from ${low} to ${high} (past 2^53, a bigint)`, String(value));
  }
}

/** `[[a, b], [c, d]]` */
function nested(texts: readonly string[], shape: readonly number[]): string {
  if (!texts.length) return '';
  let level = texts;
  for (const size of [...shape].reverse())
    level = Array.from({ length: level.length / size }, (_, i) => `[${level.slice(i * size, (i + 1) * size).join(', ')}]`);
  return level[0];
}
