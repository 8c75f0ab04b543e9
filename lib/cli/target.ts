/** Targets as a person names them: `cpu`, `tpu` (the one attached) or a plugin's path to run on; a TPU topology to compile for. */
import { Option } from 'commander';
import { type ChipName, chips } from '../ir/chips';
import { Client, Topology } from '../pjrt';

const topologyHelp = `${Object.keys(chips).join(', ')}, v5p:2x2x4, ...`;
export const targetHelp = `cpu or tpu to run on (or a plugin's path), or a topology to compile for: ${topologyHelp}`;
export const topologyOption = () => new Option('--topology <name>', `what to compile for: ${topologyHelp}`).default('v5p');

/**
 * Opens what `name` names, for as long as `use` runs: a client, or a topology. `tpu:v5p:2x2x1` is a topology too. It compiles for real,
 * whatever the environment says of a compile cache: commands say what a compilation takes. `devices` are those that the CPU plugin is to
 * have.
 */
export async function withTarget<T>(
  name: string,
  use: (on: Client | Topology) => Promise<T>,
  { devices = 1, isolated = false }: { readonly devices?: number; readonly isolated?: boolean } = {},
): Promise<T> {
  if (isPlugin(name)) {
    using client = await Client.open(name, { cache: false, isolated, ...(name === 'cpu' ? { devices } : {}) });
    return await use(client);
  }
  using opened = await Topology.open('tpu', topologyName(name), { cache: false, isolated });
  return await use(opened);
}

const isPlugin = (name: string) => name === 'cpu' || name === 'tpu' || name.includes('/');

/** A target by one name: of a topology libtpu's own. */
export const targetName = (name: string) => (isPlugin(name) ? name : topologyName(name));

/** libtpu's own name of a topology; a generation's bare name is its smallest. */
export function topologyName(name: string): string {
  const bare = name.replace(/^tpu:/, '');
  return Object.hasOwn(chips, bare) ? chips[bare as ChipName].topology : bare;
}
