/** Shows how long work goes: one redrawn line on a terminal, otherwise a line each quarter. */
import type { Progress } from '../supply';

const width = 24;

/** A listener for `install`'s `onProgress` that draws on `stream`. */
export function progressBar(stream: NodeJS.WriteStream = process.stderr): (progress: Progress) => void {
  let current = '';
  let started = 0;
  let quarter = 0;
  return ({ title, stage, done, total }) => {
    if (title !== current) [current, started, quarter] = [title, Date.now(), 0];
    const seconds = (Date.now() - started) / 1000;
    const megabytes = `${Math.round(done / 1e6)} of ${Math.round(total / 1e6)} MB`;
    if (stage === 'installed')
      return write(stream, `${title}: ${Math.round(total / 1e6)} MB downloaded and installed in ${seconds.toFixed(1)} s`, '\n');
    if (stream.isTTY) {
      return write(stream, `${title} ${bar(done, total)} ${stage === 'unpacking' ? 'unpacking' : megabytes}`, '');
    }
    if (stage !== 'downloading' || done < (quarter * total) / 4) return;
    quarter = Math.floor((4 * done) / total) + 1;
    write(stream, `${title}: ${megabytes}`, '\n');
  };
}

/** The same for `done` of `total` pieces of work. */
export function countBar(title: string, stream: NodeJS.WriteStream = process.stderr): (done: number, total: number) => void {
  const started = Date.now();
  let quarter = 1;
  return (done, total) => {
    const seconds = `${((Date.now() - started) / 1000).toFixed(0)} s`;
    if (done === total) return write(stream, `${title}: ${total} in ${seconds}`, '\n');
    if (stream.isTTY) return write(stream, `${title} ${bar(done, total)} ${done} of ${total}, ${seconds}`, '');
    if (done < (quarter * total) / 4) return;
    quarter = Math.floor((4 * done) / total) + 1;
    write(stream, `${title}: ${done} of ${total}`, '\n');
  };
}

/**
 * Which case of how many is at what, and about how long the rest takes if it goes on as until now: on a terminal one redrawn line,
 * otherwise a line a case.
 */
export function caseProgress(stream: NodeJS.WriteStream = process.stderr) {
  const started = Date.now();
  let shown = -1;
  const at = (done: number, total: number, name: string, phase: string) => {
    const seconds = (Date.now() - started) / 1000;
    const left = done ? `, about ${durationText((seconds / done) * (total - done))} left` : '';
    const text = `${done + 1} of ${total}${left}: ${name}`;
    if (stream.isTTY) write(stream, `${text} ${phase}`, '');
    else if (done !== shown) write(stream, text, '\n');
    shown = done;
  };
  const clear = () => {
    if (stream.isTTY) stream.write('\r\u001b[K');
  };
  return { at, clear };
}

/** `40 s`, `3 min`. */
const durationText = (seconds: number) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

function bar(done: number, total: number): string {
  const full = Math.round((done / total) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

function write(stream: NodeJS.WriteStream, text: string, end: string): void {
  stream.write(stream.isTTY ? `\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}${end}` : `${text}${end}`);
}
