/** The lines that a plugin logs in a process of its own, out of the pipe that native/log_pipe.cc writes them to. */
import * as fs from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { type LogFacts, native } from '../native';
import { publishLines } from '../observe/log';

const readAtOnce = 2 ** 16;
/** Of a full pipe. */
const mostReads = 16;
// absl cuts a message at 15,000 bytes. What says that it is longer was not written by this library: the other process is not trusted.
const longestRecord = 2 ** 20;

/** Publishes lines whenever the event loop comes round, and in `take`. */
export class LogReader {
  /** What the lines are of. */
  plugin = '';
  readonly #socket: Socket;
  readonly #buffer = Buffer.allocUnsafe(readAtOnce);
  #rest: Uint8Array = new Uint8Array();
  #isOver = false;

  /** `pipe` is the reader's from now on. `read` is called for every 64 KiB at the most. */
  constructor(
    readonly pipe: number,
    readonly read: () => void,
  ) {
    const callback = (bytes: number, buffer: Uint8Array) => {
      this.#publish(buffer.subarray(0, bytes));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(readAtOnce), callback };
    this.#socket = new Socket({ fd: pipe, readable: true, writable: false, onread } as SocketConstructorOpts);
    const over = () => {
      this.#isOver = true;
    };
    this.#socket.on('end', over).on('error', over).unref();
  }

  /** Publishes what was logged by now. */
  take(): void {
    for (let i = 0; i < mostReads && !this.#isOver && native().waitFor(this.pipe, false, 0); i++) {
      const bytes = fs.readSync(this.pipe, this.#buffer);
      if (!bytes) return;
      this.#publish(this.#buffer.subarray(0, bytes));
    }
  }

  close(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #publish(bytes: Uint8Array): void {
    let all = Buffer.concat([this.#rest, bytes]);
    const lines: LogFacts[] = [];
    let leftOut = 0;
    while (all.length >= 4) {
      const end = 4 + all.readUInt32LE();
      if (end > longestRecord) this.close();
      if (all.length < end) break;
      const line = lineOf(all.toString('utf8', 4, end), this.plugin);
      if (typeof line === 'number') leftOut += line;
      else lines.push(line);
      all = all.subarray(end);
    }
    this.#rest = all;
    this.read();
    publishLines(lines, leftOut);
  }
}

/** A line, or a number of lines that were left out. */
function lineOf(record: string, plugin: string): LogFacts | number {
  const [, numbers, file, message] = /^([^\n]*)\n([^\n]*)\n(.*)$/s.exec(record) ?? [];
  if (numbers === undefined) return Number(record) || 0;
  const [level, microseconds, thread, line] = numbers.split(' ').map(Number);
  return { plugin, level, time: microseconds / 1000, thread, file, line, message };
}
