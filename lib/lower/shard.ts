/**
 * Attention spread over a mesh of devices: sequences over `data`, heads over `heads`, with each group of query heads beside its kv head,
 * and tokens over `sequence`, where keys and values go round a ring. The first two need no communication, but for gradients of sinks.
 */
import { type AttentionSpec, attention, flops, inputTypes } from '../attention';
import { checkOneOf, ShapeError } from '../errors';
import * as sdy from '../ir/shardy';
import * as s from '../ir/stablehlo';
import { hasKind } from '../mask';
import type { Module } from '../types';
import { deltaOf, sinkGradient } from './delta';
import { fromZigzag, toZigzag } from './exchange';
import { moduleOf, type Part, type Tensors } from './part';
import { type Placement, zigzagOrder } from './placement';
import { type Ring, ringBackward, ringForward } from './ring';
import { criticalPath, groupMask, headGroups, type RingPlan, ringPlan } from './ring-plan';

/** Devices along each axis; the order in which they are named is the mesh's, the last one that of neighbours. */
export interface AttentionMesh {
  readonly data?: number;
  readonly heads?: number;
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
  const on = sdy.mesh(mesh as Record<string, number>);
  const { data = 1, heads = 1, sequence = 1 } = mesh;
  const { batch, kvHeads, queries, keys } = spec;
  for (const [axis, size, name, count] of [
    ['data', data, 'batch', batch],
    ['heads', heads, 'kvHeads', kvHeads],
    ['sequence', sequence, 'queries', queries],
    ['sequence', sequence, 'keys', keys],
  ] as const)
    if (count % size !== 0)
      throw new ShapeError(`lower: the mesh's axis ${axis} divides ${name}; got ${axis} ${size} and ${name} ${count}`);
  if (sequence > 1 && hasKind(spec.mask, 'dense'))
    throw new ShapeError('lower: over a sequence axis a mask is a lazy one; got a dense one');
  if (order === 'zigzag') zigzagOrder(queries, sequence);
  if (order === 'zigzag') zigzagOrder(keys, sequence);
  return { mesh: on, data, heads, sequence, order, plan: sequence > 1 ? bestPlan(spec, { heads, sequence }, order) : undefined };
}

/** Zig-zag where the devices then wait less for one another, or where the tokens lie so. */
function bestPlan(spec: AttentionSpec, shares: { heads: number; sequence: number }, order: TokenOrder): RingPlan {
  const plan = (placement: Placement) => ringPlan(spec, shares, placement);
  if (order === 'zigzag') return plan('zigzag');
  const contiguous = plan('contiguous');
  if ([spec.queries, spec.keys].some((tokens) => tokens % (2 * shares.sequence) !== 0)) return contiguous;
  const zigzag = plan('zigzag');
  return criticalPath(zigzag) < criticalPath(contiguous) ? zigzag : contiguous;
}

/** The program of `spec` over a mesh; `partOf` lowers what is one device's. */
export function lowerMesh(spec: AttentionSpec, options: MeshOptions, partOf: (spec: AttentionSpec) => Part): Module {
  const shards = shardsOf(spec, options);
  if (shards.mesh.devices === 1) return moduleOf(spec, partOf(spec));
  const shardings = {
    inputs: shardingsOf(Object.keys(spec.inputs), shards.mesh),
    outputs: shardingsOf(Object.keys(spec.outputs), shards.mesh),
  };
  const parts = new Map<AttentionSpec, Part>();
  const known = remembered(partOf, parts);
  const body = (inputs: Tensors) =>
    sdy.manualComputation(shards.mesh, inputs, shardings, (own) => named(spec, deviceBody(spec, shards, known)(own)));
  const module = s.program('attention', inputTypes(spec), body, { mesh: shards.mesh, shardings });
  const facts = [...parts.values()].map((part) => part.facts);
  return Object.freeze({
    ...module,
    hiddenFlops: facts.some(({ hiddenFlops }) => hiddenFlops) ? flops(spec) / shards.mesh.devices : undefined,
    maskBytes: facts.reduce((sum, { maskBytes = 0 }) => sum + maskBytes, 0),
    kernels: facts.flatMap(({ kernels = [] }) => kernels),
  });
}

function remembered(partOf: (spec: AttentionSpec) => Part, parts: Map<AttentionSpec, Part>): (spec: AttentionSpec) => Part {
  const known = new Map<string, Part>();
  return (spec) => {
    const text = JSON.stringify(spec);
    const part = known.get(text) ?? partOf(spec);
    known.set(text, part);
    parts.set(spec, part);
    return part;
  };
}

/** In the order of the spec's outputs. */
function named(spec: AttentionSpec, results: Tensors): Record<string, s.Tensor> {
  return Object.fromEntries(Object.keys(spec.outputs).map((name) => [name, results[name]]));
}

