/**
 * Attention for TPU: the forward kernel (tpu-forward.ts), the backward kernel (tpu-backward.ts) or one after the other, each a
 * `tpu_custom_call` whose text is printed into the program, and around them the padding and the arrays that a mask with ids brings: an id
 * a token, and for each row of tiles the columns that hold any of its ids.
 */
import { type AttentionSpec, flops } from '../attention';
import { checkOneOf, ShapeError, shown } from '../errors';
import { chipOf } from '../ir/chips';
import * as s from '../ir/stablehlo';
import { hasKind } from '../mask';
import { type Module, tensor } from '../types';
import { lazyMasks } from './lazy';
import { moduleOf, type Part, type Tensors } from './part';
import { backwardKernel } from './tpu-backward';
import { type BackwardChoice, backwardPlan } from './tpu-backward-plan';
import { costOf, kernelCall } from './tpu-call';
import { backwardCandidates, chosen, forwardCandidates } from './tpu-candidates';
import { elementOf, type ForwardChoice, type Preset, presets } from './tpu-choice';
import { forwardKernel } from './tpu-forward';
import { gradientsTpu, type Pass } from './tpu-grad';
import { idSetsOf } from './tpu-mask';
import { cut, idArrays, idBytes, padded } from './tpu-operands';
import { forwardPlan } from './tpu-walk';
import { backwardFor, forwardFor } from './tuned';

export interface TpuOptions {
  /** `fast`, the default, is for step time, `lean` for compile time. */
  readonly preset?: Preset;
  /** The TPU generation, v4, v5e, v5p, v6e or tpu7x: its cores, its memory, its tuned choices. v5p by default. */
  readonly chip?: string;
  /** In place of the preset's choice. */
  readonly forward?: ForwardChoice;
  readonly backward?: BackwardChoice;
}

/** Throws ShapeError for a dtype and for sizes that no TPU kernel takes. */
export function checkTpu(spec: AttentionSpec): void {
  const { headDim, valueDim, queries, keys } = spec;
  elementOf(spec);
  if (Math.max(headDim, valueDim) > 1024)
    throw new ShapeError(`the TPU kernel takes a headDim and valueDim up to 1024; got ${headDim} and ${valueDim}`);
  if (Math.max(queries, keys) > 2 ** 28) throw new ShapeError(`the TPU kernel takes up to 2^28 tokens; got ${queries} x ${keys}`);
}

/** What types do not hold in JavaScript. */
function checkOptions(options: TpuOptions): void {
  const { preset, forward, backward } = options;
  if (preset !== undefined) checkOneOf('lower: preset', presets, preset);
  for (const [name, choice] of Object.entries({ forward, backward }))
    if (choice !== undefined && (typeof choice !== 'object' || choice === null))
      throw new ShapeError(`lower: ${name} is an object, the kernel's tiles; got ${shown(choice)}`);
}

/** The tiles of the first of the kernels. */
export function tpuBlocks(spec: AttentionSpec, options: TpuOptions): { blockQ: number; blockK: number } {
  checkOptions(options);
  checkTpu(spec);
  if (spec.pass !== 'backward') return forwardChosen(spec, options);
  const { block } = backwardChosen(spec, options);
  return { blockQ: block, blockK: block };
}

const chipFor = ({ chip = 'v5p' }: TpuOptions) => chipOf(chip);

function forwardChosen(spec: AttentionSpec, options: TpuOptions): ForwardChoice {
  const chip = chipFor(options);
  return chosen(
    {
      own: options.forward,
      usual: () => forwardFor(spec, options),
      size: ({ blockQ, blockK, heads }) => blockQ * blockK * heads,
      candidates: forwardCandidates(spec, chip.cores),
      build: (choice) => forwardKernel(spec, forwardPlan(spec, choice, chip.cores)),
    },
    chip,
  );
}

