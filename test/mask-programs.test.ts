/** The predicate of a mask as it is printed for each lowering, pair by pair against the meaning, for random masks. The CPU's words are in mask-algebra.test.ts. */
import fc from 'fast-check';
import { attention } from '../lib/attention';
import { interpret } from '../lib/ir/interpret';
import * as m from '../lib/ir/mosaic';
import { lower } from '../lib/lower';
import { allowed, idSetsOf, kernelScalars, nextIn, spansOf } from '../lib/lower/tpu-mask';
import { allows, cover, documentIds, type LazyMask, maskText, perHead } from '../lib/mask';
import { Client } from '../lib/pjrt';
import { fuzz } from './fuzz/budget';
import { anyMask } from './masks';

const segmentOf = (token: number) => Math.floor(token / 5);
const sizes = fc.record({
  queries: fc.integer({ min: 1, max: 20 }),
  keys: fc.integer({ min: 1, max: 20 }),
  keyLength: fc.integer({ min: 0, max: 20 }),
});

/** The meaning of a mask with segments of five tokens. */
function meaning(mask: LazyMask, queries: number, keys: number, keyLength: number): number[] {
  const given = {
    qSegments: Array.from({ length: queries }, (_, i) => segmentOf(i)),
    kvSegments: Array.from({ length: keys }, (_, j) => segmentOf(j)),
    keyLength,
  };
  return Array.from({ length: queries * keys }, (_, place) => Number(allows(mask, Math.floor(place / keys), place % keys, given)));
}

test('Mosaic: the predicate of a tile, and a walk that leaves no active block out', () => {
  fc.assert(
    fc.property(anyMask, sizes, (mask, { queries, keys, keyLength }) => {
      const shape = [4, 6] as const;
      const [rows, columns] = [Math.ceil(queries / 6), Math.ceil(keys / 4)];
      const sets = idSetsOf([mask]);
      const ids = (name: string, tokens: number, none: number) => {
        const { lengths } = sets.find((set) => set.name === name) ?? {};
        return lengths ? documentIds(lengths, tokens, none) : Int32Array.from({ length: tokens }, (_, token) => segmentOf(token));
      };
      const padded = (values: Int32Array, length: number) => Array.from({ length }, (_, i) => values[i] ?? 0);
      // One kernel: a step a block of queries, which writes the predicate of each key block, and marks those that it walks.
      const [pairs, walked] = interpret(
        {
          grid: [{ steps: rows, semantics: 'arbitrary' }],
          prefetch: [...sets.flatMap(() => [{ shape: [rows * 6] }, { shape: [columns * 4] }]), { shape: [1] }],
          inputs: [],
          outputs: [
            { element: 'f32', shape: [rows * 6, columns * 4], window: { block: [6, columns * 4], at: (row) => [row, m.constant(0)] } },
            { element: 'f32', shape: [rows, columns], window: { block: [1, columns], at: (row) => [row, m.constant(0)] } },
          ],
          scratch: [],
          body: ([row], refs) => {
            const firstRow = m.mul(row, 6);
            const [out, marks] = refs.slice(-2);
            const tables = Object.fromEntries(sets.map((set, i) => [set.name, refs.slice(2 * i, 2 * i + 2)]));
            const keyLengthRef = refs[2 * sets.length];
            const spread = (ref: m.V, at: m.V, length: number) => {
              let line = m.constant(0, m.vector('i32', [1, length]));
              for (let k = 0; k < length; k++) {
                const value = m.broadcast(m.loadScalar(ref, m.add(at, k)), [1, length]);
                line = m.select(m.eq(m.iota([1, length], 1), k), value, line);
              }
              return line;
            };
            const spans = spansOf(kernelScalars, mask, {
              firstRow,
              lastRow: m.min(m.add(firstRow, 5), queries - 1),
              blockK: 4,
              keys,
              columns,
              idBlocks: () => ({ start: m.constant(0), end: m.constant(columns) }),
              keyLength: () => m.loadScalar(keyLengthRef, 0),
            });
            const next = nextIn(kernelScalars, spans, columns);
            m.store(m.constant(0, m.vector('f32', [1, columns])), marks);
            for (let column = 0; column < columns; column++) {
              const predicate = allowed(mask, {
                shape,
                firstRow,
                firstKey: m.constant(4 * column),
                queries,
                keys,
                ids: (name) => ({
                  q: spread(tables[name][0], firstRow, 6),
                  kv: m.transpose(m.broadcastRow(spread(tables[name][1], m.constant(4 * column), 4), 128)),
                }),
                keyLength: () => m.loadScalar(keyLengthRef, 0),
              });
              const vector = typeof predicate === 'boolean' ? m.constant(Number(predicate), m.vector('i1', shape)) : predicate;
              m.store(m.transpose(m.select(vector, m.constant(1, m.vector('f32', shape)), 0)), out, [0, 4 * column]);
              m.when(m.eq(next(m.constant(column)), column), () => m.store(m.constant(1, m.vector('f32', [1, 1])), marks, [0, column]));
            }
          },
        },
        [
          ...sets.flatMap(({ name }) => [
            Int32Array.from(padded(ids(name, queries, -1), rows * 6)),
            Int32Array.from(padded(ids(name, keys, -2), columns * 4)),
          ]),
          Int32Array.of(keyLength),
        ],
      );
      const expected = meaning(mask, queries, keys, keyLength);
      for (let i = 0; i < queries; i++)
        for (let j = 0; j < keys; j++) {
          if (pairs[i * columns * 4 + j] !== expected[i * keys + j]) throw new Error(`(${i}, ${j}) of ${maskText(mask)}`);
          if (expected[i * keys + j] && !walked[Math.floor(i / 6) * columns + (j >> 2)])
            throw new Error(`the walk of ${maskText(mask)} leaves out (${i}, ${j})`);
        }
      // A mask of one range is walked exactly.
      if (['full', 'causal', 'local', 'prefix', 'keyLimit', 'globalTokens'].includes(mask.kind)) {
        const blocks = cover(mask, { queries, keys, blockQ: 6, blockK: 4 });
        expect(Array.from(walked)).toEqual(
          Array.from({ length: rows * columns }, (_, at) => Number(blocks.classOf(Math.floor(at / columns), at % columns) !== 'empty')),
        );
      }
    }),
    fuzz(1000),
  );
});

