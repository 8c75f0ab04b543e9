/** Targets as a person names them: `cpu`, `tpu` (the one attached) or a plugin's path to run on; a TPU topology to compile for. */
import { Client, Topology } from '../pjrt';

/** The smallest slice of a generation: what its bare name means. */
const smallest: Readonly<Record<string, string>> = { v4: '2x2x1', v5e: '2x2', v5p: '2x2x1', v6e: '2x2', tpu7x: '2x2x1' };

export const targetHelp = `cpu or tpu to run on (or a plugin's path), or a topology to compile for: ${Object.keys(smallest).join(', ')}, v5p:2x2x4, ...`;

/** Opens what `name` names, for as long as `use` runs: a client, or a topology. `tpu:v5p:2x2x1` is a topology too. */
export async function withTarget<T>(name: string, use: (on: Client | Topology) => Promise<T>): Promise<T> {
  if (name === 'cpu' || name === 'tpu' || name.includes('/')) {
    using client = await Client.open(name);
    return await use(client);
  }
  using opened = await Topology.open('tpu', topologyName(name));
  return await use(opened);
}

/** libtpu's own name of a topology. */
export function topologyName(name: string): string {
  const bare = name.replace(/^tpu:/, '');
  return Object.hasOwn(smallest, bare) ? `${bare}:${smallest[bare]}` : bare;
}
