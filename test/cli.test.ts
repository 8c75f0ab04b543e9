/** The command line as a person runs it: dist/cli/main.js in a process of its own. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { cpuBlocks } from '../lib/lower/cpu';
import { cpuKernels } from '../lib/pjrt';
import { testTpu } from './helpers';

const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt cli '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** stdout of a run that ends well and says nothing else. */
function good(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** A file of the given text. */
function file(name: string, text: string): string {
  const at = path.join(scratch, name);
  fs.writeFileSync(at, text);
  return at;
}

const matmul = file(
  'matmul.mlir',
  `module @matmul {
    func.func @main(%a: tensor<8x128xf32>, %b: tensor<128x16xf32>) -> tensor<8x16xf32> {
      %0 = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0] : (tensor<8x128xf32>, tensor<128x16xf32>) -> tensor<8x16xf32>
      return %0 : tensor<8x16xf32>
    }
  }`,
);

test('--version and --help', () => {
  expect(good('--version')).toBe(`${JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8')).version}\n`);
  const help = good('--help');
  for (const command of ['demo', 'attention', 'compile', 'devices', 'plugins', 'doctor'])
    expect(help).toMatch(new RegExp(`^  ${command}`, 'm'));
  for (const command of ['demo', 'attention', 'compile', 'devices', 'doctor'])
    expect(good(command, '--help')).toMatch(/^Usage: node-pjrt /);
});

test.each<[string[], string]>([
  [['bogus'], "unknown command 'bogus'"],
  [['devices', '--bogus'], "unknown option '--bogus'"],
  [['compile'], "missing required argument 'file'"],
  [['devices', '--count', '0'], "option '--count <n>' argument '0' is invalid. A whole number, 1 or more."],
  [['plugins', 'install', 'gpu'], "what can be installed is headers, cpu, tpu; got 'gpu'"],
  [['plugins', 'path', 'gpu'], "a plugin is cpu, tpu or the path of a library; got 'gpu'"],
  [['compile', '/nowhere.mlir'], "ENOENT: no such file or directory, open '/nowhere.mlir'"],
  [['devices', '--plugin', '/nowhere.so'], 'a plugin path names a shared library; there is no file at /nowhere.so'],
])('%j is an error of one line', (args, message) => {
  expect(run(...args)).toEqual({ status: 1, stdout: '', stderr: `node-pjrt: ${message}\n` });
});

test('a library that is none, and one that is no plugin, are errors of one line', () => {
  for (const library of [file('text.so', 'not a library'), process.execPath])
    expect(run('devices', '--plugin', library)).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(/^node-pjrt: .+\n$/) });
});

test('plugins list, path and install agree on what is there', () => {
  const listed = JSON.parse(good('plugins', 'list', '--json', '--verify'));
  expect(listed.map(({ name }: { name: string }) => name)).toEqual(['headers', 'cpu', 'tpu']);
  const cpu = listed[1];
  expect(cpu).toMatchObject({ package: 'xla-cpu-pjrt', version: '0.0.1', state: 'installed' });
  expect(good('plugins', 'path', 'cpu')).toBe(`${cpu.path}\n`);
  expect(good('plugins', 'install', 'cpu')).toBe(`cpu  xla-cpu-pjrt 0.0.1  installed  ${Math.round(cpu.bytes / 1e6)} MB  ${cpu.path}\n`);
});

test('devices of the CPU plugin', () => {
  expect(good('devices', '--count', '2')).toBe('cpu: 2 devices (cpu)\n0  cpu  CpuDevice(id=0)\n1  cpu  CpuDevice(id=1)\n');
  expect(JSON.parse(good('devices', '--json'))).toMatchObject({ platform: 'cpu', devices: [{ id: 0, kind: 'cpu' }] });
});

