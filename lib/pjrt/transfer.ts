/** Tensors that are sent to a device in pieces, by a plugin's transfer manager: what is too large to be in one array, or comes bit by bit. */
import { ShapeError, shown } from '../errors';
import { bytesOf, dtypes, hostLength, sizeOf, type TensorType, typeText, checkedType } from '../types';
import { Buffer, isRowMajor } from './buffer';
import type { Client, Device } from './client';
import { observed } from './observe/events';
import { Handle, rawOf } from './handle';
import { type HostData, hostParts } from './host-data';
import { type Memory, placeOf } from './memory';
import { Distant, native, type Raw } from './native';
import { inTurns } from './turns';

/** `Client.transfer` makes one. Disposed before all is sent, it makes errors of the tensors that are not whole. */
export class Transfer extends Handle {
  /** One a type: they may be used at once, and have their values when all of these were sent. They are the caller's to dispose. */
  readonly buffers: readonly Buffer[];
  readonly #progress: readonly Progress[];
  /** Pieces are sent one after another: the last one of a tensor ends it. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(raw: Raw, client: Client, types: readonly TensorType[], device: Device) {
    super(raw, client);
    this.buffers = types.map((type, i) => {
      const buffer = native().transferBuffer(raw, rawOf(client), i, bytesOf(type));
      return new Buffer(buffer, client, type, device);
    });
    this.#progress = types.map((type) => new Progress(sizeOf(type)));
  }

  /** @internal */
  static open(client: Client, types: readonly TensorType[], to: Device | Memory): Transfer {
    if (!Array.isArray(types)) throw new ShapeError(`a transfer is of tensors, an array of their types; got ${shown(types)}`);
    const checked = Array.from(types, checkedType);
    for (const type of checked) checkSendable(type);
    const { device, memory = device.memories.find(({ isDefault }) => isDefault) } = placeOf(to, client);
    if (!checked.length || !memory) throw new ShapeError('a transfer is of one tensor or more, into a memory');
    const codes = checked.map(({ dtype }) => dtypes[dtype].pjrt);
    const shapes = checked.map(({ shape }) => shape);
    const raw = native().createTransfer(rawOf(client), device.index, memory.index, codes, shapes);
    const transfer = new Transfer(raw, client, checked, device);
    try {
      for (const buffer of transfer.buffers) checkLayout(buffer);
      return transfer;
    } catch (error) {
      for (const handle of [transfer, ...transfer.buffers]) handle.dispose();
      throw error;
    }
  }

  /** Elements of the tensor `index` that were sent. */
  sent(index: number): number {
    return this.#of(index).sent;
  }

  /**
   * Sends elements of the tensor `index`, row-major, from the element `offset` on: after those that were written last, by default. An array
   * as `Client.upload` takes it, which must not change until this settles: then the device has them. Throws ShapeError for a wrong kind,
   * for elements that there are not, and for those that were written before; PjrtError where the plugin refuses them, and then the tensor is
   * an error too.
   */
  async write(index: number, data: HostData, offset?: number): Promise<void> {
    const progress = this.#of(index);
    const { type } = this.buffers[index];
    const parts = hostParts(pieceOf(type, data), data);
    const unit = dtypes[type.dtype].bytes;
    const from = progress.reserve(parts.bytes / unit, offset);
    const send = async () => {
      const isDistant = rawOf(this) instanceof Distant;
      const inPlace = isDistant ? undefined : parts.inPlace;
      const staged = inPlace ? native().stageArray(inPlace) : native().stage(parts.bytes, isDistant);
      try {
        const fill = (first: number, last: number) => native().fillStage(staged, first * parts.elementBytes, parts.part(first, last));
        if (!inPlace) await inTurns(parts.length, fill);
        const isLast = progress.sent + parts.bytes / unit === progress.size;
        await native().transferStage(rawOf(this), index, staged, from * unit, isLast);
        progress.sent += parts.bytes / unit;
      } finally {
        native().dropStage(staged);
      }
    };
    const sent = this.#last.then(() => observed('upload', send, () => ({ bytes: parts.bytes })));
    this.#last = sent.catch(() => {});
    try {
      await sent;
    } catch (error) {
      if (!this.disposed) this.abort(index, (error as Error).message);
      throw error;
    }
  }

  /** Makes an error of the tensor `index`, of whatever waits for it, unless all of it was sent. */
  abort(index: number, reason = 'the transfer was aborted'): void {
    this.#of(index).isOver = true;
    native().failTransfer(rawOf(this), index, reason);
  }

  #of(index: number): Progress {
    const progress = Number.isInteger(index) ? this.#progress[index] : undefined;
    if (!progress) throw new ShapeError(`the transfer's tensors are 0 to ${this.#progress.length - 1}; got ${shown(index)}`);
    return progress;
  }
}

/** Which elements of a tensor are on their way. */
class Progress {
  sent = 0;
  isOver = false;
  #next = 0;
  #written: (readonly [from: number, to: number])[] = [];

  constructor(readonly size: number) {}

  /** Where the elements go, which nobody else writes from now on. */
  reserve(count: number, offset: number = this.#next): number {
    if (this.isOver) throw new ShapeError('elements are written to a tensor that is not an error; this one was aborted');
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + count > this.size || count < 1)
      throw new ShapeError(`elements are written at 0 to ${this.size}, one or more; got ${count} at ${shown(offset)}`);
    const to = offset + count;
    const other = this.#written.find(([first, last]) => offset < last && first < to);
    if (other) throw new ShapeError(`an element is written once; ${offset} to ${to} meets ${other.join(' to ')}`);
    this.#written = [...this.#written.filter(([first, last]) => last !== offset && first !== to), this.#merged(offset, to)];
    this.#next = to;
    return offset;
  }

  // With what it touches.
  #merged(from: number, to: number): [number, number] {
    const before = this.#written.find(([, last]) => last === from);
    const after = this.#written.find(([first]) => first === to);
    return [before?.[0] ?? from, after?.[1] ?? to];
  }
}

// Of the elements in an array, the type that they are all of.
function pieceOf(type: TensorType, data: HostData): TensorType {
  const { bytes, host } = dtypes[type.dtype];
  const isBytes = data?.constructor?.name === 'Uint8Array';
  const each = isBytes ? bytes : hostLength({ dtype: type.dtype, shape: [] });
  const count = Number(data?.length) / each;
  if (!Number.isInteger(count))
    throw new ShapeError(`elements of ${type.dtype} are whole, ${each} of a ${isBytes ? 'Uint8Array' : host.name}; got ${data?.length}`);
  return { dtype: type.dtype, shape: [count] };
}

function checkSendable(type: TensorType): void {
  if ((dtypes[type.dtype].bits ?? 8) < 8 && type.dtype !== 'i1')
    throw new ShapeError(`a tensor in pieces has elements of whole bytes; ${typeText(type)} is packed on a device`);
  if (!sizeOf(type)) throw new ShapeError(`a tensor in pieces has elements; got ${typeText(type)}`);
}

// Pieces are sent as they lie on the device.
function checkLayout(buffer: Buffer): void {
  if (buffer.deviceBytes !== buffer.bytes || !isRowMajor(buffer.layout))
    throw new ShapeError(`a tensor in pieces lies row-major on its device; ${typeText(buffer.type)} does not on ${buffer.device.kind}`);
}
