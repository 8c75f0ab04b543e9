/** What is read of a program's text before a plugin sees it: the ports, and what is refused. */
import { programOf } from '../lib/pjrt/program/program';
import { typeText } from '../lib/types';
import { processorMs } from './helpers';

async function read(text: string) {
  const { inputs, outputs, donated, opaque } = await programOf(text);
  const list = (ports: typeof inputs) => ports.map(({ name, type }) => `${name} ${typeText(type)}`);
  return { inputs: list(inputs), outputs: list(outputs), donated: [...donated], opaque };
}

const refused = (message: RegExp) => expect.objectContaining({ name: 'ShapeError', message: expect.stringMatching(message) });

describe('ports', () => {
  test('pretty form, with all that may stand in a signature', async () => {
    const text = `// func.func @main(%no: tensor<1xf32>)
      #loc = loc("x { } ( \\" func.func @main(")
      module @jit_f attributes {a = "}{\\"{", b = dense<"0x00FF"> : tensor<2xi8>, m = affine_map<(d0) -> (d0 * -2)>,
                                s = affine_set<(d0) : (d0 - 10 >= 0)>} {
        func.func public @main(%arg0: tensor<4x8xf32> {jax.arg_info = "q", tf.aliasing_output = 0 : i32} loc("q"(#loc)),
            %q-1: tensor< 16 x bf16 > {mhlo.sharding = "{replicated}"}, %s: tensor<f64>)
            -> (tensor<4x8xf32> {jax.result_info = "result['a']"}, tensor<i1> {jax.result_info = "result[1]"})
            attributes {x = {y = 1}} {
          %0 = call @f(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32> // }}}
          return %0, %1 : tensor<4x8xf32>, tensor<i1>
        }
        func.func private @f(%a: tensor<4x8xf32>) -> tensor<4x8xf32> { return %a : tensor<4x8xf32> }
      }`;
    expect(await read(text)).toEqual({
      inputs: ['arg0 tensor<4x8xf32>', 'q-1 tensor<16xbf16>', 's tensor<f64>'],
      outputs: ["result['a'] tensor<4x8xf32>", 'result[1] tensor<i1>'],
      donated: ['arg0'],
      opaque: false,
    });
  });

  test('generic form, properties first', async () => {
    const text = `"builtin.module"() <{sym_name = "m"}> ({
      "func.func"() <{arg_attrs = [{jax.buffer_donor = true}, {}], function_type = (tensor<4xf32>, tensor<4xi8>) -> tensor<4xf32>,
                      sym_name = "main", sym_visibility = "public"}> ({
      ^bb0(%x: tensor<4xf32> loc("a"), %y: tensor<4xi8>):
        %0 = "stablehlo.custom_call"(%x) {call_target_name = "foo"} : (tensor<4xf32>) -> tensor<4xf32>
        "func.return"(%0) : (tensor<4xf32>) -> ()
      }) : () -> ()
    }) : () -> ()`;
    expect(await read(text)).toEqual({
      inputs: ['x tensor<4xf32>', 'y tensor<4xi8>'],
      outputs: ['out tensor<4xf32>'],
      donated: ['x'],
      opaque: true,
    });
  });

  test('generic form, attributes last', async () => {
    const text = `"func.func"() ({ ^bb0(%x: tensor<4xf32>): "func.return"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> () })
      {function_type = (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>), res_attrs = [{jax.result_info = "a"}, {jax.result_info = "b"}],
       sym_name = "main"} : () -> ()`;
    expect(await read(text)).toEqual({
      inputs: ['x tensor<4xf32>'],
      outputs: ['a tensor<4xf32>', 'b tensor<4xf32>'],
      donated: [],
      opaque: false,
    });
  });

  test('outputs without names, or with the same', async () => {
    const outputs = async (results: string) => (await read(`func.func @main() -> ${results} { return }`)).outputs;
    expect(await outputs('tensor<f32>')).toEqual(['out tensor<f32>']);
    expect(await outputs('(tensor<f32>, tensor<2xf32>)')).toEqual(['out0 tensor<f32>', 'out1 tensor<2xf32>']);
    const same = '(tensor<f32> {jax.result_info = "r"}, tensor<f32> {jax.result_info = "r"})';
    expect(await outputs(same)).toEqual(['out0 tensor<f32>', 'out1 tensor<f32>']);
    expect(await outputs('()')).toEqual([]);
  });

  test.each(['!t', 'tensor<*xf32>', 'tensor<4xi7>', 'tensor<4xcomplex<bf16>>', 'tuple<tensor<f32>>', 'f32', 'tensor<4xf32, #e>'])(
    'a result that is no tensor we know: %s',
    async (type) => {
      await expect(read(`func.func @main() -> ${type} { return }`)).rejects.toEqual(
        refused(/tensors of static shape and known dtype; out/),
      );
    },
  );
});

