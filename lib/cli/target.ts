/** Targets as a person names them: `cpu`, or a TPU topology such as `v5p`, `v5p:2x2x1`, `tpu:v5p:2x2x1`. */
import { Client, Topology } from '../pjrt';

/** Opens what `name` names, for as long as `use` runs: a client to run on, or a topology to compile for. A bare generation means its smallest host. */
export async function withTarget<T>(name: string, use: (on: Client | Topology) => Promise<T>): Promise<T> {
  if (name === 'cpu') {
    using client = await Client.open('cpu');
    return await use(client);
  }
  const topology = name.replace(/^tpu:/, '');
  const smallest: Record<string, string> = { v4: '2x2x1', v5e: '2x2', v5p: '2x2x1', v6e: '2x2', tpu7x: '2x2x1' };
  using opened = await Topology.open('tpu', topology in smallest ? `${topology}:${smallest[topology]}` : topology);
  return await use(opened);
}
