/** How an attention is cut over a mesh of devices: what each of them has, and where the tokens of a sequence are. */
import type { AttentionSpec } from '../attention';
import { checkOneOf, ShapeError } from '../errors';
import * as sdy from '../ir/shardy';
import { hasKind } from '../mask';
import { type Placement, zigzagOrder } from './placement';
import { criticalPath, type RingPlan, ringPlan } from './ring-plan';

/** Devices along each axis; the order in which they are named is the mesh's, the last one that of neighbours. */
export interface AttentionMesh {
  /** Divides `batch`. */
  readonly data?: number;
  /** Divides `kvHeads`; or a multiple of them that divides `heads`, where the devices that share a kv head have copies of it. */
  readonly heads?: number;
  /** Divides `queries` and `keys`. */
  readonly sequence?: number;
}

/** In what order a program's inputs have the tokens of a sequence, and its outputs: as they are, or as `zigzagOrder` has them. */
export type TokenOrder = 'natural' | 'zigzag';

export interface MeshOptions {
  /** Devices to spread the program over. */
  readonly mesh?: AttentionMesh;
  /** Of a mesh with a sequence axis; `natural` by default. */
  readonly order?: TokenOrder;
}

const axes = ['data', 'heads', 'sequence'] as const;

/** A kind of step takes a second or so to compile. */
const mostKinds = 64;

/** How an attention is spread: what each device has of it, and what it does at each step of the ring. */
export interface Shards {
  readonly mesh: sdy.Mesh;
  readonly data: number;
  readonly heads: number;
  readonly sequence: number;
  /** Where tokens are while they are worked on. */
  readonly order: TokenOrder;
  readonly plan: RingPlan | undefined;
}

/** Throws ShapeError for axes that there are not, and for ones that do not divide what they split. */
export function shardsOf(spec: AttentionSpec, { mesh = {}, order = 'natural' }: MeshOptions): Shards {
  for (const axis of Object.keys(mesh))
    if (!(axes as readonly string[]).includes(axis)) throw new ShapeError(`lower: a mesh has the axes ${axes.join(', ')}; got ${axis}`);
  checkOneOf('lower: order', ['natural', 'zigzag'], order);
  // What is wrong with the mesh itself is said of the axes as they were named.
  sdy.mesh(mesh as Record<string, number>);
  const { data = 1, heads = 1, sequence = 1 } = mesh;
  const { batch, kvHeads, queries, keys } = spec;
  for (const [axis, size, name, count] of [
    ['data', data, 'batch', batch],
    ['heads', heads, 'heads', spec.heads],
    ['sequence', sequence, 'queries', queries],
    ['sequence', sequence, 'keys', keys],
  ] as const)
    if (count % size !== 0)
      throw new ShapeError(`lower: the mesh's axis ${axis} divides ${name}; got ${axis} ${size} and ${name} ${count}`);
  if (kvHeads % heads !== 0 && heads % kvHeads !== 0)
    throw new ShapeError(
      `lower: the mesh's axis heads divides kvHeads, or is a multiple of them; got heads ${heads} and kvHeads ${kvHeads}`,
    );
  const on = sdy.mesh(withCopies(mesh, kvHeads));
  if (sequence > 1 && hasKind(spec.mask, 'dense'))
    throw new ShapeError('lower: over a sequence axis a mask is a lazy one; got a dense one');
  if (order === 'zigzag') zigzagOrder(queries, sequence);
  if (order === 'zigzag') zigzagOrder(keys, sequence);
  const plan = sequence > 1 ? bestPlan(spec, { heads, sequence }, order) : undefined;
  if (plan && plan.classes.length > mostKinds)
    throw new ShapeError(
      `lower: a ring has up to ${mostKinds} kinds of step, each with kernels of its own; this mask makes ${plan.classes.length}: use segments, which are one`,
    );
  return { mesh: on, data, heads, sequence, order, plan };
}

/** An axis of more devices than kv heads is two: that of the kv heads, and `copies`, of those that share one. */
function withCopies(mesh: AttentionMesh, kvHeads: number): Record<string, number> {
  const entries = Object.entries(mesh as Record<string, number>);
  return Object.fromEntries(
    entries.flatMap(([axis, size]) => {
      if (axis !== 'heads' || size <= kvHeads) return [[axis, size]];
      return [
        [axis, kvHeads],
        ['copies', size / kvHeads],
      ];
    }),
  );
}

export const hasAxis = ({ axes: has }: sdy.Mesh, axis: string) => Object.hasOwn(has, axis);

/** Zig-zag where the devices then wait markedly less for one another, or where the tokens lie so: it has more kinds of step. */
function bestPlan(spec: AttentionSpec, shares: { heads: number; sequence: number }, order: TokenOrder): RingPlan {
  const plan = (placement: Placement) => ringPlan(spec, shares, placement);
  if (order === 'zigzag') return plan('zigzag');
  const contiguous = plan('contiguous');
  if ([spec.queries, spec.keys].some((tokens) => tokens % (2 * shares.sequence) !== 0)) return contiguous;
  const zigzag = plan('zigzag');
  const isWorthIt = criticalPath(zigzag) < 0.95 * criticalPath(contiguous) && zigzag.classes.length <= mostKinds;
  return isWorthIt ? zigzag : contiguous;
}

/** How ports lie on the mesh, by name. */
export function shardingsOf(names: readonly string[], mesh: sdy.Mesh): Record<string, sdy.Sharding> {
  const along = (...list: (string | null)[]) => list.map((axis) => (axis !== null && hasAxis(mesh, axis) ? axis : null));
  const [data, kvHeads, sequence] = along(...axes);
  const heads = hasAxis(mesh, 'copies') ? ['heads', 'copies'] : kvHeads;
  return Object.fromEntries(
    names.map((name): [string, sdy.Sharding] => {
      if (name.endsWith('Segments')) return [name, [data, sequence]];
      if (name === 'keyLengths') return [name, [data]];
      if (isOfSinks(name)) return [name, [heads]];
      if (name === 'logSumExp') return [name, [data, heads, sequence]];
      return [name, [data, isOfKeys(name) ? kvHeads : heads, sequence, null]];
    }),
  );
}

export const isOfSinks = (name: string) => name === 'sinks' || name === 'dSinks';
const isOfKeys = (name: string) => ['k', 'v', 'dk', 'dv'].includes(name);
