/** The one dtype table, tensor types, and what a program is to both halves of the library: named ports and text. */
import { checkObject, ShapeError, shown } from './errors';

/**
 * A row a dtype, keyed by its MLIR spelling: `bytes` per element on the host, `pjrt` its PJRT_Buffer_Type, `host` the array that
 * holds its bits (fp4 and fp8 kinds as bytes, a complex number as its real part and then its imaginary one), `bits` its width where that is no whole number of bytes, `exponent` and `mantissa` the widths of a 16-bit float's fields.
 */
const rows = {
  i1: { bytes: 1, pjrt: 1, host: Uint8Array, bits: 1 },
  i2: { bytes: 1, pjrt: 24, host: Int8Array, bits: 2 },
  i4: { bytes: 1, pjrt: 21, host: Int8Array, bits: 4 },
  i8: { bytes: 1, pjrt: 2, host: Int8Array },
  i16: { bytes: 2, pjrt: 3, host: Int16Array },
  i32: { bytes: 4, pjrt: 4, host: Int32Array },
  i64: { bytes: 8, pjrt: 5, host: BigInt64Array },
  ui2: { bytes: 1, pjrt: 25, host: Uint8Array, bits: 2 },
  ui4: { bytes: 1, pjrt: 22, host: Uint8Array, bits: 4 },
  ui8: { bytes: 1, pjrt: 6, host: Uint8Array },
  ui16: { bytes: 2, pjrt: 7, host: Uint16Array },
  ui32: { bytes: 4, pjrt: 8, host: Uint32Array },
  ui64: { bytes: 8, pjrt: 9, host: BigUint64Array },
  f16: { bytes: 2, pjrt: 10, host: Uint16Array },
  f32: { bytes: 4, pjrt: 11, host: Float32Array },
  f64: { bytes: 8, pjrt: 12, host: Float64Array },
  bf16: { bytes: 2, pjrt: 13, host: Uint16Array },
  'complex<f32>': { bytes: 8, pjrt: 14, host: Float32Array },
  'complex<f64>': { bytes: 16, pjrt: 15, host: Float64Array },
  f4E2M1FN: { bytes: 1, pjrt: 29, host: Uint8Array, bits: 4 },
  f8E5M2: { bytes: 1, pjrt: 16, host: Uint8Array },
  f8E4M3FN: { bytes: 1, pjrt: 17, host: Uint8Array },
  f8E4M3B11FNUZ: { bytes: 1, pjrt: 18, host: Uint8Array },
  f8E5M2FNUZ: { bytes: 1, pjrt: 19, host: Uint8Array },
  f8E4M3FNUZ: { bytes: 1, pjrt: 20, host: Uint8Array },
  f8E4M3: { bytes: 1, pjrt: 26, host: Uint8Array },
  f8E3M4: { bytes: 1, pjrt: 27, host: Uint8Array },
  f8E8M0FNU: { bytes: 1, pjrt: 28, host: Uint8Array },
} as const;

export type DType = keyof typeof rows;
export type HostArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** What the library knows of each dtype. */
export const dtypes: Readonly<
  Record<
    DType,
    {
      bytes: number;
      pjrt: number;
      bits?: number;
      host: {
        readonly BYTES_PER_ELEMENT: number;
        new (length: number): HostArray;
        new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): HostArray;
      };
    }
  >
> = rows as never;

export function isDType(name: string): name is DType {
  return typeof name === 'string' && Object.hasOwn(rows, name);
}

/** Bits of one element: 1 of an i1, 2 of an i2, 4 of an i4 or an f4E2M1FN, which take a byte each on the host. */
export function bitsOf(dtype: DType): number {
  return dtypes[dtype].bits ?? dtypes[dtype].bytes * 8;
}

/** The least and the greatest value of an integer dtype; of i1 0 and 1; of a float its bits'. */
export function rangeOf(dtype: DType): readonly [low: bigint, high: bigint] {
  const bits = BigInt(bitsOf(dtype));
  const isSigned = dtype.startsWith('i') && dtype !== 'i1';
  return isSigned ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
}

/** A ranked tensor of static shape. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * Elements of a tensor, at most. The product of dimensions that overflows 63 bits aborts both plugins, and libtpu aborts from 2^42 elements on
 * where the tensor is an intermediate one; 2^40 f32, 4 TiB, are still well answered.
 */
export const maxElements = 2 ** 40;

