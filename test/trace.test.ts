/** Traces of real work are what the Trace Event Format says, also of several threads at once and of a process that is killed. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type Client, liveResources, trace } from '../lib/pjrt';
import { tensor } from '../lib/types';
import { node, quiet } from './node-process';
import { matmul } from './pjrt-programs';
import { withCpu } from './with-target';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pjrt-trace-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));
let files = 0;
const newFile = () => path.join(scratch, `${files++}.json`);

interface Event {
  ph: string;
  name: string;
  cat?: string;
  id?: string;
  ts?: number;
  pid: number;
  tid: number;
  args?: Record<string, unknown>;
}

interface Operation {
  name: string;
  cat: string;
  tid: number;
  begin: number;
  end: number;
  args: Record<string, unknown>;
}

const group = <T>(items: readonly T[], key: (item: T) => string) => {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
};

/**
 * Checks every event against the format: the phases that are used here have the members that they need, an asynchronous operation is one `b` and
 * one `e` of the same category, id and name, in this order, and counters and threads go forward in time. Returns the operations.
 */
function checked(events: readonly Event[]): Operation[] {
  for (const { ph, name, pid, tid, ts, args, cat, id } of events) {
    expect(['M', 'b', 'e', 'C']).toContain(ph);
    expect([typeof name, Number.isInteger(pid), Number.isInteger(tid)]).toEqual(['string', true, true]);
    if (ph !== 'M') expect(ts).toBeGreaterThanOrEqual(0);
    if (ph === 'b' || ph === 'e') expect([typeof cat, typeof id]).toEqual(['string', 'string']);
    if (ph === 'C') expect(Object.values(args ?? {}).every((value) => Number.isInteger(value) && Number(value) >= 0)).toBe(true);
  }
  const names = (thing: string) => events.filter(({ ph, name }) => ph === 'M' && name === thing);
  expect(names('process_name').length).toBe(names('thread_name').length);
  for (const counters of group(
    events.filter(({ ph }) => ph === 'C'),
    ({ name, tid }) => `${name} ${tid}`,
  )) {
    const times = counters.map(({ ts }) => ts as number);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }
  const asynchronous = events.filter(({ ph }) => ph === 'b' || ph === 'e');
  return group(asynchronous, ({ cat, id }) => `${cat} ${id}`).map((pair) => {
    expect(pair.map(({ ph }) => ph)).toEqual(['b', 'e']);
    const [begin, end] = pair;
    expect([end.name, end.tid, end.pid]).toEqual([begin.name, begin.tid, begin.pid]);
    expect(end.ts).toBeGreaterThanOrEqual(begin.ts as number);
    const { name, cat, tid } = begin;
    return { name, cat: cat as string, tid, begin: begin.ts as number, end: end.ts as number, args: begin.args ?? {} };
  });
}

const eventsIn = (file: string): Event[] => JSON.parse(fs.readFileSync(file, 'utf8'));
/** Of a file whose process was killed: as readers of the format do, with the array's end added. */
const eventsInCut = (file: string): Event[] => JSON.parse(`${fs.readFileSync(file, 'utf8')}]`);

describe('the CPU plugin', () => {
  let cpu: Client;
  withCpu((opened) => {
    cpu = opened;
  });

  test('operations that overlap, with what they are of, and counters', async () => {
    const file = newFile();
    const before = liveResources('process');
    const start = performance.now();
    {
      using _ = trace(file);
      using program = await cpu.compile(matmul(512));
      using a = cpu.upload(tensor('f32', [512, 512]), new Float32Array(512 * 512));
      const all = await Promise.all(Array.from({ length: 6 }, () => program.run({ a })));
      await Promise.all(all.map(({ out }) => out.read()));
      await cpu.compile('func.func @main() { stablehlo.bogus }').catch(() => {});
      for (const { out } of all) out.dispose();
    }
    const total = performance.now() - start;
    const events = eventsIn(file);
    const operations = checked(events);
    const count = (cat: string) => operations.filter((one) => one.cat === cat).length;
    expect(['load', 'compile', 'upload', 'execute', 'read'].map(count)).toEqual([0, 2, 1, 6, 6]);
    const runs = operations.filter(({ cat }) => cat === 'execute');
    expect(runs.every(({ name, args }) => name === 'execute matmul' && args.outputBytes === 512 * 512 * 4)).toBe(true);
    expect(runs.slice(1).some(({ begin }, i) => begin < runs[i].end)).toBe(true);
    expect(operations.flatMap(({ cat, args }) => (args.error ? [[cat, args.error]] : []))).toEqual([
      ['compile', expect.stringContaining('bogus')],
    ]);
    expect(Math.max(...operations.map(({ end }) => end))).toBeLessThan(total * 1000);
    const bytes = events.flatMap(({ ph, name, args }) => (ph === 'C' && name === 'live bytes' ? [Number(args?.bufferBytes)] : []));
    expect(Math.max(...bytes)).toBe(before.bufferBytes + 7 * 512 * 512 * 4);
    expect(bytes.at(-1)).toBe(before.bufferBytes);
  });

  test('two at the same time, and one file twice', async () => {
    const [one, other] = [newFile(), newFile()];
    const first = trace(one);
    (await cpu.compile(matmul(8))).dispose();
    const [again, second] = [trace(one), trace(other)];
    (await cpu.compile(matmul(8))).dispose();
    first.dispose();
    first.dispose();
    (await cpu.compile(matmul(8))).dispose();
    again.dispose();
    second.dispose();
    (await cpu.compile(matmul(8))).dispose();
    expect(checked(eventsIn(other))).toHaveLength(2);
    // Each of the two that share it writes what it hears.
    expect(checked(eventsIn(one))).toHaveLength(4);
  });

  test('files that cannot be', () => {
    const folder = path.join(scratch, 'none', 'trace.json');
    expect(() => trace(folder)).toThrow(expect.objectContaining({ name: 'PjrtError', code: 'NOT_FOUND' }));
    expect(() => trace('')).toThrow('a trace is written to a file; got no name');
    expect(() => trace(1 as unknown as string)).toThrow('a trace is written to a file; got number');
  });
});

