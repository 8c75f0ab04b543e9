/** What libtpu leaves in a folder of a compile: the program's operations in order, and the final bundles of its kernels. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ShapeError } from '../errors';
import { type Compiled, compileInChild } from './child';

export interface Dump {
  readonly compiled: Compiled;
  /** The scheduled HLO module. */
  readonly hlo: string;
  /** Final bundles by the HLO instruction that they carry out. */
  readonly bundles: ReadonlyMap<string, string>;
}

/**
 * Compiles with libtpu's dumps on, in a folder that is gone afterwards. Only the last form of the bundles is written: all forms would be
 * 140 MB of a kernel of 0.75 MB, in three times the compile's time; these are 4 MB.
 */
export async function compileWithDump(text: string, topology: string): Promise<Dump> {
  const folder = mkdtempSync(path.join(tmpdir(), 'node-pjrt-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const flags = [`--xla_jf_dump_to=${folder}`, '--xla_jf_dump_llo_text=true', '--xla_jf_dump_llo_pass_label_regex=^final_bundles$'];
    const compiled = await compileInChild({ text, topology }, flags);
    return { compiled, ...readDump(folder) };
  } finally {
    process.removeListener('exit', remove);
    remove();
  }
}

/**
 * Names are `<time>-<instruction>-<pass number>-final_bundles.txt`, and `<time>-TLP-hlo.txt`; TLP, the top-level program, and
 * `<late-...>` are no instructions.
 */
export function readDump(folder: string): Omit<Dump, 'compiled'> {
  const bundles = new Map<string, string>();
  let hlo: string | undefined;
  for (const name of readdirSync(folder)) {
    const read = () => readFileSync(path.join(folder, name), 'utf8');
    if (/^\d+-TLP-hlo\.txt$/.test(name)) hlo = read();
    const [, instruction] = /^\d+-(.+)-\d+-final_bundles\.txt$/.exec(name) ?? [];
    if (instruction && instruction !== 'TLP' && !instruction.startsWith('<')) bundles.set(instruction, read());
  }
  if (hlo === undefined) throw new ShapeError('the compiler writes its scheduled program when asked; it has written none');
  return { hlo, bundles };
}
