/**
 * The addon with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer under tests of the runtime, in a Node that has none of them:
 *   node test/sanitized.mjs [test file...]
 * Where the compiler has no sanitizers it says so in one line, and that is no failure.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { addonFolder, buildAddon, compiler, hindrance, run, sanitizers, scratchFolder } from './sanitizers.mjs';

const scratch = scratchFolder('sanitized');
// Whatever crosses between JavaScript, the addon and a plugin, threads and bad input above all. What only reads texts is left out.
const suites = [
  'pjrt',
  'pjrt-async',
  'pjrt-bad-input',
  'bad-calls',
  'ended-workers',
  'memory',
  'share',
  'sharded',
  'capabilities',
  'ffi-errors',
  'events',
  'isolated-log',
];

const libraryOf = (name) => spawnSync(compiler.split(' ')[0], [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim();

/** The environment of a Node whose addon has the sanitizers: the library that they need comes before all others. */
function environment() {
  return {
    // Where they look for C++ exceptions, Node has not loaded libstdc++ yet.
    LD_PRELOAD: `${libraryOf('libasan.so')} ${libraryOf('libstdc++.so')}`,
    NODE_PJRT_ADDON: `${addonFolder}/Release/node_pjrt.node`,
    // Plugins bring their own new and take Node's delete.
    ASAN_OPTIONS: `detect_leaks=1:alloc_dealloc_mismatch=0:allocator_may_return_null=1:log_path=${path.join(scratch, 'report')}`,
    // Node and plugins keep much for ever; whether a leak is one of ours is decided below.
    LSAN_OPTIONS: 'exitcode=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    NODE_PJRT_FUZZ_RUNS: process.env.NODE_PJRT_FUZZ_RUNS ?? '0.3',
  };
}

/**
 * Whether the addon itself allocated what leaked: the first frame that is not the sanitizer's is in the addon, or in a source, which only
 * the addon has. What Node allocates for it, the wrappers of externals, is freed by a garbage collection, which an exit has not. A module
 * that is gone is one of a compiler that a test runs: the addon stays to the end.
 */
function isOurs(leak) {
  const frame = leak.split('\n').find((line) => /^ +#\d/.test(line) && !line.includes('/libsanitizer/'));
  return frame !== undefined && (frame.includes('node_pjrt.node+') || !/\+0x[0-9a-f]+\)|<unknown module>/.test(frame));
}

/** What the sanitizers reported: of leaks, those of the addon. */
function problems() {
  return fs
    .readdirSync(scratch)
    .filter((name) => name.startsWith('report'))
    .flatMap((name) => {
      const text = fs.readFileSync(path.join(scratch, name), 'utf8');
      if (!text.includes('LeakSanitizer')) return [text];
      return text.split('\n\n').filter((part) => part.includes(' leak of ') && isOurs(part));
    });
}

function main(files) {
  const reason = hindrance(compiler, `-fsanitize=${sanitizers}`, scratch);
  if (reason) {
    console.log(`left out: the addon under sanitizers: ${reason}`);
    return true;
  }
  if (!buildAddon()) return false;
  const tests = files.length ? files : suites.map((name) => `test/${name}.test.ts`);
  const passed = run(process.execPath, ['node_modules/jest/bin/jest.js', '--runInBand', '--runTestsByPath', ...tests], environment());
  const found = problems();
  for (const one of found) console.error(one);
  console.log(`the addon under sanitizers: ${found.length} problems`);
  return passed && !found.length;
}

process.exitCode = main(process.argv.slice(2)) ? 0 : 1;
