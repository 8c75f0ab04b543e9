/** Fetches the packages of packages.ts with pip, checks and unpacks them, and puts each in the cache by one rename. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { PluginError } from '../errors';
import { cacheDirectory, directoryOf, type Manifest, manifestIn, type Supply, sha256Of, supplies } from './cache';
import { rows, type SupplyName, supplyName, wheelOf } from './packages';

/** How far one package is: `done` of `total` bytes of its wheel are here. `unpacking` and `installed` are told once each. */
export interface Progress {
  readonly name: SupplyName;
  readonly title: string;
  readonly stage: 'downloading' | 'unpacking' | 'installed';
  readonly done: number;
  readonly total: number;
}

export interface InstallOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Fetch again what is installed already. */
  readonly force?: boolean;
}

/**
 * Installs packages, one after another; what is installed already costs no network and under a millisecond. Two processes may install at
 * once. Throws PluginError: no python3, no pip, no connection, a wheel that is not the pinned one, a full disk, no wheel for this platform.
 */
export async function install(names: readonly SupplyName[], options: InstallOptions = {}): Promise<Supply[]> {
  names.forEach(supplyName);
  for (const name of names) {
    if (!options.force && manifestIn(directoryOf(name), wheelOf(name))) continue;
    await fetchOne(name, options).catch((error: Error) => {
      if (error instanceof PluginError) throw error;
      throw new PluginError(`${titleOf(name)} could not be installed in ${cacheDirectory()}: ${error.message}`);
    });
  }
  return supplies().filter(({ name }) => names.includes(name));
}

function titleOf(name: SupplyName): string {
  return `${rows[name].package} ${rows[name].version}`;
}

