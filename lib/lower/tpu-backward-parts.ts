/**
 * dK and dV of a kv group whose heads come one after the other, a whole plane each: the sums of the heads before stand in HBM, f32, and
 * go through two slots of vector memory. A column's are read while its tiles are computed and added at its end.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';

/** Words of the scalar state: the slot of the column, and of each slot whether its write is in flight. */
export const partWords = 3;
const word = { slot: 0, busy: 1 } as const;

export interface PartRefs {
  /** Of dK and dV: sums of the column f32 [block, size], slots [2, block, size], and in HBM all of a core's, [columns, block, size]. */
  readonly sums: readonly V[];
  readonly slots: readonly V[];
  readonly memory: readonly V[];
  /** [4, 2]: reads of dK and dV, writes of both; by slot. */
  readonly semaphores: V;
  readonly state: V;
  /** The first of `partWords` words. */
  readonly at: number;
}

export class Parts {
  constructor(
    private readonly refs: PartRefs,
    private readonly plan: { readonly columns: number; readonly group: number },
    private readonly here: { readonly column: V; readonly g: V },
  ) {}

  start(): void {
    for (let i = 0; i < partWords; i++) m.storeScalar(0, this.refs.state, this.refs.at + i);
  }

  /** At the top of a column. */
  begin(): void {
    const slot = this.slot();
    // The write of two columns ago; of the one before where it is the same column, of the head before.
    this.settle(slot);
    if (this.plan.columns === 1) this.settle(m.sub(m.constant(1), slot));
    m.when(this.isLater(), () => this.copies(slot, 'read', m.startCopy));
  }

  /** At its end: adds the heads before to the column's sums, and hands them on to the next head. */
  end(): void {
    const slot = this.slot();
    const { sums, slots } = this.refs;
    m.when(this.isLater(), () => {
      this.copies(slot, 'read', m.waitCopy);
      for (const [i, sum] of sums.entries()) {
        const { shape } = sum.type as m.Ref;
        m.store(m.add(m.load(sum), m.reshape(m.load(slots[i], [1, ...shape], [slot, 0, 0]), shape)), sum);
      }
    });
    m.when(m.lt(this.here.g, this.plan.group - 1), () => {
      for (const [i, sum] of sums.entries()) m.store(m.reshape(m.load(sum), [1, ...(sum.type as m.Ref).shape]), slots[i], [slot, 0, 0]);
      this.copies(slot, 'write', m.startCopy);
      this.setBusy(slot, 1);
    });
    m.storeScalar(m.sub(m.constant(1), slot), this.refs.state, this.refs.at + word.slot);
  }

  finish(): void {
    for (const slot of [0, 1]) this.settle(m.constant(slot));
  }

  private slot(): V {
    return m.loadScalar(this.refs.state, this.refs.at + word.slot);
  }

  private isLater(): V {
    return m.gt(this.here.g, 0);
  }

  private setBusy(slot: V, value: number): void {
    m.storeScalar(value, this.refs.state, m.add(slot, this.refs.at + word.busy));
  }

  private settle(slot: V): void {
    m.when(m.eq(m.loadScalar(this.refs.state, m.add(slot, this.refs.at + word.busy)), 1), () => {
      this.copies(slot, 'write', m.waitCopy);
      this.setBusy(slot, 0);
    });
  }

  private copies(slot: V, way: 'read' | 'write', act: (source: V, target: V, semaphore: V) => void): void {
    const { memory, slots, semaphores } = this.refs;
    for (const [i, one] of memory.entries()) {
      const [, ...shape] = (one.type as m.Ref).shape;
      const far = m.squeeze(m.slice(one, [this.here.column, 0, 0], [1, ...shape]), shape);
      const near = m.squeeze(m.slice(slots[i], [slot, 0, 0], [1, ...shape]), shape);
      const semaphore = m.squeeze(m.slice(semaphores, [way === 'read' ? i : 2 + i, slot], [1, 1]), []);
      act(...((way === 'read' ? [far, near] : [near, far]) as [V, V]), semaphore);
    }
  }
}
