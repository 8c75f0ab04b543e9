/** The text of StableHLO programs. Their rules are tested in stablehlo-rules.test.ts, what they compute in stablehlo-run.test.ts. */
import { attr } from '../lib/ir/mlir';
import * as s from '../lib/ir/stablehlo';
import { dtypes, tensor, type DType } from '../lib/types';

const f32 = (...shape: number[]) => tensor('f32', shape);
const i1 = (...shape: number[]) => tensor('i1', shape);

/** The operations of a program without inputs, as text. */
function lines(body: () => void): string {
  const { text } = s.program('p', {}, () => {
    body();
    return {};
  });
  return text
    .split('\n')
    .slice(2, -4)
    .map((line) => line.slice(4))
    .join('\n');
}

describe('text', () => {
  test('of a program: named inputs, generic operations, ports in the order written', () => {
    const module = s.program('softmax', { x: tensor('bf16', [2, 8]), scale: f32(2, 8) }, ({ x, scale }) => {
      const scores = s.multiply(s.convert(x, 'f32'), scale);
      const e = s.exponential(s.subtract(scores, s.broadcastInDim(s.max(scores, [1]), [2, 8], [0])));
      const total = s.sum(e, [1]);
      return { weights: s.divide(e, s.broadcastInDim(total, [2, 8], [0])), total };
    });
    expect(module.inputs).toEqual([
      { name: 'x', type: tensor('bf16', [2, 8]) },
      { name: 'scale', type: f32(2, 8) },
    ]);
    expect(module.outputs).toEqual([
      { name: 'weights', type: f32(2, 8) },
      { name: 'total', type: f32(2) },
    ]);
    expect(module.text).toBe(`module @softmax {
  func.func public @main(%x: tensor<2x8xbf16>, %scale: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2xf32>) {
    %2 = "stablehlo.convert"(%x) : (tensor<2x8xbf16>) -> tensor<2x8xf32>
    %3 = "stablehlo.multiply"(%2, %scale) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
    %4 = "stablehlo.constant"() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
    %5 = "stablehlo.reduce"(%3, %4) ({
    ^bb0(%6: tensor<f32>, %7: tensor<f32>):
      %8 = "stablehlo.maximum"(%6, %7) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%8) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<2x8xf32>, tensor<f32>) -> tensor<2xf32>
    %9 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64: 0>} : (tensor<2xf32>) -> tensor<2x8xf32>
    %10 = "stablehlo.subtract"(%3, %9) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
    %11 = "stablehlo.exponential"(%10) : (tensor<2x8xf32>) -> tensor<2x8xf32>
    %12 = "stablehlo.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %13 = "stablehlo.reduce"(%11, %12) ({
    ^bb0(%14: tensor<f32>, %15: tensor<f32>):
      %16 = "stablehlo.add"(%14, %15) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%16) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<2x8xf32>, tensor<f32>) -> tensor<2xf32>
    %17 = "stablehlo.broadcast_in_dim"(%13) {broadcast_dimensions = array<i64: 0>} : (tensor<2xf32>) -> tensor<2x8xf32>
    %18 = "stablehlo.divide"(%11, %17) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
    "func.return"(%18, %13) : (tensor<2x8xf32>, tensor<2xf32>) -> ()
  }
}
`);
  });

  test.each<[s.Scalar | s.Scalar[] | Float32Array | Uint16Array | Uint8Array, DType, number[], string]>([
    [0.1, 'f32', [1024], 'dense<0.1> : tensor<1024xf32>'],
    [1e-7, 'bf16', [], 'dense<1.0e-7> : tensor<bf16>'],
    [-0, 'f16', [], 'dense<0x8000> : tensor<f16>'],
    [Number.NaN, 'f64', [], 'dense<0x7FF8000000000000> : tensor<f64>'],
    [2n ** 63n - 1n, 'i64', [], 'dense<9223372036854775807> : tensor<i64>'],
    [true, 'i1', [2], 'dense<true> : tensor<2xi1>'],
    [[1, 2, 3, 4, 5, 6], 'ui8', [3, 2], 'dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xui8>'],
    [[], 'f32', [0, 2], 'dense<> : tensor<0x2xf32>'],
    [new Float32Array([1, -2]), 'f32', [2], 'dense<"0x0000803F000000C0"> : tensor<2xf32>'],
    [new Float32Array([1, -2]), 'bf16', [2], 'dense<"0x803F00C0"> : tensor<2xbf16>'],
    [new Uint16Array([0x3c00]), 'f16', [1], 'dense<"0x003C"> : tensor<1xf16>'],
    [Array.from({ length: 17 }, (_, i) => i), 'i8', [17], 'dense<"0x000102030405060708090A0B0C0D0E0F10"> : tensor<17xi8>'],
  ])('constant(%p) of %s%p', (value, dtype, shape, text) => {
    expect(lines(() => s.constant(value, tensor(dtype, shape)))).toContain(`%0 = "stablehlo.constant"() {value = ${text}} : () -> `);
  });

  test('an i1 array goes through ui8: a bit or a byte each, the two plugins disagree', () => {
    expect(lines(() => s.constant(new Uint8Array([1, 0]), i1(2)))).toBe(
      `%0 = "stablehlo.constant"() {value = dense<"0x0100"> : tensor<2xui8>} : () -> tensor<2xui8>
%1 = "stablehlo.convert"(%0) : (tensor<2xui8>) -> tensor<2xi1>`,
    );
  });

  test('of a custom call', () => {
    const call = () => {
      const x = s.constant(0, f32(2, 3));
      s.customCall('typed "ffi"', [x], {
        results: [f32(2, 3), f32()],
        backendConfig: { scale: attr.float(0.5, 'f64'), low: attr.integer(-4) },
        outputOperandAliases: [[0, 0]],
      });
      s.customCall('old', [x], {
        results: [f32(2, 3)],
        backendConfig: '{"a": "é"}',
        hasSideEffect: true,
        operandLayouts: [[0, 1]],
        resultLayouts: [[1, 0]],
        outputOperandAliases: [[0, 0]],
        attributes: { kernel_name: '"k"' },
      });
    };
    expect(lines(call)).toBe(`%0 = "stablehlo.constant"() {value = dense<0.0> : tensor<2x3xf32>} : () -> tensor<2x3xf32>
%1, %2 = "stablehlo.custom_call"(%0) {call_target_name = "typed \\22ffi\\22", api_version = 4 : i32, \
backend_config = {scale = 0.5 : f64, low = -4 : i64}, \
output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], operand_index = 0, operand_tuple_indices = []>]} \
: (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<f32>)
%3 = "stablehlo.custom_call"(%0) {call_target_name = "old", api_version = 1 : i32, has_side_effect = true, \
backend_config = "{\\22a\\22: \\22\\C3\\A9\\22}", \
operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[1, 0]> : tensor<2xindex>], \
output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 0, operand_tuple_indices = []>], \
kernel_name = "k"} : (tensor<2x3xf32>) -> tensor<2x3xf32>`);
  });

  test('is the same every time', () => {
    const build = () => s.program('p', { x: f32(4) }, ({ x }) => ({ y: s.sum(s.multiply(x, 3), [0]) })).text;
    expect(build()).toBe(build());
  });
});

test('a thousand operations build in milliseconds', () => {
  const build = () => {
    const start = performance.now();
    s.program('p', { x: f32(64, 64) }, ({ x }) => {
      let y = x;
      for (let i = 0; i < 250; i++) y = s.add(s.multiply(s.exponential(y), 0.5), y);
      return { y };
    });
    return performance.now() - start;
  };
  // 1.5 ms once warm; the bound leaves room for a busy machine.
  expect(Math.min(...Array.from({ length: 20 }, build))).toBeLessThan(20);
});

test('every dtype can be an input, an output and a constant', () => {
  for (const dtype of Object.keys(dtypes) as DType[]) {
    const type = tensor(dtype, [2]);
    const { text } = s.program('p', { x: type }, ({ x }) => ({ y: s.select(s.constant(true, i1()), x, s.constant([0, 1], type)) }));
    expect(text).toContain(`tensor<2x${dtype}>`);
  }
});
