/**
 * What a plugin does to its process, and that this library does not let it: signals, locks, metadata servers, exits and workers that end
 * while it is at work, and input that aborts it. Each in a process of its own.
 */
import { testTpu } from './helpers';
import { node, quiet } from './node-process';

describe('signals', () => {
  const dispositions = `require('node:fs').readFileSync('/proc/self/status', 'utf8').match(/Sig(Ign|Cgt):.*/g).join()`;

  testTpu('are as they were, and the process ends by itself', async () => {
    for (let i = 0; i < 3; i++) {
      const ended = await node(`
        process.on('SIGHUP', () => process.stdout.write('hup '));
        const before = ${dispositions};
        const topology = await Topology.open('tpu', 'v5p:2x2x1');
        const program = await topology.compile(matmul[256]);
        process.stdout.write(before === ${dispositions} ? 'same ' : ${dispositions});
        process.kill(process.pid, 'SIGHUP');
        await sleep(50);
        process.removeAllListeners('SIGHUP');`);
      expect(ended).toMatchObject(quiet('same hup '));
    }
  });

  testTpu('whatever the user passes to libtpu besides', async () => {
    const script = `await Topology.open('tpu', 'v5p:2x2x1'); process.stdout.write(process.env.LIBTPU_INIT_ARGS);`;
    const ours = '--install_signal_handlers=false';
    expect(await node(script, { env: { LIBTPU_INIT_ARGS: '--xla_tpu_use_enhanced_launch_barrier=true' } })).toMatchObject(
      quiet(`--xla_tpu_use_enhanced_launch_barrier=true ${ours}`),
    );
    const both = `${ours} --xla_tpu_use_enhanced_launch_barrier=true`;
    expect(await node(script, { env: { LIBTPU_INIT_ARGS: both } })).toMatchObject(quiet(both));
  });
});

describe('flags in the environment', () => {
  const both = `
    for (const open of [() => Client.open('cpu'), () => Topology.open('tpu', 'v5p:2x2x1')])
      await open().then(async (on) => console.log((await on.compile(matmul[8])).name), (error) => console.log(error.name, error.message));`;

  testTpu.each<[Record<string, string>, string, RegExp | 'matmul', RegExp | 'matmul']>([
    [{ XLA_FLAGS: '--xla_no_such=1' }, 'XLA_FLAGS', /Unknown flag in XLA_FLAGS: --xla_no_such=1/, /Unknown flag in XLA_FLAGS/],
    [{ XLA_FLAGS: 'words' }, 'XLA_FLAGS', /Could not open file "words"/, /Could not open file "words"/],
    [{ XLA_FLAGS: '--xla_backend_optimization_level=abc' }, 'XLA_FLAGS', /Flag parsing failed/, /Flag parsing failed/],
    [{ LIBTPU_INIT_ARGS: '--no_such' }, 'LIBTPU_INIT_ARGS', 'matmul', /Unknown command line flag 'no_such'/],
    [
      { XLA_FLAGS: '--xla_force_host_platform_device_count=8', LIBTPU_INIT_ARGS: '--xla_tpu_use_enhanced_launch_barrier=true' },
      '',
      'matmul',
      'matmul',
    ],
  ])('%j', async (env, variable, ...said) => {
    const ended = await node(both, { env });
    const lines = said.map((words) =>
      words === 'matmul'
        ? words
        : expect.stringMatching(
            `^PluginError a plugin's flags are those that it knows, .* ${variable}='${env[variable]}' .*${words.source}`,
          ),
    );
    expect(ended).toMatchObject(quiet(expect.anything()));
    expect(ended.out.trim().split('\n')).toEqual(lines);
  });

  test('are not looked at where that is switched off', async () => {
    const ended = await node(both, { env: { XLA_FLAGS: '--xla_no_such=1', NODE_PJRT_CHECK_FLAGS: '0' } });
    expect(ended).toMatchObject({ code: 1, err: expect.stringMatching(/Unknown flag/) });
  });
});

