/**
 * How long a program takes on a TPU that is not there: its kernels by the compiler's final schedule, XLA's operations around them by the
 * bytes that they move.
 */
import { ShapeError } from '../errors';
import type { Executable } from '../pjrt';
import type { KernelFacts, Module } from '../types';
import { parseBundles } from './bundles';
import { chipOf, type Chip } from '../ir/chips';
import { compileInChild } from './child';
import { compileWithDump, type Dump } from './dump';
import { estimateText } from './estimate-text';
import { type Operation, readHlo } from './hlo';
import { type Loop, loopsOf } from './schedule';

/** Seconds, cycles and shares are estimates; nothing has run. */
export interface Estimate {
  readonly label: "estimated from the compiler's schedule";
  /** The generation: v5p. */
  readonly chip: string;
  readonly topology: string;
  /** Of the busiest core, XLA's operations included. */
  readonly cycles: number;
  readonly seconds: number;
  /** Floating-point operations that the program was made for, of the device's bf16 peak. */
  readonly usefulShare: number;
  /** Time that the MXUs are fed, those of masked pairs included. */
  readonly mxuShare: number;
  readonly tempBytes: number;
  /** Vector memory of the windows and scratch of the largest kernel. */
  readonly vmemBytes: number;
  readonly codeBytes: number;
  /** From the mask to the program's text, where the caller measured it. */
  readonly buildMs?: number;
  /** From the text to an executable, without dumps. */
  readonly compileMs: number;
  /** The same in processor time, where it was compiled here. */
  readonly compileCpuMs?: number;
  /** In the order of the code. */
  readonly loops: readonly (Loop & { readonly kernel: string })[];
  /** The kernels' cycles by less of the model: without HBM, and without waiting for MXUs either; and HBM alone at full bandwidth. */
  readonly scheduleCycles: number;
  readonly bundleCycles: number;
  readonly hbmCycles: number;
  /** XLA's operations around the kernels: bytes by the chip's bandwidth. */
  readonly operations: readonly Operation[];
  readonly operationSeconds: number;
  toString(): string;
}

export interface EstimateOptions {
  /** Of a module, what to compile it for: `v5p:2x2x1`, the default, or another of v4, v5e, v5p, v6e, tpu7x. An executable has its own. */
  readonly topology?: string;
  readonly buildMs?: number;
}

/**
 * Estimates a program of `lower(spec, 'tpu')`, or an executable of it that `Topology.compile` made. It is compiled in a process of its
 * own, with dumps that are deleted. Throws ShapeError for a program whose kernels do not say what they do (as any from text, and a dense
 * mask's) and for a topology whose schedules are not known, PjrtError where the compiler fails.
 */
export async function estimate(program: Executable | Module, options: EstimateOptions = {}): Promise<Estimate> {
  const { module, topology, compileMs } =
    'text' in program ? { module: program, topology: options.topology ?? 'v5p:2x2x1' } : originOf(program);
  const chip = chipOf(topology);
  if (!module.kernels?.length)
    throw new ShapeError(
      "a schedule is read of the kernels of lower(spec, 'tpu'); this program has none that says how often its parts run",
    );
  const task = { text: module.text, topology };
  const undumped = compileMs === undefined ? await compileInChild(task) : { compileMs, cpuMs: undefined };
  const dump = await compileWithDump(module.text, topology);
  return summary({ module, topology, chip, dump, compileMs: undumped.compileMs, compileCpuMs: undumped.cpuMs, buildMs: options.buildMs });
}

function originOf(executable: Executable): { module: Module; topology: string; compileMs?: number } {
  if (executable.origin) return executable.origin;
  throw new ShapeError('estimate takes a module, or an executable that Topology.compile made of the module of a TPU kernel');
}

interface Parts {
  readonly module: Module;
  readonly topology: string;
  readonly chip: Chip;
  readonly dump: Dump;
  readonly compileMs: number;
  readonly compileCpuMs?: number;
  readonly buildMs?: number;
}

function summary({ module, topology, chip, dump, compileMs, compileCpuMs, buildMs }: Parts): Estimate {
  const { operations, kernels } = readHlo(dump.hlo);
  const facts = factsByBody(module);
  const loops = kernels.flatMap(({ name, body }) => {
    const [bundles, known] = [dump.bundles.get(name), facts.get(body)];
    if (bundles === undefined || !known)
      throw new ShapeError(`every kernel has a schedule and says what it does; ${name} lacks ${known ? 'the one' : 'the other'}`);
    return loopsOf(parseBundles(bundles, chip.delaySlots), known, chip).map((loop) => ({ kernel: known.name, ...loop }));
  });
  const total = (of: (loop: Loop) => number) => loops.reduce((sum, loop) => sum + loop.runs * of(loop), 0);
  const operationSeconds = operations.reduce((sum, { bytes }) => sum + bytes, 0) / chip.hbmBytesPerSecond;
  const cycles = total((loop) => loop.cycles) + operationSeconds * chip.hertz;
  const seconds = cycles / chip.hertz;
  const figures = {
    label: "estimated from the compiler's schedule" as const,
    chip: chip.name,
    topology,
    cycles: Math.round(cycles),
    seconds,
    usefulShare: (module.hiddenFlops ?? 0) / seconds / chip.flopsPerSecond,
    mxuShare: total((loop) => loop.mxuCycles) / cycles,
    tempBytes: dump.compiled.tempBytes,
    vmemBytes: Math.max(...(module.kernels ?? []).map(({ vmemBytes }) => vmemBytes)),
    codeBytes: dump.compiled.codeBytes,
    ...(buildMs === undefined ? {} : { buildMs }),
    compileMs,
    ...(compileCpuMs === undefined ? {} : { compileCpuMs }),
    loops: Object.freeze(loops),
    scheduleCycles: total((loop) => loop.scheduleCycles),
    bundleCycles: total((loop) => loop.bundles),
    hbmCycles: total((loop) => loop.hbmCycles),
    operations: Object.freeze(operations),
    operationSeconds,
  };
  return Object.freeze(Object.defineProperty(figures, 'toString', { value: () => estimateText(figures) })) as Estimate;
}

/** What the kernels say, by their bodies: base64 text that both the program and the compiler's dump have. */
function factsByBody({ text, kernels = [] }: Module): Map<string, KernelFacts> {
  const bodies = [...text.matchAll(/body\W+?22?:?\W*?(?:\\22|")([A-Za-z0-9+/=]{64,})/g)].map(([, body]) => body);
  if (bodies.length !== kernels.length)
    throw new ShapeError(`a module's kernels are those of its text; it names ${kernels.length}, the text has ${bodies.length}`);
  return new Map(bodies.map((body, i) => [body, kernels[i]]));
}
