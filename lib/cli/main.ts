#!/usr/bin/env node
/** The command line: one file a command. Whatever goes wrong is one line on stderr and exit code 1. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Command } from 'commander';
import { attention } from './attention';
import { bench } from './bench';
import { compile } from './compile';
import { demo } from './demo';
import { devices } from './devices';
import { doctor } from './doctor';
import { estimate } from './estimate';
import { mask } from './mask';
import { plugins } from './plugins';
import { shard } from './shard';
import { tune } from './tune';

const { version } = JSON.parse(readFileSync(path.join(__dirname, '..', '..', 'package.json'), 'utf8')) as { version: string };

const program = new Command('node-pjrt')
  .description('Build, compile and time attention on XLA: on the CPU plugin, on a TPU, or ahead of time for a TPU that is not there.')
  .version(version)
  .addHelpText(
    'after',
    '\nEvery command compiles for real: a compile cache (NODE_PJRT_COMPILE_CACHE) is for programs that use the library.',
  )
  .option('--trace <file>', 'write what the plugins do to a file, for ui.perfetto.dev or chrome://tracing; before the command')
  .hook('preAction', (_, command) => {
    const { trace } = command.optsWithGlobals<{ trace?: string }>();
    if (trace) process.env.NODE_PJRT_TRACE = trace;
  })
  .showSuggestionAfterError(false)
  .configureOutput({ outputError: (text, write) => write(`node-pjrt: ${text.replace(/^error: /, '')}`) });

// A command inherits what the program is set up with, so that comes first.
for (const command of [demo, attention, bench, estimate, tune, shard, mask, compile, devices, plugins, doctor]) command(program);

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
// Through process.exit, so that what an install has begun is cleared away.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));

program.parseAsync().catch((error: Error) => {
  const text = error.message.trim().replace(/\s*\n\s*/g, ' ');
  // A compiler that is out of memory lists every allocation there is.
  console.error(`node-pjrt: ${text.length > 1000 ? `${text.slice(0, 1000)} ...` : text}`);
  process.exitCode = 1;
});