describe('the lock and the metadata server', () => {
  const open = (then = '') =>
    `await Topology.open('tpu', 'v5p:2x2x1').then(() => console.log('opened'), (error) => console.log(error.message)); ${then}`;

  testTpu('two processes compile at the same time, without waiting', async () => {
    const both = await Promise.all([node(open('await sleep(1500)')), node(open('await sleep(1500)'))]);
    for (const ended of both) {
      expect(ended).toMatchObject(quiet('opened\n'));
      expect(ended.ms).toBeLessThan(20_000);
    }
  });

  testTpu('a worker that loads it first', async () => {
    const ended = await node(`new Worker(__filename).on('exit', (code) => console.log('exit', code));`, { worker: open() });
    expect(ended).toMatchObject(quiet('opened\nexit 0\n'));
    expect(ended.ms).toBeLessThan(20_000);
  });

  // With the lock on, as on a machine with a TPU.
  testTpu('a lock that another process holds is an error, and free again is no more', async () => {
    const holder = `if (process.argv[2]) {
      await Topology.open('tpu', 'v5p:2x2x1');
      process.stdout.write('held');
      await new Promise((resolve) => process.stdin.on('data', resolve));
      process.exit();
    }
    const holder = require('node:child_process').spawn(process.execPath, [__filename, 'hold']);
    await new Promise((resolve) => holder.stdout.on('data', resolve));
    console.log(holder.pid);`;
    const ended = await node(
      `${holder}
      ${open()}
      await Topology.open('tpu', 'v5p:2x2x1', { isolated: true }).catch((error) => console.log(error.message));
      holder.stdin.end('x');
      await new Promise((resolve) => holder.on('exit', resolve));
      ${open()}`,
      { env: { ALLOW_MULTIPLE_LIBTPU_LOAD: '0' } },
    );
    const [pid, ...lines] = ended.out.trim().split('\n');
    const held = new RegExp(
      `^ABORTED: one process at a time has the TPU, and process ${pid} \\(\\S*node \\S+main\\.js hold\\) has it now; ALLOW_MULTIPLE_LIBTPU_LOAD=1`,
    );
    expect(ended).toMatchObject(quiet(expect.anything()));
    expect(lines).toEqual([expect.stringMatching(held), expect.stringMatching(held), 'opened']);
  });

  testTpu('what the user sets stays', async () => {
    const script = `${open()} console.log(process.env.TPU_ACCELERATOR_TYPE, process.env.TPU_WORKER_HOSTNAMES)`;
    expect(await node(script, { env: { TPU_ACCELERATOR_TYPE: 'v6e-8' } })).toMatchObject(quiet('opened\nv6e-8 localhost\n'));
  });
});

describe('an exit while a plugin is at work', () => {
  const busy = `
    const client = await Client.open('cpu');
    const program = await client.compile(matmul[1024]);
    const a = zeros(client, 1024, 1024);
    const large = zeros(client, 1 << 24);`;

  test.each([1, 5, 20, 60, 150])('after %i ms', async (ms) => {
    const ended = await node(`${busy}
      for (let i = 0; i < 3; i++) { client.compile(matmul[512]); large.read(); }
      for (let i = 0; i < 20; i++) program.run({ a });
      setTimeout(() => process.exit(7), ${ms});`);
    expect(ended).toMatchObject({ code: 7, signal: null, err: '' });
  });

  test('does not wait for what has not begun', async () => {
    // 500 products of 30 to 60 ms, on 4 threads of 2 cores.
    const ended = await node(`${busy}
      for (let i = 0; i < 500; i++) program.run({ a }).catch(() => {});
      const start = Date.now();
      setTimeout(() => { console.log(Date.now() - start); process.exit(7); }, 50);
      process.on('exit', () => console.log(Date.now() - start));`);
    expect(ended).toMatchObject({ code: 7, signal: null });
    const [asked, left] = ended.out.split('\n').map(Number);
    expect(left - asked).toBeLessThan(3000);
  });

  test('by an error, and by main while only a worker has the addon', async () => {
    const thrown = await node(`${busy} for (let i = 0; i < 20; i++) program.run({ a }); setTimeout(() => { throw new Error('out') }, 20);`);
    expect(thrown).toMatchObject({ code: 1, signal: null, err: expect.stringMatching(/Error: out/) });
    const worker = await node(`new Worker(__filename).on('message', () => setTimeout(() => process.exit(7), 20));`, {
      worker: `${busy} for (let i = 0; i < 20; i++) { program.run({ a }); large.read(); } parentPort.postMessage('busy');`,
    });
    expect(worker).toMatchObject({ code: 7, signal: null, err: '' });
  });
});

