/** A large array on its way to a device: copied in turns, so that the event loop goes round, into memory that then is the tensor. */
import type { HostParts } from './host-data';
import { Distant, native, type Raw, type Staged } from './native';
import { inTurns } from './turns';

// Bytes whose pages are fetched at a time, on a worker, while those before are copied: to fetch fresh ones takes eight times as long.
const ahead = 2 ** 26;

/** Client, device, memory, type and shape, as the addon has them. */
export type Place = readonly [client: Raw, device: number, memory: number, type: number, shape: readonly number[]];

/** Where a buffer's values come from that is not there yet. */
export class Arrival {
  readonly #parts: HostParts;
  readonly #place: Place;
  readonly #staged: Staged;
  /** Elements that have been copied. */
  #copied = 0;
  #raw: Raw | undefined;

  /** `isCopied`: whether the plugin copies all that it is given, so that an array whose memory stays need not be copied first. */
  constructor(parts: HostParts, place: Place, isCopied: boolean) {
    this.#parts = parts;
    this.#place = place;
    const isDistant = place[0] instanceof Distant;
    const inPlace = isCopied && !isDistant ? parts.inPlace : undefined;
    this.#staged = inPlace ? native().stageArray(inPlace) : native().stage(parts.bytes, isDistant);
    if (inPlace) this.#copied = parts.length;
  }

  /** The tensor, unless it was there before, or `isOver` says that nobody wants it any more. */
  async run(isOver: () => boolean): Promise<Raw | undefined> {
    const isWanted = () => !isOver() && !this.#raw;
    const copy = (_: number, to: number) => {
      if (isWanted()) this.#copy(to);
    };
    try {
      const isThere = this.#copied === this.#parts.length;
      if (!isThere) await inTurns(this.#parts.length, copy, native().isFresh(this.#staged) ? this.#fetcher() : undefined);
      if (!isWanted()) return undefined;
      const raw = await native().uploadStageLater(...this.#place, this.#staged);
      if (isWanted()) return raw;
      native().release(raw);
      return undefined;
    } finally {
      native().dropStage(this.#staged);
    }
  }

  /** The tensor, at once: what has not been copied yet is copied now. */
  finish(): Raw {
    this.#copy(this.#parts.length);
    this.#raw = native().uploadStage(...this.#place, this.#staged);
    return this.#raw;
  }

  #copy(to: number): void {
    if (to <= this.#copied) return;
    native().fillStage(this.#staged, this.#copied * this.#parts.elementBytes, this.#parts.part(this.#copied, to));
    this.#copied = to;
  }

  /** Waits until there are pages for so many elements, and has more fetched meanwhile. */
  #fetcher(): (elements: number) => Promise<void> {
    const { elementBytes, bytes } = this.#parts;
    const steps: Promise<void>[] = [];
    const begin = () => {
      const from = steps.length * ahead;
      if (from < bytes) steps.push(native().fetchStage(this.#staged, from, Math.min(from + ahead, bytes)));
    };
    return async (elements) => {
      const last = Math.ceil((elements * elementBytes) / ahead);
      while (steps.length * ahead < bytes && steps.length < last + 1) begin();
      await steps[last - 1];
    };
  }
}
