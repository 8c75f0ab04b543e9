/** Which processes have a file: those that the kernel lists a lock of, else those that have it open. */
import * as fs from 'node:fs';

export interface Holder {
  readonly pid: number;
  /** Its command line, where this user may see that. */
  readonly command: string;
}

const longestCommand = 200;

/** The processes, without this one and `except`, that have a lock on a file. Those of other containers are not seen. */
export function lockHolders(file: string, except: readonly number[] = []): Holder[] {
  const facts = fs.statSync(file, { throwIfNoEntry: false });
  if (!facts) return [];
  // As in /proc/locks: `1: POSIX  ADVISORY  WRITE 4242 fe:00:131 0 EOF`, of major and minor number and inode.
  const hex = (number: number) => number.toString(16).padStart(2, '0');
  const id = `${hex((facts.dev >> 8) & 0xfff)}:${hex((facts.dev & 0xff) | ((facts.dev >> 12) & 0xfff00))}:${facts.ino}`;
  const rows = read('/proc/locks')
    .split('\n')
    .map((line) => line.replace(/^\d+: (-> )?/, '').split(/\s+/));
  const pids = rows.flatMap(([, , , pid, locked]) => (locked === id ? [Number(pid)] : []));
  return holders(pids, except);
}

/** The processes, without this one and `except`, that have one of the files open. Those of other users are not seen, but by root. */
export function openHolders(files: readonly string[], except: readonly number[] = []): Holder[] {
  const pids = names('/proc').filter((name) => /^\d+$/.test(name));
  const has = (pid: string) => names(`/proc/${pid}/fd`).some((descriptor) => files.includes(link(`/proc/${pid}/fd/${descriptor}`)));
  return holders(pids.filter(has).map(Number), except);
}

/** `process 4242 (node server.js)`; several in a row; empty of none. */
export function holdersText(all: readonly Holder[]): string {
  return new Intl.ListFormat('en').format(all.map(({ pid, command }) => `process ${pid}${command ? ` (${command})` : ''}`));
}

function holders(pids: readonly number[], except: readonly number[]): Holder[] {
  const others = [...new Set(pids)].filter((pid) => pid > 0 && pid !== process.pid && !except.includes(pid));
  return others.map((pid) => ({ pid, command: commandOf(pid) }));
}

function commandOf(pid: number): string {
  const command =
    read(`/proc/${pid}/cmdline`)
      .replace(/[\0\s]+/g, ' ')
      .trim() || read(`/proc/${pid}/comm`).trim();
  return command.length > longestCommand ? `${command.slice(0, longestCommand)} ...` : command;
}

// A process may end meanwhile, or be somebody else's.
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

const read = (file: string) => attempt(() => fs.readFileSync(file, 'utf8'), '');
const names = (directory: string) => attempt(() => fs.readdirSync(directory), []);
const link = (file: string) => attempt(() => fs.readlinkSync(file), '');
