/** The addon as npm packages, one a platform, which npm installs as optional dependencies; and what to do where there is none. */
import * as path from 'node:path';
import { PluginError } from '../errors';

/** The processors that there are packages for, by Node's names; each for Linux with glibc, which PJRT plugins are built for. */
export const prebuiltCpus = ['x64', 'arm64'] as const;

/** The name of a processor's package, spelled as other native npm packages spell theirs. */
export function prebuiltName(cpu: string): string {
  return `@node-pjrt/linux-${cpu}-gnu`;
}

/** The file of this platform's package. Throws PluginError where it is not installed, or is of another version than this package. */
export function prebuiltFile(): string {
  const name = prebuiltName(process.arch);
  let file: string;
  try {
    file = require.resolve(name);
  } catch {
    throw new PluginError(`the addon is neither built nor installed: ${whyNone(name)}; ${howToBuild()}`);
  }
  const [own, its] = [path.join(root, 'package.json'), path.join(path.dirname(file), 'package.json')].map(versionIn);
  if (own !== its) throw new PluginError(`${name} has to be of node-pjrt's version, ${own}; installed is ${its}: install both again`);
  return file;
}

/** The command that builds the addon, as it is typed in the current folder. */
export function howToBuild(): string {
  return `\`node ${path.relative('', path.join(root, 'setup.mjs'))}\` builds it from source`;
}

const root = path.join(__dirname, '..', '..');

function versionIn(file: string): string {
  return (require(file) as { version: string }).version;
}

function whyNone(name: string): string {
  const libc = libcOf();
  const here = `${process.platform}-${process.arch}${libc ? ` with ${libc}` : ''}`;
  const isServed = libc === 'glibc' && (prebuiltCpus as readonly string[]).includes(process.arch);
  if (isServed) return `there is no build/Release/node_pjrt.node, and no ${name}, which npm leaves out with --omit=optional`;
  const names = new Intl.ListFormat('en').format(prebuiltCpus.map(prebuiltName));
  return `this is ${here}, and it comes built for glibc as ${names} only, as PJRT plugins do`;
}

/** The C library that Node runs on: only glibc tells its version in Node's report. */
function libcOf(): 'glibc' | 'musl' | undefined {
  if (process.platform !== 'linux') return undefined;
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ? 'glibc' : 'musl';
}
