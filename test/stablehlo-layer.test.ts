/**
 * A transformer's layer with its embedding and loss, and the gradient of attention, built of StableHLO and run on the CPU plugin against
 * plain loops in JavaScript.
 */
import * as s from '../lib/ir/stablehlo';
import { Client, Topology } from '../lib/pjrt';
import { type Module, sizeOf, tensor, type TensorType } from '../lib/types';
import { evaluate } from './evaluate';
import { testData } from '../lib/timing/check';
import { maxError, testTpu } from './helpers';

const [T, D, H, KV, K, F, V] = [5, 16, 4, 2, 4, 24, 11]; // tokens, model, heads, kv heads, head size, hidden, vocabulary
const f32 = (...shape: number[]) => tensor('f32', shape);
const inputs = {
  ids: tensor('i32', [T]),
  targets: tensor('i32', [T]),
  table: f32(V, D),
  norm1: f32(D),
  wq: f32(D, H * K),
  wk: f32(D, KV * K),
  wv: f32(D, KV * K),
  wo: f32(H * K, D),
  norm2: f32(D),
  gate: f32(D, F),
  up: f32(D, F),
  down: f32(F, D),
};
const epsilon = 1e-5;

// ---- as a program --------------------------------------------------------------------------------------------------------------------

const matmul = (x: s.Tensor, w: s.Tensor) =>
  s.dotGeneral(x, w, { contractingDims: [[x.type.shape.length - 1], [0]], precision: 'HIGHEST' });

/** What a reduction took from the last axis, put back along it. */
const alongLast = (x: s.Tensor, like: s.Tensor) => s.broadcastInDim(x, like.type.shape, [...x.type.shape.keys()]);

function rmsNorm(x: s.Tensor, weight: s.Tensor): s.Tensor {
  const mean = s.divide(s.sum(s.multiply(x, x), [1]), D);
  return s.multiply(s.multiply(x, alongLast(s.rsqrt(s.add(mean, epsilon)), x)), s.broadcastInDim(weight, x.type.shape, [1]));
}

/** [tokens, heads, K], each pair (i, i + K/2) turned by token x 10000^(-2i/K). */
function rope(x: s.Tensor): s.Tensor {
  const [tokens, heads] = x.type.shape;
  const half = f32(tokens, heads, K / 2);
  const angle = s.multiply(s.iota(half, 0), s.exponential(s.multiply(s.iota(half, 2), (-2 / K) * Math.log(10000))));
  const [cos, sin] = [s.cosine(angle), s.sine(angle)];
  const part = (from: number) => s.slice(x, { start: [0, 0, from], limit: [tokens, heads, from + K / 2] });
  const [a, b] = [part(0), part(K / 2)];
  return s.concatenate([s.subtract(s.multiply(a, cos), s.multiply(b, sin)), s.add(s.multiply(a, sin), s.multiply(b, cos))], 2);
}

function softmax(x: s.Tensor): s.Tensor {
  const last = x.type.shape.length - 1;
  const e = s.exponential(s.subtract(x, alongLast(s.max(x, [last]), x)));
  return s.divide(e, alongLast(s.sum(e, [last]), e));
}

/** Causal, on q [T, H, K] and k, v [T, KV, K]: query head h reads kv head floor(h / (H / KV)). */
function attend(q: s.Tensor, k: s.Tensor, v: s.Tensor): s.Tensor {
  const groups = s.reshape(q, [T, KV, H / KV, K]);
  const scores = s.multiply(s.dotGeneral(groups, k, { batchingDims: [[1], [1]], contractingDims: [[3], [2]] }), 1 / Math.sqrt(K)); // [KV, T, H / KV, T]
  const index = tensor('i32', scores.type.shape);
  const seen = s.compare(s.iota(index, 3), s.iota(index, 1), 'LE');
  const weights = softmax(s.select(seen, scores, Number.NEGATIVE_INFINITY));
  const out = s.dotGeneral(weights, v, { batchingDims: [[0], [1]], contractingDims: [[3], [0]] }); // [KV, T, H / KV, K]
  return s.reshape(s.transpose(out, [1, 0, 2, 3]), [T, H * K]);
}

