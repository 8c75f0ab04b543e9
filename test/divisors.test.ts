/** Integer divisions by a 0 that the compiler could know, which would end the CPU plugin (aborts.test.ts shows that) were its folding not held up. */
import type { Client } from '../lib/pjrt';
import { programOf } from '../lib/pjrt/program/program';
import { Reader } from '../lib/pjrt/program/reader';
import * as s from '../lib/ir/stablehlo';
import { tensor } from '../lib/types';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

const type = 'tensor<2xi32>';
const constant = (name: string, value: string) => `%${name} = stablehlo.constant dense<${value}> : ${type}\n`;
const main = (body: string) => `func.func @main(%x: ${type}) -> ${type} {\n${body}\nreturn %r : ${type}\n}`;

/** What a program makes of [7, -7]. */
async function made(text: string): Promise<number[]> {
  using executable = await cpu.compile(text);
  using x = cpu.upload(tensor('i32', [2]), Int32Array.of(7, -7));
  using outputs = await executable.run({ x });
  return [...(await outputs.out.read())].map(Number);
}

test.each([
  ['a quotient', `${constant('a', '5')}${constant('b', '0')}%r = stablehlo.divide %a, %b : ${type}`, [-1, -1]],
  ['a remainder', `${constant('a', '[5, -5]')}${constant('b', '0')}%r = stablehlo.remainder %a, %b : ${type}`, [5, -5]],
  ['one 0 of two', `${constant('a', '6')}${constant('b', '[0, 2]')}%r = stablehlo.divide %a, %b : ${type}`, [-1, 3]],
  ['what folds to 0', `%a = stablehlo.subtract %x, %x : ${type}\n%r = stablehlo.remainder %a, %a : ${type}`, [0, 0]],
  [
    'the generic form',
    `%b = "stablehlo.constant"() <{value = dense<0> : ${type}}> : () -> ${type}\n%r = "stablehlo.divide"(%b, %b) {a = 1 : i32} : (${type}, ${type}) -> ${type}`,
    [-1, -1],
  ],
  [
    'one of several results',
    `${constant('a', '5')}${constant('b', '0')}%p:2 = stablehlo.optimization_barrier %a, %b : ${type}, ${type}
     %q:2 = "stablehlo.while"(%a, %b) ({ ^bb0(%i: ${type}, %j: ${type}): %no = stablehlo.constant dense<false> : tensor<i1> stablehlo.return %no : tensor<i1> },
     { ^bb0(%i: ${type}, %j: ${type}): stablehlo.return %i, %j : ${type}, ${type} }) : (${type}, ${type}) -> (${type}, ${type})
     %s = stablehlo.divide %q#0, %q#1 : ${type}\n%r = stablehlo.add %s, %p#0 : ${type}`,
    [4, 4],
  ],
  [
    'CHLO, which broadcasts',
    `${constant('a', '5')}%b = stablehlo.constant dense<0> : tensor<i32>\n%r = chlo.broadcast_divide %a, %b : (${type}, tensor<i32>) -> ${type}`,
    [-1, -1],
  ],
  ['a quotient that nobody uses', `${constant('b', '0')}stablehlo.divide %b, %b : ${type}\n%r = stablehlo.add %x, %x : ${type}`, [14, -14]],
  [
    'a quotient that nobody uses, after other definitions',
    `%s = func.call @g() : () -> ${type} stablehlo.divide %s, %s : ${type}
     ${constant('b', '0')}%w = stablehlo.while(%i = %b) : ${type}
       cond { stablehlo.divide %b, %b : ${type} %no = stablehlo.constant dense<false> : tensor<i1> stablehlo.return %no : tensor<i1> }
       do { stablehlo.return %i : ${type} }
     %r = stablehlo.add %w, %s : ${type}
     return %r : ${type} }
     func.func private @g() -> ${type} {\n${constant('r', '0')}`,
    [0, 0],
  ],
  ['on one line', '%a = stablehlo.constant dense<0> : tensor<2xi32> %r = stablehlo.divide %a, %a : tensor<2xi32>', [-1, -1]],
  // A name of another function or region is another value, whatever it was there.
  [
    'a name that was a constant elsewhere',
    `%s = func.call @f(%x) : (${type}) -> ${type}\n%a = stablehlo.subtract %x, %x : ${type}\n%r = stablehlo.divide %a, %a : ${type}
     return %r : ${type} }
     func.func private @f(%x: ${type}) -> ${type} {\n${constant('a', '3')}%r = stablehlo.divide %x, %a : ${type}`,
    [-1, -1],
  ],
  [
    'the minus of the least',
    `${constant('a', '-2147483648')}${constant('b', '-1')}%r = stablehlo.divide %a, %b : ${type}`,
    [-(2 ** 31), -(2 ** 31)],
  ],
])('%s', async (_, body, wanted) => {
  expect(await made(main(body))).toEqual(wanted);
});

test('of the builders', async () => {
  const module = s.program('m', { x: tensor('i32', [2]) }, ({ x }) => ({ out: s.remainder(s.subtract(x, x), s.multiply(x, 0)) }));
  expect(await made(module.text)).toEqual([0, 0]);
});

describe('what cannot be 0, or is no integer, stays as it is', () => {
  const same = async (body: string) => {
    const text = main(body);
    expect((await programOf(text)).text).toBe(text);
  };
  test.each([
    ['a constant', `${constant('b', '[3, -40]')}%r = stablehlo.divide %x, %b : ${type}`],
    ['the same twice', `${constant('b', '3')}%q = stablehlo.divide %x, %b : ${type}\n%r = stablehlo.remainder %q, %b : ${type}`],
    [
      'a constant that is broadcast',
      `%c = stablehlo.constant dense<12> : tensor<i32>\n%b = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> ${type}\n%r = stablehlo.divide %x, %b : ${type}`,
    ],
    ['a quantized type', '%r = stablehlo.divide %q, %q : tensor<2x!quant.uniform<i8:f32, 0.5>>'],
    ['types of another name', '%r = "stablehlo.divide"(%q, %q) : (tensor<2x!q>, tensor<2x!q>) -> tensor<2x!q>'],
    [
      'comments and strings',
      `// %r = stablehlo.divide %x, %x : ${type}\n%r = stablehlo.add %x, %x {a = "stablehlo.divide %x, %x : ${type}"} : ${type}`,
    ],
  ])('%s', async (_, body) => same(body));

  test('floats', async () => {
    const text = 'func.func @main(%x: tensor<f32>) -> tensor<f32> { %r = stablehlo.divide %x, %x : tensor<f32> return %r : tensor<f32> }';
    expect((await programOf(text)).text).toBe(text);
  });
});

test.each([
  ['0', constant('b', '0')],
  ['bytes', constant('b', '"0x0000000000000000"')],
  ['a constant no more', `${constant('b', '3')}%b = func.call @f(%x) : (${type}) -> ${type}\n`],
  ['an argument of a region', `${constant('b', '3')}%c = "stablehlo.case"(%i) ({ ^bb0(%b: ${type}): \n`],
])('the divisor is behind a barrier: %s', async (_, before) => {
  const reader = new Reader(main(`${before}%r = stablehlo.divide %x, %b : ${type} // %divisor`));
  await reader.read().catch(() => undefined);
  expect(reader.divisors.edited()).toContain(
    `%divisor_0 = stablehlo.optimization_barrier %b : ${type} %r = stablehlo.divide %x, %divisor_0 : ${type} // %divisor`,
  );
});
