/** Thousands of calls with random bad arguments, in processes of their own: each ends in a result or in one of this library's errors. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { fuzzRuns, fuzzSeed } from './fuzz/budget';

const child = path.join(__dirname, 'fuzz', 'bad-calls.js');
const calls = fuzzRuns(3000);
/** A call that takes longer hangs. The slowest are topologies of 2^15 chips, a second or two. */
const longestMs = 60_000;

interface Report {
  readonly ends: Readonly<Record<string, number>>;
  readonly untyped: readonly { readonly i: number; readonly name: string; readonly end: string; readonly message: string }[];
}

/** Calls `first` to `last`: a report, or the call that the process died of or hangs in. */
async function run(first: number, last: number): Promise<{ report?: Report; fatal?: string; next: number }> {
  const process_ = spawn(process.execPath, [child, String(fuzzSeed), String(first), String(last)], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let [out, said, call] = ['', '', ''];
  const kill = () => process_.kill('SIGKILL');
  let hangs = setTimeout(kill, longestMs);
  process_.stdout.on('data', (chunk) => {
    out += chunk;
  });
  process_.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(-4000);
  });
  process_.stdio[3]?.on('data', (chunk) => {
    call = (call + chunk).split('\n').slice(-2).join('\n');
    clearTimeout(hangs);
    hangs = setTimeout(kill, longestMs);
  });
  const [status, signal] = await once(process_, 'close');
  clearTimeout(hangs);
  if (status === 0) return { report: JSON.parse(out), next: last };
  const [line] = call.split('\n').filter(Boolean).slice(-1);
  return { fatal: `${signal ?? `status ${status}`} at call ${line}\n${said}`, next: Number.parseInt(line, 10) + 1 };
}

test(
  `${calls} calls with bad arguments end in a result or a typed error`,
  async () => {
    const ends: Record<string, number> = {};
    const wrong: string[] = [];
    const each = Math.ceil(calls / 4);
    for (let first = 0; first < calls; ) {
      const { report, fatal, next } = await run(first, Math.min(first + each, calls));
      if (fatal) wrong.push(fatal);
      for (const [name, count] of Object.entries(report?.ends ?? {})) ends[name] = (ends[name] ?? 0) + count;
      for (const { i, name, message } of report?.untyped ?? []) wrong.push(`call ${i} of ${name}: ${message}`);
      first = next;
    }
    console.log(`${calls} bad calls: ${JSON.stringify(ends)}; aborts, hangs and errors of other types: ${wrong.length}`);
    expect(wrong).toEqual([]);
  },
  60_000 + calls * 1000,
);
