/** What the CPU kernels promise beside their values: where NaN goes, the same bits on any threads, memory that follows the mask, and options. */
import { type AttentionOptions, type AttentionSpec, attention, attentionDTypes, attentionGrad, type Pass } from '../lib/attention';
import { ShapeError } from '../lib/errors';
import { lower, lowerBlocking } from '../lib/lower';
import { cpuBlocks } from '../lib/lower/cpu';
import { allows, causal, full, headMask, keyLengths, local, materialize, parseMask } from '../lib/mask';
import type { Client } from '../lib/pjrt';
import { testInputs } from '../lib/timing/check';
import { differences, expectedOf, kernelErrors, outputsOf, runsOf, type Values } from './attention-case';
import { withCpu } from './with-target';

let cpu: Client;
withCpu((opened) => {
  cpu = opened;
});

describe('NaN and infinity reach the rows that attend to them, the keys that these attend to, and no other', () => {
  const shape = { heads: 2, kvHeads: 1, headDim: 6, valueDim: 3, queries: 150, keys: 170, logSumExp: true } as const;

  /** For each output, the tokens (of all heads) where a run with changed inputs gives another value than without. */
  async function changes(spec: AttentionSpec, change: (values: Values) => void) {
    const values = testInputs(spec);
    const clean = await outputsOf(cpu, spec, values);
    change(values);
    const seen = await outputsOf(cpu, spec, values);
    const tokens = (name: string) => {
      const size = { dq: 6, dk: 6, logSumExp: 1 }[name] ?? 3;
      const changed = Array.from(seen[name], (value, i) => (Object.is(value, clean[name][i]) ? -1 : Math.floor(i / size)));
      return [...new Set(changed.filter((token) => token >= 0))];
    };
    return { seen, out: tokens('out'), logSumExp: tokens('logSumExp'), dq: tokens('dq'), dk: tokens('dk'), dv: tokens('dv') };
  }

  const cases = attentionDTypes.flatMap((dtype) =>
    ['causal', 'strided(3) & causal', 'documents(40, 60, 70)', 'segments', 'perHead(local(20, 0), prefix(9))'].map(
      (text) => [dtype, text] as const,
    ),
  );
  describe.each(cases)('%s, %s', (dtype, text) => {
    const mask = parseMask(text, 150, 170);
    const spec = attentionGrad({ ...shape, dtype, mask });
    const { qSegments, kvSegments } = testInputs(spec);
    const attends = (row: number, j: number) =>
      allows(headMask(mask, Math.floor(row / 150), 2), row % 150, j, { qSegments, kvSegments } as Parameters<typeof allows>[3]);
    const rows = Array.from({ length: 300 }, (_, row) => row);
    const keysOf = (some: readonly number[]) => Array.from({ length: 170 }, (_, j) => j).filter((j) => some.some((row) => attends(row, j)));

    test('of a value', async () => {
      const key = 90;
      const reached = rows.filter((row) => attends(row, key));
      for (const special of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const { seen, out, logSumExp, dq, dk, dv } = await changes(spec, ({ v }) => {
          v[key * 3 + 1] = special;
        });
        expect({ out, logSumExp, dv }).toEqual({ out: reached, logSumExp: [], dv: [] });
        expect(Array.from(seen.out).filter(Number.isFinite).length).toBe(900 - reached.length);
        expect(reached).toEqual(expect.arrayContaining(dq));
        expect(keysOf(reached)).toEqual(expect.arrayContaining(dk));
        if (Number.isNaN(special)) expect([dq, dk]).toEqual([reached, keysOf(reached)]);
      }
    });

    test("of an output's gradient", async () => {
      const row = 150 + 95;
      for (const special of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const { out, dq, dk, dv } = await changes(spec, ({ dOut }) => {
          dOut[row * 3 + 2] = special;
        });
        expect(out).toEqual([]);
        expect([row]).toEqual(expect.arrayContaining(dq));
        expect(keysOf([row])).toEqual(expect.arrayContaining([...dk, ...dv]));
        if (Number.isNaN(special)) expect([dq, dk, dv]).toEqual([[row], keysOf([row]), keysOf([row])]);
      }
    });

    test('of a key and of a query', async () => {
      const reached = rows.filter((row) => attends(row, 90));
      const ofKey = await changes(spec, ({ k }) => {
        k[90 * 6] = Number.NaN;
      });
      expect({ ...ofKey, seen: [] }).toEqual({
        seen: [],
        out: reached,
        logSumExp: reached,
        dq: reached,
        dk: keysOf(reached),
        dv: keysOf(reached),
      });
      const ofQuery = await changes(spec, ({ q }) => {
        q[95 * 6 + 5] = Number.NaN;
      });
      const keys = keysOf([95]);
      expect({ ...ofQuery, seen: [] }).toEqual({ seen: [], out: [95], logSumExp: [95], dq: [95], dk: keys, dv: keys });
    });
  });

  test.each(attentionDTypes)('%s: what nothing attends to may be anything', async (dtype) => {
    const none = { out: [], logSumExp: [], dq: [], dk: [], dv: [] };
    for (const queries of [150, 2]) {
      const padded = attentionGrad({ ...shape, queries, dtype, mask: keyLengths() });
      const { seen: _, ...changed } = await changes(padded, ({ k, v }) => {
        // Lengths are three quarters.
        k.fill(Number.NaN, 128 * 6);
        v.fill(Number.POSITIVE_INFINITY, 128 * 3);
      });
      expect(changed).toEqual(none);
    }
    const { seen, ...changed } = await changes(attentionGrad({ ...shape, dtype, mask: causal(-40), sinks: true }), ({ q, dOut }) => {
      for (const head of [0, 150]) {
        q.fill(Number.NaN, head * 6, (head + 40) * 6);
        dOut.fill(Number.NaN, head * 3, (head + 40) * 3);
      }
    });
    expect(changed).toEqual(none);
    expect(Array.from(seen.dSinks).every(Number.isFinite)).toBe(true);
  });
});

