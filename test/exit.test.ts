/** The end of the process, by any way and at any moment of any work: with its own status, in time, and without a word. */
import { testTpu } from './helpers';
import { type Ended, node, quiet } from './node-process';

/** Starts work without end; each is asked for while others are under way. `keep` holds what lives until the end. */
const endless = {
  open: `for (;;) { const other = await Client.open('cpu', { devices: 4 }); other.dispose(); }`,
  upload: `for (;;) { zeros(client, 1 << 22).dispose(); await sleep(0); }`,
  share: `for (;;) {
    const a = client.alias(type, hostArray(type)), { out } = await program.run({ a, b: a });
    keep.push(await out.view(), hostArray(type), out, a);
    if (keep.length > 400) keep.length = 0;
  }`,
  compile: `const all = []; for (let i = 0; ; i++) { all.push(client.compile(matmul[512])); if (i % 3 === 2) await all[i - 2]; }`,
  run: `for (;;) { const { out } = await program.run({ a, b: a }); keep[0] = out; }`,
  runLarge: `for (;;) keep[0] = await Promise.all(Array.from({ length: 8 }, () => large.run({ a: square })));`,
  read: `for (;;) await Promise.all([square.read(), square.read(), wide.read()]);`,
};

const begin = `
  const type = { dtype: 'f32', shape: [8] };
  const client = await Client.open('cpu');
  const keep = [];
  const program = await client.compile(add), a = zeros(client, 8);
  const large = await client.compile(matmul[512]), square = zeros(client, 512, 512), wide = zeros(client, 1 << 22);`;

const ends = {
  exit: { script: 'process.exit(7)', expected: { code: 7, signal: null, err: '' } },
  throw: {
    script: `throw new Error('out')`,
    expected: { code: 1, signal: null, err: expect.stringMatching(/^[^\n]*\n(?:.*\n)*Error: out\n/) },
  },
  handler: { script: `process.kill(process.pid, 'SIGTERM')`, expected: { code: 143, signal: null, err: '' } },
  signal: { script: `process.kill(process.pid, 'SIGTERM')`, expected: { code: null, signal: 'SIGTERM', err: '' } },
};
const handle = `process.once('SIGTERM', () => process.exit(143));`;

/** Ends a process `ms` after it began to work on its main thread, or in a worker. */
function ended(work: string, { end, ms, place }: { end: keyof typeof ends; ms: number; place: string }): Promise<Ended> {
  const timer = `${end === 'handler' ? handle : ''} setTimeout(() => { ${ends[end].script} }, ${ms});`;
  const all = `${begin} ${work}`;
  return place === 'main' ? node(`${timer} ${all}`) : node(`${timer} new Worker(__filename);`, { worker: all });
}

async function endAtRandom(work: string, end: keyof typeof ends, place: string): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const ms = Math.round(100 + 300 * Math.random());
    const result = await ended(work, { end, ms, place });
    expect({ after: ms, ...result }).toMatchObject(ends[end].expected);
    expect(result.ms).toBeLessThan(20_000);
  }
}

// In turn, so that each way meets each place and half of the work, at another moment each time.
const ways = Object.keys(ends) as (keyof typeof ends)[];
const cases = Object.entries(endless).flatMap(([name, work], i) =>
  ['main', 'worker'].map((place, j) => [name, place, ways[(i + 2 * j) % ways.length], work] as const),
);

test.each(cases)('%s on %s, by %s', (_, place, end, work) => endAtRandom(work, end, place));

testTpu.each(['main', 'worker'])('the TPU compiler on %s, by each', async (place) => {
  const work = `const v5p = await Topology.open('tpu', 'v5p:2x2x1'); for (;;) await Promise.all([v5p.compile(matmul[256]), v5p.compile(matmul[8])]);`;
  for (const end of ways) await endAtRandom(work, end, place);
});

test('by itself, with whatever is alive', async () => {
  const kept = `${begin} const x = client.alias(type, hostArray(type)), { out } = await program.run({ a: x, b: a });
    globalThis.kept = [client, out, await out.view(), x, hostArray(type)];`;
  expect(await node(`${kept} process.exitCode = 3; console.log(JSON.stringify(liveResources()));`)).toMatchObject({
    code: 3,
    signal: null,
    err: '',
    out: expect.stringMatching(/"views":1,"hostArrays":2/),
  });
  expect(await node(`new Worker(__filename);`, { worker: kept })).toMatchObject({ code: 0, signal: null, err: '' });
});

