/** What the schedule reader knows of each TPU generation. */
import { ShapeError } from '../errors';

export interface Chip {
  readonly name: string;
  /** TensorCores that run one program together (v4 and v5p: both of a chip); tpu7x shows each of its two as a device. */
  readonly cores: number;
  readonly mxus: number;
  /** Rows of the left operand that an MXU takes a cycle. */
  readonly rowsPerCycle: number;
  readonly hertz: number;
  /** Of the device: all its cores. */
  readonly hbmBytesPerSecond: number;
  readonly flopsPerSecond: number;
  /** Bundles after a branch that still run. */
  readonly delaySlots: number;
}

/**
 * Peaks and bandwidths: Google Cloud's pages on each generation. The clock is what makes the peak of the MXUs: v5p 459e12 / (2 cores x 4 MXUs x 2 x 128 x 128) = 1.75 GHz.
 * v6e's and tpu7x's MXUs are 256 x 256 and take two rows a cycle: their schedules issue a 16-row vmatmul each 8 cycles at the closest, and one row a cycle
 * would mean 3.5 and 4.4 GHz. Delay slots: from branches and the regions that start after them in libtpu 0.0.52's final bundles.
 */
const chips: Readonly<Record<string, Chip>> = Object.fromEntries(
  (
    [
      { name: 'v4', cores: 2, mxus: 4, rowsPerCycle: 1, hertz: 1.05e9, hbmBytesPerSecond: 1228e9, flopsPerSecond: 275e12, delaySlots: 1 },
      { name: 'v5e', cores: 1, mxus: 4, rowsPerCycle: 1, hertz: 1.5e9, hbmBytesPerSecond: 819e9, flopsPerSecond: 197e12, delaySlots: 4 },
      { name: 'v5p', cores: 2, mxus: 4, rowsPerCycle: 1, hertz: 1.75e9, hbmBytesPerSecond: 2765e9, flopsPerSecond: 459e12, delaySlots: 4 },
      { name: 'v6e', cores: 1, mxus: 2, rowsPerCycle: 2, hertz: 1.75e9, hbmBytesPerSecond: 1640e9, flopsPerSecond: 918e12, delaySlots: 4 },
      {
        name: 'tpu7x',
        cores: 1,
        mxus: 2,
        rowsPerCycle: 2,
        hertz: 2.2e9,
        hbmBytesPerSecond: 3690e9,
        flopsPerSecond: 1153.5e12,
        delaySlots: 6,
      },
    ] as const
  ).map((chip) => [chip.name, chip]),
);

/** The chip of a topology's name, `v5p:2x2x1`. Throws ShapeError for a generation whose schedules cannot be read. */
export function chipOf(topology: string): Chip {
  const [name] = topology.split(':');
  if (!Object.hasOwn(chips, name))
    throw new ShapeError(`a schedule is read for a topology of ${Object.keys(chips).join(', ')}; got ${topology}`);
  return chips[name];
}