test.each(['dense', 'cpu'] as const)('%s: which keys a query sees, on the CPU plugin', async (target) => {
  using cpu = await Client.open('cpu');
  // Many masks in one program, one a head. Scores are equal and key j's value is unit vector j: the output is positive at the keys that are seen.
  const masks = fc.sample(anyMask, fuzz(target === 'cpu' ? 200 : 60));
  for (const { queries, keys, keyLength } of fc.sample(sizes, fuzz(10))) {
    const spec = attention({ heads: masks.length, kvHeads: 1, headDim: 1, valueDim: keys, queries, keys, mask: perHead(masks), scale: 0 });
    using compiled = await cpu.compile(lower(spec, target));
    const identity = new Float32Array(keys * keys);
    for (let j = 0; j < keys; j++) identity[j * keys + j] = 1;
    const values: Record<string, Float32Array | Int32Array> = {
      q: new Float32Array(masks.length * queries),
      k: new Float32Array(keys),
      v: identity,
      qSegments: Int32Array.from({ length: queries }, (_, i) => segmentOf(i)),
      kvSegments: Int32Array.from({ length: keys }, (_, j) => segmentOf(j)),
      keyLengths: Int32Array.of(keyLength),
    };
    const inputs = Object.fromEntries(compiled.inputs.map(({ name, type }) => [name, cpu.upload(type, values[name])]));
    using outputs = await compiled.run(inputs);
    const seen = Array.from((await outputs.out.read()) as Float32Array, (weight) => Number(weight > 0));
    for (const [h, mask] of masks.entries())
      if (seen.slice(h * queries * keys, (h + 1) * queries * keys).join('') !== meaning(mask, queries, keys, keyLength).join(''))
        throw new Error(`${maskText(mask)} on ${queries} x ${keys}, key length ${keyLength}`);
    for (const buffer of Object.values(inputs)) buffer.dispose();
  }
});
