/** `node-pjrt plugins`: install, list and find the libraries that XLA comes in. */
import type { Command } from 'commander';
import { install, pluginPath, type Supply, supplies, supplyName, supplyNames, verify } from '../supply';
import { bytesText } from '../timing/units';
import { capabilitiesPage } from './capabilities';
import { progressBar } from './progress';
import { table } from './text';

export function plugins(program: Command): void {
  const command = program.command('plugins').description('install, list and find PJRT plugins');
  command
    .command('install')
    .description(
      'fetch plugins with pip, check them against their pinned sha256 and unpack them into the cache; what is there already stays',
    )
    .argument('[names...]', `of ${supplyNames.join(', ')} (default: all that there are for this machine)`)
    .option('--force', 'fetch again what is there already')
    .action(installAll);
  command
    .command('list')
    .description('what can be installed, and what is')
    .option('--verify', 'hash every installed file again')
    .option('--json', 'as JSON')
    .action(list);
  command
    .command('path')
    .description("print the path of a plugin's library, as it would be loaded")
    .argument('<name>', 'cpu, tpu or a path')
    .action((name: string) => console.log(pluginPath(name)));
  command
    .command('capabilities')
    .description('print what the installed plugins have of PJRT, function by function and extension by extension, as Markdown')
    .action(async () => console.log((await capabilitiesPage()).trimEnd()));
}

async function installAll(names: string[], { force }: { force?: boolean }): Promise<void> {
  const here = supplies().filter(({ state }) => state !== 'no wheel for this platform');
  const wanted = names.length ? names.map(supplyName) : here.map(({ name }) => name);
  console.log(tableOf(await install(wanted, { force, onProgress: progressBar() })));
}

async function list({ verify: hash, json }: { verify?: boolean; json?: boolean }): Promise<void> {
  const all = supplies();
  if (hash) for (const { name, state } of all) if (state === 'installed') await verify(name);
  console.log(json ? JSON.stringify(all, null, 2) : tableOf(all));
}

function tableOf(rows: readonly Supply[]): string {
  return table(
    rows.map(({ name, package: title, version, state, bytes, path }) => [
      name,
      `${title} ${version}`,
      state,
      bytes === undefined ? '' : bytesText(bytes),
      path ?? '',
    ]),
  );
}
