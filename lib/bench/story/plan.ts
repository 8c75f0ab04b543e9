/** Which cases the experiment has: masks by T, on which target, and what of each is measured. */
import type { Preset } from '../../lower';
import { attentionCase, type BenchmarkCase } from '../cases';
import type { RunOptions } from '../run';
import { maskKind } from './series';

export interface PlanOptions {
  /** By their full names: `cpu`, `v5p:2x2x1`. */
  readonly targets: readonly string[];
  readonly quick: boolean;
  /** Keys that a query of the window attends to, itself among them. */
  readonly window: number;
  readonly preset: Preset;
  /** Every T, in place of the plan's own. */
  readonly tokens?: readonly number[];
}

/** Cases of one target that are measured alike. */
export interface Stage {
  readonly target: string;
  readonly cases: readonly BenchmarkCase[];
  readonly options: RunOptions;
}

/** The origin's attention: 16 query heads, 2 kv heads, head_dim 256. */
const sizes = { modelDim: 4096, heads: 16, kvHeads: 2 };

const quickTokens = [512, 2048, 4096, 8192, 32768, 2 ** 20];
const allTokens = Array.from({ length: 12 }, (_, i) => 2 ** (9 + i));

/** The longest T whose step takes a few seconds at the most on two cores: 9 s in all where it is quick. */
const longestSteps = {
  quick: { dense: 2048, causal: 4096, window: 8192 },
  full: { dense: 8192, causal: 16384, window: 32768 },
} as const;

/** A dense mask goes into a program up to this T; one more T of the plan's tells why there is none beyond. */
const longestDense = 32768;

export function plan(options: PlanOptions): Stage[] {
  return options.targets.flatMap((target) =>
    target === 'cpu' || target === 'tpu' || target.includes('/') ? onDevice(target, options) : [ahead(target, options)],
  );
}

function ahead(target: string, options: PlanOptions): Stage {
  return { target, cases: casesOf(options, options.preset), options: { budgetMs: options.quick ? 6000 : 14_000, maxCompiles: 30 } };
}

/** The same attentions for the peer, whose tiles are its own. */
export const peerCases = (options: PlanOptions): BenchmarkCase[] => casesOf(options);

/** Steps take their time with T, so long ones are built and compiled only. */
function onDevice(target: string, options: PlanOptions): Stage[] {
  const budgetMs = options.quick ? 1000 : 4000;
  const longest = longestSteps[options.quick ? 'quick' : 'full'];
  const isStepped = ({ mask, options: { queries } }: BenchmarkCase) => queries <= longest[maskKind(mask) ?? 'dense'];
  const cases = casesOf(options, target === 'cpu' ? undefined : options.preset);
  const stages: Stage[] = [
    { target, cases: cases.filter(isStepped), options: { budgetMs } },
    { target, cases: cases.filter((one) => !isStepped(one)), options: { budgetMs, last: 'compile' } },
  ];
  return stages.filter((stage) => stage.cases.length);
}

function casesOf({ quick, window, tokens = quick ? quickTokens : allTokens }: PlanOptions, preset?: Preset): BenchmarkCase[] {
  const most = tokens.find((seq) => seq > longestDense) ?? longestDense;
  return tokens.flatMap((seq) =>
    ['dense(causal)', 'causal', `local(${window - 1}, 0)`]
      .filter((mask) => maskKind(mask) !== 'dense' || seq <= most)
      .map((mask) => attentionCase({ ...sizes, seq }, { mask, preset })),
  );
}
