/** Vectors as shapes: spread, numbered, reshaped, transposed, cut, joined and reduced. */
import { ShapeError } from '../../errors';
import { attr } from '../mlir';
import { arith } from './arithmetic';
import { allocate, type Data, integers, one, type Op, type Row, roundToBf16, type Tile } from './row';
import { countOf, isFloat, shapeOf, spell, stridesOf, type V, vector } from './types';

const isVector = ({ operands, results }: Op) =>
  [...operands, ...results].some(({ type }) => type.kind !== 'vector') && 'operands and result are vectors';
const sameElement = ({ operands, results: [{ type }] }: Op) =>
  operands.some((operand) => operand.type.element !== type.element) && 'operand and result have one element';
const shapes = ({ operands, results: [{ type }] }: Op) => [...operands.map((operand) => shapeOf(operand.type)), shapeOf(type)];
const made = (shape: readonly number[], data: Data): Tile => ({ shape, data });

/** Copies a box, its innermost dimension a run of places where both sides have them side by side. */
export function copyBox(
  sizes: readonly number[],
  from: Data,
  fromStart: number,
  fromStrides: readonly number[],
  to: Data,
  toStart: number,
  toStrides: readonly number[],
): void {
  const last = sizes.length - 1;
  if (last < 0) {
    to[toStart] = from[fromStart];
    return;
  }
  const visit = (d: number, source: number, target: number): void => {
    const n = sizes[d];
    if (d < last) for (let i = 0; i < n; i++) visit(d + 1, source + i * fromStrides[d], target + i * toStrides[d]);
    else if (fromStrides[d] === 1 && toStrides[d] === 1 && n > 15) to.set(from.subarray(source, source + n), target);
    else for (let i = 0; i < n; i++) to[target + i * toStrides[d]] = from[source + i * fromStrides[d]];
  };
  visit(0, fromStart, toStart);
}

