/** Calls of handlers and callbacks as the builders write them; handlers.test.ts has what arrives. */
import * as s from '../lib/ir/stablehlo';
import { tensor } from '../lib/types';

const x4 = tensor('f32', [4]);

/** The line of a call with these attributes. */
function line(attributes: unknown): string {
  const { text } = s.program('call', { x: x4 }, ({ x }) => ({
    y: s.ffiCall('acme.scale', [x], { results: [x4], attributes: attributes as never })[0],
  }));
  return /backend_config = (\{.*\})\} : /.exec(text)?.[1] ?? text;
}

test('a call of a handler', () => {
  const { text } = s.program('call', { x: x4 }, ({ x }) => {
    const [y] = s.ffiCall('acme.scale', [x], { results: [x4], attributes: { factor: 0.5 }, outputOperandAliases: [[0, 0]] });
    return { y };
  });
  expect(text).toContain(
    '%1 = "stablehlo.custom_call"(%x) {call_target_name = "acme.scale", api_version = 4 : i32, backend_config = {factor = 0.5 : f64}, ' +
      'output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 0, operand_tuple_indices = []>]} ' +
      ': (tensor<4xf32>) -> tensor<4xf32>',
  );
});

test('a callback, with results and without', () => {
  const { text } = s.program('call', { x: x4 }, ({ x }) => {
    s.callback('log', [x]);
    return { y: s.callback('change', [x, x], [x4])[0] };
  });
  const call = (name: string) =>
    `{call_target_name = "node_pjrt_callback", api_version = 4 : i32, has_side_effect = true, backend_config = {name = "${name}"}}`;
  expect(text).toContain(`"stablehlo.custom_call"(%x) ${call('log')} : (tensor<4xf32>) -> ()\n`);
  expect(text).toContain(`%1 = "stablehlo.custom_call"(%x, %x) ${call('change')} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>\n`);
});

test.each([
  [{}, '{}'],
  [{ on: true, off: false }, '{on = true, off = false}'],
  [{ n: 2, tiny: 1e-300, none: Number.NEGATIVE_INFINITY }, '{n = 2.0 : f64, tiny = 1.0e-300 : f64, none = 0xFFF0000000000000 : f64}'],
  [{ n: -(2n ** 63n) }, '{n = -9223372036854775808 : i64}'],
  [{ n: s.scalar('ui8', 255), m: s.scalar('f32', 3), k: s.scalar('i32', -1n) }, '{n = 255 : ui8, m = 3.0 : f32, k = -1 : i32}'],
  [{ title: 'a "b"' }, '{title = "a \\22b\\22"}'],
  [
    { a: Int32Array.of(1, -2), b: new BigInt64Array(), c: Float32Array.of(1, Number.NaN) },
    '{a = array<i32: 1, -2>, b = array<i64>, c = array<f32: 1.0, 0x7FC00000>}',
  ],
  [{ in: { deep: { n: 1n }, a: Int8Array.of(7) } }, '{in = {deep = {n = 1 : i64}, a = array<i8: 7>}}'],
])('attributes %p', (attributes, text) => {
  expect(line(attributes)).toBe(text);
});

test.each([
  [
    () => line({ a: [1, 2] }),
    'an attribute is a boolean, number, bigint, string, scalar, typed array or a dictionary of these; a is a plain array, whose elements have no type',
  ],
  [() => line({ in: { deep: undefined } }), /; in\.deep is undefined$/],
  [() => line({ a: null }), /; a is null$/],
  [() => line({ a: new Date(0) }), /; a is \w+ Jan/],
  [
    () => line({ a: Uint8Array.of(1) }),
    'an array attribute is one of Int8Array, Int16Array, Int32Array, BigInt64Array, Float32Array, Float64Array; a is a Uint8Array',
  ],
  [
    () => line({ n: 2n ** 63n }),
    /^a scalar attribute of i64 is a whole number from -9223372036854775808 to 9223372036854775807; got 9223372036854775808$/,
  ],
  [() => line({ '1st': true }), /^the name of an attribute is a letter or _ and then .*; got "1st"$/],
  [() => s.scalar('bf16' as never, 1), 'a scalar attribute is one of i8, i16, i32, i64, ui8, ui16, ui32, ui64, f32, f64; got bf16'],
  [() => s.scalar('ui8', -1), 'a scalar attribute of ui8 is a whole number from 0 to 255; got -1'],
  [() => s.scalar('i32', 0.5), 'a scalar attribute of i32 is a whole number from -2147483648 to 2147483647; got 0.5'],
  [() => s.scalar('i32', '3' as never), /is a whole number .*; got 3$/],
  [() => s.scalar('f32', 1n), 'a scalar attribute of f32 is a number; got 1'],
])('%p is refused', (build, message) => {
  expect(build).toThrow(expect.objectContaining({ name: 'ShapeError', message: expect.stringMatching(message) }));
});
