/** The experiment from its first case to its last, which can be asked at any time for what is there. */
import type { BenchmarkRow } from '../record';
import { type Opens, placed, Suite } from '../suite';
import { type PeerOptions, peerRows } from './peer';
import type { Stage } from './plan';

export interface StoryOptions {
  readonly stages: readonly Stage[];
  /** Has its turn after the stage of its target. */
  readonly peer?: PeerOptions & { readonly cases: Stage['cases'] };
  readonly opens: Opens;
  /** Told before each piece of work: which case of how many is at which phase. */
  readonly onPhase: (at: number, total: number, name: string, phase: string) => void;
}

export class Story {
  readonly #options: StoryOptions;
  readonly #rows: BenchmarkRow[] = [];
  #current?: Suite;

  constructor(options: StoryOptions) {
    this.#options = options;
  }

  /** The rows that are done. */
  get rows(): readonly BenchmarkRow[] {
    return [...this.#rows, ...(this.#current?.rows ?? [])];
  }

  /** Cases there are; the peer's, of which it may leave out long ones, among them. */
  get total(): number {
    const { stages, peer } = this.#options;
    return [...stages, { cases: peer?.cases ?? [] }].reduce((sum, { cases }) => sum + cases.length, 0);
  }

  /** Never throws for what a target or the peer fails of: rows say so. */
  async run(): Promise<BenchmarkRow[]> {
    const { stages, peer, opens, onPhase } = this.#options;
    for (const { target, cases, options } of stages) {
      const before = this.#rows.length;
      this.#current = new Suite({
        cases,
        targets: [target],
        opens,
        ...options,
        onPhase: (at, _, name, phase) => onPhase(before + at, this.total, name, phase),
      });
      await this.#current.run();
      this.#rows.push(...this.#current.rows);
      this.#current = undefined;
      if (target === peer?.target) await this.#runPeer(peer);
    }
    return this.#placed(this.#rows);
  }

  async #runPeer(peer: NonNullable<StoryOptions['peer']>): Promise<void> {
    const begun = (name: string) => this.#options.onPhase(this.#rows.length, this.total, name, 'peer');
    for await (const row of peerRows(peer.cases, peer, begun)) this.#rows.push(row);
  }

  /** The rows that are there when somebody interrupts, and what there is of the next one. */
  soFar(): BenchmarkRow[] {
    return this.#placed([...this.#rows, ...(this.#current?.soFar() ?? [])]);
  }

  #placed(rows: readonly BenchmarkRow[]): BenchmarkRow[] {
    const done: BenchmarkRow[] = [];
    for (const row of rows) done.push(placed(row, done));
    return done;
  }
}
