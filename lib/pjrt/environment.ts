/** The environment variables that plugins are loaded under, and whether this machine has a TPU, which they depend on. */
import * as fs from 'node:fs';
import { logEnvironment } from './observe/log';

function names(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Whether a TPU is attached: its device file is /dev/accel* or /dev/vfio/*, of which the latter may be any device that is passed through,
 * so one of the PCI vendor Google has to be there too.
 */
export function hasTpu(): boolean {
  return tpuFiles().length > 0;
}

/** The device files of the TPUs that are attached. */
export function tpuFiles(): string[] {
  const files = (directory: string, pattern: RegExp) =>
    names(directory).flatMap((name) => (pattern.test(name) ? [`${directory}/${name}`] : []));
  const accel = files('/dev', /^accel\d/);
  if (accel.length) return accel;
  const pci = '/sys/bus/pci/devices';
  return names(pci).some((name) => vendor(`${pci}/${name}/vendor`) === '0x1ae0') ? files('/dev/vfio', /^\d/) : [];
}

function vendor(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * Rows of name, value and whether the value is added to what is there; the others give way to what the user has set. All but the first
 * are libtpu's, and mean nothing to another plugin. A plugin reads them when it is loaded. `env` is what it has otherwise.
 *
 * Which machine it is decides on the lock: libtpu takes it when it is loaded, once and for all, and holds it for its process. Where there
 * is a TPU, the lock is what keeps two processes from one, and stays; a process that only compiles beside it sets
 * ALLOW_MULTIPLE_LIBTPU_LOAD=1.
 */
export function pluginEnvironment(env: NodeJS.ProcessEnv = process.env): [name: string, value: string, append: boolean][] {
  const always: [string, string, boolean][] = [
    ...logEnvironment(env),
    // Its handlers and its profiling timer outlive Node's own clean-up: at a normal end of the process SIGPROF kills it (status 155).
    ['LIBTPU_INIT_ARGS', '--install_signal_handlers=false', true],
  ];
  // With a TPU, libtpu asks the machine's metadata server what it is part of, and locks it for this process.
  if (hasTpu()) return always;
  return [
    ...always,
    // Without a metadata server the load takes minutes of retries.
    ['TPU_SKIP_MDS_QUERY', '1', false],
    // What it would have asked for, or it complains on stderr. Compilation goes by the topology's name.
    ['TPU_ACCELERATOR_TYPE', 'v5p-8', false],
    ['TPU_WORKER_HOSTNAMES', 'localhost', false],
    // There is nothing to own, so any number of processes may compile at the same time.
    ['ALLOW_MULTIPLE_LIBTPU_LOAD', '1', false],
  ];
}