testTpu('devices of a topology', () => {
  const { platform, devices } = JSON.parse(good('devices', '--topology', 'v5p:2x2x1', '--json'));
  expect(platform).toBe('tpu');
  expect(devices.map(({ attributes }: { attributes: { coords: number[] } }) => attributes.coords)).toEqual([
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [1, 1, 0],
  ]);
});

test('compile for the CPU', () => {
  const said = good('compile', matmul);
  expect(said).toMatch(/^program {2}matmul: \(.*tensor<8x128xf32>.*\) -> \(.*tensor<8x16xf32>\)$/m);
  expect(said).toMatch(/^compile {2}[\d.]+ ms for cpu$/m);
  expect(said).toMatch(/^memory {3}12.3 kB of arguments, 512 B of outputs, \d.* of temporaries$/m);
  expect(said).toMatch(/^cost {5}3[23].\d kflop, /m);
});

testTpu('compile for v5p, with no TPU', () => {
  const output = path.join(scratch, 'matmul.v5p.bin');
  const facts = JSON.parse(good('compile', matmul, '--target', 'v5p:2x2x1', '-o', output, '--json'));
  expect(facts).toMatchObject({ name: 'matmul', target: 'v5p:2x2x1', memory: { argumentBytes: 12288 } });
  expect(facts.codeBytes).toBeGreaterThan(1000);
  expect(facts.cost.flops).toBeGreaterThanOrEqual(2 * 8 * 128 * 16);
  expect(fs.statSync(output).size).toBe(facts.serializedBytes);
});

test('compile with the plugin in a process of its own, whose end is an error of one line', () => {
  expect(good('compile', matmul, '--isolated')).toMatch(/^program {2}matmul: /m);
  const env = { ...process.env, XLA_FLAGS: '--xla_no_such=1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'compile', matmul, '--isolated'], { encoding: 'utf8', env });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(
    /^node-pjrt: an isolated plugin lives as long as its process; process \d+ exited with status 1; it said: .*--xla_no_such=1\n$/,
  );
});

test.each(['cpu', ...(process.arch === 'x64' ? ['v5p'] : [])])('a program that is none is an error of one line on %s', (target) => {
  const { status, stdout, stderr } = run('compile', file('bad.mlir', 'module { func.func @main() { bogus } }'), '--target', target);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^node-pjrt: .+\n$/);
});

test('doctor finds all that is needed', () => {
  const { stdout, stderr } = run('doctor', '--json');
  expect(stderr).toBe('');
  const findings = JSON.parse(stdout) as { name: string; state: string; detail: string }[];
  const names = [
    'node',
    'compiler',
    'make',
    'python',
    'pip',
    'addon',
    'cpu kernels',
    'cpu plugin',
    'tpu plugin',
    'live handles',
    'TPU hardware',
    'cache',
  ];
  expect(findings.map(({ name }) => name)).toEqual(names);
  expect(findings.find(({ name }) => name === 'cpu plugin')).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/^PJRT 0\.\d+, \//),
    capabilities: { laterSlots: 0, slots: expect.arrayContaining([{ name: 'PJRT_Client_Create', present: true }]) },
  });
  expect(findings.find(({ name }) => name === 'live handles')).toMatchObject({
    state: 'ok',
    detail: '0 of 4 left after a run on the CPU plugin, 0 B of buffers, 0 B shared with arrays, 0 operations under way',
  });
  expect(run('doctor').stdout).toMatch(/^cpu plugin: 118 of the 118 functions of PJRT 0\.81; extensions: .*FFI.*; missing: .*RawBuffer/m);
});

test('doctor has the CPU kernel that runs first, the one that NODE_PJRT_ISA names', () => {
  const kernels = (isa: string) => {
    const { stdout } = spawnSync(process.execPath, [main, 'doctor', '--json'], {
      env: { ...process.env, NODE_PJRT_ISA: isa },
      encoding: 'utf8',
    });
    return (JSON.parse(stdout) as { name: string }[]).find(({ name }) => name === 'cpu kernels');
  };
  const inOrder = cpuKernels();
  expect(kernels('')).toMatchObject({ state: 'ok', detail: `${inOrder.join(', ')}; the first one runs` });
  expect(kernels('generic')).toMatchObject({ detail: `${['generic', ...inOrder.slice(0, -1)].join(', ')}; the first one runs` });
  expect(kernels('mmx')).toMatchObject({
    state: 'missing',
    detail: expect.stringMatching(/^INVALID_ARGUMENT: NODE_PJRT_ISA: an instruction set is one of .*generic; got mmx$/),
  });
});