const rows = {
  broadcast: {
    name: 'vector.broadcast',
    since: 1,
    rule: (op) => {
      const [from, to] = shapes(op);
      const lead = to.length - from.length;
      return (
        (op.results[0].type.kind !== 'vector' && 'the result is a vector') ||
        sameElement(op) ||
        ((lead < 0 || from.some((n, d) => n !== 1 && n !== to[d + lead])) &&
          'each dimension of the operand is 1 or the last ones of the result')
      );
    },
    meaning: (op) => {
      const [from, to] = shapes(op);
      const { element } = op.results[0].type;
      const lead = to.length - from.length;
      const strides = stridesOf(from);
      const spread = to.map((_, d) => (d < lead || from[d - lead] === 1 ? 0 : strides[d - lead]));
      return ([source]) => {
        const data = allocate(element, countOf(to));
        if (typeof source === 'number') return made(to, data.fill(source));
        copyBox(to, (source as Tile).data, 0, spread, data, 0, stridesOf(to));
        return made(to, data);
      };
    },
  },
  iota: {
    name: 'tpu.iota',
    since: 6,
    rule: (op) =>
      isVector(op) ||
      (isFloat(op.results[0].type) && 'the result is of integers') ||
      (shapes(op)[0].length < 2 && 'the result has rank 2 or more') ||
      (integers(op.attributes.dimensions).length !== 1 && 'one dimension is numbered'),
    meaning: (op) => {
      const [to] = shapes(op);
      const [d] = integers(op.attributes.dimensions);
      const stride = stridesOf(to)[d];
      const data = new Int32Array(countOf(to)).map((_, i) => Math.floor(i / stride) % to[d]);
      return () => made(to, data);
    },
  },
  reshape: {
    name: 'vector.shape_cast',
    since: 1,
    rule: (op) =>
      isVector(op) || sameElement(op) || (countOf(shapes(op)[0]) !== countOf(shapes(op)[1]) && 'operand and result have as many places'),
    meaning: (op) => {
      const [, to] = shapes(op);
      return ([source]) => made(to, (source as Tile).data);
    },
  },
  transpose: {
    name: 'tpu.transpose',
    since: 1,
    rule: (op) => {
      const [from, to] = shapes(op);
      const order = integers(op.attributes.permutation);
      return (
        isVector(op) ||
        sameElement(op) ||
        ((String([...order].sort()) !== String(from.map((_, d) => d)) || order.some((d, i) => from[d] !== to[i])) &&
          `the result's dimensions are the operand's in the order ${order}`)
      );
    },
    meaning: (op) => {
      const [from, to] = shapes(op);
      const strides = stridesOf(from);
      const permuted = integers(op.attributes.permutation).map((d) => strides[d]);
      return ([source]) => {
        const data = allocate(op.results[0].type.element, countOf(to));
        copyBox(to, (source as Tile).data, 0, permuted, data, 0, stridesOf(to));
        return made(to, data);
      };
    },
  },
  part: {
    name: 'vector.extract_strided_slice',
    since: 1,
    rule: (op) => {
      const [from, to] = shapes(op);
      const [offsets, sizes] = [integers(op.attributes.offsets), integers(op.attributes.sizes)];
      return (
        isVector(op) ||
        sameElement(op) ||
        (integers(op.attributes.strides).some((n) => n !== 1) && 'strides are 1') ||
        ((offsets.length !== from.length || sizes.some((n, d) => n !== to[d] || offsets[d] < 0 || offsets[d] + n > from[d])) &&
          `a part lies within the operand, not at [${offsets}] of [${sizes}]`)
      );
    },
    meaning: (op) => {
      const [from, to] = shapes(op);
      const strides = stridesOf(from);
      const start = integers(op.attributes.offsets).reduce((sum, n, d) => sum + n * strides[d], 0);
      return ([source]) => {
        const data = allocate(op.results[0].type.element, countOf(to));
        copyBox(to, (source as Tile).data, start, strides, data, 0, stridesOf(to));
        return made(to, data);
      };
    },
  },
  concat: {
    name: 'tpu.concatenate',
    since: 1,
    rule: (op) => {
      const all = shapes(op);
      const to = all[all.length - 1];
      const parts = all.slice(0, -1);
      const [axis] = integers(op.attributes.dimension);
      return (
        isVector(op) ||
        sameElement(op) ||
        (parts.length < 2 && 'there are two parts or more') ||
        ((parts.some((part) => part.length !== to.length || part.some((n, d) => d !== axis && n !== to[d])) ||
          parts.reduce((sum, part) => sum + part[axis], 0) !== to[axis]) &&
          `parts are alike but for dimension ${axis}, where the result is as long as all of them`)
      );
    },
    meaning: (op) => {
      const all = shapes(op);
      const to = all[all.length - 1];
      const strides = stridesOf(to);
      const [axis] = integers(op.attributes.dimension);
      return (parts) => {
        const data = allocate(op.results[0].type.element, countOf(to));
        let at = 0;
        for (const part of parts as readonly Tile[]) {
          copyBox(part.shape, part.data, 0, stridesOf(part.shape), data, at * strides[axis], strides);
          at += part.shape[axis];
        }
        return made(to, data);
      };
    },
  },
  reduce: {
    name: 'vector.multi_reduction',
    since: 3,
    rule: (op) => {
      const [from, start, to] = shapes(op);
      const dims = integers(op.attributes.reduction_dims);
      const kept = from.filter((_, d) => !dims.includes(d));
      return (
        sameElement(op) ||
        (!reductions[kindOf(op)] && `the kind is one of ${Object.keys(reductions).join(', ')}, not ${op.attributes.kind}`) ||
        (dims.length !== 1 && 'one dimension is reduced') ||
        ((String(kept) !== String(to) || String(start) !== String(to)) &&
          `the result and its start have the dimensions that are left, [${kept}]`)
      );
    },
    meaning: (op) => {
      const [from, , to] = shapes(op);
      const [axis] = integers(op.attributes.reduction_dims);
      const { element } = op.results[0].type;
      const reduce = reductions[kindOf(op)];
      const inner = stridesOf(from)[axis];
      return ([source, start]) => {
        const wide = Float64Array.from((start as Tile).data);
        reduce(wide, (source as Tile).data, from[axis], inner);
        const data = allocate(element, countOf(to));
        data.set(wide);
        if (element === 'bf16') roundToBf16(data as Float32Array);
        return made(to, data);
      };
    },
  },
} satisfies Record<string, Row>;

