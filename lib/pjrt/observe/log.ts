/** What plugins log: taken where they write it, and published on `node:diagnostics_channel`. See docs/logs.md. */
import { channel } from 'node:diagnostics_channel';
import { ShapeError } from '../../errors';
import { type LogFacts, native } from '../native';

// In the order of LogLevel in native/log.h, which is that of the plugins' own numbers.
const levels = ['info', 'warning', 'error', 'off'] as const;

/** One message of a plugin, on the channel `node-pjrt:log`. */
export interface LogLine {
  /** Its library's path. */
  readonly plugin: string;
  readonly level: 'info' | 'warning' | 'error';
  /** In milliseconds since 1970. */
  readonly time: number;
  /** The system's number of the thread. */
  readonly thread: number;
  /** Where in the plugin's sources. */
  readonly file: string;
  readonly line: number;
  /** Of several lines, perhaps. */
  readonly message: string;
}

/** As many wait for a thread that is busy. */
export const mostWaiting = 10_000;

const lines = channel('node-pjrt:log');

/** What is asked for in an environment, or undefined. Throws ShapeError for another word. */
function levelAsked(env: NodeJS.ProcessEnv): (typeof levels)[number] | undefined {
  const asked = env.NODE_PJRT_LOG;
  if (!asked) return undefined;
  const level = levels.find((name) => name === asked.toLowerCase());
  if (!level) throw new ShapeError(`NODE_PJRT_LOG is ${levels.join(', ')}; got ${asked}`);
  return level;
}

/**
 * The plugins' variables of what they log at all, for `pluginEnvironment`: a plugin reads them once. `NODE_PJRT_LOG` of its environment
 * decides, else whether somebody listens by now.
 */
export function logEnvironment(env: NodeJS.ProcessEnv): [name: string, value: string, append: boolean][] {
  const level = levelAsked(env) ?? (lines.hasSubscribers ? 'warning' : 'off');
  const number = String(levels.indexOf(level));
  const all: [string, string, boolean][] = [
    // Off is fatal messages only.
    ['TF_CPP_MIN_LOG_LEVEL', number, false],
    // The same of libtpu.
    ['TPU_MIN_LOG_LEVEL', number, false],
  ];
  if (level === 'off') return all;
  return [
    ...all,
    ['TPU_STDERR_LOG_LEVEL', number, false],
    // Otherwise to a new file of each process as well, in /tmp whatever TPU_LOG_DIR says.
    ['LIBTPU_INIT_ARGS', '--logtostderr=true', true],
  ];
}

/** The level from which on lines are printed, as the addon has it; undefined where nobody wants lines at all. */
export function levelPrinted(env: NodeJS.ProcessEnv): number | undefined {
  const asked = levelAsked(env) ?? 'off';
  return lines.hasSubscribers || asked !== 'off' ? levels.indexOf(asked) : undefined;
}

/** Whether lines of a level, as `levelPrinted` has it, are printed. */
export const isPrinted = (level: number) => levels[level] !== 'off';

/** Publishes lines in their order, and warns of those that were left out. */
export function publishLines(taken: readonly LogFacts[], leftOut: number): void {
  for (const line of taken) lines.publish({ ...line, level: levels[line.level] } as LogLine);
  if (leftOut) process.emitWarning(`${leftOut} lines of plugins' logs came faster than they could be published, and were left out`);
}

let publish: (() => void) | undefined;

/** Before a plugin is loaded in this process: its lines are taken, where anybody wants them. */
export function takeLogs(): void {
  const level = levelPrinted(process.env);
  if (publish || level === undefined) return;
  const take = native().takeLogs(level, () => publish?.(), mostWaiting);
  publish = () => publishLines(...take());
  // What was written by now, also by what this thread was waiting for.
  process.once('exit', publish);
}
