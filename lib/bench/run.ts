/** One case on one target: its phases measured apart, and, where the target can run it, its result compared with the reference. */
import type { Client, Topology } from '../pjrt';
import type { BenchmarkCase } from './cases';
import type { BenchmarkRow, Phase } from './record';

export interface RunOptions {
  /** Wall time of the steps, in milliseconds; each of the other phases that is repeated has a quarter of it. 5000 by default. */
  readonly budgetMs?: number;
  /** The last phase to measure; `step` by default. What the target cannot do is left out. */
  readonly last?: Phase;
  /** Whether steps of a target that is not attached are estimated; true by default. */
  readonly estimates?: boolean;
  /** Whether the result is compared with the reference; true by default. */
  readonly checks?: boolean;
  /** Told when a phase begins. */
  readonly onPhase?: (phase: Phase | 'estimate' | 'check') => void;
  /** Asked between runs: whether to end with what is there. */
  readonly isStopped?: () => boolean;
}

/** Never throws for what an attention or a plugin may fail of: the row says it. */
export declare function runCase(benchmarkCase: BenchmarkCase, on: Client | Topology, options?: RunOptions): Promise<BenchmarkRow>;
