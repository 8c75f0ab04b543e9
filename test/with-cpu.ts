/** The CPU plugin for a file of tests, or a group of them. */
import { Client, liveHandles } from '../lib/pjrt';

/** Opens the CPU plugin for the tests around it; fails when one of them leaves a handle. */
export function withCpu(use: (client: Client) => void): void {
  let client: Client;
  beforeAll(async () => {
    client = await Client.open('cpu');
    use(client);
  });
  afterAll(() => {
    client.dispose();
    expect(liveHandles()).toBe(0);
  });
}
