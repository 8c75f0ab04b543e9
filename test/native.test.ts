/** The attention kernels without Node: native/test/attention_test.cc under sanitizers, and for aarch64 under emulation. */
import { execFile, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';

const native = path.join(__dirname, '..', 'native');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt native '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const run = promisify(execFile);
const sources = ['test/attention_test', 'test/attention_paired'].concat(
  fs
    .readFileSync(path.join(native, 'sources.txt'), 'utf8')
    .split('\n')
    .filter((file) => file.startsWith('attention'))
    .map((file) => path.basename(file, '.cc')),
);

const onPath = (command: string) => spawnSync(command, ['--version']).status === 0;
// As set-up finds it.
const compiler = [process.env.CXX, 'g++', 'c++', 'clang++'].find((name) => name && onPath(name.split(' ')[0]))?.split(' ') ?? [];

/** A command, and the arguments that come first. */
type Command = readonly string[];
const start = ([file, ...first]: Command, ...args: string[]) => run(file, [...first, ...args], { maxBuffer: 1 << 26 });

/** The program, compiled with a file on each core. */
async function build(command: Command): Promise<string> {
  const folder = fs.mkdtempSync(path.join(scratch, 'build '));
  const object = (source: string) => path.join(folder, `${path.basename(source)}.o`);
  // The kernels of AVX-512 take longest.
  const left = [...sources].sort((a, b) => b.length - a.length);
  const worker = async () => {
    for (let source = left.shift(); source; source = left.shift())
      await start(command, '-std=c++17', '-O1', '-g1', '-Wno-psabi', '-c', path.join(native, `${source}.cc`), '-o', object(source));
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  const program = path.join(folder, 'attention_test');
  await start(command, '-pthread', ...sources.map(object), '-o', program);
  return program;
}

/** Whether programs that are built so start here: the sanitizers' libraries are packages of their own on some systems. */
function works([file, ...first]: Command): boolean {
  const program = path.join(scratch, 'nothing');
  const { status } = spawnSync(file, [...first, '-x', 'c++', '-', '-o', program], { input: 'int main() {}' });
  return status === 0 && spawnSync(program).status === 0;
}

const passed = (stdout: string, kernel: string, problems: number) =>
  expect(stdout).toContain(`${kernel}: ${problems} problems, 0 failures\n`);

test.each([
  { sanitizers: 'address,undefined', problems: 40 },
  { sanitizers: 'thread', problems: 15 },
])(
  'kernels under -fsanitize=$sanitizers',
  async ({ sanitizers, problems }) => {
    const command = [...compiler, `-fsanitize=${sanitizers}`, '-fno-sanitize-recover=all'];
    if (!works(command)) return console.warn(`left out: programs with -fsanitize=${sanitizers} cannot be built or run here`);
    const { stdout } = await start([await build(command)], `${problems}`);
    passed(stdout, 'generic', problems);
    passed(stdout, 'paired', problems);
  },
  300_000,
);

const arm = ['aarch64-linux-gnu-g++', 'qemu-aarch64'];
const missing = arm.filter((command) => !onPath(command));
const armTest = missing.length ? test.skip : test;
armTest(
  `kernels for aarch64${missing.length ? `: no ${missing.join(' and ')}` : ''}`,
  async () => {
    const program = await build([arm[0], '-static']);
    const { stdout } = await start([arm[1], '-cpu', 'max', program], '12');
    for (const kernel of ['neon_bf16', 'generic', 'paired']) passed(stdout, kernel, 12);
  },
  300_000,
);
