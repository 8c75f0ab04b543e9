/**
 * Attention spread over a mesh of devices: sequences over `data`, heads over `heads`, with each group of query heads beside its kv head,
 * and tokens over `sequence`, where keys and values go round a ring. The first two need no communication, but for gradients of sinks.
 */
import { type AttentionSpec, attention, flops, inputTypes } from '../attention';
import * as sdy from '../ir/shardy';
import * as s from '../ir/stablehlo';
import type { Module } from '../types';
import { deltaOf, sinkGradient } from './delta';
import { fromZigzag, toZigzag } from './exchange';
import { hasAxis, isOfSinks, type MeshOptions, shardingsOf, type Shards, shardsOf } from './mesh';
import { moduleOf, type Part, type Tensors } from './part';
import { type Ring, ringBackward, ringForward } from './ring';
import { groupMask, headGroups, type RingPlan } from './ring-plan';

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
    ...(shards.plan ? { rings: { size: shards.sequence, stride: sdy.stridesOf(shards.mesh).sequence } } : {}),
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

/** What a device does with its parts of the inputs. */
function deviceBody(spec: AttentionSpec, shards: Shards, partOf: (spec: AttentionSpec) => Part): (inputs: Tensors) => Tensors {
  const { plan, sequence, order } = shards;
  if (!plan) return (inputs) => summed(spec, shards, withoutRing(spec, shards, partOf, inputs));
  const moves = plan.placement === 'zigzag' && order === 'natural';
  const dimension = (name: string) => (name.endsWith('Segments') ? 1 : isOfSinks(name) ? undefined : 2);
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
  const of = (group: number) => {
    const local = localSpec(spec, shards, { mask: groupMask(spec, group, heads) });
    // Of masks that differ, one may have ids and another none.
    return partOf(local).call(Object.fromEntries(Object.keys(local.inputs).map((name) => [name, inputs[name]])));
  };
  const branches = Array.from({ length: groups }, (_, group) => () => of(group));
  const results = groups === 1 ? of(0) : s.caseOf<Record<string, s.Tensor>>(headGroup(mesh), branches);
  return overCopies(mesh, results);
}

/** This device's place among the groups of query heads. */
function headGroup(mesh: sdy.Mesh): s.Tensor {
  const place = sdy.axisIndex('heads');
  return hasAxis(mesh, 'copies') ? s.add(s.multiply(place, mesh.axes.copies), sdy.axisIndex('copies')) : place;
}

/** Gradients by keys and values are sums over the devices that share them. */
function overCopies(mesh: sdy.Mesh, results: Tensors): Tensors {
  if (!hasAxis(mesh, 'copies')) return results;
  const sum = (x: s.Tensor) => s.convert(sdy.allReduce(s.convert(x, 'f32'), 'copies'), x.type.dtype);
  return Object.fromEntries(Object.entries(results).map(([name, x]) => [name, name === 'dk' || name === 'dv' ? sum(x) : x]));
}

function withRing(spec: AttentionSpec, shards: Shards, partOf: (spec: AttentionSpec) => Part, inputs: Tensors): Tensors {
  const { mesh, heads, sequence, plan } = shards;
  const place = sdy.axisIndex('sequence');
  const row = headGroups(spec, heads) === 1 ? place : s.add(s.multiply(headGroup(mesh), sequence), place);
  const { mask: _, ...sizes } = spec;
  const local = localSpec(sizes as AttentionSpec, shards, {});
  const ring: Ring = { local, plan: plan as RingPlan, axis: 'sequence', size: sequence, row, partOf };
  const { pass, dtype, sinks } = spec;
  const forward = pass === 'backward' ? (inputs as Record<'out' | 'logSumExp', s.Tensor>) : ringForward(ring, inputs);
  const { logSumExp } = forward;
  const out = s.convert(forward.out, dtype);
  if (pass === 'forward') return { out, logSumExp };
  const gradients = overCopies(mesh, ringBackward(ring, { ...inputs, out, logSumExp }));
  const narrow = Object.entries(gradients).map(([name, sum]) => [name, s.convert(sum, dtype)]);
  const dSinks = sinks ? { dSinks: sinkGradient(inputs.sinks, logSumExp, deltaOf(out, inputs.dOut)) } : {};
  return { out, logSumExp, ...Object.fromEntries(narrow), ...dSinks };
}

/** Gradients by sinks are sums over all sequences and tokens. */
function summed(spec: AttentionSpec, { mesh }: Shards, results: Tensors): Tensors {
  const others = ['data', 'sequence'].filter((axis) => hasAxis(mesh, axis));
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
    kvHeads: spec.kvHeads / Math.min(heads, spec.kvHeads),
    queries: spec.queries / sequence,
    keys: spec.keys / sequence,
    emptyRows: 'zero',
    ...own,
  });
}
