/**
 * Calls of public methods with bad arguments, on the real plugins: `node bad-calls.js SEED FIRST LAST`. Each call's number and text go to
 * file descriptor 3 before it is made, for whoever finds this process dead; how they ended, as JSON, goes to stdout at the end.
 */
const fs = require('node:fs');
const fc = require('fast-check');
const { attention, causal, Client, hostArray, lower, Plugin, tensor, Topology } = require('node-pjrt');
const { anyArray, anyType, argument } = require('./bad-values');
const { damaged, mutated } = require('./mutate');
const { programs } = require('./programs');

const [seed, first, last] = process.argv.slice(2, 5).map(Number);
const typed = new Set(['ShapeError', 'PjrtError', 'PluginError', 'DisposedError']);

async function handles() {
  const client = await Client.open('cpu', { devices: 2, cache: false });
  const other = await Client.open('cpu', { cache: false });
  const topology = process.arch === 'x64' ? await Topology.open('tpu', 'v5p:2x2x1', { cache: false }) : undefined;
  const executable = await client.compile(programs[0]);
  const spec = attention({ heads: 1, headDim: 8, queries: 8, mask: causal() });
  const kernel = await client.compile(lower(spec, 'cpu'));
  const a = client.upload(tensor('f32', [8]), new Float32Array(8));
  const gone = client.upload(tensor('f32', [8]), new Float32Array(8));
  gone.dispose();
  const foreign = other.upload(tensor('f32', [8]), new Float32Array(8));
  const wide = client.upload(tensor('f64', [4]), new Float64Array(4));
  const closed = await Client.open('cpu', { cache: false });
  const orphan = closed.upload(tensor('f32', [8]), new Float32Array(8));
  const orphanProgram = await closed.compile(programs[0]);
  closed.dispose();
  const sharded = await client.compileSharded(
    programs.find((text) => text.includes('sdy.mesh')),
    { partitions: 2 },
  );
  const parts = sharded.upload('a', new Float32Array(32));
  const [device, second] = client.devices;
  const all = [client, other, closed, executable, kernel, orphanProgram, a, gone, foreign, wide, orphan, device, second, sharded, parts];
  const everything = [...all, ...device.memories, other.devices[0], Plugin, client.plugin, ...(topology ? [topology] : [])];
  return { client, topology, executable, kernel, a, gone, orphan, orphanProgram, closed, device, second, sharded, parts, everything };
}

/** A row: the call's name, what it is called on, and an arbitrary of its arguments. */
async function table(h) {
  const any = (wanted) => argument(wanted, h.everything);
  const of = fc.constantFrom;
  const place = any(of(h.device, h.second, ...h.device.memories));
  const inputs = fc.oneof(
    any(of({ a: h.a })),
    fc.dictionary(of('a', 'b', 'q', 'k', 'v', '__proto__', 'toString'), any(of(h.a, h.gone, h.orphan))),
  );
  const program = fc.oneof({ weight: 6, arbitrary: mutated(programs) }, { weight: 1, arbitrary: any(of(...programs)) });
  const serialized = await h.executable.serialize();
  const kernelBytes = await h.kernel.serialize();
  const compileOptions = any(fc.record({ device: place, compilerOptions: any(of({ xla_cpu_max_isa: 'AVX2' })) }, { requiredKeys: [] }));
  const spread = fc.record(
    {
      replicas: any(of(1, 2)),
      partitions: any(of(1, 2, 4)),
      partitioner: any(of('shardy', 'gspmd')),
      devices: any(of([0], [0, 1], [1, 0], [99], [-1])),
      compilerOptions: any(of({})),
    },
    { requiredKeys: [] },
  );
  const ports = any(of(h.executable, { inputs: [], outputs: [] }, programs[0]));
  const buffers = of(h.a, h.gone, h.orphan);
  const loaded = of(h.executable, h.kernel, h.orphanProgram);
  const clients = of(h.client, h.client, h.closed);
  const on = (name, target, ...args) => ({ name, arbitrary: fc.tuple(target, ...args), call: ([self, ...rest]) => self[name](...rest) });
  const get = (name, target) => ({ name, arbitrary: fc.tuple(target), call: ([self]) => self[name] });
  const free = (name, f, ...args) => ({ name, arbitrary: fc.tuple(...args), call: (given) => f(...given) });
  const rows = [
    free('Client.open', open(Client), any(of('cpu')), any(fc.record({ devices: any(of(1)), cache: any(of(false)) }, { requiredKeys: [] }))),
    free('Plugin.load', (...args) => Plugin.load(...args), any(of('cpu', 'tpu', 'gpu', '/etc/passwd', process.execPath))),
    free('hostArray', hostArray, any(anyType)),
    free('tensor', tensor, any(of('f32')), any(of([8]))),
    on('upload', clients, any(anyType), any(anyArray), place),
    on('upload', clients, anyType, anyArray),
    on('alias', clients, any(anyType), any(anyArray), place),
    on('compile', clients, program, compileOptions),
    ...Array.from({ length: 6 }, () => free('compileAndRun', compileAndRun(h.client), mutated(programs))),
    on('deserialize', clients, any(fc.oneof(damaged(serialized), damaged(kernelBytes))), ports),
    on('run', loaded, inputs),
    on('copyTo', buffers, place),
    ...['read', 'bits', 'view', 'ready'].map((name) => on(name, buffers)),
    ...['layout', 'deviceBytes', 'memory', 'bytes'].map((name) => get(name, buffers)),
    ...['cost', 'fingerprint', 'outputMemoryKinds', 'codeBytes'].map((name) => get(name, loaded)),
    on('optimizedProgram', loaded),
    on('serialize', loaded),
    on('memoryStats', of(h.device)),
    on('defaultLayout', clients, any(anyType)),
    on('transfer', clients, any(of([{ dtype: 'f32', shape: [8] }])), place),
    free('transfer.write', sent(h.client), any(of(0, 0, 1, -1)), any(anyArray), any(of(0, 4, 8, -1, 2 ** 40))),
    on('callback', of(h.client.plugin), any(of('a name', '')), any(of(() => []))),
    on('register', of(h.client.plugin), any(of('name', '')), any(of('/etc/passwd', {}))),
    on('compileSharded', clients, program, any(spread)),
    on('deserializeSharded', clients, any(fc.oneof(damaged(await h.sharded.serialize()), damaged(serialized))), ports),
    on('upload', of(h.sharded), any(of('a')), any(fc.constant(new Float32Array(32)))),
    on('run', of(h.sharded), fc.oneof(any(of({ a: h.parts })), fc.dictionary(of('a', 'b'), any(of(h.parts, h.a))))),
    on('read', of(h.parts), any(of(0, 1))),
  ];
  return h.topology ? [...rows, ...topologyRows(h, { any, on, free, program, spread })] : rows;
}

