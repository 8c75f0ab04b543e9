/** Rows of references to memory: windows of them, vector and scalar access, copies between memories, and semaphores. */
import { ShapeError, shown } from '../../errors';
import { allocate, integers, isRef, type Op, type Row, roundToBf16, type Tile, type View } from './row';
import { isSame, type MosaicType, type Space, scalar, shapeOf, type V } from './types';

/** Throws where the box leaves the view. */
export function slicedView(view: View, offsets: readonly number[], sizes: readonly number[]): View {
  const shape = view.dims.map((d) => view.sizes[d]);
  if (sizes.some((n, d) => !(offsets[d] >= 0 && offsets[d] + n <= shape[d])))
    throw new ShapeError(`a part lies within [${shape}]; got offsets [${offsets}] and sizes [${sizes}]`);
  const [start, all] = [[...view.start], [...view.sizes]];
  for (const [i, d] of view.dims.entries()) {
    start[d] += offsets[i];
    all[d] = sizes[i];
  }
  return { ...view, start, sizes: all };
}

const typesOf = (values: readonly V[]): MosaicType[] => values.map(({ type }) => type);
const inSpace = (type: MosaicType, ...spaces: Space[]): boolean => isRef(type) && spaces.includes(type.space);
const isIndices = (values: readonly V[], element: 'index' | 'i32') =>
  values.every(({ type }) => type.kind === 'scalar' && type.element === element);
const numbers = (args: readonly unknown[]) => args as readonly number[];
/** Of an access: the reference's rank in indices, and a box that fits at zero. */
const accessRule = (base: MosaicType, at: readonly V[], shape: readonly number[]) =>
  ((at.length !== shapeOf(base).length || !isIndices(at, 'index')) && 'there is an index for each dimension of the reference') ||
  ((shape.length !== shapeOf(base).length || shape.some((n, d) => n > shapeOf(base)[d])) &&
    'what is accessed has the rank of the reference and fits in it');

const segments = ({ attributes }: Op) => integers(attributes.operandSegmentSizes);
const isLocalDma = (sizes: readonly number[], own: readonly number[]) => sizes.every((n, i) => n === (own[i] ?? 0));
const isSemaphore = (type: MosaicType, ...elements: string[]) =>
  inSpace(type, 'semaphore_mem') && shapeOf(type).length === 0 && elements.includes(type.element);