/** How ports lie on the mesh, by name. */
function shardingsOf(names: readonly string[], { axes: has }: sdy.Mesh): Record<string, sdy.Sharding> {
  const along = (...list: (string | null)[]) => list.map((axis) => (axis !== null && Object.hasOwn(has, axis) ? axis : null));
  return Object.fromEntries(
    names.map((name) => {
      if (name.endsWith('Segments')) return [name, along('data', 'sequence')];
      if (name === 'keyLengths') return [name, along('data')];
      if (name.toLowerCase().endsWith('sinks')) return [name, along('heads')];
      if (name === 'logSumExp') return [name, along('data', 'heads', 'sequence')];
      return [name, along('data', 'heads', 'sequence', null)];
    }),
  );
}

/** What a device does with its parts of the inputs. */
function deviceBody(spec: AttentionSpec, shards: Shards, partOf: (spec: AttentionSpec) => Part): (inputs: Tensors) => Tensors {
  const { plan, sequence, order } = shards;
  if (!plan) return (inputs) => summed(spec, shards, withoutRing(spec, shards, partOf, inputs));
  const moves = plan.placement === 'zigzag' && order === 'natural';
  const dimension = (name: string) => (name.endsWith('Segments') ? 1 : name.toLowerCase().endsWith('sinks') ? undefined : 2);
  const moved = (tensors: Tensors, move: typeof toZigzag): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, x]) => {
        const at = dimension(name);
        return [name, moves && at !== undefined ? move(x, { axis: 'sequence', size: sequence, dimension: at }) : x];
      }),
    );
  return (inputs) => summed(spec, shards, moved(withRing(spec, shards, partOf, moved(inputs, toZigzag)), fromZigzag));
}

/** A device's own heads of its own sequences, whole. */
function withoutRing(spec: AttentionSpec, shards: Shards, partOf: (spec: AttentionSpec) => Part, inputs: Tensors): Tensors {
  const { heads, mesh } = shards;
  const groups = headGroups(spec, heads);
  const of = (group: number) => partOf(localSpec(spec, shards, { mask: groupMask(spec, group, heads) }));
  if (groups === 1 || !Object.hasOwn(mesh.axes, 'heads')) return of(0).call(inputs);
  const branches = Array.from({ length: groups }, (_, group) => () => of(group).call(inputs));
  return s.caseOf<Record<string, s.Tensor>>(sdy.axisIndex('heads'), branches);
}

function withRing(spec: AttentionSpec, shards: Shards, partOf: (spec: AttentionSpec) => Part, inputs: Tensors): Tensors {
  const { heads, sequence, plan } = shards;
  const groups = headGroups(spec, heads);
  const place = sdy.axisIndex('sequence');
  const row = groups === 1 ? place : s.add(s.multiply(sdy.axisIndex('heads'), sequence), place);
  const { mask: _, ...sizes } = spec;
  const local = localSpec(sizes as AttentionSpec, shards, {});
  const ring: Ring = { local, plan: plan as RingPlan, axis: 'sequence', size: sequence, row, partOf };
  const { pass, dtype, sinks } = spec;
  const forward = pass === 'backward' ? (inputs as Record<'out' | 'logSumExp', s.Tensor>) : ringForward(ring, inputs);
  const { logSumExp } = forward;
  const out = s.convert(forward.out, dtype);
  if (pass === 'forward') return { out, logSumExp };
  const gradients = ringBackward(ring, { ...inputs, out, logSumExp });
  const narrow = Object.entries(gradients).map(([name, sum]) => [name, s.convert(sum, dtype)]);
  const dSinks = sinks ? { dSinks: sinkGradient(inputs.sinks, logSumExp, deltaOf(out, inputs.dOut)) } : {};
  return { out, logSumExp, ...Object.fromEntries(narrow), ...dSinks };
}

/** Gradients by sinks are sums over all sequences and tokens. */
function summed(spec: AttentionSpec, { mesh }: Shards, results: Tensors): Tensors {
  const others = ['data', 'sequence'].filter((axis) => Object.hasOwn(mesh.axes, axis));
  if (!spec.outputs.dSinks || !others.length) return results;
  return { ...results, dSinks: sdy.allReduce(results.dSinks, others) };
}

/** A device's share of the sizes. */
function localSpec(spec: AttentionSpec, { data, heads, sequence }: Shards, own: Partial<Pick<AttentionSpec, 'mask'>>): AttentionSpec {
  const { inputs: _, outputs: __, ...options } = spec;
  return attention({
    ...options,
    softCap: spec.softCap,
    batch: spec.batch / data,
    heads: spec.heads / heads,
    kvHeads: spec.kvHeads / heads,
    queries: spec.queries / sequence,
    keys: spec.keys / sequence,
    emptyRows: 'zero',
    ...own,
  });
}
