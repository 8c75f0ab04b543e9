/**
 * Attention over a sequence that devices share, from the point of view of one of them: its queries stay, and the keys and values of all
 * others come by, passed on round the ring. A step attends to what is at hand with a kernel for the mask's part there (ring-plan.ts), and
 * the steps' outputs are put together by their log-sum-exps; backward, the gradients by keys and values travel with them and come home.
 */
import { type AttentionSpec, attention, type Pass } from '../attention';
import * as s from '../ir/stablehlo';
import * as sdy from '../ir/shardy';
import { tensor } from '../types';
import { tokensOf } from './exchange';
import { merged, type Rows, weighed } from './ring-merge';
import type { Part, Tensors } from './part';
import type { Call, RingPlan } from './ring-plan';

export interface Ring {
  /** Of what one device holds: its sizes, and no mask of its own. */
  readonly local: AttentionSpec;
  readonly plan: RingPlan;
  /** The axis that the keys go round, its size, and this device's row in the plan's table: i32. */
  readonly axis: string;
  readonly size: number;
  readonly row: s.Tensor;
  /** A kernel of a spec: made once. */
  readonly partOf: (spec: AttentionSpec) => Part;
}

/** Rings of so few steps are written out: each fetches its keys straight from their home. */
const mostWritten = 2;

/** The whole rows of this device: `out` f32, and `logSumExp` f32, in which its sinks take part. */
export function ringForward(ring: Ring, inputs: Tensors): Rows {
  const { batch, heads, queries, valueDim } = ring.local;
  const none: Rows = {
    out: s.constant(0, tensor('f32', [batch, heads, queries, valueDim])),
    logSumExp: s.constant(Number.NEGATIVE_INFINITY, tensor('f32', [batch, heads, queries])),
  };
  const step: Step = (done, keys, calls) => calls.reduce((sum, call) => attend(ring, { ...inputs, ...keys }, call, sum), done as Rows);
  const rows = walk(ring, { keys: keysOf(inputs), stays: none, travels: {} }, step) as Rows;
  if (!inputs.sinks) return rows;
  const sink = s.broadcastInDim(inputs.sinks, rows.logSumExp.type.shape, [1]);
  return weighed(rows, sink);
}

function attend(ring: Ring, inputs: Tensors, call: Call, done: Rows): Rows {
  const spec = localSpec(ring, call, 'forward');
  const { out, logSumExp } = ring.partOf(spec).call(operands(ring, spec, inputs, call));
  return merged(done, { out: s.convert(out, 'f32'), logSumExp }, rowsOf(ring, call)[0]);
}

/** dq, dk and dv in f32, of this device's own tokens; `out` of the dtype and `logSumExp` are of whole rows. */
export function ringBackward(ring: Ring, inputs: Tensors): Record<'dq' | 'dk' | 'dv', s.Tensor> {
  const zero = (x: s.Tensor) => s.constant(0, tensor('f32', x.type.shape));
  const sums = { keys: keysOf(inputs), stays: { dq: zero(inputs.q) }, travels: { dk: zero(inputs.k), dv: zero(inputs.v) } };
  const step: Step = (done, keys, calls) => calls.reduce((sum, call) => differentiate(ring, { ...inputs, ...keys }, call, sum), done);
  return walk(ring, sums, step) as Record<'dq' | 'dk' | 'dv', s.Tensor>;
}

function differentiate(ring: Ring, inputs: Tensors, call: Call, done: Tensors): Tensors {
  const spec = localSpec(ring, call, 'backward');
  const results = ring.partOf(spec).call(operands(ring, spec, inputs, call));
  const n = ring.plan.chunks;
  return Object.fromEntries(
    Object.entries(done).map(([name, sum]) => {
      const [start, end] = name === 'dq' ? call.rows : call.columns;
      const chunk = sum.type.shape[2] / n;
      const edges = (tokens: number) => [0, 0, tokens, 0];
      const part = s.convert(results[name], 'f32');
      const whole = end - start === n ? part : s.pad(part, 0, { low: edges(start * chunk), high: edges((n - end) * chunk) });
      return [name, s.add(sum, whole)];
    }),
  );
}

interface State {
  /** What is passed on as it is. */
  readonly keys: Tensors;
  /** Sums of this device's rows. */
  readonly stays: Tensors;
  /** Sums of the keys at hand. */
  readonly travels: Tensors;
}

/** Of all sums, with the keys at hand. */
type Step = (sums: Tensors, keys: Tensors, calls: readonly Call[]) => Tensors;

