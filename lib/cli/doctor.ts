/** `node-pjrt doctor`: what is here, what is missing, and what to do about it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { type Capabilities, Client, cpuKernels, liveHandles, liveResources, Plugin } from '../pjrt';
import { hasTpu } from '../pjrt/environment';
import { isPrebuilt } from '../pjrt/native';
import { cacheDirectory, type PluginName, supplies } from '../supply';
import { bytesText } from '../timing/units';
import { capabilitiesText } from './capabilities';
import { table } from './text';

/** `none` is missing too, but nothing lacks it: a TPU, a plugin that there is none of for this machine, a compiler where the addon came built. */
interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'none';
  readonly detail: string;
  /** Of a plugin. */
  readonly capabilities?: Capabilities;
}

export function doctor(program: Command): void {
  program
    .command('doctor')
    .description('say what of the machine, the addon and the plugins is there and works; exit code 1 where something is missing')
    .option('--json', 'as JSON')
    .action(run);
}

async function run({ json }: { json?: boolean }): Promise<void> {
  const findings = [
    {
      name: 'node',
      state: Number.parseInt(process.versions.node, 10) >= 20 ? 'ok' : 'missing',
      detail: `${process.version} ${process.arch}`,
    },
    await builder('compiler', process.env.CXX || 'g++'),
    await builder('make', 'make'),
    await tool('python', 'python3', ['--version']),
    await tool('pip', 'python3', ['-m', 'pip', '--version']),
    await found('addon', () => `loads, ${liveHandles()} live handles`),
    await found('cpu kernels', () => `${cpuKernels().join(', ')}; the first one runs`),
    await plugin('cpu'),
    await plugin('tpu'),
    await lifetimes(),
    hasTpu()
      ? { name: 'TPU hardware', state: 'ok', detail: 'its device files are there' }
      : { name: 'TPU hardware', state: 'none', detail: 'no /dev/accel* or /dev/vfio/* of a TPU: programs compile for one ahead of time' },
    { name: 'cache', state: 'ok', detail: cacheDirectory() },
  ] satisfies Finding[];
  console.log(json ? JSON.stringify(findings, null, 2) : text(findings));
  if (findings.some(({ state }) => state === 'missing')) process.exitCode = 1;
}

function text(findings: readonly Finding[]): string {
  return [
    table(findings.map(({ name, state, detail }) => [name, state, detail])),
    ...findings.flatMap(({ name, capabilities }) => (capabilities ? [`${name}: ${capabilitiesText(capabilities)}`] : [])),
  ].join('\n');
}

async function tool(name: string, command: string, args: string[]): Promise<Finding> {
  return await found(name, async () => (await promisify(execFile)(command, args)).stdout);
}

/** What builds the addon: nothing lacks it where the addon came built. */
async function builder(name: string, command: string): Promise<Finding> {
  const finding = await tool(name, command, ['--version']);
  if (finding.state === 'ok' || !isPrebuilt()) return finding;
  return { name, state: 'none', detail: `${finding.detail}; not needed, as the addon came built` };
}

async function plugin(name: PluginName): Promise<Finding> {
  let capabilities: Capabilities | undefined;
  const finding = await found(`${name} plugin`, async () => {
    const { path, apiVersion, ffiProblem, ...plugin } = await Plugin.load(name);
    capabilities = plugin.capabilities;
    return `PJRT ${apiVersion.major}.${apiVersion.minor}, ${path}${ffiProblem && name === 'cpu' ? `; no custom calls: ${ffiProblem}` : ''}`;
  });
  const noWheel = supplies().some((supply) => supply.name === name && supply.state === 'no wheel for this platform');
  return finding.state === 'missing' && noWheel ? { ...finding, state: 'none' } : { ...finding, capabilities };
}

const program = `module @doctor {
  func.func public @main(%a: tensor<8xf32>) -> tensor<8xf32> {
    %0 = stablehlo.add %a, %a : tensor<8xf32>
    return %0 : tensor<8xf32>
  }
}`;

/** Whether a program runs on the CPU plugin, and what is still there when all that it took is disposed. */
async function lifetimes(): Promise<Finding> {
  return await found('live handles', async () => {
    const most = await runOnce();
    const { bufferBytes, viewBytes, hostArrayBytes, operations } = liveResources('process');
    const bytes = `${bytesText(bufferBytes)} of buffers, ${bytesText(viewBytes + hostArrayBytes)} shared with arrays`;
    if (liveHandles() > 0) throw new Error(`all handles go when they are disposed; ${liveHandles()} of ${most} are left, ${bytes}`);
    return `0 of ${most} left after a run on the CPU plugin, ${bytes}, ${operations} operations under way`;
  });
}

async function runOnce(): Promise<number> {
  using client = await Client.open('cpu');
  using executable = await client.compile(program);
  using a = client.upload(executable.inputs[0].type, new Float32Array(8).fill(21));
  using outputs = await executable.run({ a });
  const sum = (await outputs.out.read())[7];
  if (sum !== 42) throw new Error(`21 + 21 is 42; got ${sum}`);
  return liveHandles();
}

async function found(name: string, look: () => string | Promise<string>): Promise<Finding> {
  try {
    return { name, state: 'ok', detail: (await look()).trim().split('\n')[0] };
  } catch (error) {
    return { name, state: 'missing', detail: (error as Error).message.trim().split('\n')[0] };
  }
}
