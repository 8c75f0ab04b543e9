/** `node-pjrt demo`, what `npm start` runs: dense, lazy causal and lazy window attention, run on the CPU and compiled for v5p without one. */
import type { Command } from 'commander';
import { caseText, type Job, type Measurement, measure } from '../bench/measurement';
import { tableHead, tableRow } from '../bench/report';
import { milliseconds } from '../timing/time';
import { withTarget } from './target';

const large = { heads: 16, kvHeads: 2, headDim: 256, dtype: 'bf16' } as const;
const small = { heads: 4, kvHeads: 1, headDim: 64, dtype: 'bf16' } as const;
const masks = ['dense(causal)', 'causal', 'local(1023, 0)'];

// Budgets hold the job near two minutes on 2 cores, where a dense step takes seconds.
const cpuJobs: readonly Job[] = [
  ...masks.map((mask) => ({ options: { ...large, queries: 2048 }, mask, runs: 5, budgetMs: 6000 })),
  ...masks.map((mask) => ({ options: { ...large, queries: 4096 }, mask, runs: 5, budgetMs: 10000 })),
  ...masks.slice(1).map((mask) => ({ options: { ...small, queries: 32768 }, mask, runs: 5, budgetMs: 10000 })),
];
// Compiled and not run, so with the tiles that are for that.
const v5pJobs: readonly Job[] = [4096, 32768, 1048576].flatMap((queries) =>
  masks.map((mask) => ({ options: { ...large, queries }, mask, preset: 'lean' as const })),
);

export function demo(program: Command): void {
  program
    .command('demo')
    .description('the main job: attention with a dense mask, a lazy causal one and a lazy window, on the CPU and ahead of time for TPU v5p')
    .action(run);
}

async function run(): Promise<void> {
  console.log(tableHead());
  const rows = [...(await measureAll('cpu', cpuJobs)), ...(await measureAll('v5p', v5pJobs))];
  console.log(`\n${learned(rows)}`);
}

async function measureAll(target: string, jobs: readonly Job[]): Promise<Measurement[]> {
  const rows: Measurement[] = [];
  const add = (row: Measurement) => {
    rows.push(row);
    console.log(tableRow(row));
  };
  try {
    await withTarget(target, async (on) => {
      for (const job of jobs) add(await measure(job, on));
    });
  } catch (error) {
    // A target that cannot be had here (libtpu has no wheel for aarch64) says so in its rows; the others run.
    for (const { options, mask } of jobs.slice(rows.length))
      add({ case: caseText(options), target, mask, failure: (error as Error).message });
  }
  return rows;
}

/** What the figures of this very run say, in one line. */
function learned(rows: readonly Measurement[]): string {
  const find = (target: string, tokens: number, mask: string) =>
    rows.find((row) => row.target.startsWith(target) && row.case.includes(`T ${tokens},`) && row.mask === mask);
  const parts: string[] = [];
  const [denseRow, lazyRow] = [find('cpu', 4096, 'dense(causal)'), find('cpu', 4096, 'causal')];
  if (denseRow?.minMs && lazyRow?.minMs)
    parts.push(
      `at T 4096 the CPU runs a lazy causal mask ${(denseRow.minMs / lazyRow.minMs).toFixed(1)} times as fast as a dense one (${milliseconds(lazyRow.minMs)} against ${milliseconds(denseRow.minMs)} ms)`,
    );
  const sum = (row: Measurement | undefined) => (row?.compileMs === undefined ? undefined : (row.buildMs ?? 0) + row.compileMs);
  const [short, long, denseV5p] = [find('v5p', 4096, 'causal'), find('v5p', 1048576, 'causal'), find('v5p', 4096, 'dense(causal)')];
  const [shortMs, longMs] = [sum(short), sum(long)];
  if (shortMs && longMs)
    parts.push(
      `for v5p it builds and compiles in ${milliseconds(longMs)} ms at 1048576 tokens and in ${milliseconds(shortMs)} ms at 4096${denseV5p ? ', where a dense mask of 1048576 tokens would need 128 GiB' : ''}`,
    );
  return parts.length ? `Learned: ${parts.join('; ')}.` : 'Learned: nothing; no case could be measured.';
}
