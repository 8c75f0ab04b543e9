/** What the environment of leftovers.ts asks of the library that a file of tests has. */
import { liveHandleStacks, liveResources } from '../lib/pjrt/observe/live';

export interface Leftovers {
  readonly count: number;
  readonly text: string;
}

function leftovers(): Leftovers {
  const { clients, topologies, executables, buffers, others, operations } = liveResources();
  const counts = { clients, topologies, executables, buffers, others, operations };
  const left = Object.entries(counts).filter(([, count]) => count > 0);
  return {
    count: left.reduce((sum, [, count]) => sum + count, 0),
    text: [left.map(([kind, count]) => `${count} ${kind}`).join(', '), ...liveHandleStacks()].join('\n'),
  };
}

(globalThis as unknown as { leftovers: () => Leftovers }).leftovers = leftovers;
