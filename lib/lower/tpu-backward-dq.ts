/**
 * Where the backward kernel keeps dQ, f32, while columns of keys still add to it, and how it leaves. Columns ascend, so a row's dQ is
 * complete with its last column: it leaves, scaled and in the attention's dtype, through two staging tiles. Until then it lives in vector
 * memory, a tile a row (a ring of as many rows as a band has alive at once), or in HBM, read and written back through a ring of three
 * tiles, one tile ahead. All waits and reads stand at the top of a tile: a wait in the midst of one splits the compiler's basic block
 * there, over which it moves no matmul.
 */
import * as m from '../ir/mosaic';
import type { V } from '../ir/mosaic';

/** A tile's part of dQ. */
export interface RowTile {
  /** Of the core's heads of the group. */
  readonly g: V;
  readonly row: V;
  /** Whether an earlier column has added to the row. */
  readonly touched: V;
}

export interface CurrentTile extends RowTile {
  /** Of all sequences. */
  readonly head: V;
  /** Whether the tile is the row's last column: a scalar i1 where that depends. */
  readonly completes: boolean | V;
  /** Called in code that runs only where the row begins in memory, or leaves it. */
  readonly mark: (part: 'begins' | 'leaves') => void;
}

export interface Unfinished {
  /** At the start of a core. */
  start(): void;
  /** At the top of a tile. */
  begin(tile: CurrentTile, next: RowTile): void;
  add(queries: { first: number; count: number }, product: V): void;
  /** After the tile's last product. */
  end(): void;
  /** Of a row without a tile, zeros leave. */
  leaveZeros(head: V, row: V): void;
  /** At the end of a core. */
  finish(): void;
}

/** Words of the kernel's scalar state. */
export interface DqState {
  readonly memory: V;
  /** The first of `dqWords` words. */
  readonly at: number;
}

export const dqWords = 9;
const word = { stage: 0, staged: 1, slot: 3, written: 4, last: 7, own: 8 } as const;

interface Sizes {
  readonly block: number;
  readonly headDim: number;
  readonly dtype: 'f32' | 'bf16';
  readonly scale: number;
}

/** What both places share: the staging tiles and the state. */
abstract class Leaving implements Unfinished {
  protected tile!: CurrentTile;
  protected slot!: V;

  constructor(
    protected readonly sizes: Sizes,
    /** f32 [tiles, block, headDim]. */
    protected readonly sums: V,
    /** Staging tiles [2, block, headDim], the output in HBM [heads, tokens, headDim], a semaphore a staging tile. */
    private readonly leaving: { readonly stages: V; readonly out: V; readonly semaphores: V },
    private readonly state: DqState,
  ) {}

  start(): void {
    for (let i = 0; i < dqWords; i++) this.set(i, i === word.last ? -1 : 0);
  }

  abstract begin(tile: CurrentTile, next: RowTile): void;
  abstract end(): void;

  add({ first, count }: { first: number; count: number }, product: V): void {
    const shape = [1, count, this.sizes.headDim];
    const at = [this.slot, first, 0];
    m.store(m.add(m.load(this.sums, shape, at), m.reshape(product, shape)), this.sums, at);
  }

  finish(): void {
    for (const stage of [0, 1]) this.settleStage(m.constant(stage));
  }

  leaveZeros(head: V, row: V): void {
    const { block, headDim, dtype } = this.sizes;
    const stage = this.get(word.stage);
    this.settleStage(stage);
    m.store(m.constant(0, m.vector(dtype, [1, block, headDim])), this.leaving.stages, [stage, 0, 0]);
    this.send(head, row, stage);
  }

  protected get(at: number | V): V {
    return m.loadScalar(this.state.memory, typeof at === 'number' ? this.state.at + at : m.add(at, this.state.at));
  }

  protected set(at: number | V, value: V | number): void {
    m.storeScalar(value, this.state.memory, typeof at === 'number' ? this.state.at + at : m.add(at, this.state.at));
  }

  protected zero(slot: V): void {
    const { block, headDim } = this.sizes;
    m.store(m.constant(0, m.vector('f32', [1, block, headDim])), this.sums, [slot, 0, 0]);
  }

  /** Before a tile that completes its row: the staging tile is free. */
  protected prepareStage(): void {
    const { completes } = this.tile;
    if (completes === false) return;
    const stage = this.get(word.stage);
    if (completes === true) this.settleStage(stage);
    else m.when(completes, () => this.settleStage(stage));
  }

  /** After it: the sums leave. */
  protected leave(): void {
    const { block, headDim, dtype, scale } = this.sizes;
    const stage = this.get(word.stage);
    const sums = m.load(this.sums, [1, block, headDim], [this.slot, 0, 0]);
    m.store(m.convert(m.mul(sums, scale), dtype), this.leaving.stages, [stage, 0, 0]);
    this.send(this.tile.head, this.tile.row, stage);
  }

  private copyOf(head: V | number, row: V | number, stage: V): [V, V, V] {
    const { block, headDim } = this.sizes;
    const { stages, out, semaphores } = this.leaving;
    const first = typeof row === 'number' ? row * block : m.mul(row, block);
    return [
      m.squeeze(m.slice(stages, [stage, 0, 0], [1, block, headDim]), [block, headDim]),
      m.squeeze(m.slice(out, [head, first, 0], [1, block, headDim]), [block, headDim]),
      semaphoreAt(semaphores, stage),
    ];
  }

