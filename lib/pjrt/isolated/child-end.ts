/** What a process leaves: how it ended, and what it said. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import { native } from '../native';

const longestTail = 4096;
const longestLog = 2 ** 20;

/** How a process has ended that is about to. */
export function exitOf(pid: number): [number | null, NodeJS.Signals | null] {
  const [code, number] = native().exitOf(pid, 5000) ?? [null, os.constants.signals.SIGKILL];
  const [signal = null] = Object.entries(os.constants.signals).find(([, value]) => value === number) ?? [];
  return [signal ? null : code, signal as NodeJS.Signals | null];
}

/**
 * What a log says, by its descriptor: its end, and the line that a fatal error is told in, else the last one: stack traces and lists of flags
 * follow the former.
 */
export function saidIn(log: number): { readonly words: string; readonly tail: string } {
  const { size } = fs.fstatSync(log);
  const bytes = Buffer.alloc(Math.min(size, longestLog));
  fs.readSync(log, bytes, 0, bytes.length, Math.max(size - bytes.length, 0));
  const text = bytes.toString().replaceAll('\0', '').trim();
  const lines = text.split('\n');
  const words = lines.findLast((line) => /^(F\d{4} |ERROR|\w*Error\b)/.test(line)) ?? lines[lines.length - 1];
  return { words: words.trim(), tail: text.slice(-longestTail) };
}

/** Empties a log that is long. Whoever writes to it goes on at the same place, and what is before takes no memory. */
export function trim(log: number): void {
  if (fs.fstatSync(log).blocks * 512 > longestLog) fs.ftruncateSync(log);
}
