/**
 * Inputs that end a plugin, each twice: by the library's own calls it is an error that says the rule, and past them, in a process of its own,
 * it does end the plugin. So each check is there, and there for a reason.
 */
import { Client, liveHandles, Topology } from '../lib/pjrt';
import { rawOf } from '../lib/pjrt/handle';
import { native, type Raw, where } from '../lib/pjrt/native';
import { compileOptions, spreadOver } from '../lib/pjrt/options';
import type { HostArray } from '../lib/types';
import { describeTpu } from './helpers';
import { elementwise } from './pjrt-programs';

interface Case<On> {
  readonly name: string;
  readonly rule: RegExp;
  /** By the library's own calls. */
  guarded(on: On): unknown;
  /** Past them. */
  past(raw: Raw, pluginRaw: Raw): unknown;
  /** What it then does to the plugin, where that is not always a signal. */
  readonly end?: RegExp;
}

const type = 'tensor<8xf32>';
const main = (body: string, of = type) => `func.func @main(%a: ${of}) -> ${of} { ${body} return %a : ${of} }`;
const options = compileOptions(spreadOver([0], {}));
const customCall = (target: string) =>
  main(`%0 = stablehlo.custom_call @${target}(%a) : (${type}) -> ${type}`).replace('return %a', 'return %0');
const result = (text: string) => text.replace('return %a', 'return %0');

/** A program for one device, which no plugin may see. */
const program = (name: string, text: string, rule: RegExp): Case<Client | Topology> => ({
  name,
  rule,
  guarded: (on) => on.compile(text),
  past: (raw) => compileThere(raw, text),
});
const bytesOf = (text: string) => new TextEncoder().encode(text);
let compileThere: (raw: Raw, text: string, settings?: Uint8Array) => Promise<unknown>;

const both = [
  program('@main without a body', `func.func private @main(${type}) -> ${type}`, /a function has a body; @main has none/),
  program(
    'a function that calls itself',
    result(main(`%0 = func.call @main(%a) : (${type}) -> ${type}`)),
    /a function does not call itself/,
  ),
  program(
    'functions that call each other',
    `${main('call @f() : () -> ()')} func.func private @f() { call @g() : () -> () return } func.func private @g() { call @f() : () -> () return }`,
    /a function does not call itself/,
  ),
  program('regions in regions', `${'module {'.repeat(2e4)} ${main('')} ${'}'.repeat(2e4)}`, /brackets nest at most 256 deep/),
  program(
    'lists in lists',
    main(`%0 = stablehlo.add %a, %a {x = ${'['.repeat(1e5)}${']'.repeat(1e5)}} : ${type}`),
    /brackets nest at most 256 deep/,
  ),
  program('a custom call of TopK', customCall('TopK'), /TopK is the compiler's own/),
  program('a custom call of SliceToDynamic', customCall('SliceToDynamic'), /SliceToDynamic is the compiler's own/),
];

/** What the plugin does to its process. */
async function ended(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    const { name, signal, message } = error as { name: string; signal?: string; message: string };
    return signal ?? `${name}: ${message}`;
  }
  return 'nothing';
}

const deadly = /^SIG(ABRT|SEGV|ILL|FPE|BUS)$/;

/** Tests of both ways. */
function twice<On extends Client | Topology>(cases: readonly Case<On>[], open: (isolated: boolean) => Promise<On>): void {
  let here: On;
  beforeAll(async () => {
    here = await open(false);
  });
  afterAll(() => {
    here.dispose();
    expect(liveHandles()).toBe(0);
  });

  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, { rule, guarded, past, end = deadly }) => {
    await expect((async () => await guarded(here))()).rejects.toMatchObject({ name: 'ShapeError', message: expect.stringMatching(rule) });
    using there = await open(true);
    expect(await ended(() => past(rawOf(there), there.plugin.raw))).toMatch(end);
  });
}

