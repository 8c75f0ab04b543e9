/** The peer: JAX's splash attention in a Python that somebody else set up, a process a case (peer.py). */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpus } from 'node:os';
import * as path from 'node:path';
import { pluginEnvironment } from '../../pjrt/environment';
import { pluginPath } from '../../supply';
import { bytesText } from '../../timing/units';
import type { BenchmarkCase } from '../cases';
import { availableBytes } from '../machine';
import type { BenchmarkRow, Phase } from '../record';
import { emptyRow } from '../run';
import { loadMeter, sampleOf } from '../sample';
import { maskKind } from './series';
import { timeText, tokensText } from './words';

export interface PeerOptions {
  /** An executable with jax in it. */
  readonly python: string;
  /** The topology that both systems compile for. */
  readonly target: string;
  /** Of the repetitions of a case, milliseconds; one is always made. */
  readonly budgetMs: number;
  /** A case that would take longer, milliseconds, is skipped, and the longer ones of its mask with it. */
  readonly limitMs: number;
}

/** What peer.py answers; a run is wall and processor milliseconds. */
interface Answer {
  readonly version: string;
  readonly phases: Readonly<Record<'build' | 'lower' | 'compile', readonly (readonly [wall: number, cpu: number])[]>>;
  readonly textBytes: number;
  readonly codeBytes: number;
  readonly tempBytes: number;
  /** Of the whole process. */
  readonly cpuMs: number;
  readonly peakBytes: number;
}

/** The package's own file: this folder's, or of a built package the one of its sources. */
const script = path.join(__dirname, '..', '..', '..', 'lib', 'bench', 'story', 'peer.py');

/** As axlearn calls the kernel. */
const block = 512;

/** The peer's rows, one by one; it never throws for what the peer fails of. `onCase` is told before each. */
export async function* peerRows(
  cases: readonly BenchmarkCase[],
  options: PeerOptions,
  onCase: (name: string) => void,
): AsyncGenerator<BenchmarkRow> {
  const longest = new Map<string, BenchmarkRow>();
  const ended = new Set<string>();
  for (const one of [...cases].sort((a, b) => a.options.queries - b.options.queries)) {
    if (ended.has(one.mask)) continue;
    const empty = emptyPeerRow(one, options.target);
    onCase(empty.name);
    const reason = tooMuch(one, longest.get(one.mask), options.limitMs);
    const row = reason ? { ...empty, skipped: true, skip_message: reason } : await measured(one, empty, options);
    if (row.phases.compile) longest.set(one.mask, row);
    else ended.add(one.mask);
    yield row;
  }
}

/** A mask is analysed in the build, whose time grows with its pairs, as memory does: the next T is foreseen by the last one. */
function tooMuch({ options: { queries } }: BenchmarkCase, before: BenchmarkRow | undefined, limitMs: number): string | undefined {
  if (!before) return undefined;
  const growth = (queries / before.queries) ** 2;
  const [ms, bytes] = [(before.phases.build?.median ?? 0) * growth, (before.peak_bytes ?? 0) * growth];
  const from = `foreseen from T ${tokensText(before.queries)}`;
  if (ms > limitMs && growth > 1) return `would take ${timeText(ms)}, ${from}; the limit is ${timeText(limitMs)}`;
  // What is there of Python and JAX does not grow; where that is most of it there is no need to foresee anything.
  if (maskKind(before.mask) === 'dense' && before.queries >= 8192 && bytes > availableBytes())
    return `would need ${bytesText(bytes)}, ${from}; ${bytesText(availableBytes())} are available`;
  return undefined;
}

function emptyPeerRow(one: BenchmarkCase, target: string): BenchmarkRow {
  const row = emptyRow(one, target);
  const name = `${row.name}/system:jax`;
  return { ...row, name, run_name: name, system: 'jax' };
}