test('doctor says what does not work, and exits with 1', () => {
  const env = {
    ...process.env,
    PJRT_CPU_LIBRARY_PATH: file('none.so', 'not a library'),
    NODE_PJRT_CACHE: path.join(scratch, 'empty'),
    CXX: 'no-such-compiler',
  };
  delete (env as NodeJS.ProcessEnv).TPU_LIBRARY_PATH;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'doctor'], { env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(stdout).toMatch(/^compiler {6}missing {2}.*no-such-compiler/m);
  expect(stdout).toMatch(/^cpu plugin {4}missing {2}/m);
  expect(stdout).toMatch(
    process.arch === 'x64' ? /^tpu plugin {4}missing {2}the tpu plugin is not installed/m : /^tpu plugin {4}none {5}/m,
  );
});

test('a reader that goes away is no error', () => {
  // `true` has ended before the command writes.
  const { stderr } = spawnSync('sh', ['-c', '"$0" "$1" plugins list --json | true', process.execPath, main], { encoding: 'utf8' });
  expect(stderr).toBe('');
});

test('attention: a table, JSON, and errors of one line', () => {
  const small = ['attention', '-T', '70', '--heads', '2', '--head-dim', '8', '--runs', '2'];
  const blocks = 2 * Math.ceil(70 / cpuBlocks.blockQ) * Math.ceil(70 / cpuBlocks.blockK);
  expect(good(...small, '--mask', 'causal', 'dense(causal)')).toMatch(
    new RegExp(`^2/2 x 8, T 70, bf16 +cpu +causal .* ${blocks} / ${blocks} +[\\d.]+e-\\d$`, 'm'),
  );
  const rows = JSON.parse(good(...small, '--json', '--dtype', 'f32', '--mask', 'local(3, 0)'));
  expect(rows).toEqual([expect.objectContaining({ target: 'cpu', mask: 'local(3, 0)', blocks, activeBlocks: blocks, comparedRows: 8 })]);
  expect(rows[0].maxError).toBeLessThan(1e-6);
  for (const [args, message] of [
    [['--mask', 'local(-1, 0)'], 'local: left is a whole number of tokens, 0 or more, or null for no bound; got -1'],
    [['--mask', 'caus'], 'a mask is full, causal'],
    [['--kv-heads', '3'], 'attention: heads is a multiple of kvHeads; got 2 heads and 3 kv heads'],
    [['--target', 'nowhere'], 'INVALID_ARGUMENT: '],
  ] as [string[], string][]) {
    const { status, stderr } = run(...small, ...args);
    expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 1, lines: 1 });
    expect(stderr).toContain(`node-pjrt: ${message}`);
  }
});

test('attention: gradients, a soft cap and sinks', () => {
  const small = ['attention', '-T', '70', '--heads', '2', '--head-dim', '8', '--runs', '2', '--dtype', 'f32', '--json'];
  const options = ['--value-dim', '4', '--soft-cap', '30', '--sinks'];
  for (const pass of ['backward', 'forward+backward']) {
    const [row, ...others] = JSON.parse(good(...small, ...options, '--pass', pass));
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      case: `2/2 x 8/4, T 70, f32, soft cap 30, sinks, ${pass}`,
      target: 'cpu',
      mask: 'causal',
      comparedRows: 8,
    });
    expect(row.maxError).toBeGreaterThan(0);
    expect(row.maxError).toBeLessThan(1e-5);
  }
  for (const [args, message] of [
    [['--soft-cap', '0'], "option '--soft-cap <x>' argument '0' is invalid. A number above 0."],
    [['--dtype', 'f64'], "option '--dtype <dtype>' argument 'f64' is invalid. Allowed choices are f32, bf16, f16."],
    [['--pass', 'grad'], "option '--pass <pass>' argument 'grad' is invalid. Allowed choices are forward, backward, forward+backward."],
  ] as [string[], string][])
    expect(run(...small, ...args)).toEqual({ status: 1, stdout: '', stderr: `node-pjrt: ${message}\n` });
});

