/** What is read of operations that end a plugin, and what only looks like them. */
import { checkCollectives } from '../lib/pjrt/program/hazards';
import { programOf } from '../lib/pjrt/program/program';

const main = (body: string) => `func.func @main(%a: tensor<8xf32>) -> tensor<8xf32> { ${body} return %a : tensor<8xf32> }`;
const refused = (message: RegExp) => expect.objectContaining({ name: 'ShapeError', message: expect.stringMatching(message) });
const region = '({ ^bb0(%x: tensor<f32>): "stablehlo.return"(%x) : (tensor<f32>) -> () })';
const hex = (...ids: number[]) =>
  `"0x${Buffer.from(BigInt64Array.from(ids.map(BigInt)).buffer)
    .toString('hex')
    .toUpperCase()}"`;

describe('collectives', () => {
  test.each<[string, string, object]>([
    [
      'properties first',
      `"stablehlo.all_reduce"(%a) <{replica_groups = dense<[[0, 3], [1, 2]]> : tensor<2x2xi64>}> ${region}`,
      { mostId: 3, hasChannel: false },
    ],
    [
      'attributes last',
      `"stablehlo.all_reduce"(%a) ${region} {channel_handle = #stablehlo.channel_handle<handle = 9, type = 1>, replica_groups = dense<7> : tensor<1x1xi64>}`,
      { mostId: 7, hasChannel: true },
    ],
    ['no groups', '"stablehlo.all_gather"(%a) <{all_gather_dim = 5 : i64, replica_groups = dense<> : tensor<0x0xi64>}>', { mostId: 0 }],
    [
      'as bytes',
      `"stablehlo.all_to_all"(%a) <{replica_groups = dense<${hex(0, 1, 1023)}> : tensor<1x3xi64>, split_count = 4096 : i64}>`,
      { mostId: 1023 },
    ],
    ['pairs', '"stablehlo.collective_permute"(%a) <{source_target_pairs = dense<[[0,5],[5,0]]> : tensor<2x2xi64>}>', { mostId: 5 }],
  ])('%s', async (_, body, found) => {
    const { collectives } = await programOf(main(`%0 = stablehlo.add %a, %a ${body} %1 = stablehlo.iota dim = 99 : tensor<100xf32>`));
    expect(collectives).toEqual([expect.objectContaining(found)]);
  });

  test.each([
    [{ mostId: 0, hasChannel: false }, 1, 4, true],
    [{ mostId: 1, hasChannel: false }, 1, 4, false],
    [{ mostId: 3, hasChannel: false }, 4, 1, true],
    [{ mostId: 3, hasChannel: true }, 1, 4, true],
    [{ mostId: 7, hasChannel: true }, 2, 4, true],
    [{ mostId: 8, hasChannel: true }, 2, 4, false],
  ])('%j of %i replicas and %i partitions: %p', (facts, replicas, partitions, isRight) => {
    const check = () => checkCollectives([{ operation: 'stablehlo.all_gather', ...facts }], { replicas, partitions });
    if (isRight) check();
    else expect(check).toThrow(refused(/a collective's ids are of the program's (devices|replicas).*stablehlo\.all_gather has \d/));
  });
});

describe('custom calls', () => {
  test.each([
    ['%0 = stablehlo.custom_call @TopK(%a)', /a custom call is of a handler; TopK is the compiler's own/],
    ['%0 = "stablehlo.custom_call"(%a) {call_target_name = "TopK"}', /TopK is the compiler's own/],
    ['%0 = stablehlo.custom_call @SliceToDynamic(%a)', /SliceToDynamic is the compiler's own/],
    ['%0 = stablehlo.custom_call @__onednn$matmul(%a)', /__onednn\$matmul is the compiler's own/],
    [
      '%0 = stablehlo.custom_call @PartialReduce(%a) {api_version = 2 : i32}',
      /a custom call of PartialReduce has called_computations; this one has none/,
    ],
    [
      '%0 = stablehlo.custom_call @PartialReduce(%a) %1 = stablehlo.custom_call @f(%a) {called_computations = [@g]}',
      /PartialReduce has called_computations/,
    ],
    ['%0 = stablehlo.custom_call @xla.sdy.FuncResultSharding(%a)', /FuncResultSharding has mhlo\.frontend_attributes; this one has none/],
    ['%0 = "stablehlo.custom_call"(%a) <{call_target_name = "xla.sdy.LocalToGlobalShape"}>', /LocalToGlobalShape has mhlo/],
  ])('%s', async (body, message) => {
    await expect(programOf(main(body))).rejects.toEqual(refused(message));
  });

  test('what is well formed, or only looks like it', async () => {
    const body = `
      %0 = stablehlo.custom_call @PartialReduce(%a) {backend_config = "", called_computations = [@f]} : (tensor<8xf32>) -> tensor<8xf32>
      %1 = "stablehlo.custom_call"(%a) <{call_target_name = "xla.sdy.FuncResultSharding"}> {mhlo.frontend_attributes = {xla.sdy.sharding = "x"}}
      %2 = stablehlo.custom_call @f(%a) {backend_config = "TopK", name = "TopK", call_target_name = "f"}
      %3 = stablehlo.custom_call @TopKX(%a)
      %4 = stablehlo.add %a, %a {x = @TopK, y = "TopK", replica_groups = dense<[[99]]>}`;
    expect((await programOf(`${main(body)} func.func @f() { return }`)).collectives).toEqual([]);
  });
});

describe('2-bit integers', () => {
  const concatenate = 'stablehlo.concatenate %a, %a, dim = 0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<16xf32>';
  test.each([
    ['i2', `%c = stablehlo.constant dense<1> : tensor<4xi2> %0 = ${concatenate}`],
    ['ui2', `%0 = "stablehlo.concatenate"(%a, %a) {dimension = 0 : i64} %c = stablehlo.constant dense<1> : tensor<ui2>`],
  ])('%s beside a concatenation', async (dtype, body) => {
    await expect(programOf(main(body))).rejects.toEqual(refused(new RegExp(`a program with ${dtype} has no stablehlo.concatenate`)));
  });

  test('either alone is right', async () => {
    expect([...(await programOf(main('%c = stablehlo.constant dense<1> : tensor<4xi2>'))).elements].sort()).toEqual(['f32', 'i2']);
    await programOf(main(`%0 = ${concatenate} %c = stablehlo.constant dense<1> : tensor<4xi4>`));
  });
});
