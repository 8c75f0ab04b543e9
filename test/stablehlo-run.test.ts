/** Every StableHLO builder, run on the CPU plugin against its meaning in JavaScript, and compiled for TPU v5p. */
import * as s from '../lib/ir/stablehlo';
import * as ffi from '../lib/ir/stablehlo/ffi';
import { Client, Topology } from '../lib/pjrt';
import type { DType } from '../lib/types';
import { evaluate } from './evaluate';
import { testTpu } from './helpers';
import { elementwise } from './stablehlo-elementwise';
import { structural } from './stablehlo-structural';

const cases = [...elementwise, ...structural];

// A few units in the last place.
const roundings: Partial<Record<DType, number>> = { f64: 1e-13, f32: 2e-6, f16: 2 ** -9, bf16: 2 ** -7 };

describe('on the CPU plugin', () => {
  let client: Client;
  beforeAll(async () => {
    client = await Client.open('cpu');
  });
  afterAll(() => client.dispose());

  test.each(cases)('$name', async ({ module, inputs, outputs, rounded }) => {
    const got = await evaluate(client, module, inputs);
    expect(Object.keys(got)).toEqual(Object.keys(outputs));
    for (const { name, type } of module.outputs) {
      const [values, want] = [got[name], outputs[name]];
      const tolerance = rounded ? (roundings[type.dtype] ?? 0) : 0;
      const close = (a: number, b: number) => Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
      expect(values.length).toBe(want.length);
      expect(values.flatMap((value, i) => (close(value, want[i]) ? [] : [`${name}[${i}] is ${value}, not ${want[i]}`]))).toEqual([]);
    }
  });
});

// libtpu has no aarch64 build.
testTpu(
  'all of it compiles for TPU v5p',
  async () => {
    using v5p = await Topology.open('tpu', 'v5p:2x2x1');
    const failed: string[] = [];
    for (const { name, module } of cases) {
      // libtpu aborts over some programs of these: docs/dtypes.md.
      if (/constant u?i2$/.test(name)) continue;
      try {
        using executable = await v5p.compile(module);
        if (executable.outputs.length !== module.outputs.length) failed.push(`${name}: outputs`);
      } catch (error) {
        failed.push(`${name}: ${(error as Error).message}`);
      }
    }
    expect(failed).toEqual([]);
  },
  120_000,
);

test('no builder is left out', () => {
  const text = cases.map(({ module }) => module.text).join('');
  const others: Record<string, string> = { sum: 'reduce', max: 'reduce', min: 'reduce', whileLoop: 'while', caseOf: 'case', ifElse: 'if' };
  const name = (builder: string) => others[builder] ?? builder.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const isOne = (builder: string) => builder !== 'program' && !(builder in ffi);
  expect(Object.keys(s).filter((builder) => isOne(builder) && !text.includes(`"stablehlo.${name(builder)}"`))).toEqual([]);
});