test('workers end while all their work is under way, and leave nothing', async () => {
  const all = Object.values(endless).map((work) => `(async () => { ${work} })();`);
  const ended = await node(
    `for (let round = 0; round < 10; round++) {
      const workers = Array.from({ length: 1 + (round % 3) }, () => new Worker(__filename));
      // Half of them while they begin.
      if (round % 2) await Promise.all(workers.map((worker) => new Promise((resolve) => worker.on('message', resolve))));
      await sleep(150 * Math.random());
      // By terminate, and by their own process.exit and error.
      const ways = [(worker) => worker.terminate(), (worker) => worker.postMessage('exit'), (worker) => worker.postMessage('throw')];
      await Promise.all(
        workers.map((worker, i) => {
          worker.on('error', ({ message }) => message === 'out' || console.log(message));
          ways[(round + i) % 3](worker);
          return new Promise((resolve) => worker.on('exit', resolve));
        }),
      );
      const { plugins, ...rest } = liveResources('process');
      if (Object.values(rest).some((count) => count > 0)) console.log(JSON.stringify(rest));
    }`,
    {
      worker: `parentPort.on('message', (way) => { if (way === 'exit') process.exit(); throw new Error('out'); });
        ${begin} ${all.join('\n')} parentPort.postMessage('busy');`,
    },
  );
  expect(ended).toMatchObject(quiet());
});

describe('a run that takes long', () => {
  // Longer than any end waits for it, on this machine.
  const long = `
    const client = await Client.open('cpu');
    const program = await client.compile(loop), a = zeros(client, 8);
    program.run({ a }).catch(() => {});`;
  const soon = 'setTimeout(() => process.exit(7), 100)';

  test('does not hold up the end of the process', async () => {
    const [main, thrown, worker] = await Promise.all([
      node(`${long} ${soon}`),
      node(`${long} setTimeout(() => { throw new Error('out'); }, 100)`),
      node(`new Worker(__filename).on('message', () => ${soon});`, { worker: `${long} parentPort.postMessage(0);` }),
    ]);
    expect(main).toMatchObject(ends.exit.expected);
    expect(thrown).toMatchObject(ends.throw.expected);
    expect(worker).toMatchObject(ends.exit.expected);
    for (const { ms } of [main, thrown, worker]) expect(ms).toBeLessThan(9000);
  });

  test('does not hold up the end of a worker, and leaves nothing when it is done', async () => {
    const ended = await node(
      `const worker = new Worker(__filename);
      await new Promise((resolve) => worker.on('message', resolve));
      const start = Date.now();
      await worker.terminate();
      const waited = Date.now() - start;
      const { operations, ...handles } = liveResources('process');
      console.log(waited > 4900 && waited < 12000, operations, handles.executables, handles.buffers);
      while (liveResources('process').operations) await sleep(100);
      console.log(Date.now() - start > waited);`,
      // By the time that a part of it takes here at best, 15 seconds or a little less; or more, where the machine is busy.
      {
        worker: `
        const client = await Client.open('cpu'), a = zeros(client, 8);
        const some = await client.compile(loop.replace(String(2 ** 30), String(2 ** 22)));
        let ms = Infinity;
        for (let i = 0; i < 8; i++) {
          const start = performance.now();
          await some.run({ a });
          ms = Math.min(ms, performance.now() - start);
        }
        const steps = Math.min(2 ** 31 - 1, Math.round((2 ** 22 * 15000) / ms)); // an i32
        const program = await client.compile(loop.replace(String(2 ** 30), String(steps)));
        program.run({ a }).catch(() => {});
        // What has not begun yet when its worker ends never does.
        await sleep(500);
        parentPort.postMessage(0);`,
      },
    );
    expect(ended).toMatchObject(quiet('true 1 0 0\ntrue\n'));
  });

  test('leaves Node its own threads', async () => {
    const ended = await node(
      `${long}
      for (let i = 0; i < 15; i++) program.run({ a }).catch(() => {});
      const start = Date.now();
      await require('node:fs/promises').readFile(__filename);
      console.log(Date.now() - start < 2000);
      process.kill(process.pid, 'SIGTERM');`,
    );
    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM', out: 'true\n', err: '' });
  });
});
