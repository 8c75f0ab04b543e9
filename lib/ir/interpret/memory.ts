/**
 * Memory that breaks no promise unnoticed. A buffer knows which of its elements were ever written, by whom, and which copies in flight
 * touch it: reading what was never written, reading or writing the target of a copy in flight, and writing its source are errors.
 */
import { ShapeError } from '../../errors';
import { allocate, type Data, type View } from '../mosaic/row';
import { copyBox } from '../mosaic/shapes';
import { bitsOf, countOf, type Element, stridesOf } from '../mosaic/types';

/** A copy between its start and the wait that ends it. */
export interface Copy {
  readonly source: View;
  readonly target: View;
  /** The operation that started it. */
  readonly where: string;
}

/** Who wrote an element: nobody, whoever made the buffer, or core n as `firstCore + n`. */
export const [unwritten, given, firstCore] = [0, 1, 2];

export class Buffer {
  readonly data: Data;
  readonly writers: Uint16Array;
  readonly strides: readonly number[];
  readonly inFlight = new Set<Copy>();

  /** Without `data`, nothing is written yet. */
  constructor(
    readonly name: string,
    readonly element: Element,
    readonly shape: readonly number[],
    data?: Data,
  ) {
    const length = countOf(shape);
    if (data && data.length !== length) throw new ShapeError(`interpret: ${name} has ${length} elements; got ${data.length}`);
    this.data = data ?? allocate(element, length);
    this.writers = new Uint16Array(length).fill(data ? given : unwritten);
    this.strides = stridesOf(shape);
  }

  get all(): View {
    return { buffer: this, element: this.element, start: this.shape.map(() => 0), sizes: this.shape, dims: this.shape.map((_, d) => d) };
  }
}

export const bufferOf = (view: View): Buffer => view.buffer as Buffer;
export const bytesOf = ({ sizes, element }: View): number => (countOf(sizes) * bitsOf(element)) / 8;
/** The view's first element. */
export const firstOf = (view: View): number => view.start.reduce((sum, n, d) => sum + n * bufferOf(view).strides[d], 0);

function overlap(a: View, b: View): boolean {
  return a.buffer === b.buffer && a.start.every((start, d) => start < b.start[d] + b.sizes[d] && b.start[d] < start + a.sizes[d]);
}

/** Throws where a copy in flight writes any of it. */
function checkReadable(view: View): void {
  for (const { target, where } of bufferOf(view).inFlight)
    if (overlap(view, target)) throw new ShapeError(`${nameOf(view)} is read while a copy into it is in flight, started in ${where}`);
}

/** Throws where a copy in flight reads or writes any of it. */
export function checkFree(view: View): void {
  for (const { source, target, where } of bufferOf(view).inFlight) {
    if (overlap(view, target)) throw new ShapeError(`${nameOf(view)} is written while a copy into it is in flight, started in ${where}`);
    if (overlap(view, source)) throw new ShapeError(`${nameOf(view)} is written while a copy from it is in flight, started in ${where}`);
  }
}

/** Throws where any of it was never written, or by another core than `core`, or a copy in flight writes it. */
export function checkWritten(view: View, core: number): void {
  checkReadable(view);
  const { writers, strides } = bufferOf(view);
  const own = firstCore + core;
  each(view, (at, run) => {
    for (let i = at; i < at + run; i++) {
      const writer = writers[i];
      if (writer === own || writer === given) continue;
      const place = strides.map((stride, d) => Math.floor(i / stride) % bufferOf(view).shape[d]);
      throw new ShapeError(
        writer === unwritten
          ? `${nameOf(view)} is read at [${place}], which was never written`
          : `${nameOf(view)} is read at [${place}], which another core wrote`,
      );
    }
  });
}

/** Visits the runs of elements side by side. */
function each({ buffer, start, sizes }: View, visit: (at: number, run: number) => void): void {
  const { strides } = buffer as Buffer;
  const last = sizes.length - 1;
  if (last < 0) {
    visit(0, 1);
    return;
  }
  const walk = (d: number, at: number): void => {
    const from = at + start[d] * strides[d];
    if (d === last) visit(from, sizes[d]);
    else for (let i = 0; i < sizes[d]; i++) walk(d + 1, from + i * strides[d]);
  };
  walk(0, 0);
}

/** The elements, row-major, whatever they are. */
export function gather(view: View): Data {
  const { data, strides } = bufferOf(view);
  const out = allocate(view.element, countOf(view.sizes));
  copyBox(view.sizes, data, firstOf(view), strides, out, 0, stridesOf(view.sizes));
  return out;
}

/** Writes elements, row-major; they are `writer`'s from now on. */
export function scatter(view: View, values: Data, writer: number): void {
  const { data, writers, strides } = bufferOf(view);
  copyBox(view.sizes, values, 0, stridesOf(view.sizes), data, firstOf(view), strides);
  each(view, (at, run) => writers.fill(writer, at, at + run));
}

/** Moves what was written of `source`; what was not stays unwritten in `target`, and NaN there. */
export function flush(source: Buffer, target: View, core: number): void {
  const { writers } = source;
  if (!writers.includes(unwritten)) {
    scatter(target, source.data, firstCore + core);
    return;
  }
  const values = gather(target);
  const kept = Uint16Array.from(writers, (writer) => (writer === unwritten ? unwritten : firstCore + core));
  for (let i = 0; i < values.length; i++) if (kept[i] !== unwritten) values[i] = source.data[i];
  scatter(target, values, firstCore + core);
  let from = 0;
  each(target, (at, run) => {
    bufferOf(target).writers.set(kept.subarray(from, from + run), at);
    from += run;
  });
}

export const nameOf = (view: View): string => bufferOf(view).name;
