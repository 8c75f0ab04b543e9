/**
 * What goes on, for whoever listens: a message on a channel of `node:diagnostics_channel` when a plugin was loaded, a program compiled or
 * run, a tensor moved. Figures of what it costs are in docs/events.md.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

/** What every message has. */
export interface Timed {
  /** When it began, in milliseconds of `performance.now()`. */
  readonly begin: number;
  readonly durationMs: number;
  /** What it failed with. Absent where it did not. */
  readonly error?: unknown;
}

/** Messages by what they are of; the channel of `compile` is `node-pjrt:compile`. */
export interface Events {
  /** A plugin's library, loaded or found loaded. */
  readonly load: Timed & { readonly plugin: string };
  /** From the checked program to an executable. A program that a check refuses has no message: no plugin saw it. */
  readonly compile: Timed & { readonly platform: string; readonly characters: number; readonly fromCache: boolean };
  /** A run, until its outputs are handed out; a read waits for their values. */
  readonly execute: Timed & { readonly program: string; readonly inputBytes: number; readonly outputBytes: number };
  /** From the host to a device, until the host's array is free. */
  readonly upload: Timed & { readonly bytes: number };
  /** From a device to the host, the wait for the values included. */
  readonly read: Timed & { readonly bytes: number };
}

export type EventName = keyof Events;
export const eventNames: readonly EventName[] = ['load', 'compile', 'execute', 'upload', 'read'];

type Facts<Name extends EventName> = Omit<Events[Name], keyof Timed>;

const channels = Object.fromEntries(eventNames.map((name) => [name, channel(channelOf(name))])) as Record<EventName, Channel>;

/** The channel's name. */
export function channelOf(name: EventName): string {
  return `node-pjrt:${name}`;
}

/** Begins now; what it returns publishes how long it took since, and `rest`. */
function publisher(name: EventName): (rest: object) => void {
  const begin = performance.now();
  return (rest) => channels[name].publish({ begin, durationMs: performance.now() - begin, ...rest });
}

/** Does `work`, and says how long it took and what `facts` knows of it; of work that failed, `facts` gets undefined. */
export function observed<Name extends EventName, T>(
  name: Name,
  work: () => Promise<T>,
  facts: (result: T | undefined) => Facts<Name>,
): Promise<T> {
  return channels[name].hasSubscribers ? published(name, work, facts) : work();
}

async function published<Name extends EventName, T>(
  name: Name,
  work: () => Promise<T>,
  facts: (result: T | undefined) => Facts<Name>,
): Promise<T> {
  const publish = publisher(name);
  try {
    const result = await work();
    publish(facts(result));
    return result;
  } catch (error) {
    publish({ ...facts(undefined), error });
    throw error;
  }
}

/** The same of work that is done when it returns. */
export function observedNow<Name extends EventName, T>(name: Name, work: () => T, facts: () => Facts<Name>): T {
  if (!channels[name].hasSubscribers) return work();
  const publish = publisher(name);
  try {
    const result = work();
    publish(facts());
    return result;
  } catch (error) {
    publish({ ...facts(), error });
    throw error;
  }
}
