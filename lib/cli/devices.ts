/** `node-pjrt devices`: what a plugin runs on here, or what a topology is made of. */
import type { Command } from 'commander';
import { Client, type Device, type MemoryStats, Topology } from '../pjrt';
import { bytesText } from '../timing/units';
import { topologyName } from './target';
import { table, wholeNumber } from './text';

interface Options {
  plugin?: string;
  topology?: string;
  count?: number;
  json?: boolean;
}

export function devices(program: Command): void {
  program
    .command('devices')
    .description('list the devices of a plugin, or those of a TPU topology, which need not be there')
    .option('--plugin <plugin>', 'cpu, tpu or the path of a library (default: cpu; tpu for a topology)')
    .option('--topology <name>', 'a TPU topology, such as v5p:2x2x1')
    .option('--count <n>', 'devices that the CPU plugin makes of this machine', wholeNumber)
    .option('--json', 'as JSON')
    .action(run);
}

async function run({ plugin, topology, count: devices, json }: Options): Promise<void> {
  if (topology !== undefined && devices !== undefined) throw new Error('--count is for the devices of this machine, --topology for others');
  using opened =
    topology === undefined ? await Client.open(plugin, { devices }) : await Topology.open(plugin ?? 'tpu', topologyName(topology));
  const rows = opened.devices.map((device) => ({
    id: device.id,
    kind: device.kind,
    description: device.description,
    attributes: device.attributes,
    ...('memoryStats' in device && { memory: memoryOf(device) }),
  }));
  if (json) {
    console.log(JSON.stringify({ platform: opened.platform, platformVersion: opened.platformVersion, devices: rows }, null, 2));
    return;
  }
  console.log(
    `${opened.platform}: ${rows.length === 1 ? '1 device' : `${rows.length} devices`} (${opened.platformVersion.split('\n')[0]})`,
  );
  console.log(table(rows.map(({ id, kind, description, memory }) => [`${id}`, kind, description, memory ? memoryText(memory) : ''])));
}

function memoryOf(device: Device): MemoryStats | undefined {
  try {
    return device.memoryStats();
  } catch {
    // The CPU plugin does not count.
    return undefined;
  }
}

function memoryText({ bytesInUse, bytesLimit }: MemoryStats): string {
  return `${bytesText(bytesInUse)} in use${bytesLimit === undefined ? '' : ` of ${bytesText(bytesLimit)}`}`;
}
