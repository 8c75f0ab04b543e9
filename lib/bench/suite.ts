/** Many cases on several targets, one after the other: rows in google-benchmark's order, and what is there when somebody interrupts. */
import type { Client, Topology } from '../pjrt';
import type { BenchmarkCase } from './cases';
import type { BenchmarkRow, Phase } from './record';
import { failedRow, type RunOptions, runCase } from './run';

/** Opens a target for as long as `use` runs. */
export type Opens = <T>(target: string, use: (on: Client | Topology) => Promise<T>) => Promise<T>;

export interface SuiteOptions extends Omit<RunOptions, 'onPhase'> {
  readonly cases: readonly BenchmarkCase[];
  readonly targets: readonly string[];
  readonly opens: Opens;
  /** Told before each piece of work: which case of how many is at which phase. */
  readonly onPhase?: (at: number, total: number, name: string, phase: Phase | 'estimate' | 'check') => void;
  /** Told when a case is done; `deviceKind` is what it ran on or was compiled for. */
  readonly onRow?: (row: BenchmarkRow, deviceKind: string) => void;
}

/** A run of cases that can be asked at any time for what is there. */
export class Suite {
  readonly rows: BenchmarkRow[] = [];
  readonly #options: SuiteOptions;
  #current?: { readonly row: BenchmarkRow; readonly phase: string };

  constructor(options: SuiteOptions) {
    this.#options = options;
  }

  get total(): number {
    return this.#options.cases.length * this.#options.targets.length;
  }

  /** Never throws for a target that cannot be had: its rows say so. */
  async run(): Promise<readonly BenchmarkRow[]> {
    const { cases, targets, opens, onPhase, onRow, ...options } = this.#options;
    for (const [t, target] of targets.entries()) {
      const done = () => this.rows.length - t * cases.length;
      const add = (row: BenchmarkRow, kind: string) => {
        this.#current = undefined;
        this.rows.push(placed(row, this.rows));
        onRow?.(this.rows[this.rows.length - 1], kind);
      };
      try {
        await opens(target, async (on) => {
          for (const benchmarkCase of cases) {
            const told: RunOptions['onPhase'] = (phase, row) => {
              this.#current = { row, phase };
              onPhase?.(this.rows.length, this.total, row.name, phase);
            };
            add(await runCase(benchmarkCase, on, { ...options, onPhase: told }), on.devices[0].kind);
          }
        });
      } catch (error) {
        for (const benchmarkCase of cases.slice(done())) add(failedRow(benchmarkCase, target, error as Error), target);
      }
    }
    return this.rows;
  }

  /** The rows that are done, and of the one that is not what it has, as skipped. */
  soFar(): readonly BenchmarkRow[] {
    if (!this.#current) return this.rows;
    const { row, phase } = this.#current;
    return [
      ...this.rows,
      placed({ ...row, phases: { ...row.phases }, skipped: true, skip_message: `interrupted during ${phase}` }, this.rows),
    ];
  }
}

/** With its family and its place in it; a family is the name's first part. */
export function placed(row: BenchmarkRow, before: readonly BenchmarkRow[]): BenchmarkRow {
  const familyOf = ({ name }: BenchmarkRow) => name.split('/')[0];
  const families = [...new Set([...before, row].map(familyOf))];
  const instances = before.filter((other) => familyOf(other) === familyOf(row)).length;
  return { ...row, family_index: families.indexOf(familyOf(row)), per_family_instance_index: instances };
}
