/** How a process has ended, and the error of it. */
import * as os from 'node:os';
import { PluginCrashError } from '../../errors';
import { native } from '../native';

export interface Ending extends Pick<PluginCrashError, 'reason' | 'signal' | 'exitCode'> {
  /** In words that follow "process 4242". */
  readonly how: string;
  readonly cause?: unknown;
}

/** The exit status, or the signal, of one that is about to end. */
export function exitOf(pid: number): [number | null, NodeJS.Signals | null] {
  const [code, number] = native().exitOf(pid, 5000) ?? [null, os.constants.signals.SIGKILL];
  const [signal = null] = Object.entries(os.constants.signals).find(([, value]) => value === number) ?? [];
  return [signal ? null : code, signal as NodeJS.Signals | null];
}

export function endingOf(code: number | null, signal: NodeJS.Signals | null): Ending {
  if (signal) return { reason: 'ended', how: `was ended by ${signal}`, signal };
  return { reason: 'ended', how: `exited with status ${code}`, exitCode: code ?? undefined };
}

/** `said` is what its log has. */
export function crashOf(
  pid: number,
  { how, cause, ...facts }: Ending,
  said: { readonly words: string; readonly tail: string },
): PluginCrashError {
  const message = `an isolated plugin lives as long as its process; process ${pid} ${how}${said.words && `; it said: ${said.words}`}`;
  return new PluginCrashError(message, { pid, log: said.tail, ...facts }, cause === undefined ? undefined : { cause });
}
