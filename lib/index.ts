/** The public names, and nothing else. */
export {
  attention,
  attentionGrad,
  type AttentionDType,
  type AttentionOptions,
  type AttentionSpec,
  flops,
  type Inputs,
  type Outputs,
  type Pass,
} from './attention';
export { DisposedError, type PjrtCode, PjrtError, PluginCrashError, PluginError, ShapeError } from './errors';
export * as shardy from './ir/shardy';
export * as stablehlo from './ir/stablehlo';
export {
  type AttentionMesh,
  type Blocking,
  type CpuOptions,
  lower,
  lowerBlocking,
  type LowerOptions,
  type MeshOptions,
  type RingPlan,
  type Shards,
  shardsOf,
  type Target,
  type TokenOrder,
  type TpuOptions,
  zigzagOrder,
} from './lower';
export * from './mask';
export * from './pjrt';
export { reference, referenceGrad, type ReferenceGradients, type ReferenceInputs, type ReferenceRows } from './reference';
export { install, installed, type InstallOptions, pluginPath, type Progress, type Supply, type SupplyName } from './supply';
export { type Collective, type CollectiveKind, distribution, type Distribution } from './timing/distribution';
export { estimate, type Estimate, type EstimateOptions } from './timing/estimate';
export type { Loop } from './timing/schedule';
export { time, type Timing, type TimingOptions } from './timing/time';
export {
  type DType,
  fromBits,
  type HostArray,
  type KernelFacts,
  type Module,
  type Phase,
  type Port,
  tensor,
  type TensorType,
  toBits,
} from './types';
