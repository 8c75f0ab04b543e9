/** What a plugin's process writes: all of it for its end, and the lines that the plugin logs as they come, where somebody wants them. */
import * as fs from 'node:fs';
import { native } from '../native';
import { isPrinted } from '../observe/log';
import { LogReader } from './log-reader';

const longestTail = 4096;
const longestLog = 2 ** 20;
const standardError = 2;

export class ChildLog {
  /** For `spawn`: standard output and error, and what child-main.ts sends lines and prints them to. They are closed by `started`. */
  readonly output: number;
  readonly lines: readonly (number | 'ignore')[] = [];
  readonly #file: number;
  readonly #reader: LogReader | undefined;
  #isClosed = false;

  /** `level` is as `levelPrinted` has it. */
  constructor(readonly level: number | undefined) {
    this.output = native().newLog();
    // Opened by Node, it is closed with this thread.
    this.#file = fs.openSync(`/proc/self/fd/${this.output}`, 'r+');
    if (level === undefined) return;
    const [pipe, itsPipe] = native().newLogPipe();
    this.lines = [itsPipe, isPrinted(level) ? standardError : 'ignore'];
    this.#reader = new LogReader(pipe, () => this.trim());
  }

  /** The process has its descriptors. */
  started(): void {
    native().close(this.output);
    const [pipe] = this.lines;
    if (typeof pipe === 'number') native().close(pipe);
  }

  /** Whose lines they are. */
  set plugin(path: string) {
    if (this.#reader) this.#reader.plugin = path;
  }

  /** Publishes the lines that are there by now. */
  publish(): void {
    this.#reader?.take();
  }

  /** The same before anybody is told what happens now, but not at once: listeners may ask the other process something themselves. */
  publishSoon(): void {
    if (this.#reader) queueMicrotask(() => this.publish());
  }

  /** Empties the file when it is long. Whoever writes to it goes on at the same place, and what is before takes no memory. */
  trim(): void {
    if (!this.#isClosed && fs.fstatSync(this.#file).blocks * 512 > longestLog) fs.ftruncateSync(this.#file);
  }

  /** The end of the file, and the line that a fatal error is told in, else the last one: stack traces and lists of flags follow the former. */
  said(): { readonly words: string; readonly tail: string } {
    const { size } = fs.fstatSync(this.#file);
    const bytes = Buffer.alloc(Math.min(size, longestLog));
    fs.readSync(this.#file, bytes, 0, bytes.length, Math.max(size - bytes.length, 0));
    const text = bytes.toString().replaceAll('\0', '').trim();
    const all = text.split('\n');
    const words = all.findLast((line) => /^(F\d{4} |ERROR|\w*Error\b)/.test(line)) ?? all[all.length - 1];
    return { words: words.trim(), tail: text.slice(-longestTail) };
  }

  /** No more of the file, when nobody asks the process any more. */
  close(): void {
    this.#isClosed = true;
    fs.closeSync(this.#file);
  }

  /** No more lines, when the process is gone. */
  end(): void {
    this.publish();
    this.#reader?.close();
  }
}
