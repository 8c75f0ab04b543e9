/**
 * The compiler's flags in the environment. A plugin reads them once and ends its process over one that it does not know, so it is asked
 * first in a process of its own, whatever the flags and the plugin's version: nobody else knows what it takes.
 */
import { PluginCrashError, PluginError } from '../errors';
import { pluginEnvironment } from './environment';
import { Child } from './isolated/child';
import { native } from './native';
import { compileOptions, spreadOver } from './options';

const variables = ['XLA_FLAGS', 'LIBTPU_INIT_ARGS'];
const identity = 'func.func @main(%a: tensor<f32>) -> tensor<f32> { return %a : tensor<f32> }';
const timeoutMs = 60_000;

/** The flags by variable, without those of `ours`: a worker's environment has them where its parent has loaded a plugin. */
export function compilerFlags(ours: readonly string[], env = process.env): string {
  const words = (value = '') => value.split(/\s+/).filter((word) => word !== '' && !ours.includes(word));
  return JSON.stringify(variables.map((name) => words(env[name])));
}

const checked = new Map<string, Promise<void>>();

/**
 * Asks a plugin whether it takes `flags`, the environment's as `compilerFlags` has them, once for each set of them. Throws PluginError where
 * its process ends over them. Nothing is asked where there are none, or where NODE_PJRT_CHECK_FLAGS is 0.
 */
export async function checkFlags(path: string, flags: string): Promise<void> {
  const lists: string[][] = JSON.parse(flags);
  if (lists.every(({ length }) => !length) || process.env.NODE_PJRT_CHECK_FLAGS === '0') return;
  const given = variables.flatMap((name, i) => (lists[i].length ? [`${name}='${lists[i].join(' ')}'`] : []));
  const key = JSON.stringify([path, flags]);
  const check = checked.get(key) ?? tryOut(path, given.join(' '));
  checked.set(key, check);
  await check;
}

async function tryOut(path: string, given: string): Promise<void> {
  // It opens no TPU, so it needs no lock, which another process may have.
  const child = new Child({ timeoutMs, env: { ALLOW_MULTIPLE_LIBTPU_LOAD: '1' } }, { publishesLogs: false });
  try {
    await compileThere(child, path);
  } catch (error) {
    // Other errors are those of the plugin that is loaded next.
    if (!(error instanceof PluginCrashError) || error.reason !== 'ended') return;
    throw new PluginError(`a plugin's flags are those that it knows, or it ends its process; with ${given} ${error.message}`);
  } finally {
    child.dispose();
  }
}

// Some flags are read when a plugin is loaded, others when it first compiles.
async function compileThere(child: Child, path: string): Promise<void> {
  const { raw } = await child.load(path, pluginEnvironment(child.env));
  const options = compileOptions(spreadOver([0], {}));
  const topology = await native()
    .createTopology(raw, 'v5p:2x2x1')
    .catch((error) => {
      if (error instanceof PluginCrashError) throw error;
      return undefined;
    });
  const text = new TextEncoder().encode(identity);
  if (topology) await native().compileAhead(topology, text, options);
  else await native().compile(await native().createClient(raw, []), text, options);
}