async function measured(one: BenchmarkCase, row: BenchmarkRow, options: PeerOptions): Promise<BenchmarkRow> {
  const { heads = 1, kvHeads = heads, headDim, queries } = one.options;
  const [, left] = /^local\((\d+)/.exec(one.mask) ?? [];
  const job = {
    mask: maskKind(one.mask),
    window: left === undefined ? undefined : Number(left) + 1,
    tokens: queries,
    heads,
    kvHeads,
    headDim,
    block,
    topology: options.target,
    budgetMs: options.budgetMs,
  };
  const [load, begin] = [loadMeter(), performance.now()];
  try {
    const answer = await ask(options.python, JSON.stringify(job), 3 * options.limitMs);
    // The meter takes the peer for other work.
    const own = answer.cpuMs / ((performance.now() - begin) * cpus().length);
    const others = load();
    const share = others === undefined ? undefined : Math.max(0, others - own);
    const phases = Object.fromEntries(Object.entries(answer.phases).map(([name, runs]) => [name, phaseSample(runs, share)]));
    const { version, textBytes, codeBytes, tempBytes, peakBytes } = answer;
    return {
      ...row,
      system: `jax ${version}`,
      phases: phases as Partial<Record<Phase, ReturnType<typeof phaseSample>>>,
      iterations: 1,
      real_time: Object.values(phases).reduce((sum, { median }) => sum + median, 0),
      cpu_time: Object.values(phases).reduce((sum, { cpu }) => sum + Math.min(...cpu), 0),
      text_bytes: textBytes,
      code_bytes: codeBytes,
      temp_bytes: tempBytes,
      peak_bytes: peakBytes,
    };
  } catch (error) {
    return { ...row, error_occurred: true, error_message: (error as Error).message.split('\n')[0] };
  }
}

/** The first run is the cold one of its process, and counts only where it is alone. */
function phaseSample(runs: readonly (readonly [wall: number, cpu: number])[], load: number | undefined) {
  const from = runs.length > 1 ? 1 : 0;
  const [times, cpu] = [runs.map(([wall]) => wall), runs.map(([, used]) => used)];
  return sampleOf({ times: times.slice(from), cpu: cpu.slice(from), warmup: times.slice(0, from), steady: runs.length > 1 }, load);
}

/** Runs peer.py with a job. Throws Error with the last line that it said where it does not answer. */
async function ask(python: string, job: string, timeoutMs: number): Promise<Answer> {
  const child = spawn(python, [script], { env: environment() });
  const stop = () => child.kill();
  const timer = setTimeout(stop, timeoutMs);
  process.once('exit', stop);
  try {
    return JSON.parse(await answerOf(child, job)) as Answer;
  } finally {
    clearTimeout(timer);
    process.removeListener('exit', stop);
  }
}

function answerOf(child: ChildProcess, job: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let [answer, words] = ['', ''];
    child.stdout?.on('data', (data: Buffer) => {
      answer += data.toString();
    });
    child.stderr?.on('data', (data: Buffer) => {
      words = (words + data.toString()).slice(-4000);
    });
    child.on('error', (error) => reject(new Error(`the peer's Python cannot be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(answer);
      const last = words.trim().split('\n').at(-1);
      reject(new Error(`the peer ended with ${signal ?? `code ${code}`}${last ? `: ${last}` : ''}`));
    });
    // One that has ended already does not read.
    child.stdin?.on('error', () => {});
    child.stdin?.end(job);
  });
}

/** The same libtpu, under the same variables, which compiles and takes no TPU; JAX itself computes nothing. */
function environment(): NodeJS.ProcessEnv {
  const needed = Object.fromEntries(pluginEnvironment().flatMap(([name, value, append]) => (append ? [] : [[name, value]])));
  return { ...needed, TPU_LIBRARY_PATH: pluginPath('tpu'), ...process.env, ALLOW_MULTIPLE_LIBTPU_LOAD: '1', JAX_PLATFORMS: 'cpu' };
}