/** What compiles runs, on zeros; but not a loop, which may have no end, nor what needs much memory. */
const compileAndRun = (client) => async (text) => {
  const executable = await client.compile(text);
  const types = [...executable.inputs, ...executable.outputs].map(({ type }) => type);
  const bytes = types.reduce((sum, { shape }) => sum + 16 * shape.reduce((product, n) => product * n, 1), 0);
  if (bytes < 2 ** 20 && executable.memory.tempBytes < 2 ** 20 && !text.includes('while')) {
    const zeros = executable.inputs.map(({ name, type }) => [name, client.upload(type, hostArray(type))]);
    const outputs = await executable.run(Object.fromEntries(zeros));
    for (const output of Object.values(outputs)) await output.read();
    for (const buffer of [...Object.values(outputs), ...zeros.map(([, zero]) => zero)]) buffer.dispose();
  }
  executable.dispose();
};

/** A piece of a tensor after a first one, and the end of the transfer. */
const sent = (client) => async (index, data, offset) => {
  const transfer = client.transfer([tensor('f32', [8])]);
  try {
    await transfer.write(0, new Float32Array(4), 0);
    await transfer.write(index, data, offset);
  } finally {
    transfer.dispose();
  }
};

const open =
  (Kind) =>
  async (...args) =>
    (await Kind.open(...args)).dispose();

function topologyRows({ topology }, { any, on, free, program, spread }) {
  const names = fc.oneof(
    fc.constantFrom('v5p:2x2x1', 'v5e:2x2', 'cpu', ''),
    fc.stringMatching(/^(v[2-9][ep]?|tpu7x):[0-9x]{0,7}$/),
    fc.stringMatching(/^v5p[:=_]-?[0-9]{1,4}(x-?[0-9]{1,4}){0,3}$/),
  );
  return [
    free('Topology.open', open(Topology), any(fc.constantFrom('tpu', 'cpu')), any(names), any(fc.constant({}))),
    free(
      'Topology.deserialize',
      async (...args) => (await Topology.deserialize(...args)).dispose(),
      fc.constant('tpu'),
      any(damaged(topology.serialize())),
    ),
    on('compile', fc.constant(topology), program, any(spread)),
    on('compile', fc.constant(topology), mutated(programs), spread),
  ];
}

async function main() {
  const h = await handles();
  const rows = await table(h);
  const ends = {};
  const untyped = [];
  for (let i = first; i < last; i++) {
    const { name, arbitrary, call } = rows[i % rows.length];
    const [args] = fc.sample(arbitrary, { seed: seed + i, numRuns: 1 });
    fs.writeSync(3, `${i} ${name} ${textOf(args).slice(0, 3000).replaceAll('\n', '\\n')}\n`);
    const end = await endOf(() => call(args));
    ends[end.name] = (ends[end.name] ?? 0) + 1;
    if (end.name !== 'fine' && !typed.has(end.name))
      untyped.push({ i, name, end: end.name, message: end.message, args: textOf(args).slice(0, 500) });
  }
  console.log(JSON.stringify({ ends, untyped }));
}

function textOf(args) {
  try {
    return fc.stringify(
      args.map((one) =>
        one?.constructor?.name && /^(Client|.*Buffer|.*Executable|Device|Memory|Topology|Plugin)$/.test(one.constructor.name)
          ? `<${one.constructor.name}>`
          : one,
      ),
    );
  } catch (error) {
    return `(no text: ${error.message})`;
  }
}

async function endOf(work) {
  try {
    const result = await work();
    if (typeof result?.dispose === 'function') result.dispose();
    return { name: 'fine' };
  } catch (error) {
    return { name: error?.name ?? typeof error, message: String(error?.stack ?? error).slice(0, 600) };
  }
}

main();
