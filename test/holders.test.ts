/** Which processes have a file, by real ones that do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { holdersText, lockHolders, openHolders } from '../lib/pjrt/holders';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt holders '));
const file = path.join(directory, 'lock file');
fs.writeFileSync(file, '');
const started: ChildProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill();
    await once(child, 'exit');
  }
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

/** A process that has the file open and does `then` with it. */
async function holder(then: string): Promise<number> {
  const script = `import fcntl, sys, time\nf = open(sys.argv[1], 'r+')\n${then}\nprint('ready', flush=True)\ntime.sleep(60)`;
  const child = spawn('python3', ['-c', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  await once(child.stdout, 'data');
  return child.pid as number;
}

test('a lock is its holder’s, not of those that have the file open', async () => {
  expect(lockHolders(file)).toEqual([]);
  const pid = await holder('fcntl.lockf(f, fcntl.LOCK_EX)');
  const other = await holder('');
  const own = fs.openSync(file, 'r');
  const [held, ...rest] = lockHolders(file);
  expect([held.pid, rest]).toEqual([pid, []]);
  expect(held.command).toMatch(/^\S*python\S* -c import fcntl, sys, time f = open/);
  expect(lockHolders(file, [pid])).toEqual([]);
  expect(openHolders([file]).map((one) => one.pid)).toEqual([pid, other].sort((a, b) => a - b));
  expect(openHolders([file], [other]).map((one) => one.pid)).toEqual([pid]);
  fs.closeSync(own);
});

test('in words', () => {
  const long = { pid: 2, command: '' };
  expect(holdersText([])).toBe('');
  expect(holdersText([{ pid: 1, command: 'a b' }])).toBe('process 1 (a b)');
  expect(holdersText([{ pid: 1, command: 'a b' }, long])).toBe('process 1 (a b) and process 2');
});

test('files that nobody has, and that there are not', () => {
  expect([lockHolders(path.join(directory, 'none')), openHolders([path.join(directory, 'none')])]).toEqual([[], []]);
});
