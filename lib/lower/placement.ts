/**
 * Which tokens of a sequence each of the devices that share it holds. In whole runs, a causal mask gives the last device almost twice the
 * mean work, and all others wait for it; in zig-zag, a device has a chunk from the front and its mirror image from the back, and all have
 * the same.
 */
import { ShapeError } from '../errors';

/** `contiguous`: each device one chunk of T / shards tokens. `zigzag`: two of half the size, device `d` the chunks d and 2 shards - 1 - d. */
export type Placement = 'contiguous' | 'zigzag';

/** For each shard, the numbers of its chunks. */
export function chunksOf(placement: Placement, shards: number): number[][] {
  return Array.from({ length: shards }, (_, shard) => (placement === 'zigzag' ? [shard, 2 * shards - 1 - shard] : [shard]));
}

/** Which shard has a chunk of zig-zag placement. */
export function zigzagOwner(chunk: number, shards: number): number {
  return chunk < shards ? chunk : 2 * shards - 1 - chunk;
}

/**
 * Tokens in zig-zag order: at each place, which token is there. A program with `order: 'zigzag'` takes and gives token `zigzagOrder(T,
 * shards)[i]` at place `i`. Throws ShapeError unless 2 shards divide the tokens.
 */
export function zigzagOrder(tokens: number, shards: number): Int32Array {
  if (!Number.isSafeInteger(tokens) || !Number.isSafeInteger(shards) || tokens < 1 || shards < 1 || tokens % (2 * shards) !== 0)
    throw new ShapeError(`zigzagOrder: tokens are a multiple of twice the shards; got ${tokens} tokens and ${shards} shards`);
  const size = tokens / (2 * shards);
  const chunks = chunksOf('zigzag', shards).flat();
  return Int32Array.from({ length: tokens }, (_, place) => chunks[Math.floor(place / size)] * size + (place % size));
}
