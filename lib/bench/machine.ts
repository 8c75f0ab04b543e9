/** What a time depends on beside the program: the machine, its load, versions; and the memory that this process takes. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { supplies } from '../supply';
import type { Context } from './record';

const root = path.join(__dirname, '..', '..');

/** Of now. */
export function context(): Context {
  const [cpu] = os.cpus();
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const governor = read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor');
  const commit = commitOf(root);
  return {
    date: localTime(new Date()),
    host_name: os.hostname(),
    executable: 'node-pjrt bench',
    num_cpus: os.cpus().length,
    mhz_per_cpu: cpu.speed || Number(/^cpu MHz\s*: (.*)$/m.exec(read('/proc/cpuinfo') ?? '')?.[1] ?? 0),
    ...(governor === undefined ? {} : { cpu_scaling_enabled: governor !== 'performance' }),
    caches: caches(),
    load_avg: os.loadavg(),
    library_version: version,
    library_build_type: 'release',
    json_schema_version: 1,
    cpu_model: cpu.model.trim(),
    memory_bytes: os.totalmem(),
    node_version: process.version,
    plugin_versions: pluginVersions(),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** `2026-11-26T04:18:46+00:00`, as google-benchmark has dates. */
function localTime(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const two = (value: number) => `${Math.floor(value)}`.padStart(2, '0');
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return `${new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19)}${offset}`;
}

/** By the plugin's name; one that a variable names in its place goes by that path. */
function pluginVersions(): Record<string, string> {
  const variables = { cpu: process.env.PJRT_CPU_LIBRARY_PATH, tpu: process.env.TPU_LIBRARY_PATH };
  const rows = supplies().flatMap(({ name, package: title, version, state }) => {
    if (name === 'headers') return [];
    if (variables[name]) return [[name, variables[name]]];
    return state === 'installed' ? [[name, `${title} ${version}`]] : [];
  });
  return Object.fromEntries(rows);
}

/** Of a clone; undefined for a package that lies in somebody else's. */
function commitOf(folder: string): string | undefined {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' });
  const top = git('rev-parse', '--show-cdup', 'HEAD');
  const [up, commit] = top.status === 0 ? top.stdout.split('\n') : [];
  if (up !== '' || !commit) return undefined;
  return git('status', '--porcelain', '--untracked-files=no').stdout.trim() ? `${commit}-dirty` : commit;
}

function caches(): Context['caches'] {
  const found = [];
  for (let index = 0; ; index++) {
    const field = (name: string) => read(`/sys/devices/system/cpu/cpu0/cache/index${index}/${name}`);
    const [type, level, size] = [field('type'), field('level'), field('size')];
    if (type === undefined || level === undefined || size === undefined) return found;
    // A bit a processor, in hexadecimal.
    const sharing = [...(field('shared_cpu_map') ?? '').matchAll(/[0-9a-f]/g)].flatMap(([digit]) => [
      ...Number.parseInt(digit, 16).toString(2).matchAll(/1/g),
    ]).length;
    found.push({ type, level: Number(level), size: 1024 * Number.parseInt(size, 10), num_sharing: sharing });
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * The most memory that this process holds from now on, asked later: VmHWM, which is set back to what it holds now. Where the kernel does
 * not allow that, since the process began; undefined where it does not count.
 */
export function peakMeter(): () => number | undefined {
  try {
    // clear_refs 5 resets the high-water mark: proc_pid_clear_refs(5).
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {}
  return () => {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(read('/proc/self/status') ?? '') ?? [];
    return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
  };
}

/** What the machine can still give to this process. */
export function availableBytes(): number {
  const limited = (process as { availableMemory?: () => number }).availableMemory?.() ?? Number.POSITIVE_INFINITY;
  return Math.min(os.freemem(), limited);
}

/** Gives back what nobody holds any more: what an earlier case left is no part of a later one's memory. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
