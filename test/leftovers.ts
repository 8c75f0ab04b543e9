/**
 * jest's Node environment, for a library of handles: a file of tests fails that ends with more of them than it began with. With
 * `NODE_PJRT_HANDLE_STACKS=1` it says where each was made.
 */
import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';
import type { Leftovers } from './leftovers-setup';

// What jest asks of its workers where its own output has colours is not for the processes that tests start.
delete process.env.FORCE_COLOR;

// The addon is one for all files that a process of jest's tests: what one file leaves is not the next one's.
let before = 0;

export default class LeftoversEnvironment extends TestEnvironment {
  async handleTestEvent(event: Circus.Event, state: Circus.State): Promise<void> {
    if (event.name !== 'run_describe_finish' || event.describeBlock !== state.rootDescribeBlock) return;
    const { count, text } = (this.global as unknown as { leftovers: () => Leftovers }).leftovers();
    if (count > before) state.unhandledErrors.push(new Error(`a file of tests disposes what it opens; there is left: ${text}`));
    before = count;
  }
}