export const memory = {
  slice: {
    name: 'tpu.memref_slice',
    since: 1,
    rule: ({ operands: [source, ...at], results: [{ type }], attributes }) => {
      const [from, to] = [source.type, type];
      if (!isRef(from) || !isRef(to) || from.space !== to.space || from.element !== to.element)
        return 'source and result are references of one memory and element';
      if (String(integers(attributes.operandSegmentSizes)) !== String([1, at.length, 0])) return 'sizes are static';
      if (at.length !== from.shape.length || !isIndices(at, 'i32')) return 'there is an i32 offset for each dimension of the source';
      return (
        (to.shape.length !== from.shape.length || to.shape.some((n, d) => n > from.shape[d])) &&
        'the result has the rank of the source and fits in it'
      );
    },
    meaning:
      ({ results: [{ type }] }) =>
      ([source, ...at]) =>
        slicedView(source as View, numbers(at), shapeOf(type)),
  },
  squeeze: {
    name: 'tpu.memref_squeeze',
    since: 1,
    rule: ({ operands: [source], results: [{ type }] }) => {
      const [from, to] = [source.type, type];
      if (!isRef(from) || !isRef(to) || from.space !== to.space || from.element !== to.element)
        return 'source and result are references of one memory and element';
      return !keptDims(from.shape, to.shape) && 'only dimensions of 1 are dropped';
    },
    meaning: ({ operands: [source], results: [{ type }] }) => {
      const kept = keptDims(shapeOf(source.type), shapeOf(type)) as number[];
      return ([view]) => ({ ...(view as View), dims: kept.map((d) => (view as View).dims[d]) });
    },
  },
  assumeMultiple: {
    name: 'tpu.assume_multiple',
    since: 1,
    rule: ({ operands: [value], results: [{ type }], attributes }) =>
      (value.type.kind !== 'scalar' || !isSame(value.type, type) || !(integers(attributes.multiple)[0] > 0)) &&
      'an integer is a multiple of one above 0',
    meaning: ({ attributes }) => {
      const [multiple] = integers(attributes.multiple);
      return ([value]) => {
        if ((value as number) % multiple)
          throw new ShapeError(`a value assumed to be a multiple of ${multiple} is one; got ${shown(value)}`);
        return value;
      };
    },
  },
  load: {
    name: 'vector.load',
    since: 1,
    rule: ({ operands: [base, ...at], results: [{ type }] }) =>
      (!inSpace(base.type, 'vmem') && 'vectors are loaded from vector memory (copy there first)') ||
      ((type.kind !== 'vector' || type.element !== base.type.element) && 'the result is a vector of the element of the reference') ||
      accessRule(base.type, at, shapeOf(type)),
    meaning: ({ results: [{ type }] }) => {
      const shape = shapeOf(type);
      return ([base, ...at], machine) => ({ shape, data: machine.read(slicedView(base as View, numbers(at), shape)) });
    },
  },
  store: {
    name: 'tpu.vector_store',
    since: 1,
    rule: ({ operands: [value, base, ...at], attributes }) =>
      (!inSpace(base.type, 'vmem') && 'vectors are stored in vector memory (copy from there after)') ||
      ((value.type.kind !== 'vector' || value.type.element !== base.type.element) &&
        'the value is a vector of the element of the reference') ||
      (value.type.element === 'i1' && 'booleans are not stored; convert them to i32') ||
      ((attributes.add === 'true' || integers(attributes.strides).length > 0 || integers(attributes.operandSegmentSizes)[3]) &&
        'a store has no mask, strides or addition') ||
      accessRule(base.type, at, shapeOf(value.type)),
    meaning:
      () =>
      ([value, base, ...at], machine) => {
        const { shape, data } = value as Tile;
        machine.write(slicedView(base as View, numbers(at), shape), data);
        return undefined;
      },
  },
  loadScalar: {
    name: 'memref.load',
    since: 1,
    rule: ({ operands: [base, ...at], results: [{ type }] }) =>
      (!inSpace(base.type, 'smem') && 'scalars are loaded from scalar memory') ||
      ((type.kind !== 'scalar' || type.element !== base.type.element) && 'the result is a scalar of the element of the reference') ||
      accessRule(
        base.type,
        at,
        shapeOf(base.type).map(() => 1),
      ),
    meaning:
      () =>
      ([base, ...at], machine) =>
        machine.read(
          slicedView(
            base as View,
            numbers(at),
            at.map(() => 1),
          ),
        )[0],
  },
  storeScalar: {
    name: 'memref.store',
    since: 1,
    rule: ({ operands: [value, base, ...at] }) =>
      (!inSpace(base.type, 'smem') && 'scalars are stored in scalar memory') ||
      ((value.type.kind !== 'scalar' || value.type.element !== base.type.element) &&
        'the value is a scalar of the element of the reference') ||
      accessRule(
        base.type,
        at,
        shapeOf(base.type).map(() => 1),
      ),
    meaning:
      ({ operands: [{ type }] }) =>
      ([value, base, ...at], machine) => {
        const data = allocate(type.element, 1).fill(value as number);
        if (type.element === 'bf16') roundToBf16(data as Float32Array);
        machine.write(
          slicedView(
            base as View,
            numbers(at),
            at.map(() => 1),
          ),
          data,
        );
        return undefined;
      },
  },
  startCopy: {
    name: 'tpu.enqueue_dma',
    // Operand segments came in 2, the priority in 4, `strict_ordering` in 8, a seventh segment (the subcore) in 14.
    since: (op) =>
      segments(op).length === 7 ? 14 : op.attributes.strict_ordering !== undefined ? 8 : op.attributes.priority !== undefined ? 4 : 2,
    before: (op) => (segments(op).length === 7 ? undefined : 14),
    rule: (op) => {
      const [source, target, semaphore] = typesOf(op.operands);
      return (
        (!isLocalDma(segments(op), [1, 0, 1, 1]) && 'a copy has a source, a target and its semaphore, all of this core') ||
        ((!isRef(source) || !isRef(target) || source.element !== target.element || String(source.shape) !== String(target.shape)) &&
          'source and target are references of one shape and element') ||
        (!isSemaphore(semaphore, 'dma_semaphore', 'semaphore') && 'the semaphore is one: a reference of rank 0')
      );
    },
    meaning:
      () =>
      ([source, target, semaphore], machine) => {
        machine.startCopy(source as View, target as View, semaphore as View);
        return undefined;
      },
  },
  waitCopy: {
    name: 'tpu.wait_dma2',
    // Came in 3; operand segments in 7, `strict_ordering` in 8.
    since: (op) => (op.attributes.strict_ordering !== undefined ? 8 : segments(op).length ? 7 : 3),
    before: (op) => (segments(op).length ? undefined : 7),
    rule: (op) => {
      const [semaphore, source, target] = typesOf(op.operands);
      return (
        (segments(op).length > 0 && !isLocalDma(segments(op), [1, 1, 1]) && 'a wait is for a copy of this core') ||
        ((!isRef(source) || !isRef(target) || source.element !== target.element || String(source.shape) !== String(target.shape)) &&
          'source and target are references of one shape and element') ||
        (!isSemaphore(semaphore, 'dma_semaphore') && 'the semaphore is one: a reference of rank 0')
      );
    },
    meaning:
      () =>
      ([semaphore, , target], machine) => {
        machine.waitCopy(target as View, semaphore as View);
        return undefined;
      },
  },
  signal: {
    name: 'tpu.sem_signal',
    since: (op) => (segments(op).length === 5 ? 14 : 2),
    before: (op) => (segments(op).length === 5 ? undefined : 14),
    rule: (op) =>
      (!isLocalDma(segments(op), [1, 1]) && 'a signal is to this core') ||
      ((!isSemaphore(op.operands[0].type, 'semaphore') || !isSame(op.operands[1].type, scalar('i32'))) &&
        'a semaphore is raised by an i32'),
    meaning:
      () =>
      ([semaphore, amount], machine) => {
        machine.signal(semaphore as View, amount as number);
        return undefined;
      },
  },
  wait: {
    name: 'tpu.sem_wait',
    since: 1,
    rule: (op) =>
      (!isSemaphore(op.operands[0].type, 'semaphore') || !isSame(op.operands[1].type, scalar('i32'))) &&
      'a semaphore is waited for to reach an i32',
    meaning:
      () =>
      ([semaphore, amount], machine) => {
        machine.wait(semaphore as View, amount as number);
        return undefined;
      },
  },
} satisfies Record<string, Row>;

/** Which dimensions are left where some of 1 are dropped, the last ones where that can be read in two ways. */
function keptDims(from: readonly number[], to: readonly number[]): number[] | undefined {
  const kept: number[] = [];
  for (let d = from.length - 1; d >= 0; d--) {
    if (kept.length < to.length && from[d] === to[to.length - 1 - kept.length]) kept.unshift(d);
    else if (from[d] !== 1) return undefined;
  }
  return kept.length === to.length ? kept : undefined;
}

export const memoryRows: readonly Row[] = Object.values(memory);