describe('the CPU plugin', () => {
  beforeAll(() => {
    compileThere = (raw, text, settings = options) => native().compile(raw, bytesOf(text), settings);
  });
  const runThere = async (raw: Raw, text: string) => {
    const compiled = await native().compile(raw, bytesOf(text), options);
    const a = native().upload(raw, 0, -1, 11, [8], new Uint8Array(32));
    await native().execute(compiled, raw, 1, [a], [32], where.worker);
  };
  const upload = (name: string, dtype: number): Case<Client> => ({
    name: `an upload of PJRT_Buffer_Type ${name}`,
    rule: /a dtype is one of/,
    guarded: (on) => on.upload({ dtype: name as 'f32', shape: [8] }, new Float32Array(8) as HostArray),
    past: (raw) => native().upload(raw, 0, -1, dtype, [8], new Uint8Array(32)),
  });
  const twoBits = (type: string, body: string, to = type) =>
    `func.func @main(%a: tensor<${type}>) -> tensor<${to}> { ${body} return %0 : tensor<${to}> }`;
  const less =
    '^bb0(%x: tensor<i2>, %y: tensor<i2>): %1 = stablehlo.compare LT, %x, %y : (tensor<i2>, tensor<i2>) -> tensor<i1> stablehlo.return %1 : tensor<i1>';
  const sorted = twoBits(
    '64x4096xi2',
    `%0 = "stablehlo.sort"(%a) ({ ${less} }) {dimension = 1 : i64, is_stable = true} : (tensor<64x4096xi2>) -> tensor<64x4096xi2>`,
  );
  const cases: readonly Case<Client>[] = [
    ...both,
    ...['i2', 'ui2'].map((dtype) =>
      program(
        `a concatenation of ${dtype}`,
        twoBits(
          `8x12x${dtype}`,
          `%0 = stablehlo.concatenate %a, %a, dim = 0 : (tensor<8x12x${dtype}>, tensor<8x12x${dtype}>) -> tensor<16x12x${dtype}>`,
          `16x12x${dtype}`,
        ),
        new RegExp(`a program with ${dtype} has no stablehlo.concatenate: the CPU plugin may end over one of 2-bit integers`),
      ),
    ),
    {
      name: 'a sort of i2, which writes past the end of its memory',
      rule: /a program with i2 has no stablehlo.sort/,
      guarded: (on) => on.compile(sorted),
      past: async (raw) => {
        const compiled = await native().compile(raw, bytesOf(sorted), options);
        const a = native().upload(raw, 0, -1, 24, [64, 4096], new Uint8Array(2 ** 18).fill(1));
        for (let i = 0; i < 20; i++) await native().execute(compiled, raw, 1, [a], [2 ** 18], where.worker);
      },
    },
    upload('INVALID', 0),
    upload('TOKEN', 23),
    upload('999', 999),
    ...['__onednn$matmul', '__onednn$convolution'].map((target) => ({
      ...program(`a custom call of ${target}`, customCall(target), /__onednn\$\w+ is the compiler's own/),
      past: (raw: Raw) => runThere(raw, customCall(target)),
      // What it takes for its arguments is anything: sizes that there is no memory for, too, whose C++ exception the addon takes.
      end: /^SIG(ABRT|SEGV|ILL|FPE|BUS)$|std::bad_alloc|std::length_error/,
    })),
    {
      name: 'no replicas, and no devices for them',
      rule: /replicas is a whole number, 1 or more; got 0/,
      guarded: () => spreadOver([0], { replicas: 0 }),
      past: (raw) => compileThere(raw, elementwise('add', '8xf32'), Uint8Array.of(0x1a, 4, 0x20, 0, 0x28, 1)),
    },
    {
      name: 'no partitions, and no devices for them',
      rule: /partitions is a whole number, 1 or more; got -1/,
      guarded: () => spreadOver([0], { partitions: -1 }),
      past: (raw) => compileThere(raw, elementwise('add', '8xf32'), Uint8Array.of(0x1a, 4, 0x20, 1, 0x28, 0)),
    },
    {
      name: 'compile options of no bytes',
      rule: /replicas is a whole number/,
      guarded: () => spreadOver([0], { replicas: Number.NaN }),
      past: (raw) => compileThere(raw, elementwise('add', '8xf32'), new Uint8Array()),
    },
  ];
  twice<Client>(cases, (isolated) => Client.open('cpu', { isolated }));

  test('a 0 that constants are divided by is kept from being folded, and past that ends it', async () => {
    const text = result(
      main(`%c = stablehlo.constant dense<0> : tensor<8xi32> %0 = stablehlo.remainder %c, %c : tensor<8xi32>`, 'tensor<8xi32>'),
    );
    using here = await Client.open('cpu');
    (await here.compile(text)).dispose();
    using there = await Client.open('cpu', { isolated: true });
    expect(await ended(() => compileThere(rawOf(there), text))).toBe('SIGFPE');
  });

  test('what takes for ever is an error, and past the check a timeout', async () => {
    const text = main(
      '%t = stablehlo.create_token : !stablehlo.token %r:2 = "stablehlo.infeed"(%t) <{infeed_config = ""}> : (!stablehlo.token) -> (tensor<8xf32>, !stablehlo.token)',
    );
    using here = await Client.open('cpu');
    await expect(here.compile(text)).rejects.toThrow(/stablehlo\.infeed waits for ever/);
    await expect(Client.open('cpu', { devices: 100_000 })).rejects.toThrow(/devices is a whole number from 1 to 64/);
    const there = await Client.open('cpu', { isolated: { timeoutMs: 4000 } });
    const waits = runThere(rawOf(there), text.replace('return %a', 'return %r#0'));
    await expect(waits).rejects.toMatchObject({ name: 'PluginCrashError', reason: 'timeout' });
    expect(liveHandles()).toBe(2);
  });
});

describeTpu('the TPU compiler', () => {
  beforeAll(() => {
    compileThere = (raw, text, settings = options) => native().compileAhead(raw, bytesOf(text), settings);
  });
  const permute = (text: string) => result(main(`%0 = "stablehlo.collective_permute"(%a) <{${text}}> : (${type}) -> ${type}`));
  const channel = 'channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, ';
  const pairs = 'source_target_pairs = dense<[[0, 1], [1, 0]]> : tensor<2x2xi64>';
  const groups = 'replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>';
  const ids = /a collective's ids are of the program's/;
  const cases: readonly Case<Topology>[] = [
    ...both,
    ...['64xi2', '8x128xi2', '8x64xui2'].map((type) => {
      const wide = type.replace(/u?i2/, 'f32');
      const text = `func.func @main(%a: tensor<${type}>) -> tensor<${wide}> {
        %0 = stablehlo.convert %a : (tensor<${type}>) -> tensor<${wide}>
        return %0 : tensor<${wide}>
      }`;
      return program(`an input of ${type}`, text, /a program for a TPU has integers of 4 bits or more/);
    }),
    program('2^62 elements', main('', 'tensor<4611686018427387904xf32>'), /a tensor has at most 2\^40 elements/),
    program('2^32 x 2^32 elements', main('', 'tensor<4294967296x4294967296xf32>'), /a tensor has at most 2\^40 elements/),
    program('a dynamic dimension', main('', 'tensor<?xf32>'), /a tensor has a static shape/),
    program('a permutation of two replicas', permute(pairs), ids),
    program('a permutation of two devices', permute(channel + pairs), ids),
    program(
      'an exchange of two replicas',
      result(
        main(
          `%0 = "stablehlo.all_to_all"(%a) <{concat_dimension = 0 : i64, ${groups}, split_count = 2 : i64, split_dimension = 0 : i64}> : (${type}) -> ${type}`,
        ),
      ),
      ids,
    ),
    program('a custom call of PartialReduce', customCall('PartialReduce'), /PartialReduce has called_computations/),
    program('a custom call of xla.sdy.FuncResultSharding', customCall('xla.sdy.FuncResultSharding'), /has mhlo\.frontend_attributes/),
    {
      name: 'a grid without chips',
      rule: /a topology has 1 to 2\^15 chips; got v5p:0x0x0/,
      guarded: () => Topology.open('tpu', 'v5p:0x0x0'),
      past: (_, plugin) => native().createTopology(plugin, 'v5p:0x0x0'),
    },
  ];
  twice<Topology>(cases, (isolated) => Topology.open('tpu', 'v5p:2x2x1', { isolated }));
});