describe('workers', () => {
  // Each runs, reads and compiles without end.
  const endless = `
    const client = await Client.open('cpu');
    const large = await client.compile(matmul[256]), small = await client.compile(matmul[8]);
    const a = zeros(client, 256, 256), b = zeros(client, 8, 8);
    parentPort.postMessage('busy');
    const once = async (program, a) => {
      const { out } = await program.run({ a });
      await out.read();
      out.dispose();
    };
    const runs = () => Array.from({ length: 8 }, () => [once(large, a), once(small, b)]).flat();
    for (;;) await Promise.all([client.compile(matmul[512]), ...runs()]);`;
  const three = `Array.from({ length: 3 }, () => new Worker(__filename))`;

  test('three are terminated at work, again and again', async () => {
    const ended = await node(
      `for (let round = 0; round < 4; round++) {
        const workers = ${three};
        await Promise.all(workers.map((worker) => new Promise((resolve) => worker.on('message', resolve))));
        await sleep(5 + 20 * round);
        await Promise.all(workers.map((worker) => worker.terminate()));
      }
      const client = await Client.open('cpu');
      const { out } = await (await client.compile(matmul[8])).run({ a: zeros(client, 8, 8) });
      console.log((await out.read()).length);
      client.dispose();
      console.log(liveHandles());`,
      { worker: endless },
    );
    expect(ended).toMatchObject(quiet('64\n0\n'));
  });

  test('each with its own client, one plugin for all', async () => {
    const ended = await node(
      `const sums = await Promise.all(${three}.map((worker) => new Promise((resolve) => {
        let sum = 0;
        worker.on('message', (value) => { sum += value; });
        worker.on('exit', () => resolve(sum));
      })));
      console.log(sums.join());`,
      {
        worker: `const client = await Client.open('cpu');
        const program = await client.compile(add);
        const a = client.upload({ dtype: 'f32', shape: [8] }, new Float32Array(8).fill(21));
        for (let i = 0; i < 50; i++) {
          const { out } = await program.run({ a, b: a });
          parentPort.postMessage((await out.read())[3]);
        }
        client.dispose();
        parentPort.postMessage(liveHandles());`,
      },
    );
    expect(ended).toMatchObject(quiet(`${[42 * 50, 42 * 50, 42 * 50].join()}\n`));
  });
});

describe('input that ends a plugin', () => {
  const refused = (texts: string[]) => `
    for (const text of ${JSON.stringify(texts)})
      await target.compile(text).then(() => console.log('compiled', text), (error) => console.log(error.name));`;
  const main = (body: string, type = '8xf32') =>
    `func.func @main(%a: tensor<${type}>) -> tensor<${type}> { ${body} return %a : tensor<${type}> }`;
  const texts = [
    'func.func private @main(tensor<8xf32>) -> tensor<8xf32>',
    `func.func private @f() ${main('')}`,
    main('%0 = func.call @main(%a) : (tensor<8xf32>) -> tensor<8xf32>'),
    `${main('call @f() : () -> ()')}
     func.func private @f() { call @g() : () -> () return }
     func.func private @g() { call @f() : () -> () return }`,
    main('', '4611686018427387904xf32'),
    main('', '4294967296x4294967296xf32'),
    main('', '4611686018427387904x0xf32'),
    main('', '?xf32'),
    main(`%0 = stablehlo.add %a, %a {x = ${'['.repeat(1e5)}${']'.repeat(1e5)}} : tensor<8xf32>`),
    `${'module {'.repeat(2e4)}${'}'.repeat(2e4)} ${main('')}`,
  ];

  test('does not reach the CPU plugin', async () => {
    const ended = await node(`const target = await Client.open('cpu'); ${refused(texts)}
      const { out } = await (await target.compile(matmul[8])).run({ a: zeros(target, 8, 8) });
      console.log((await out.read()).length);`);
    expect(ended).toMatchObject(quiet(`${'ShapeError\n'.repeat(texts.length)}64\n`));
  });

  testTpu('does not reach the TPU compiler', async () => {
    const ended = await node(`const target = await Topology.open('tpu', 'v5p:2x2x1'); ${refused(texts)}
      await Topology.open('tpu', 'v5p:0x0x0').catch((error) => console.log(error.name));
      console.log((await target.compile(matmul[8])).name);`);
    expect(ended).toMatchObject(quiet(`${'ShapeError\n'.repeat(texts.length + 1)}matmul\n`));
  });
});