  private send(head: V, row: V, stage: V): void {
    m.startCopy(...this.copyOf(head, row, stage));
    this.set(m.add(stage, word.staged), 1);
    this.set(word.stage, m.sub(m.constant(1), stage));
  }

  private settleStage(stage: V): void {
    const busy = m.add(stage, word.staged);
    m.when(m.eq(this.get(busy), 1), () => {
      m.waitCopy(...this.copyOf(0, 0, stage));
      this.set(busy, 0);
    });
  }
}

const semaphoreAt = (semaphores: V, i: V) => m.squeeze(m.slice(semaphores, [i], [1]), []);

/** dQ in vector memory: `tiles` a head of the group, all zero but those of rows begun. */
export class Slab extends Leaving {
  constructor(
    private readonly plan: { readonly group: number; readonly tiles: number; readonly rows: number },
    ...rest: ConstructorParameters<typeof Leaving>
  ) {
    super(...rest);
  }

  start(): void {
    super.start();
    // A loop: stores of a whole slab would be thousands of instructions.
    m.forLoop(0, this.plan.group * this.plan.tiles, [], (tile) => {
      this.zero(tile);
      return [];
    });
  }

  begin(tile: CurrentTile): void {
    const { tiles, rows } = this.plan;
    this.tile = tile;
    this.slot = m.add(m.mul(tile.g, tiles), tiles < rows ? m.rem(tile.row, tiles) : tile.row);
    this.prepareStage();
  }

  end(): void {
    const { completes } = this.tile;
    const leave = () => {
      this.leave();
      this.zero(this.slot);
    };
    if (completes === true) leave();
    else if (completes !== false)
      m.when(completes, () => {
        this.tile.mark('leaves');
        leave();
      });
  }
}

/**
 * dQ in HBM. The next tile's sums are read during this one into the second of three slots, while the third's are written back. Two reads
 * would come too early: of the row written last, whose write is waited for first, and of this tile's own row (the last two columns of one
 * row), which the next tile reads for itself.
 */
export class Ring extends Leaving {
  constructor(
    /** Sums of a core f32 [group, rows, block, headDim] in HBM, semaphores of three reads and of three writes. */
    private readonly hbm: { readonly sums: V; readonly rows: number; readonly semaphores: V },
    ...rest: ConstructorParameters<typeof Leaving>
  ) {
    super(...rest);
  }

  begin(tile: CurrentTile, next: RowTile): void {
    this.tile = tile;
    this.slot = this.get(word.slot);
    const after = m.rem(m.add(this.slot, 1), 3);
    const before = m.rem(m.add(this.slot, 2), 3);
    const own = this.placeOf(tile);
    const wanted = this.placeOf(next);
    const isSame = m.and(next.touched, m.eq(wanted, own));
    this.settle(after);
    m.when(m.and(next.touched, m.eq(this.get(word.last), wanted)), () => this.settle(before));
    m.when(m.and(next.touched, m.not(isSame)), () => m.startCopy(...this.read(next, after)));
    m.when(m.eq(this.get(word.own), 1), () => {
      this.settle(before);
      m.startCopy(...this.read(tile, this.slot));
    });
    this.set(word.own, m.select(isSame, 1, 0));
    this.set(word.slot, after);
    this.prepareStage();
    m.when(tile.touched, () => m.waitCopy(...this.read(tile, this.slot)));
    m.when(m.not(tile.touched), () => {
      tile.mark('begins');
      this.zero(this.slot);
    });
  }

  end(): void {
    const { completes } = this.tile;
    if (completes === true) this.leave();
    else if (completes === false) this.writeBack();
    else {
      m.when(completes, () => {
        this.tile.mark('leaves');
        this.leave();
      });
      m.when(m.not(completes), () => this.writeBack());
    }
  }

  finish(): void {
    super.finish();
    for (const slot of [0, 1, 2]) this.settle(m.constant(slot));
  }

  private placeOf({ g, row }: RowTile): V {
    return m.add(m.mul(g, this.hbm.rows), row);
  }

  private writeBack(): void {
    const [memory, sums] = this.ends(this.tile, this.slot);
    m.startCopy(sums, memory, this.semaphore(this.slot, 3));
    this.set(m.add(this.slot, word.written), 1);
    this.set(word.last, this.placeOf(this.tile));
  }

  private settle(slot: V): void {
    const busy = m.add(slot, word.written);
    m.when(m.eq(this.get(busy), 1), () => {
      const [memory, sums] = this.ends({ g: m.constant(0), row: m.constant(0) }, slot);
      m.waitCopy(sums, memory, this.semaphore(slot, 3));
      this.set(busy, 0);
    });
  }

  private read(tile: RowTile, slot: V): [V, V, V] {
    const [memory, sums] = this.ends(tile, slot);
    return [memory, sums, this.semaphore(slot, 0)];
  }

  private ends({ g, row }: { g: V; row: V }, slot: V): [V, V] {
    const { block, headDim } = this.sizes;
    return [
      m.squeeze(m.slice(this.hbm.sums, [g, row, 0, 0], [1, 1, block, headDim]), [block, headDim]),
      m.squeeze(m.slice(this.sums, [slot, 0, 0], [1, block, headDim]), [block, headDim]),
    ];
  }

  private semaphore(slot: V, from: number): V {
    return semaphoreAt(this.hbm.semaphores, m.add(slot, from));
  }
}