const layer = s.program('layer', inputs, (w) => {
  const rows = { offsetDims: [1], collapsedSliceDims: [0], startIndexMap: [0], indexVectorDim: 1, sliceSizes: [1, D] };
  const x = s.gather(w.table, w.ids, rows);
  const h = rmsNorm(x, w.norm1);
  const heads = (y: s.Tensor, n: number) => s.reshape(y, [T, n, K]);
  const attention = attend(rope(heads(matmul(h, w.wq), H)), rope(heads(matmul(h, w.wk), KV)), heads(matmul(h, w.wv), KV));
  const y = s.add(x, matmul(attention, w.wo));
  const g = rmsNorm(y, w.norm2);
  const gate = matmul(g, w.gate);
  const out = s.add(y, matmul(s.multiply(s.multiply(gate, s.logistic(gate)), matmul(g, w.up)), w.down));
  const logits = s.dotGeneral(out, w.table, { contractingDims: [[1], [1]] });
  const shifted = s.subtract(logits, alongLast(s.max(logits, [1]), logits));
  const logTotal = s.log(s.sum(s.exponential(shifted), [1]));
  const isTarget = s.compare(s.iota(tensor('i32', [T, V]), 1), s.broadcastInDim(w.targets, [T, V], [0]), 'EQ');
  const loss = s.divide(s.sum(s.subtract(logTotal, s.sum(s.select(isTarget, shifted, 0), [1])), [0]), T);
  // The loss's gradient by the logits, and so by the rows of the embedding that were looked up, if nothing lay between.
  const byLogits = s.divide(s.subtract(softmax(logits), s.convert(isTarget, 'f32')), T);
  const byRows = s.dotGeneral(byLogits, w.table, { contractingDims: [[1], [0]] });
  const put = { updateWindowDims: [1], insertedWindowDims: [0], scatterDimsToOperandDims: [0], indexVectorDim: 1 };
  return { out, loss, byTable: s.scatter(s.constant(0, w.table.type), w.ids, byRows, put) };
});

// ---- as loops ------------------------------------------------------------------------------------------------------------------------

type Matrix = number[][];
const table = (n: number, m: number, at: (i: number, j: number) => number): Matrix =>
  Array.from({ length: n }, (_, i) => Array.from({ length: m }, (_, j) => at(i, j)));
const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
const product = (a: Matrix, b: Matrix) => table(a.length, b[0].length, (i, j) => total(a[i].map((x, k) => x * b[k][j])));
const turned = (a: Matrix) => table(a[0].length, a.length, (i, j) => a[j][i]);
const plus = (a: Matrix, b: Matrix) => table(a.length, a[0].length, (i, j) => a[i][j] + b[i][j]);
const normal = (a: Matrix, weight: number[]) =>
  a.map((row) => row.map((x, j) => (x / Math.sqrt(total(row.map((y) => y * y)) / row.length + epsilon)) * weight[j]));
const weightsOf = (row: number[]) => {
  const e = row.map((x) => Math.exp(x - Math.max(...row)));
  return e.map((x) => x / total(e));
};
const rotated = (a: Matrix) =>
  table(a.length, K, (t, i) => {
    const angle = t * 10000 ** ((-2 * (i % (K / 2))) / K);
    return i < K / 2
      ? a[t][i] * Math.cos(angle) - a[t][i + K / 2] * Math.sin(angle)
      : a[t][i - K / 2] * Math.sin(angle) + a[t][i] * Math.cos(angle);
  });
const causal = (q: Matrix, k: Matrix, v: Matrix) => {
  const scores = product(q, turned(k)).map((row, i) => row.map((x, j) => (j <= i ? x / Math.sqrt(K) : Number.NEGATIVE_INFINITY)));
  return product(scores.map(weightsOf), v);
};

function layerInLoops(data: Record<string, ArrayLike<number>>) {
  const matrix = (name: keyof typeof inputs) =>
    table(inputs[name].shape[0], inputs[name].shape[1], (i, j) => data[name][i * inputs[name].shape[1] + j]);
  const [ids, targets] = [Array.from(data.ids), Array.from(data.targets)];
  const embedding = matrix('table');
  const x = ids.map((id) => embedding[id]);
  const h = normal(x, Array.from(data.norm1));
  const head = (a: Matrix, n: number) => a.map((row) => row.slice(n * K, n * K + K));
  const [q, k, v] = [product(h, matrix('wq')), product(h, matrix('wk')), product(h, matrix('wv'))];
  const outs = Array.from({ length: H }, (_, n) => {
    const kv = Math.floor(n / (H / KV));
    return causal(rotated(head(q, n)), rotated(head(k, kv)), head(v, kv));
  });
  const y = plus(
    x,
    product(
      table(T, H * K, (t, j) => outs[Math.floor(j / K)][t][j % K]),
      matrix('wo'),
    ),
  );
  const g = normal(y, Array.from(data.norm2));
  const up = product(g, matrix('up'));
  const gated = product(g, matrix('gate')).map((row, i) => row.map((z, j) => (z / (1 + Math.exp(-z))) * up[i][j]));
  const out = plus(y, product(gated, matrix('down')));
  const logits = product(out, turned(embedding));
  const loss = -total(logits.map((row, t) => Math.log(weightsOf(row)[targets[t]]))) / T;
  const byRows = product(
    logits.map((row, t) => weightsOf(row).map((p, j) => (p - Number(j === targets[t])) / T)),
    embedding,
  );
  const byTable = table(V, D, (i, j) => total(byRows.map((row, t) => (ids[t] === i ? row[j] : 0))));
  return { out: out.flat(), loss: [loss], byTable: byTable.flat() };
}