function backwardChosen(spec: AttentionSpec, options: TpuOptions): BackwardChoice {
  const chip = chipFor(options);
  return chosen(
    {
      own: options.backward,
      usual: () => backwardFor(spec, options),
      size: ({ block }) => block,
      candidates: backwardCandidates(spec),
      build: (choice) => backwardKernel(spec, backwardPlan(spec, choice, chip)),
    },
    chip,
  );
}

/** Throws ShapeError for options that are none, a dense mask (its lowering is `dense`), f16 and sizes past the kernels' limits. */
export function lowerTpu(spec: AttentionSpec, options: TpuOptions = {}): Module {
  return moduleOf(spec, tpuPart(spec, options));
}

/** `lowerTpu` as operations. */
export function tpuPart(spec: AttentionSpec, options: TpuOptions): Part {
  checkOptions(options);
  checkTpu(spec);
  const { pass } = spec;
  const forward = pass === 'backward' ? undefined : forwardTpu({ ...spec, logSumExp: spec.logSumExp || pass !== 'forward' }, options);
  const backward = pass === 'forward' ? undefined : gradientsTpu(spec, backwardChosen(spec, options), chipFor(options));
  const parts = [forward, backward].filter((part) => part !== undefined);
  const call = (inputs: Tensors): Record<string, s.Tensor> => {
    const results: Record<string, s.Tensor> = {};
    for (const part of parts) Object.assign(results, part.call({ ...inputs, ...results }));
    return Object.fromEntries(Object.keys(spec.outputs).map((name) => [name, results[name]]));
  };
  const maskBytes = parts.reduce((sum, part) => sum + part.maskBytes, 0);
  return { call, facts: { hiddenFlops: flops(spec), maskBytes, kernels: parts.map(({ facts }) => facts) } };
}

/** The forward pass: `out`, `logSumExp` where the spec asks for it, and before a backward pass `delta` f32 [batch, heads, queries]. */
function forwardTpu(spec: AttentionSpec, options: TpuOptions): Pass {
  const { batch, heads, kvHeads, queries, headDim, valueDim, dtype } = spec;
  const withDelta = spec.pass === 'forward+backward';
  const chip = chipFor(options);
  const plan = forwardPlan(spec, forwardChosen(spec, options), chip.cores);
  const idSets = plan.band ? [] : idSetsOf(lazyMasks(spec));
  const { facts, call } = kernelCall(forwardKernel(spec, plan), { name: 'forward', chip, cost: costOf(spec, 'forward') });
  return {
    facts,
    maskBytes: idBytes(idSets, spec, plan),
    call: (inputs) => {
      const ids = idSets.map((set) => idArrays(set, spec, plan, inputs));
      const [out, ...lines] = call([
        ...ids.flatMap(({ start, end }) => [start, end]),
        ...(hasKind(spec.mask, 'keyLengths') ? [inputs.keyLengths] : []),
        ...(spec.sinks ? [s.multiply(inputs.sinks, Math.LOG2E)] : []),
        padded(inputs.q, tensor(dtype, [batch * heads, plan.queries, headDim])),
        padded(inputs.k, tensor(dtype, [batch * kvHeads, plan.keys, headDim])),
        padded(inputs.v, tensor(dtype, [batch * kvHeads, plan.keys, valueDim])),
        // The backward pass's delta is made where the output is at hand.
        ...(withDelta ? [padded(inputs.dOut, tensor(dtype, [batch * heads, plan.queries, valueDim]))] : []),
        ...ids.flatMap(({ q, kv }) => [q, kv]),
      ]);
      const names = [...(spec.logSumExp ? ['logSumExp'] : []), ...(withDelta ? ['delta'] : [])];
      const line = (x: s.Tensor) => cut(s.reshape(x, [batch * heads, plan.queries]), tensor('f32', [batch, heads, queries]));
      return {
        out: cut(out, tensor(dtype, [batch, heads, queries, valueDim])),
        ...Object.fromEntries(names.map((name, i) => [name, line(lines[i])])),
      };
    },
  };
}
