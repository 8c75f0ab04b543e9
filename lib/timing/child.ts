/** Compiling in another process: libtpu reads its flags once, when it is loaded. */
import { type ChildProcess, fork } from 'node:child_process';
import * as path from 'node:path';
import { PjrtError, type PjrtCode, PluginError, ShapeError } from '../errors';

/** What the child is told, and what it says. */
export interface Task {
  readonly text: string;
  readonly topology: string;
  /** Compiles in a row; the fastest counts. */
  readonly repeats: number;
}

export interface Compiled {
  /** From the text to an executable. */
  readonly compileMs: number;
  /** Of processors, which other work on the machine does not lengthen. */
  readonly cpuMs: number;
  readonly codeBytes: number;
  readonly tempBytes: number;
}

export type Answer = { readonly compiled: Compiled } | { readonly error: { name: string; message: string; code?: string } };

// The child runs what is built, whoever asks: this file's own folder, or the one beside it where TypeScript is run as it stands.
const entry = path.join(__dirname, '..', '..', 'dist', 'timing', 'child-main.js');

/**
 * Compiles StableHLO text for a topology in a process of its own, with `flags` added to LIBTPU_INIT_ARGS. Throws what the compiler
 * throws, and Error where the process ends without a word.
 */
export async function compileInChild(task: Omit<Task, 'repeats'> & { repeats?: number }, flags: readonly string[] = []): Promise<Compiled> {
  const initial = process.env.LIBTPU_INIT_ARGS;
  const child = fork(entry, {
    execArgv: [],
    // Flags that end it are an error as it is.
    env: { ...process.env, LIBTPU_INIT_ARGS: [...(initial ? [initial] : []), ...flags].join(' '), NODE_PJRT_CHECK_FLAGS: '0' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const stop = () => child.kill();
  process.once('exit', stop);
  try {
    return await answerOf(child, { repeats: 1, ...task });
  } finally {
    process.removeListener('exit', stop);
    stop();
  }
}

function answerOf(child: ChildProcess, task: Task): Promise<Compiled> {
  return new Promise((resolve, reject) => {
    let words = '';
    child.stderr?.on('data', (data: Buffer) => {
      words = (words + data.toString()).slice(-2000);
    });
    child.on('message', (answer: Answer) => {
      if ('compiled' in answer) resolve(answer.compiled);
      else reject(errorOf(answer.error));
    });
    child.on('error', reject);
    child.on('close', (code, signal) => reject(new Error(`the compiling process ended with ${signal ?? `code ${code}`}: ${words.trim()}`)));
    child.send(task, (error) => error && reject(error));
  });
}

function errorOf({ name, message, code }: { name: string; message: string; code?: string }): Error {
  if (code) return new PjrtError(code as PjrtCode, message.replace(`${code}: `, ''));
  return name === 'ShapeError' ? new ShapeError(message) : name === 'PluginError' ? new PluginError(message) : new Error(message);
}
