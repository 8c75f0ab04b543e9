/** The CPU plugin, or a TPU that is not there, for a file of tests or a group of them. */
import { Client, liveHandles, Topology } from '../lib/pjrt';

interface Opened {
  dispose(): void;
}

/** Opens something for the tests around it; fails when one of them leaves a handle. */
function withOpened<T extends Opened>(open: () => Promise<T>, use: (opened: T) => void): void {
  let opened: T;
  beforeAll(async () => {
    opened = await open();
    use(opened);
  });
  afterAll(() => {
    opened.dispose();
    expect(liveHandles()).toBe(0);
  });
}

/** `devices` of the CPU plugin, one by default. */
export const withCpu = (use: (client: Client) => void, devices?: number): void => withOpened(() => Client.open('cpu', { devices }), use);

export const withV5p = (use: (topology: Topology) => void): void => withOpened(() => Topology.open('tpu', 'v5p:2x2x1'), use);
