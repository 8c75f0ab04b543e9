/** What a kernel must know of each TPU generation, and of the compilers that take it. */
import { ShapeError, shown } from '../errors';

export interface Chip {
  readonly name: string;
  /** The smallest topology to compile for. */
  readonly topology: string;
  /** Cores that share a program and its parallel grid dimensions: a device's `num_cores`. */
  readonly cores: number;
  /** Of a core. */
  readonly mxus: number;
  /** Rows and columns of an MXU. */
  readonly mxuSize: number;
  /** Rows of the left side that an MXU takes a cycle, in bf16. */
  readonly rowsPerCycle: number;
  readonly hertz: number;
  /** Of a device (one program), bf16: cores x mxus x mxuSize^2 x 2 x rowsPerCycle x clock. */
  readonly flopsPerSecond: number;
  /** Of a device. */
  readonly hbmBytesPerSecond: number;
  /** Of one link to a neighbour, one way; where it is documented. */
  readonly linkBytesPerSecond?: number;
  /** What a program may take of a device's memory. */
  readonly hbmBytes: number;
  /** Vector memory that windows and scratch of a kernel may take, of a core. */
  readonly vmemBytes: number;
  /** Scalar memory that prefetched arrays and scratch may take, of a core. */
  readonly smemBytes: number;
  /** Bundles after a branch that still run. */
  readonly delaySlots: number;
}

const GiB = 2 ** 30;
const MiB = 2 ** 20;
const KiB = 2 ** 10;

/*
 * Vector memory: libtpu 0.0.52, "Used 240.00M of 63.94M vmem" and the like, with `scoped_memory_configs` asking for more than there is.
 * Of 64 MiB on v5p, 64 KiB were kept back (64 MiB + 12 KiB of windows and scratch was 76 KiB too much). Scalar memory: 1000 KiB compile
 * on v5p and 1024 KiB are 140 bytes too many; the rest have as much (jax/_src/pallas/mosaic/tpu_info.py). Cores: the topology's own
 * `num_cores`; v4:2x2x1 and tpu7x:2x2x1 have two devices a chip, of one core each, so their peak and bandwidth are half a chip's (a v4
 * that runs as megacore has one of two cores). MXUs, peak: tpu_info.py; MXUs as libtpu's schedules name them. HBM:
 * cloud.google.com/tpu/docs, a page a generation; its size: "exceeds available HBM (95.73G)" and the like of libtpu 0.0.52. Clocks: v4 1.05 GHz (Jouppi et al., ISCA 2023); v5e, v5p, v6e, tpu7x are the peak over
 * the flop a cycle, with `rowsPerCycle` 2 for the last two, since 1 would make 3.5 and 4.4 GHz: inferred, not documented. Links: a v5p has 1200 GB/s in both
 * directions together (cloud.google.com/tpu/docs/v5p) over the six links of a 3D torus. Delay slots:
 * from branches and the regions that start after them in libtpu 0.0.52's final bundles.
 */
const table = {
  v4: {
    topology: 'v4:2x2x1',
    cores: 1,
    mxus: 4,
    mxuSize: 128,
    rowsPerCycle: 1,
    hertz: 1.05e9,
    flopsPerSecond: 137.5e12,
    hbmBytesPerSecond: 614e9,
    hbmBytes: 15.25 * GiB,
    vmem: 16 * MiB,
    delaySlots: 1,
  },
  v5e: {
    topology: 'v5e:2x2',
    cores: 1,
    mxus: 4,
    mxuSize: 128,
    rowsPerCycle: 1,
    hertz: 1.5e9,
    flopsPerSecond: 197e12,
    hbmBytesPerSecond: 819e9,
    hbmBytes: 15.75 * GiB,
    vmem: 128 * MiB,
    delaySlots: 4,
  },
  v5p: {
    topology: 'v5p:2x2x1',
    cores: 2,
    mxus: 4,
    mxuSize: 128,
    rowsPerCycle: 1,
    hertz: 1.75e9,
    flopsPerSecond: 459e12,
    hbmBytesPerSecond: 2765e9,
    linkBytesPerSecond: 100e9,
    hbmBytes: 95.73 * GiB,
    vmem: 64 * MiB - 64 * KiB,
    delaySlots: 4,
  },
  v6e: {
    topology: 'v6e:2x2',
    cores: 1,
    mxus: 2,
    mxuSize: 256,
    rowsPerCycle: 2,
    hertz: 1.75e9,
    flopsPerSecond: 918e12,
    hbmBytesPerSecond: 1640e9,
    hbmBytes: 31.24 * GiB,
    vmem: 128 * MiB - 64 * KiB,
    delaySlots: 4,
  },
  tpu7x: {
    topology: 'tpu7x:2x2x1',
    cores: 1,
    mxus: 2,
    mxuSize: 256,
    rowsPerCycle: 2,
    hertz: 2.2e9,
    flopsPerSecond: 1155e12,
    hbmBytesPerSecond: 3690e9,
    hbmBytes: 94.74 * GiB,
    vmem: 64 * MiB - 64 * KiB,
    delaySlots: 6,
  },
};

export type ChipName = keyof typeof table;

export const chips: Readonly<Record<ChipName, Chip>> = Object.fromEntries(
  Object.entries(table).map(([name, { vmem, ...rest }]) => [name, { name, ...rest, vmemBytes: vmem, smemBytes: MiB - KiB }]),
) as never;

/** `'v5p'`, or a topology of it, `'v5p:2x2x1'`. Throws ShapeError for a generation that is not in the table. */
export function chipOf(name: string): Chip {
  const [generation] = String(name).split(':');
  if (!Object.hasOwn(chips, generation))
    throw new ShapeError(`a TPU generation is one of ${Object.keys(chips).join(', ')}; got ${shown(name)}`);
  return chips[generation as ChipName];
}

/**
 * The highest version of the dialect that a libtpu takes, from its first release in the table on; it takes every lower one too. Found by
 * compiling with each: "Unsupported version: expected <= 20 but got 30" is what a newer module meets. An operation must have the form of
 * the version that is printed: see `versionsOf`.
 */
const dialects: readonly (readonly [libtpu: readonly number[], version: number])[] = [
  [[0, 0, 21], 7],
  [[0, 0, 30], 9],
  [[0, 0, 42], 14],
  [[0, 0, 52], 20],
];

/** Throws ShapeError for a libtpu older than the table's first. */
export function dialectVersion(libtpu: string): number {
  const parts = libtpu.split('.').map(Number);
  const isFrom = (row: readonly number[]) => {
    for (const [i, n] of row.entries()) if ((parts[i] ?? 0) !== n) return (parts[i] ?? 0) > n;
    return true;
  };
  const found = dialects.filter(([from]) => isFrom(from)).pop();
  if (!found) throw new ShapeError(`a libtpu that takes these kernels is ${dialects[0][0].join('.')} or later; got ${shown(libtpu)}`);
  return found[1];
}
