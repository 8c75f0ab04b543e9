/**
 * Fuzzes what reads bytes in C++, and races the kernels' pool: node test/fuzz-native.mjs
 * The targets of native/test/fuzz run with libFuzzer where clang has it, and in any case on their corpus and random changes of it. The number
 * of runs and the seed are fixed; NODE_PJRT_FUZZ_RUNS times as many. What the compilers lack is left out, and said in one line.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { buildAddon, compiler, hindrance, objects, root, run, sanitizers, scratchFolder } from './sanitizers.mjs';

const scratch = scratchFolder('fuzz');
const times = Number(process.env.NODE_PJRT_FUZZ_RUNS ?? 1);
const seed = Number(process.env.NODE_PJRT_FUZZ_SEED ?? 1);

const kernelSources = fs
  .readFileSync(path.join(root, 'native', 'sources.txt'), 'utf8')
  .split('\n')
  .filter((source) => source.startsWith('attention'));
const wide = kernelSources.filter((source) => source.startsWith('attention_avx'));
const others = [...kernelSources.filter((source) => !wide.includes(source)), 'ffi.cc', 'callback.cc'];
/** A row a target: the sources that it tests, and its runs. */
const targets = [
  { name: 'mask', sources: ['attention_mask.cc', 'attention_mask_words.cc'], runs: 50_000 },
  { name: 'call', sources: others, linked: wide, runs: 15_000 },
];

const includes = execFileSync(process.execPath, ['native/include-dirs.js', '--cmake'], { cwd: root, encoding: 'utf8' }).trim().split(';');
const source = (name) => `native/test/fuzz/${name}.cc`;

/** Compiles and links a program from sources, and from the wide kernels' objects, which have no sanitizers. */
function link(command, flags, files, program) {
  const common = ['-std=c++17', '-O1', '-g1', '-pthread', ...includes.flatMap((dir) => ['-isystem', dir]), ...flags];
  return run(command, [...common, ...files, '-o', path.join(scratch, program)]) && path.join(scratch, program);
}

/** As `run`, but what it says is shown only where it fails: libFuzzer says what it does. */
function runQuietly(program, args) {
  const { status, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) console.error(stderr.slice(-10_000));
  return status === 0;
}

const isolated = `-fsanitize=${sanitizers}`;
const whole = '-fno-sanitize-recover=all';

/** By the driver of our own, with the addon's objects. */
function byDriver({ name, sources, linked = [], runs }) {
  const program = link(compiler, [isolated], [source(name), source('driver'), ...[...sources, ...linked].map(objects)], name);
  return program && run(program, [`${runs * times}`, `${seed}`, `native/test/fuzz/corpus/${name}`]);
}

/** By libFuzzer, which follows coverage: what it tests is compiled for that. */
function byLibFuzzer(clang, { name, sources, linked = [], runs }) {
  const files = [source(name), ...sources.map((one) => `native/${one}`), ...linked.map(objects)];
  // Not of functions' types: a plugin's C functions are called by structures that are declared anew here.
  const program = link(clang, [`-fsanitize=fuzzer,${sanitizers}`, whole, '-fno-sanitize=function'], files, `${name}-libfuzzer`);
  const found = path.join(scratch, `${name}-found`);
  fs.mkdirSync(found);
  const options = [`-runs=${runs * times}`, `-seed=${seed}`, '-max_len=600', `-artifact_prefix=${root}`];
  return program && runQuietly(program, [...options, found, `native/test/fuzz/corpus/${name}`]);
}

function raced() {
  const files = [source('pool_test'), ...others.map((one) => `native/${one}`), ...wide.map(objects)];
  const program = link(compiler, ['-fsanitize=thread', whole], files, 'pool_test');
  return program && run(program, [`${20 * times}`]);
}

function main() {
  const results = [];
  process.exitCode = 1;
  const check = (name, reason, work) => {
    if (reason) return void console.log(`left out: ${name}: ${reason}`);
    const begin = performance.now();
    const passed = Boolean(work());
    console.log(`${passed ? 'passed' : 'FAILED'}: ${name}, ${((performance.now() - begin) / 1000).toFixed(0)} s`);
    results.push(passed);
  };
  const lacking = hindrance(compiler, isolated, scratch);
  if (lacking) {
    console.log(`left out: fuzzing in C++: ${lacking}`);
    process.exitCode = 0;
    return;
  }
  check('the addon with sanitizers', undefined, buildAddon);
  if (!results[0]) return;
  for (const target of targets) check(`${target.name}, corpus and random changes`, undefined, () => byDriver(target));
  const clangs = ['clang++', ...[20, 19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`)];
  const empty = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }';
  const clang = clangs.find((one) => !hindrance(one, `-fsanitize=fuzzer,${sanitizers}`, scratch, empty));
  for (const target of targets)
    check(`${target.name} with libFuzzer`, clang ? undefined : 'no clang++ with libFuzzer is here', () => byLibFuzzer(clang, target));
  check("the kernels' pool with ThreadSanitizer", hindrance(compiler, '-fsanitize=thread', scratch), raced);
  process.exitCode = results.includes(false) ? 1 : 0;
}

main();
