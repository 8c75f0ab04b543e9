/** Opening a plugin's client: its options, and what is said where it has no devices here. */
import * as fs from 'node:fs';
import { type PjrtCode, PjrtError, ShapeError } from '../errors';
import { pluginPath } from '../supply';
import { tpuFiles } from './environment';
import { holdersText, openHolders } from './holders';
import { askedBy, type KeyValueStore } from './key-value';
import { type CreateOptionRow, native, type Raw } from './native';
import type { Plugin } from './plugin';

/** A plugin's own options by name. A number is an int64 where it is whole, else a float. */
export type CreateOptions = Readonly<Record<string, string | number | boolean | readonly number[]>>;

interface Settings {
  readonly devices: number | undefined;
  readonly createOptions: CreateOptions;
  readonly keyValueStore: KeyValueStore | undefined;
}

/** Throws ShapeError for options that there are not, PjrtError where there are no devices. */
export async function createClient(plugin: Plugin, settings: Settings): Promise<Raw> {
  const { devices, createOptions, keyValueStore } = settings;
  const rows = Object.entries(createOptions).map(([name, value]) => rowOf(name, value));
  const asked = keyValueStore ? [askedBy(keyValueStore)] : [];
  if (isOwnCpu(plugin)) checkAlone(rows, keyValueStore);
  try {
    return await native().createClient(plugin.raw, [['cpu_device_count', 'int64', devices ?? 1], ...rows], ...asked);
  } catch (error) {
    // Another platform's plugin does not know the option, and says so at once.
    if (!isPjrtError(error, 'INVALID_ARGUMENT')) throw error;
    if (devices !== undefined) throw new ShapeError(`devices is an option of the CPU plugin; ${plugin.path} says: ${error.message}`);
  }
  try {
    return await native().createClient(plugin.raw, rows, ...asked);
  } catch (error) {
    throw plugin.isTpu && error instanceof PjrtError ? withoutTpu(error, plugin) : error;
  }
}

/** Why there is no TPU to be had: there is none, or somebody else has it. */
function withoutTpu(error: PjrtError, plugin: Plugin): PjrtError {
  const reason = error.message.split('\n')[0];
  const files = tpuFiles();
  if (!files.length) {
    const rule = 'a TPU client needs a TPU, and this machine has none (no /dev/accel* or /dev/vfio/*)';
    return new PjrtError('UNAVAILABLE', `${rule}; Topology.open compiles for one. It says: ${reason}`);
  }
  const holders = openHolders(files, [plugin.pid]);
  if (!holders.length) return error;
  return new PjrtError(error.code, `one process at a time has a TPU, and ${holdersText(holders)} has its device open. It says: ${reason}`);
}

function rowOf(name: string, value: unknown): CreateOptionRow {
  if (!/^\w+$/.test(name)) throw new ShapeError(`a create option has a name such as num_nodes; got '${name}'`);
  // The CPU plugin aborts where it is no int64.
  if (name === 'cpu_device_count') throw new ShapeError('cpu_device_count is the option devices');
  if (typeof value === 'string') return [name, 'string', value];
  if (typeof value === 'boolean') return [name, 'bool', value];
  if (typeof value === 'number' && Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
    return [name, Number.isInteger(value) ? 'int64' : 'float', value];
  if (Array.isArray(value) && value.every(Number.isSafeInteger)) return [name, 'int64s', value];
  throw new ShapeError(`a create option is a string, a boolean, a number below 2^53, or whole numbers; ${name} is ${String(value)}`);
}

const isOwnCpu = (plugin: Plugin) => {
  try {
    return plugin.path === fs.realpathSync(pluginPath('cpu'));
  } catch {
    return false;
  }
};

// It takes any option and reads this one; nor does it look at a key-value store.
function checkAlone(rows: readonly CreateOptionRow[], store: unknown): void {
  if (!rows.length && !store) return;
  const got = [...rows.map(([name]) => name), ...(store ? ['keyValueStore'] : [])].join(', ');
  throw new ShapeError(
    `the CPU plugin has the option devices only, and is one process: it would ignore ${got}. A program of several devices runs on one client's, ` +
      'compileSharded',
  );
}

function isPjrtError(error: unknown, code: PjrtCode): error is PjrtError {
  return error instanceof PjrtError && error.code === code;
}