// ---- attention's gradient ------------------------------------------------------------------------------------------------------------

const one = { q: f32(T, K), k: f32(T, K), v: f32(T, K), g: f32(T, K) };

/** The gradient of sum(g * attention(q, k, v)), one head, causal: softmax's own is P (dP - rows of dO . O). */
const gradient: Module = s.program('gradient', one, ({ q, k, v, g }) => {
  const dot = (a: s.Tensor, b: s.Tensor, left: number, right: number) =>
    s.dotGeneral(a, b, { contractingDims: [[left], [right]], precision: 'HIGHEST' });
  const scale = 1 / Math.sqrt(K);
  const index = tensor('i32', [T, T]);
  const seen = s.compare(s.iota(index, 1), s.iota(index, 0), 'LE');
  const p = softmax(s.select(seen, s.multiply(dot(q, k, 1, 1), scale), Number.NEGATIVE_INFINITY));
  const byP = dot(g, v, 1, 1);
  const rows = s.sum(s.multiply(g, dot(p, v, 1, 0)), [1]);
  const byScores = s.multiply(s.multiply(p, s.subtract(byP, alongLast(rows, byP))), scale);
  return { q: dot(byScores, k, 1, 0), k: dot(byScores, q, 0, 0), v: dot(p, g, 0, 0) };
});

/** The same by differences, in f64. */
function gradientInLoops(data: Record<string, ArrayLike<number>>, of: 'q' | 'k' | 'v'): number[] {
  const objective = (changed: ArrayLike<number>) => {
    const [q, k, v, g] = ['q', 'k', 'v', 'g'].map((name) => table(T, K, (i, j) => (name === of ? changed : data[name])[i * K + j]));
    return total(causal(q, k, v).flatMap((row, i) => row.map((x, j) => x * g[i][j])));
  };
  const step = 1e-5;
  return Array.from({ length: T * K }, (_, i) => {
    const moved = (by: number) => objective(Array.from(data[of]).map((x, j) => (i === j ? x + by : x)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

const values = (ports: Record<string, TensorType>) =>
  Object.fromEntries(
    Object.entries(ports).map(([name, type], i) => [
      name,
      type.dtype === 'i32' ? Array.from({ length: sizeOf(type) }, (_, j) => (j * 7 + i) % V) : testData(type, i + 1),
    ]),
  );

describe('on the CPU plugin', () => {
  let client: Client;
  beforeAll(async () => {
    client = await Client.open('cpu');
  });
  afterAll(() => client.dispose());

  test('a transformer layer, its loss, and the gradient of its embedding', async () => {
    const data = values(inputs);
    const got = await evaluate(client, layer, data);
    const want = layerInLoops(data);
    expect(maxError(got.out, want.out) / Math.max(...want.out.map(Math.abs))).toBeLessThan(1e-5);
    expect(maxError(got.loss, want.loss)).toBeLessThan(1e-4);
    expect(maxError(got.byTable, want.byTable)).toBeLessThan(1e-5);
  });

  test('the gradient of attention', async () => {
    const data = values(one);
    const got = await evaluate(client, gradient, data);
    for (const port of ['q', 'k', 'v'] as const) expect(maxError(got[port], gradientInLoops(data, port))).toBeLessThan(1e-5);
  });
});

// libtpu has no aarch64 build.
testTpu('both compile for TPU v5p', async () => {
  using v5p = await Topology.open('tpu', 'v5p:2x2x1');
  for (const module of [layer, gradient]) {
    using executable = await v5p.compile(module);
    expect(executable.outputs).toEqual(module.outputs);
  }
});