test('shard: how even, what is sent and held; on the CPU, run and compared', () => {
  const small = ['shard', '-T', '128', '--heads', '4', '--kv-heads', '2', '--head-dim', '8', '--dtype', 'f32', '--runs', '2'];
  const text = good(...small, '--mesh', 'heads=2,sequence=2', '--sinks');
  expect(text).toMatch(
    /^mesh +heads 2 x sequence 2: 4 devices, cpu\na device has +1 of 1 sequences, 2\/1 of 4\/2 heads, 64 of 128 tokens\n/,
  );
  expect(text).toMatch(
    /^placement +zigzag: the busiest device has 0\.0 % more than the mean; contiguous 49\.\d %\nring +2 steps of 3 kinds$/m,
  );
  expect(text).toMatch(
    /^collective-permute +\d+ x .* to another device\nsends .*\nholds .*\nrun .* ms min, .* ms median\nmax error +\d\.\de-\d+$/m,
  );
  const seen = JSON.parse(good(...small, '--mesh', 'data=2', '--batch', '2', '--pass', 'backward', '--json'));
  expect(seen).toMatchObject({
    mesh: { data: 2 },
    target: 'cpu',
    mask: 'causal',
    replicas: 1,
    partitions: 2,
    collectives: [],
    sentBytes: 0,
  });
  expect(seen.maxError).toBeLessThan(1e-5);
  for (const [args, message] of [
    [
      ['--mesh', 'four'],
      "option '--mesh <mesh>' argument 'four' is invalid. A mesh is data=<n>,heads=<n>,sequence=<n>, in any order, or some of these.",
    ],
    [
      ['--mesh', 'heads=2,heads=2'],
      "option '--mesh <mesh>' argument 'heads=2,heads=2' is invalid. A mesh is data=<n>,heads=<n>,sequence=<n>, in any order, or some of these.",
    ],
    [['--mesh', 'model=2'], 'lower: a mesh has the axes data, heads, sequence; got model'],
    [['--mesh', 'heads=8'], "lower: the mesh's axis heads divides heads; got heads 8 and heads 4"],
    [['--mesh', 'sequence=128'], 'devices is a whole number from 1 to 64; got 128'],
    [[], "required option '--mesh <mesh>' not specified"],
  ] as [string[], string][])
    expect(run(...small, ...args)).toEqual({ status: 1, stdout: '', stderr: `node-pjrt: ${message}\n` });
});

testTpu('shard: ahead of time, with times that are estimated', () => {
  const args = ['-T', '2048', '--heads', '4', '--head-dim', '128', '--preset', 'lean', '--mesh', 'sequence=4', '--target', 'v5p'];
  const text = good('shard', ...args);
  expect(text).toMatch(/^mesh +sequence 4: 4 devices, v5p$/m);
  expect(text).toMatch(/^kernels +3 of a TPU in the program$/m);
  expect(text).toMatch(/^at least +.* ms of arithmetic at the chip's peak, .* ms on one link to a neighbour: estimated, not measured$/m);
});

test.each(['estimate', 'tune'])('%s: f16 is for the CPU', (command) => {
  const stderr = 'node-pjrt: the TPU kernels take f32 or bf16; got f16\n';
  expect(run(command, '-T', '256', '--dtype', 'f16')).toEqual({ status: 1, stdout: '', stderr });
});