async function fetchOne(name: SupplyName, { onProgress, force }: InstallOptions): Promise<void> {
  const wheel = wheelOf(name);
  const directory = directoryOf(name);
  const tell = (stage: Progress['stage'], done = wheel.bytes) =>
    onProgress?.({ name, title: titleOf(name), stage, done, total: wheel.bytes });
  fs.mkdirSync(cacheDirectory(), { recursive: true });
  sweep();
  // In the cache, so that the rename at the end stays within one file system.
  const work = fs.mkdtempSync(path.join(cacheDirectory(), '.work-'));
  const remove = () => fs.rmSync(work, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    tell('downloading', 0);
    const file = await download(name, work, (done) => tell('downloading', Math.min(done, wheel.bytes)));
    const got = await sha256Of(file);
    if (got !== wheel.sha256) throw mismatch(name, got);
    tell('unpacking');
    const unpacked = path.join(work, 'unpacked');
    await python(name, ['-c', unpack, file, unpacked, JSON.stringify(rows[name].files)]);
    const files: Record<string, Manifest['files'][string]> = {};
    for (const kept of Object.values(rows[name].files)) {
      const at = path.join(unpacked, kept);
      files[kept] = { bytes: fs.statSync(at).size, sha256: await sha256Of(at) };
    }
    fs.writeFileSync(path.join(unpacked, 'manifest.json'), JSON.stringify({ wheel: wheel.sha256, files } satisfies Manifest, null, 2));
    publish(unpacked, directory, () => !force && manifestIn(directory, wheel) !== undefined);
    tell('installed');
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Renames `unpacked` to `directory`. What is there already stays if it `isWhole` (another process was first), else it makes room. */
function publish(unpacked: string, directory: string, isWhole: () => boolean): void {
  for (let attempt = 0; ; attempt++) {
    try {
      fs.renameSync(unpacked, directory);
      return;
    } catch (error) {
      if (isWhole()) return;
      if (attempt > 8) throw error;
      // A process that has the old library mapped keeps it: removing a file only takes its name away.
      const aside = `${unpacked}-old-${attempt}`;
      if (fs.existsSync(directory)) fs.renameSync(directory, aside);
    }
  }
}

/** Removes what an install that was killed left a day ago or longer. */
function sweep(): void {
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const entry of fs.readdirSync(cacheDirectory())) {
    const at = path.join(cacheDirectory(), entry);
    const mtimeMs = fs.statSync(at, { throwIfNoEntry: false })?.mtimeMs;
    if (entry.startsWith('.work-') && mtimeMs && mtimeMs < dayAgo) fs.rmSync(at, { recursive: true, force: true });
  }
}

/** Downloads a wheel into `work` and returns its path. pip says nothing of its progress that every version says, so its files are weighed. */
async function download(name: SupplyName, work: string, onBytes: (done: number) => void): Promise<string> {
  const { tag, sha256 } = wheelOf(name);
  const [python3, abi, platform] = tag.split('-');
  const [temporary, to, requirements] = ['pip', 'wheel', 'requirements.txt'].map((entry) => path.join(work, entry));
  fs.mkdirSync(temporary);
  fs.writeFileSync(requirements, `${rows[name].package}==${rows[name].version} --hash=sha256:${sha256}\n`);
  const quiet = ['--quiet', '--no-input', '--progress-bar=off', '--disable-pip-version-check', '--no-cache-dir'];
  const wanted = [
    `--implementation=${python3.slice(0, 2)}`,
    `--python-version=${python3.slice(2)}`,
    `--abi=${abi}`,
    `--platform=${platform}`,
  ];
  const pinned = ['--no-deps', '--require-hashes', '--only-binary=:all:', '-r', requirements, '-d', to];
  const timer = setInterval(() => onBytes(Math.max(weigh(temporary), weigh(to))), 100);
  try {
    await python(name, ['-m', 'pip', 'download', ...quiet, ...wanted, ...pinned], { TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0' });
  } finally {
    clearInterval(timer);
  }
  const wheel = fs.readdirSync(to).find((file) => file.endsWith('.whl'));
  if (!wheel) throw new PluginError(`pip download leaves the wheel of ${titleOf(name)}; it left none`);
  return path.join(to, wheel);
}

/** Bytes of all files under a directory, which may be changing. */
function weigh(directory: string): number {
  try {
    const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' });
    const stats = files.map((file) => fs.statSync(path.join(directory, file), { throwIfNoEntry: false }));
    return stats.reduce((sum, stat) => sum + (stat?.isFile() ? stat.size : 0), 0);
  } catch {
    return 0;
  }
}

const unpack = `
import json, os, shutil, sys, zipfile
wheel, to, files = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with zipfile.ZipFile(wheel) as archive:
    for member, name in files.items():
        os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
        with archive.open(member) as source, open(os.path.join(to, name), 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 20)
`;

/** Runs python3 to its end. Throws PluginError with the reason in one line. It dies with this process, if that ends first. */
async function python(name: SupplyName, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C', ...env } });
  const kill = () => child.kill();
  process.once('exit', kill);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  try {
    const status = await new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
    if (status !== 0) throw failure(name, said);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new PluginError('installing a plugin needs python3; there is none on PATH (Debian, Ubuntu: apt-get install python3 python3-pip)');
  } finally {
    process.off('exit', kill);
  }
}

function mismatch(name: SupplyName, got: string): PluginError {
  return new PluginError(
    `the wheel of ${titleOf(name)} has sha256 ${wheelOf(name).sha256}; got ${got}: it is truncated or was tampered with`,
  );
}

/** What python3 said, as one line. */
function failure(name: SupplyName, said: string): PluginError {
  const title = titleOf(name);
  const got = /\bGot\s+([0-9a-f]{64})/.exec(said)?.[1];
  if (got) return mismatch(name, got);
  if (/No module named '?"?pip\b/.test(said))
    return new PluginError('installing a plugin needs pip; python3 has none (Debian, Ubuntu: apt-get install python3-pip)');
  if (/No space left on device|Disk quota exceeded/.test(said))
    return new PluginError(`the disk is full: ${title} did not fit into ${cacheDirectory()}`);
  const reasons = [/\[Errno -?\d+\] [\w ,.]+/, /ProxyError|SSLError|timed out|Max retries exceeded|connection broken/i];
  const reason = reasons.map((pattern) => pattern.exec(said)?.[0]).find(Boolean);
  if (reason) return new PluginError(`${title} is downloaded from pip's package index, which cannot be reached: ${reason}`);
  if (/No matching distribution|Could not find a version/.test(said))
    return new PluginError(
      `${title} is downloaded from pip's package index, which does not have it for ${wheelOf(name).tag} or is out of reach`,
    );
  return new PluginError(`${title} could not be installed: ${lastLine(said)}`);
}

function lastLine(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.filter((line) => /^ERROR|Error/.test(line)).at(-1) ?? lines.at(-1) ?? 'python3 failed and gave no reason';
}