test.each([
  ['grouped heads', { batch: 2, heads: 4, kvHeads: 2, headDim: 32, queries: 700, mask: causal(), sinks: true }],
  ['a mask of ids, f32 of a size that no vector has', { heads: 4, headDim: 20, queries: 700, mask: parseMask('segments', 700, 700) }],
  ['decoding', { heads: 8, kvHeads: 2, headDim: 16, queries: 2, keys: 9000 }],
] as [string, AttentionOptions][])('the same bits on one thread and on all, alone and among others: %s', async (_, options) => {
  for (const dtype of attentionDTypes) {
    const spec = attentionGrad({ ...options, dtype, logSumExp: true });
    const values = testInputs(spec);
    const alone = await outputsOf(cpu, spec, values, { threads: 1 });
    for (const given of [{}, { times: 5 }, { threads: 1, times: 3 }, { threads: 2, times: 2 }])
      for (const outputs of await runsOf(cpu, spec, values, given)) expect(differences(outputs, alone)).toEqual([]);
  }
});

test('131072 tokens with a window: no array of tokens x tokens, which would be 64 GiB', async () => {
  const queries = 2 ** 17;
  const rows = [0, 1, 63, 64, 65, 100_000, queries - 1];
  const spec = attentionGrad({ heads: 1, headDim: 2, queries, mask: local(64, 0), logSumExp: true });
  const values = testInputs(spec, rows);
  const seen = await outputsOf(cpu, spec, values);
  const expected = expectedOf(spec, values, rows);
  const of = (whole: Float32Array, size: number) =>
    Float32Array.from(rows.flatMap((row) => [...whole.subarray(row * size, (row + 1) * size)]));
  Object.assign(seen, { out: of(seen.out, 2), dq: of(seen.dq, 2), logSumExp: of(seen.logSumExp, 1) });
  for (const [name, error] of Object.entries(kernelErrors(spec, values, seen, expected))) expect([name, error < 1]).toEqual([name, true]);
});

test('every pass is the kernels, but of a dense mask', () => {
  const shape = { heads: 4, headDim: 64, queries: 128, softCap: 50, sinks: true };
  const calls: Record<Pass, string[]> = {
    forward: ['node_pjrt_attention'],
    backward: ['node_pjrt_attention_backward'],
    'forward+backward': ['node_pjrt_attention', 'node_pjrt_attention_backward'],
  };
  for (const [pass, names] of Object.entries(calls) as [Pass, string[]][]) {
    const { text } = lower(attention({ ...shape, pass }), 'cpu');
    expect(text.match(/stablehlo\.\w+/g)).toEqual(names.map(() => 'stablehlo.custom_call'));
    expect([...text.matchAll(/call_target_name = "(\w+)"/g)].map(([, name]) => name)).toEqual(names);
    expect(lowerBlocking(attention({ ...shape, pass }), 'cpu')).toEqual(cpuBlocks);
    const dense = attention({ ...shape, pass, mask: materialize(full(), 128, 128) });
    expect(lower(dense, 'cpu')).toEqual(lower(dense, 'dense'));
    expect(lowerBlocking(dense, 'cpu')).toBeUndefined();
  }
});

test('threads and soft caps that are none', () => {
  const shape = { heads: 1, headDim: 8, queries: 4 };
  for (const threads of [0, -1, 1.5, Number.NaN, 2 ** 31, '2', null])
    expect(() => lower(attention(shape), 'cpu', { threads: threads as number })).toThrow(
      new ShapeError(`lower: threads is a whole number from 1 to 2147483647; got ${threads}`),
    );
  expect(lower(attention(shape), 'cpu', { threads: 3 }).text).toContain('threads = 3 : i64');
  expect(lower(attention(shape), 'cpu').text).toContain('threads = 0 : i64');
  for (const softCap of [2 ** -101, 2 ** 101])
    expect(() => lower(attention({ ...shape, softCap }), 'cpu')).toThrow(
      new ShapeError(`lower: the CPU kernel takes a softCap from 2^-100 to 2^100; got ${softCap}`),
    );
});