const work = `
  const client = await Client.open('cpu');
  const program = await client.compile(matmul[256]), a = zeros(client, 256, 256);
  for (let i = 0; i < 5; i++) { const { out } = await program.run({ a }); await out.read(); out.dispose(); }
  client.dispose();`;

test('all threads of a process, in one file', async () => {
  const file = newFile();
  const ended = await node(`for (let i = 0; i < 3; i++) new Worker(__filename); ${work}`, { worker: work, env: { NODE_PJRT_TRACE: file } });
  expect(ended).toMatchObject(quiet());
  const events = eventsIn(file);
  const operations = checked(events);
  for (const tid of [0, 1, 2, 3])
    expect(operations.filter((one) => one.tid === tid).map(({ cat }) => cat)).toEqual([
      ...['load', 'compile', 'upload'],
      ...Array.from({ length: 5 }, () => ['execute', 'read']).flat(),
    ]);
  const named = events.filter(({ name }) => name === 'thread_name').map(({ args }) => args?.name);
  expect(named.sort()).toEqual(['main', 'worker 1', 'worker 2', 'worker 3']);
  // Threads have one clock.
  const begins = [0, 1, 2, 3].map((tid) => Math.min(...operations.flatMap((one) => (one.tid === tid ? [one.begin] : []))));
  expect(Math.max(...begins)).toBeLessThan(ended.ms * 1000);
});

test('a process that is killed, one at its end, and one that ends its worker', async () => {
  const endless = (script: string) => work.replace('i < 5; i++) {', `; i++) { if (i === 10) { ${script} }`);
  const [killed, left, worker] = [newFile(), newFile(), newFile()];
  const kill = endless(`process.kill(process.pid, 'SIGKILL')`);
  expect(await node(kill, { env: { NODE_PJRT_TRACE: killed } })).toMatchObject({ signal: 'SIGKILL', err: '' });
  expect(checked(eventsInCut(killed)).length).toBeGreaterThan(5);
  expect(await node(endless('process.exit(3)'), { env: { NODE_PJRT_TRACE: left } })).toMatchObject({ code: 3, err: '' });
  expect(checked(eventsIn(left)).length).toBeGreaterThan(5);
  const terminate = `const worker = new Worker(__filename); worker.on('message', () => worker.terminate());`;
  const tell = endless('parentPort.postMessage(0)');
  expect(await node(terminate, { worker: tell, env: { NODE_PJRT_TRACE: worker } })).toMatchObject(quiet());
  expect(checked(eventsIn(worker)).length).toBeGreaterThan(5);
});

test('a file of each process, and of a command', () => {
  const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');
  const run = (file: string, ...args: string[]) => spawnSync(process.execPath, [main, '--trace', file, ...args], { encoding: 'utf8' });
  const { pid, status, stderr } = run(path.join(scratch, 'trace-%p.json'), 'devices');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(checked(eventsIn(path.join(scratch, `trace-${pid}.json`))).map(({ cat }) => cat)).toEqual(['load']);
  const { stderr: said } = run(path.join(scratch, 'none', 'trace.json'), 'devices');
  expect(said).toMatch(/^node-pjrt: NOT_FOUND: a trace is written to a file; .*none.trace\.json: No such file or directory\n$/);
});
