/** A large array on its way to a device: copied in turns, so that the event loop goes round, into memory that then is the tensor. */
import type { HostParts } from './host-data';
import { native, type Raw, type Staged } from './native';
import { inTurns, nextTurn } from './turns';

// Bytes whose pages are fetched at a time, on a worker, while those before are copied: to fetch fresh ones takes eight times as long.
const ahead = 2 ** 26;

/** Client, device, memory, type and shape, as the addon has them. */
export type Place = readonly [client: Raw, device: number, memory: number, type: number, shape: readonly number[]];

/** Memory that a large array is copied into. Buffers on several devices may come from it. */
export class Staging {
  readonly staged: Staged;
  readonly #parts: HostParts;
  readonly #arrivals = new Set<Arrival>();
  /** Elements that have been copied. */
  #copied = 0;
  #filled: Promise<void> | undefined;

  /** `isCopied`: whether the plugin copies all that it is given, so that an array whose memory stays need not be copied first. */
  constructor(parts: HostParts, isDistant: boolean, isCopied: boolean) {
    this.#parts = parts;
    const inPlace = isCopied && !isDistant ? parts.inPlace : undefined;
    this.staged = inPlace ? native().stageArray(inPlace) : native().stage(parts.bytes, isDistant);
    if (inPlace) this.#copied = parts.length;
  }

  join(arrival: Arrival): void {
    this.#arrivals.add(arrival);
  }

  leave(arrival: Arrival): void {
    this.#arrivals.delete(arrival);
    if (!this.#arrivals.size) native().dropStage(this.staged);
  }

  /** Settles when all has been copied, or nobody wants it any more. */
  filled(): Promise<void> {
    this.#filled ??= this.#fill();
    return this.#filled;
  }

  async #fill(): Promise<void> {
    const { length } = this.#parts;
    if (this.#copied === length) return;
    const copy = (_: number, to: number) => {
      if ([...this.#arrivals].some(({ isWanted }) => isWanted)) this.#copy(to);
    };
    // Also a short one: there may be many.
    await nextTurn();
    await inTurns(length, copy, native().isFresh(this.staged) ? this.#fetcher() : undefined);
  }

  /** Copies at once what has not been copied yet. */
  finish(): void {
    this.#copy(this.#parts.length);
  }

  #copy(to: number): void {
    const { elementBytes, most = to } = this.#parts;
    while (this.#copied < to) {
      const end = Math.min(this.#copied + most, to);
      native().fillStage(this.staged, this.#copied * elementBytes, this.#parts.part(this.#copied, end));
      this.#copied = end;
    }
  }

  /** Waits until there are pages for so many elements, and has more fetched meanwhile. */
  #fetcher(): (elements: number) => Promise<void> {
    const { elementBytes, bytes } = this.#parts;
    const steps: Promise<void>[] = [];
    const begin = () => {
      const from = steps.length * ahead;
      if (from < bytes) steps.push(native().fetchStage(this.staged, from, Math.min(from + ahead, bytes)));
    };
    return async (elements) => {
      const last = Math.ceil((elements * elementBytes) / ahead);
      while (steps.length * ahead < bytes && steps.length < last + 1) begin();
      await steps[last - 1];
    };
  }
}

/** Where a buffer's values come from that is not there yet. */
export class Arrival {
  readonly #staging: Staging;
  readonly #place: Place;
  #raw: Raw | undefined;
  #isOver = () => false;

  constructor(staging: Staging, place: Place) {
    this.#staging = staging;
    this.#place = place;
    staging.join(this);
  }

  get isWanted(): boolean {
    return !this.#isOver() && !this.#raw;
  }

  /** The tensor, unless it was there before, or `isOver` says that nobody wants it any more. */
  async run(isOver: () => boolean): Promise<Raw | undefined> {
    this.#isOver = isOver;
    try {
      await this.#staging.filled();
      if (!this.isWanted) return undefined;
      const raw = await native().uploadStageLater(...this.#place, this.#staging.staged);
      if (this.isWanted) return raw;
      native().release(raw);
      return undefined;
    } finally {
      this.#staging.leave(this);
    }
  }

  /** The tensor, at once: what has not been copied yet is copied now. */
  finish(): Raw {
    this.#staging.finish();
    this.#raw = native().uploadStage(...this.#place, this.#staging.staged);
    return this.#raw;
  }
}
