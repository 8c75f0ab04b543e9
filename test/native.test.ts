/** The attention kernels without Node: native/test/attention_test.cc under sanitizers, and for aarch64 under emulation. */
import { execFile, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';

const native = path.join(__dirname, '..', 'native');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt native '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const sources = [
  ...fs.readdirSync(path.join(native, 'test')).flatMap((file) => (/(?<!bench)\.cc$/.test(file) ? [`test/${file}`] : [])),
  ...fs
    .readFileSync(path.join(native, 'sources.txt'), 'utf8')
    .split('\n')
    .filter((file) => file.startsWith('attention')),
];
// Kernels of one body with others: with sanitizers these would take half as long again to compile as all else.
const isBare = (source: string) => source.startsWith('attention_avx');
// Wide vectors without the instructions for them, which are slow to optimize.
const isUnoptimized = (source: string) => source === 'test/attention_amx.cc';

const onPath = (command: string) => spawnSync(command, ['--version']).status === 0;
// As set-up finds it.
const compiler = [process.env.CXX, 'g++', 'c++', 'clang++'].find((name) => name && onPath(name.split(' ')[0])) ?? 'c++';

/** Runs a command, which may have arguments already. */
function run(command: string, ...args: string[]) {
  const [file, ...first] = command.split(' ');
  return promisify(execFile)(file, [...first, ...args], { maxBuffer: 1 << 26 });
}

/** Object files by the commands that make them. */
const objects = new Map<string, string>();

/** The program, compiled with a file on each core. */
async function build(compile: string, sanitizers: readonly string[] = []): Promise<string> {
  const folder = fs.mkdtempSync(path.join(scratch, 'build '));
  // Long names are those of kernels, which take longest.
  const left = [...sources].sort((a, b) => b.length - a.length);
  const program = path.join(folder, 'attention_test');
  const linked: string[] = [];
  const worker = async () => {
    for (let source = left.shift(); source; source = left.shift()) {
      const flags = ['-std=c++17', isUnoptimized(source) ? '-O0' : '-O1', '-g1', '-Wno-psabi', ...(isBare(source) ? [] : sanitizers)];
      const key = [compile, ...flags, source].join(' ');
      const object = objects.get(key) ?? path.join(folder, `${path.basename(source)}.o`);
      if (!objects.has(key)) await run(compile, ...flags, '-c', path.join(native, source), '-o', object);
      objects.set(key, object);
      linked.push(object);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  await run(compile, ...sanitizers, '-pthread', ...linked, '-o', program);
  return program;
}

/** Why programs that are compiled so do not run here: the sanitizers' libraries are packages of their own on some systems. */
function hindrance(flags: readonly string[]): string | undefined {
  const program = path.join(scratch, 'nothing');
  const [file, ...first] = compiler.split(' ');
  const { status } = spawnSync(file, [...first, ...flags, '-x', 'c++', '-', '-o', program], { input: 'int main() {}' });
  if (status !== 0) return `${compiler} cannot link it`;
  if (spawnSync(program).status !== 0) return 'programs with it do not run';
}

/** A test, or one that is skipped and says why. */
function testUnless(reason: string | undefined, name: string, body: () => Promise<void>): void {
  if (reason) test.skip(`${name}: ${reason}`, body);
  else test(name, body, 900_000);
}

/** Runs the program, whose exit status is 0 where nothing failed. */
async function expectToPass(kernels: readonly string[], problems: number, command: string, ...args: string[]): Promise<void> {
  const { stdout } = await promisify(execFile)(command, [...args, `${problems}`, ...kernels]);
  for (const kernel of kernels) expect(stdout).toContain(`${kernel}: ${problems} problems, 0 failures\n`);
}

for (const { sanitizers, problems, kernels } of [
  { sanitizers: 'address,undefined', problems: 200, kernels: [] },
  { sanitizers: 'thread', problems: 15, kernels: ['generic', 'paired'] },
]) {
  const flags = [`-fsanitize=${sanitizers}`, '-fno-sanitize-recover=all'];
  testUnless(hindrance(flags), `kernels with ${flags[0]}`, async () => expectToPass(kernels, problems, await build(compiler, flags)));
}

const lacking = ['aarch64-linux-gnu-g++', 'qemu-aarch64'].filter((command) => !onPath(command));
testUnless(lacking.length ? `no ${lacking.join(' and no ')}` : undefined, 'kernels for aarch64', async () => {
  const program = await build('aarch64-linux-gnu-g++ -static');
  await expectToPass(['neon_bf16', 'generic'], 12, 'qemu-aarch64', '-cpu', 'max', program);
});
