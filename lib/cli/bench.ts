/** `node-pjrt bench`: the benchmarks, and the comparison of their files. */
import type { Command } from 'commander';
import { benchAttention } from './bench-attention';
import { benchCompare } from './bench-compare';
import { benchLayers } from './bench-layers';
import { benchStory } from './bench-story';

export function bench(program: Command): void {
  const command = program
    .command('bench')
    .description('benchmarks of attention, and the comparison of their results')
    .addHelpText(
      'afterAll',
      '\nA benchmark compiles for real, as with a --no-cache that is always on: NODE_PJRT_COMPILE_CACHE is not read.',
    );
  for (const add of [benchAttention, benchLayers, benchStory, benchCompare]) add(command);
}