describe('what would take the process down, or wait for ever', () => {
  const main = (body: string) => `func.func @main(%a: tensor<8xf32>) -> tensor<8xf32> { ${body} return %a : tensor<8xf32> }`;
  const deep = (open: string, close: string) =>
    main(`%0 = stablehlo.add %a, %a {x = ${open.repeat(300)}1${close.repeat(300)}} : tensor<8xf32>`);
  const chain = (length: number) =>
    `${main('%0 = call @f0(%a)')} ${Array.from({ length }, (_, i) => `func.func private @f${i}() { call @f${i + 1}() }`).join('\n')}
     func.func private @f${length}() { return }`;

  test.each<[string, string, RegExp]>([
    ['no text', '', /a function @main; this text has none/],
    ['no main', 'func.func @other() { return }', /a function @main; this text has none/],
    ['an unfinished string', 'module @m { "', /a function @main; this text has none/],
    ['main declared only', 'func.func private @main(tensor<8xf32>) -> tensor<8xf32>', /a function has a body; @main has none/],
    ['main declared only, generic', '"func.func"() ({}) {function_type = () -> (), sym_name = "main"} : () -> ()', /@main has none/],
    ['a callee declared only', `func.func private @"a b"(tensor<8xf32>) ${main('call @"a b"(%a)')}`, /@a b has none/],
    ['main that calls itself', main('%0 = func.call @main(%a)'), /does not call itself; @main does/],
    ['a circle', `${main('call @f()')} func.func @f() { call @g() } func.func @g() { call @f() }`, /does not call itself; @g does/],
    ['a circle of attributes', `${main('"func.call"() {callee = @f}')} func.func @f() { x.y {a = [@f]} }`, /does not call itself; @f does/],
    ['a chain of calls', chain(300), /calls and brackets nest at most 256 deep/],
    ['regions in regions', main('"stablehlo.if"(%p) ({'.repeat(150)), /brackets nest at most 256 deep/],
    ['lists in lists', deep('[', ']'), /brackets nest at most 256 deep/],
    ['dictionaries in dictionaries', deep('{x = ', '}'), /brackets nest at most 256 deep/],
    ['types in types', deep('tuple<', '>'), /brackets nest at most 256 deep/],
    ['minus after minus', main(`{x = affine_map<(d0) -> (${'- '.repeat(300)}d0)>}`), /at most 256 minus signs/],
    ['a dynamic dimension', 'func.func @main(%a: tensor<4x?xf32>) { return }', /static shape; got a dimension \? \(line 1\)/],
    ['a dynamic dimension inside', main('\n%0 = x.y : tensor</* */ ?xf32>'.replace('/* */', '//\n')), /got a dimension \? \(line 2\)/],
    ['2^62 elements', 'func.func @main(%a: tensor<4611686018427387904xf32>) { return }', /at most 2\^40 elements/],
    ['2^32 x 2^32 elements', 'func.func @main(%a: tensor<4294967296x4294967296xi8>) { return }', /at most 2\^40 elements/],
    ['an overflow that 0 hides', 'func.func @main(%a: tensor<4611686018427387904x4x0xf32>) { return }', /at most 2\^40 elements/],
    ['2^42 elements inside', main('%0 = stablehlo.iota dim = 0 : tensor<4398046511104xf32>'), /at most 2\^40 elements/],
    ['infeed', main('%r:2 = "stablehlo.infeed"(%t)'), /stablehlo\.infeed waits for ever/],
    ['outfeed', main('%r = stablehlo.outfeed %a'), /stablehlo\.outfeed waits for ever/],
  ])('%s', async (_, text, message) => {
    await expect(read(text)).rejects.toEqual(refused(message));
  });

  test('what only looks like it', async () => {
    const fine = `${main(`
      %0 = stablehlo.custom_call @main(%a) // call @main(%a) : tensor<?xf32>
      %1 = "stablehlo.custom_call"(%a) {call_target_name = "@main tensor<?xf32>"}
      %2 = x.y {a = dense<[${'-1, '.repeat(300)}-1]>, b = ${'[1], '.repeat(300)} c = "${'['.repeat(300)}"} : tensor<0x10xf32>
      call @f() call @f() call @g()`)}
      func.func @f() { call @g() } func.func @g() { return }`;
    expect(await read(fine)).toMatchObject({ inputs: ['a tensor<8xf32>'], opaque: true });
    expect(await read(chain(100))).toMatchObject({ opaque: false });
    expect(await read(main('%r = stablehlo.while(%i = %a)'))).toMatchObject({ opaque: true });
  });
});

describe('large texts', () => {
  const constant = (value: string) => `func.func @main() -> tensor<8xi8> { %0 = stablehlo.constant dense<${value}> : tensor<8xi8> return }`;
  // Milliseconds here, minutes if any of it were quadratic.
  test.each<[string, () => string]>([
    ['128 MB of hexadecimal digits', () => constant(`"0x${'AB'.repeat(64 << 20)}"`)],
    ['8 MB of decimals', () => constant(`[${'-1.5e-3, '.repeat(1 << 20)}1]`)],
    ['16 MB of backslashes', () => constant(`"${'\\\\'.repeat(1 << 23)}"`)],
    ['16 MB of quotes', () => constant(`"${'\\"'.repeat(1 << 23)}"`)],
    ['16 MB of comments', () => '//\n'.repeat(5 << 20) + constant('1')],
    ['50,000 callees', () => `func.func @main() { ${'call @f() '.repeat(5e4)} } func.func @f() { return }`],
    ['50,000 functions', () => Array.from({ length: 5e4 }, (_, i) => `func.func @${i ? `f${i}` : 'main'}() { return }`).join('\n')],
  ])('%s', async (_, text) => {
    const long = text();
    const start = processorMs();
    await programOf(long);
    expect(processorMs() - start).toBeLessThan(5000);
  });

  test('others get their turn', async () => {
    const long = constant(`[${'1, '.repeat(1 << 21)}1]`);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await programOf(long);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});