const kindOf = ({ attributes }: Op) => (attributes.kind ?? '').replace(/^#vector\.kind<(\w+)>$/, '$1');

/** Reduces places `inner` apart, `n` of them for each place of `out`: a sum is taken in double and rounded once. */
const reductions: Record<string, (out: Float64Array, x: Data, n: number, inner: number) => void> = {
  add: (out, x, n, inner) => {
    for (let o = 0, i = 0; i < x.length; o += inner) for (let k = 0; k < n; k++) for (let j = 0; j < inner; j++, i++) out[o + j] += x[i];
  },
  maximumf: (out, x, n, inner) => {
    for (let o = 0, i = 0; i < x.length; o += inner)
      for (let k = 0; k < n; k++) for (let j = 0; j < inner; j++, i++) out[o + j] = Math.max(out[o + j], x[i]);
  },
  minimumf: (out, x, n, inner) => {
    for (let o = 0, i = 0; i < x.length; o += inner)
      for (let k = 0; k < n; k++) for (let j = 0; j < inner; j++, i++) out[o + j] = Math.min(out[o + j], x[i]);
  },
};

export const shapeRows: readonly Row[] = Object.values(rows);

export function vectorShape(x: V, rank: number): readonly number[] {
  if (x.type.kind !== 'vector' || x.type.shape.length !== rank)
    throw new ShapeError(`mosaic: the operand is a vector of rank ${rank}; got ${spell(x.type)}`);
  return x.type.shape;
}

/** A scalar in every place of a vector, or a row [1, n] or column [n, 1] along the dimension that it has 1 of. */
export const broadcast = (x: V, shape: readonly number[]): V => one(rows.broadcast, [x], vector(x.type.element, shape));

/** [rows] as [rows, columns], each row's value in all of its columns. */
export function broadcastColumn(x: V, columns: number): V {
  const [n] = vectorShape(x, 1);
  return broadcast(reshape(x, [n, 1]), [n, columns]);
}

/** [1, columns] as [rows, columns], each column's value in all of its rows. */
export function broadcastRow(x: V, n: number): V {
  const [, columns] = vectorShape(x, 2);
  return broadcast(x, [n, columns]);
}

/** i32 vector that holds each place's index in `dimension`. */
export function iota(shape: readonly number[], dimension: number): V {
  return one(rows.iota, [], vector('i32', shape), { dimensions: attr.array([dimension], 'i32') });
}

export const reshape = (x: V, shape: readonly number[]): V => one(rows.reshape, [x], vector(x.type.element, shape));

export function transpose(x: V): V {
  const [n, columns] = vectorShape(x, 2);
  return one(rows.transpose, [x], vector(x.type.element, [columns, n]), { permutation: attr.array([1, 0]) });
}

/** Maximum, minimum or sum of [rows, columns] along `axis`, its last or its first: f32 [rows] or [columns]. */
export function reduce(kind: 'maximumf' | 'minimumf' | 'add', x: V, axis: 0 | 1 = 1): V {
  const result = vector('f32', [vectorShape(x, 2)[1 - axis]]);
  const start = { add: '0.0', maximumf: '0xFF800000', minimumf: '0x7F800000' }[kind];
  const from = one(arith.constant, [], result, { value: `dense<${start}> : ${spell(result)}` });
  return one(rows.reduce, [x, from], result, { kind: `#vector.kind<${kind}>`, reduction_dims: attr.array([axis]) });
}

/** Vectors one after the other along `axis`. */
export function concat(parts: readonly V[], axis: number): V {
  if (parts.length === 1) return parts[0];
  const total = parts.reduce((sum, { type }) => sum + shapeOf(type)[axis], 0);
  const shape = shapeOf(parts[0].type).map((n, d) => (d === axis ? total : n));
  return one(rows.concat, parts, vector(parts[0].type.element, shape), { dimension: attr.integer(axis, 'i32') });
}

/** [rows, n] repeated along its columns to [rows, columns]; the last repetition is cut. */
export function tile(x: V, columns: number): V {
  const [n, width] = vectorShape(x, 2);
  const times = Math.ceil(columns / width);
  const repeated = concat(Array<V>(times).fill(x), 1);
  return times * width === columns ? repeated : corner(repeated, [n, columns]);
}

/** The first places of each dimension. */
export const corner = (x: V, sizes: readonly number[]): V =>
  part(
    x,
    sizes.map(() => 0),
    sizes,
  );

/** `sizes` places of a vector from `offsets` on. */
export function part(x: V, offsets: readonly number[], sizes: readonly number[]): V {
  return one(rows.part, [x], vector(x.type.element, sizes), {
    offsets: attr.list(offsets.map((n) => attr.integer(n))),
    sizes: attr.list(sizes.map((n) => attr.integer(n))),
    strides: attr.list(sizes.map(() => attr.integer(1))),
  });
}