/** `tensor('bf16', [16, 4096, 256])`. Throws ShapeError for an unknown dtype, a dimension that is no whole number >= 0, or more than 2^40 elements. */
export function tensor(dtype: DType, shape: readonly number[]): TensorType {
  if (!isDType(dtype)) throw new ShapeError(`a dtype is one of ${Object.keys(rows).join(', ')}; got ${shown(dtype)}`);
  if (!Array.isArray(shape)) throw new ShapeError(`a shape is an array of dimensions; got ${shown(shape)}`);
  for (const n of shape)
    if (!Number.isSafeInteger(n) || n < 0) throw new ShapeError(`a dimension is a whole number, 0 or more; got ${shown(shape)}`);
  const type = Object.freeze({ dtype, shape: Object.freeze([...shape]) });
  // A dimension of 0 does not save the others: the plugins multiply them all the same.
  if (shape.reduce((product, n) => product * Math.max(n, 1), 1) > maxElements)
    throw new ShapeError(`a tensor has at most 2^40 elements; got ${typeText(type)}`);
  return type;
}

/** The same of a type that came from outside. Throws ShapeError for what is none. */
export function checkedType(type: TensorType): TensorType {
  checkObject("a tensor's type is { dtype, shape }", type);
  return tensor(type.dtype, type.shape);
}

/** Number of elements. */
export function sizeOf(type: TensorType): number {
  return type.shape.reduce((product, n) => product * n, 1);
}

/** Bytes on the host. */
export function bytesOf(type: TensorType): number {
  return sizeOf(type) * dtypes[type.dtype].bytes;
}

/** Length of its host array: elements, or twice that of complex numbers. */
export function hostLength(type: TensorType): number {
  return bytesOf(type) / dtypes[type.dtype].host.BYTES_PER_ELEMENT;
}

/** The MLIR spelling: `tensor<16x4096x256xbf16>`. */
export function typeText(type: TensorType): string {
  return `tensor<${[...type.shape, type.dtype].join('x')}>`;
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((n, i) => n === b.shape[i]);
}

/** A named input or output of a program. */
export interface Port {
  readonly name: string;
  readonly type: TensorType;
}

/** A part of a kernel that its code marks, and what is known of it before it is compiled. */
export interface Phase {
  readonly name: string;
  /** Times that it runs on the busiest core. */
  readonly runs: number;
  /** HBM traffic of one run. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Of the bytes read, those that are waited for a grid step later; the others are `phasesAhead` phases later, 1 by default. */
  readonly aheadBytes?: number;
  readonly phasesAhead?: number;
}

/** What a TPU kernel's schedule does not say. */
export interface KernelFacts {
  readonly name: string;
  /** In the order of their marks. */
  readonly phases: readonly Phase[];
  /** Grid steps of a core. */
  readonly steps: number;
  /** Cores that share the grid. */
  readonly cores: number;
  /** Vector memory of its windows and scratch. */
  readonly vmemBytes: number;
}

/** A StableHLO program as text, with the names and types of its inputs and outputs in the order of `@main`'s. */
export interface Module {
  readonly text: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Floating-point operations of one run that a custom call hides from the plugin's own cost analysis. */
  readonly hiddenFlops?: number;
  /** Bytes that an attention's mask takes in the program or beside it: bits, strips, ids and tables of blocks; 0 where it is computed. */
  readonly maskBytes?: number;
  /** Its TPU kernels, in the order of their text. */
  readonly kernels?: readonly KernelFacts[];
  /** Devices that it is split over by its own shardings; absent where it is for one device. */
  readonly partitions?: number;
  /** Which of them pass things on in rings: `size` each, whose numbers are `stride` apart. */
  readonly rings?: { readonly size: number; readonly stride: number };
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** Bits of `value` in bf16 or f16, rounded to nearest even. */
function narrow(dtype: 'bf16' | 'f16', value: number): number {
  f32[0] = value;
  // To odd, where it is no f32: a second rounding of one to nearest could make a tie that `value` is not.
  if (f32[0] !== value && (u32[0] & 1) === 0) {
    if (Math.abs(f32[0]) > Math.abs(value)) u32[0]--;
    else if (Math.abs(f32[0]) < Math.abs(value)) u32[0]++;
  }
  const bits = u32[0];
  if (dtype === 'bf16') {
    if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
    return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
  }
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal in f16: adding 0.5 to the magnitude makes the FPU round at 2^-24, f16's last place there.
    u32[0] = magnitude;
    f32[0] += 0.5;
    return sign | (u32[0] - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function widen(dtype: 'bf16' | 'f16', bits: number): number {
  if (dtype === 'bf16') {
    u32[0] = bits << 16;
    return f32[0];
  }
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

export function isNarrowFloat(dtype: DType): dtype is 'bf16' | 'f16' {
  return dtype === 'bf16' || dtype === 'f16';
}

/** bf16 or f16 bits of each value, rounded to nearest even; NaN stays NaN, and what is too large becomes infinite. */
export function toBits(dtype: 'bf16' | 'f16', values: ArrayLike<number>): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = narrow(dtype, values[i]);
  return bits;
}

/** The values that bf16 or f16 bits stand for (exact). */
export function fromBits(dtype: 'bf16' | 'f16', bits: ArrayLike<number>): Float32Array {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < values.length; i++) values[i] = widen(dtype, bits[i]);
  return values;
}
