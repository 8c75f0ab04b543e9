/** `node-pjrt bench`: the benchmarks, and the comparison of their files. */
import type { Command } from 'commander';
import { benchAttention } from './bench-attention';
import { benchCompare } from './bench-compare';
import { benchLayers } from './bench-layers';
import { benchStory } from './bench-story';

export function bench(program: Command): void {
  const command = program.command('bench').description('benchmarks of attention, and the comparison of their results');
  for (const add of [benchAttention, benchLayers, benchStory, benchCompare]) add(command);
}
