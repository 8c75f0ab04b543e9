/** How a process has ended. */
import * as os from 'node:os';
import { native } from '../native';

/** Of one that is about to. */
export function exitOf(pid: number): [number | null, NodeJS.Signals | null] {
  const [code, number] = native().exitOf(pid, 5000) ?? [null, os.constants.signals.SIGKILL];
  const [signal = null] = Object.entries(os.constants.signals).find(([, value]) => value === number) ?? [];
  return [signal ? null : code, signal as NodeJS.Signals | null];
}
