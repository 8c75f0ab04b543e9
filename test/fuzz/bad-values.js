/** Random values of any kind for a public function's argument, and handles that are not what it wants; now and then what it wants. */
const fc = require('fast-check');
const { hostArray, tensor } = require('node-pjrt');

const typedArrays = [Int8Array, Uint8Array, Uint16Array, Int32Array, BigInt64Array, Float32Array, Float64Array];

function detached() {
  const array = new Float32Array(8);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** Values that no type system would let through, most of them at the edge of something. */
const strange = fc.oneof(
  fc.constantFrom(undefined, null, true, false, 0, -0, -1, 1.5, Number.NaN, Infinity, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 64, 10n, '', 'cpu'),
  fc.constantFrom('\0', 'x'.repeat(100_000), '\ud800', Symbol('s'), Object.create(null), new Date(0), /x/, () => 1, new Map([[1, 2]])),
  fc.constantFrom([], [undefined], new Array(3), [[1]], {}, { length: 8 }, { dtype: 'f32' }, { shape: [8] }),
  fc.constantFrom(
    new ArrayBuffer(32),
    new SharedArrayBuffer(32),
    new DataView(new ArrayBuffer(32)),
    detached(),
    Proxy.revocable({}, {}).proxy,
  ),
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true, withSparseArray: true }),
);

const dimension = fc.oneof(
  fc.integer({ min: 0, max: 9 }),
  fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 31, 2 ** 32, 2 ** 53, Infinity, '8', null),
);
const dtype = fc.constantFrom(
  'f32',
  'f32',
  'f64',
  'bf16',
  'i4',
  'i1',
  'complex<f32>',
  'f8E5M2',
  'i65',
  '',
  'tensor',
  '__proto__',
  'toString',
);
const anyType = fc.oneof(
  fc.constant({ dtype: 'f32', shape: [8] }),
  fc.record({ dtype, shape: fc.array(dimension, { maxLength: 5 }) }),
  fc.record({ dtype: fc.constant('f32'), shape: strange }),
);

/** Arrays over memory of every kind, of lengths about those that are wanted. */
const anyArray = fc.oneof(
  fc.constant(new Float32Array(8)),
  fc
    .tuple(fc.constantFrom(...typedArrays), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 }), fc.boolean())
    .map(([Kind, length, offset, shared]) => {
      const bytes = Kind.BYTES_PER_ELEMENT * (length + offset);
      return new Kind(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes), Kind.BYTES_PER_ELEMENT * offset);
    }),
  fc.constantFrom('f32', 'bf16', 'i4').map((kind) => hostArray(tensor(kind, [8]))),
  fc.constant(undefined).map(() => detached()),
);

/** An argument: what is wanted, one time in three, else anything or a handle. */
function argument(wanted, handles) {
  return fc.oneof(wanted, strange, fc.oneof(anyType, anyArray, fc.constantFrom(...handles)));
}

module.exports = { anyArray, anyType, argument };
