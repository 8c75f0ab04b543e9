/** `node-pjrt bench attention`: FlashAttentionBenchmark and MQABenchmark in google-benchmark's format, with the phases beside. */
import { type Command, Option } from 'commander';
import { type Pass, passes } from '../attention';
import { attentionCase, type BenchmarkCase, families, type Family, flashSizes, mqaSizes, type Sizes, type Variant } from '../bench/cases';
import { ConsoleTable, type Counters, contextText } from '../bench/console';
import type { BenchmarkRow, Impl } from '../bench/record';
import { parseMask } from '../mask';
import { phasesText } from './bench-phases';
import { type RunFlags, runSuite, type Show, withRunFlags } from './bench-run';
import { maskHelp } from './shape';
import { wholeNumbers } from './text';

interface Options extends RunFlags {
  family: Family[];
  modelDim?: number[];
  heads?: number[];
  kvHeads?: number[];
  seq?: number[];
  mask: string[];
  pass: Pass[];
  impl: Impl[];
  withCompile?: boolean;
  benchmark_counters_tabular?: boolean;
}

export function benchAttention(bench: Command): void {
  const command = bench
    .command('attention')
    .description('FlashAttentionBenchmark/<model_dim>/<heads>/<kv_heads>/<seq>: every case of its history, or your own sizes')
    .addOption(new Option('--family <family...>', 'with kv heads or, MQABenchmark, a single one').choices(families).default([families[0]]))
    .option('--model-dim <n...>', 'heads x head_dim', wholeNumbers)
    .option('--heads <n...>', 'query heads', wholeNumbers)
    .option('--kv-heads <n...>', 'key and value heads', wholeNumbers)
    .option('--seq <n...>', 'tokens; sizes that are given are combined, 4096/16/2/4096 where one is not', wholeNumbers)
    .option('--mask <mask...>', `masks, ${maskHelp}`, ['causal', 'dense(causal)'])
    .addOption(new Option('--pass <pass...>', 'what is computed').choices(passes).default(['forward']))
    .addOption(
      new Option('--impl <impl...>', "flash, the target's kernel, or reference, plain StableHLO")
        .choices(['reference', 'flash'])
        .default(['flash']),
    )
    .option('--with-compile', 'Time and CPU are of everything, one compile included, over the iterations: as the original had it')
    .option('--benchmark_counters_tabular', 'HBM in a column of its own');
  withRunFlags(command)
    .addHelpText(
      'after',
      "\nExample:\n  node-pjrt bench attention --seq 1024 4096 --mask causal 'local(1023, 0)' --target cpu v5p --benchmark_out now.json",
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  // What is wrong with the words themselves is said before anything is opened.
  for (const mask of options.mask) parseMask(mask, 1, 1);
  const { withCompile, dtype, preset } = options;
  const cases = variantsOf(options).flatMap((variant) =>
    options.family.flatMap((family) =>
      sizesOf(options, family).map((sizes) => attentionCase(sizes, { ...variant, dtype, preset }, family)),
    ),
  );
  await runSuite(inOrder(cases), options, showOf(options), { withCompile });
}

function sizesOf({ modelDim, heads, kvHeads, seq }: Options, family: Family): readonly Sizes[] {
  if (!modelDim && !heads && !kvHeads && !seq) return family === 'MQABenchmark' ? mqaSizes : flashSizes;
  const {
    modelDim: dims = [4096],
    heads: hs = [16],
    kvHeads: kvs = family === 'MQABenchmark' ? [1] : [2],
    seq: seqs = [4096],
  } = { modelDim, heads, kvHeads, seq };
  return dims.flatMap((modelDim) =>
    hs.flatMap((heads) => kvs.flatMap((kvHeads) => seqs.map((seq) => ({ modelDim, heads, kvHeads, seq })))),
  );
}

function variantsOf({ mask, pass, impl }: Options): Variant[] {
  return impl.flatMap((impl) => pass.flatMap((pass) => mask.map((mask) => ({ impl, pass, mask }))));
}

/** The variants of one size beside each other. */
function inOrder(cases: readonly BenchmarkCase[]): BenchmarkCase[] {
  const sizeOf = ({ name }: BenchmarkCase) => name.split('/').slice(0, 5).join('/');
  const sizes = [...new Set(cases.map(sizeOf))];
  return sizes.flatMap((size) => cases.filter((one) => sizeOf(one) === size));
}

function showOf({ benchmark_counters_tabular: tabular, phases }: Options): Show {
  let table: ConsoleTable | undefined;
  let isBegun = false;
  return {
    begin: (about, names) => {
      console.error(contextText(about));
      table = new ConsoleTable(names, tabular);
    },
    row: (row) => {
      if (!isBegun) console.log(table?.head(countersOf(row)));
      isBegun = true;
      console.log(table?.row(row, countersOf(row)));
    },
    end: (rows) => {
      if (phases && rows.length) console.log(`\n${phasesText(rows)}`);
    },
  };
}

const countersOf = ({ hbm_bytes: bytes }: BenchmarkRow): Counters => (bytes === undefined ? {} : { HBM: bytes });
