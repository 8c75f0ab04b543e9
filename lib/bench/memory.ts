/** How much memory a case will take, before anything of it is built, and how much there is. */
import { type AttentionSpec, attention, inputTypes, type Pass } from '../attention';
import { type ChipName, chips } from '../ir/chips';
import { mostMaskBytes } from '../lower/dense-mask';
import type { Client, Topology } from '../pjrt';
import { bytesText } from '../timing/units';
import { bytesOf, sizeOf, type TensorType } from '../types';
import type { BenchmarkCase } from './cases';
import { availableBytes } from './machine';

export interface Need {
  /** On the device: arguments, outputs, temporaries. */
  readonly deviceBytes: number;
  /** Of this machine where it runs: inputs and outputs on their way to and from the device, as they are there and as arrays of JavaScript. */
  readonly arrayBytes: number;
  /** Of a dense mask's bits, which take this machine's memory several times on their way to the compiler. */
  readonly maskBytes: number;
}

/**
 * Arrays of scores (f32, a value a pair of each head) that plain StableHLO holds at once, of a 16-bit dtype and of f32: the compilers' own
 * account of temporaries at T 2048, 8 heads of 128, in xla-cpu-pjrt 0.0.1 and libtpu 0.0.52.
 */
const scoresHeld: Readonly<Record<'cpu' | 'tpu', Record<Pass, readonly [narrow: number, f32: number]>>> = {
  cpu: { forward: [2, 2], backward: [3.5, 5], 'forward+backward': [3.5, 4] },
  tpu: { forward: [1.06, 1.06], backward: [1.53, 1.03], 'forward+backward': [1.53, 2] },
};

/** Copies of a dense mask's bits on their way to a compiler: the bits, their digits in the text, and the text in C++ and in the plugin. */
const maskCopies = 8;

export const isDenseMask = (text: string) => /^\s*dense\s*\(/.test(text);

export function needOf({ options, mask, impl }: BenchmarkCase, target: 'cpu' | 'tpu'): Need {
  const spec = attention(options);
  const types: TensorType[] = [...Object.values(inputTypes(spec)), ...(Object.values(spec.outputs) as TensorType[])];
  const ports = types.reduce((sum, type) => sum + bytesOf(type), 0);
  const arrays = types.reduce((sum, type) => sum + 4 * sizeOf(type), 0);
  const isDense = impl === 'reference' || isDenseMask(mask);
  return {
    deviceBytes: ports + (isDense ? scoresBytes(spec, target) : 0),
    arrayBytes: ports + arrays,
    maskBytes: isDenseMask(mask) ? (spec.queries * spec.keys) / 8 : 0,
  };
}

function scoresBytes({ batch, heads, queries, keys, pass, dtype }: AttentionSpec, target: 'cpu' | 'tpu'): number {
  return 4 * batch * heads * queries * keys * scoresHeld[target][pass][dtype === 'f32' ? 1 : 0];
}

export interface Prediction {
  readonly bytes: number;
  /** Why the case cannot run; undefined where it can. */
  readonly reason?: string;
}

export interface PredictOptions {
  /** Of this machine's memory, the caller's own limit; none by default. */
  readonly mostBytes?: number;
  /** Whether the case is to run, or only to be compiled; true by default. */
  readonly runs?: boolean;
  /** What the compiler says that a run takes of the device, where it has been asked. */
  readonly compiledBytes?: number;
}

/** What a case would take of what is scarcest, and whether it is there. */
export function predict(benchmarkCase: BenchmarkCase, on: Client | Topology, options: PredictOptions = {}): Prediction {
  const { mostBytes = Number.POSITIVE_INFINITY, runs = true, compiledBytes } = options;
  const { arrayBytes, maskBytes, deviceBytes: predicted } = needOf(benchmarkCase, on.target);
  const deviceBytes = compiledBytes ?? predicted;
  const isHere = on.target === 'cpu';
  const inMachine = maskCopies * maskBytes + (runs && 'upload' in on ? arrayBytes : 0) + (runs && isHere ? deviceBytes : 0);
  const bytes = isHere ? inMachine : deviceBytes;
  if (maskBytes > mostMaskBytes) {
    const most = bytesText(mostMaskBytes);
    return { bytes, reason: `a dense mask goes into a program up to ${most}; this one has ${bytesText(maskBytes)}: use a lazy mask` };
  }
  const limits = [
    { needs: inMachine, has: availableBytes(), of: 'of memory are available on this machine' },
    ...(isHere ? [] : [{ needs: deviceBytes, has: deviceLimit(on), of: `of HBM are there on ${on.chip}` }]),
    { needs: inMachine, has: mostBytes, of: 'are the limit that --max-memory sets' },
  ];
  const short = limits.find(({ needs, has }) => needs > has);
  return short ? { bytes, reason: `needs ${bytesText(short.needs)}; ${bytesText(short.has)} ${short.of}` } : { bytes };
}

function deviceLimit(on: Client | Topology): number {
  const known = on.chip && Object.hasOwn(chips, on.chip) ? chips[on.chip as ChipName].hbmBytes : Number.POSITIVE_INFINITY;
  if (!('upload' in on)) return known;
  try {
    return on.devices[0].memoryStats().bytesLimit ?? known;
  } catch {
    // A plugin that does not count.
    return known;
  }
}