/** Takes the sums through all steps of the ring, those that travel back to where they began. */
function walk(ring: Ring, { keys: home, stays, travels }: State, step: Step): Tensors {
  const { plan, size } = ring;
  const others = plan.shifts.slice(1);
  const choose = chooser(ring);
  // What a step adds to sums that travel is added when they are here: they come while the kernels run.
  const turn = (shifts: readonly number[], shift: s.Tensor, keys: Tensors, sums: Tensors): Tensors =>
    choose(shifts, shift, (calls) => step({ ...sums, ...travels }, keys, calls));
  const first = turn([0], number(0), home, stays);
  if (others.length > mostWritten) return looped(ring, { keys: home, stays, travels }, first, turn);
  let sums = first;
  for (const shift of others) {
    const done = turn([shift], number(shift), passed(ring, home, shift), sums);
    sums = { ...done, ...added(named(travels, sums), passed(ring, named(travels, done), size - shift)) };
  }
  return sums;
}

type Turn = (shifts: readonly number[], shift: s.Tensor, keys: Tensors, sums: Tensors) => Tensors;

function looped(ring: Ring, { keys: home, stays, travels }: State, first: Tensors, turn: Turn): Tensors {
  const others = ring.plan.shifts.slice(1);
  const last = others.at(-1) as number;
  const end = s.whileLoop<Tensors>(
    { shift: number(1), ...passed(ring, home, 1), ...first },
    ({ shift }) => s.compare(shift, last, 'LE'),
    ({ shift, ...all }) => {
      const keys = named(home, all);
      // The next keys are asked for here, so that they come while the kernels run.
      const next = passed(ring, keys, 1);
      const sums = passed(ring, named(travels, all), 1);
      const done = turn(others, shift, keys, named(stays, all));
      return { shift: s.add(shift, 1), ...next, ...done, ...added(sums, done) };
    },
  );
  return { ...named(stays, end), ...passed(ring, named(travels, end), ring.size - last) };
}

/** `sums`, and to each what `more` has of its name. */
function added(sums: Tensors, more: Tensors): Tensors {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, s.add(sum, more[name])]));
}

const number = (value: number) => s.constant(value, tensor('i32', []));

/** Of `all`, those that `like` has. */
function named(like: Tensors, all: Tensors): Tensors {
  return Object.fromEntries(Object.keys(like).map((name) => [name, all[name]]));
}

/** Runs what the plan's table has for this device at one of `shifts`. */
function chooser({ plan, row }: Ring) {
  const end = (plan.shifts.at(-1) as number) + 1;
  const isOne = new Set(plan.table.map(String)).size === 1;
  return <B extends s.Bundle>(shifts: readonly number[], shift: s.Tensor, body: (calls: readonly Call[]) => B): B => {
    const used = [...new Set(shifts.flatMap((one) => plan.table.map((line) => line[one])))].sort((a, b) => a - b);
    if (used.length === 1) return body(plan.classes[used[0]]);
    const lines = isOne ? plan.table.slice(0, 1) : plan.table;
    const places = s.constant(
      lines.flatMap((line) => line.map((one) => Math.max(used.indexOf(one), 0))),
      tensor('i32', [lines.length, end]),
    );
    const place = s.reshape(s.dynamicSlice(places, [isOne ? s.constant(0, row.type) : row, shift], [1, 1]), []);
    return s.caseOf(
      place,
      used.map((one) => () => body(plan.classes[one])),
    );
  };
}

/** What the device `shift` places back had. */
function passed({ axis, size }: Ring, tensors: Tensors, shift: number): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, x]) => [name, sdy.collectivePermute(x, axis, (from) => (from + shift) % size)]),
  );
}

/** What goes round. */
function keysOf({ k, v, kvSegments }: Tensors): Tensors {
  return { k, v, ...(kvSegments ? { kvSegments } : {}) };
}

function localSpec({ local, plan }: Ring, { rows, columns, mask }: Call, pass: Pass): AttentionSpec {
  const { batch, heads, kvHeads, headDim, valueDim, dtype, scale, softCap } = local;
  const part = (tokens: number, [start, end]: readonly [number, number]) => (tokens / plan.chunks) * (end - start);
  const sizes = { queries: part(local.queries, rows), keys: part(local.keys, columns) };
  return attention({ batch, heads, kvHeads, headDim, valueDim, dtype, scale, softCap, mask, pass, logSumExp: true, ...sizes });
}

function rowsOf({ local, plan }: Ring, { rows, columns }: Call) {
  const span = (tokens: number, range: readonly [number, number]) =>
    range.map((chunk) => (tokens / plan.chunks) * chunk) as [number, number];
  return [span(local.queries, rows), span(local.keys, columns)] as const;
}

/** The call's parts of the inputs that its spec takes. */
function operands(ring: Ring, spec: AttentionSpec, inputs: Tensors, call: Call): Tensors {
  const [rows, columns] = rowsOf(ring, call);
  const ofKeys = new Set(['k', 'v', 'kvSegments']);
  return Object.fromEntries(
    Object.keys(spec.inputs).map((name) => [
      name,
      tokensOf(inputs[name], name.endsWith('Segments') ? 1 : 2, ofKeys.has(name) ? columns : rows),
    ]),
  );
}
