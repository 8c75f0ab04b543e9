/** Bytes and texts that are nearly right. */
const fc = require('fast-check');

/** Bytes of `whole` with some of them changed, cut off, repeated or added to. */
function damaged(whole) {
  const place = fc.integer({ min: 0, max: whole.length - 1 });
  return fc.oneof(
    fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }).map((changes) => {
      const copy = Uint8Array.from(whole);
      for (const [at, byte] of changes) copy[at] = byte;
      return copy;
    }),
    place.map((end) => whole.slice(0, end)),
    fc.tuple(place, place).map(([a, b]) => Uint8Array.from([...whole.subarray(0, a), ...whole.subarray(b)])),
    fc.uint8Array({ maxLength: 64 }),
  );
}

/** Words of MLIR, masks and numbers: what they are apart. */
const token = /"[^"]*"|[%@#!^]?[\w.$-]+|->|\s+|./gs;
const mlirWords = [
  '0', '-1', '1', '4294967296', '4611686018427387904', '99999999999999999999', '?', 'x', 'tensor', 'tensor<8xf32>', 'tensor<0xf32>',
  'tensor<4294967296x4294967296xf32>', 'tensor<?xf32>', 'f32', 'bf16', 'i1', 'i4', 'complex<f32>', '<', '>', '(', ')', '{', '}', '[', ']', ',',
  ':', '=', '->', '"', '"stablehlo.while"', 'stablehlo.custom_call @nowhere', 'stablehlo.sort', 'stablehlo.rng_bit_generator', 'func.func',
  'return', 'module', 'attributes', '@main', '%a', '%0', 'dense<1.0>', 'dense<"0x00">', 'array<i64: 0, 1>', '\0', 'é', '#stablehlo<token>',
]; // biome-ignore format: a list of words

/** A text with some of its words left out, doubled, exchanged or replaced, one time in three by one of `words`. */
function mutated(texts, words = mlirWords) {
  const change = fc.record({ how: fc.integer({ min: 0, max: 4 }), at: fc.nat(), other: fc.nat(), word: fc.constantFrom(...words) });
  return fc.tuple(fc.constantFrom(...texts), fc.array(change, { minLength: 1, maxLength: 4 })).map(([text, changes]) => {
    const parts = text.match(token) ?? [];
    for (const { how, at, other, word } of changes) {
      if (!parts.length) break;
      const [a, b] = [at % parts.length, other % parts.length];
      if (how === 0) parts.splice(a, 1);
      else if (how === 1) parts.splice(a, 0, parts[a]);
      else if (how === 2) [parts[a], parts[b]] = [parts[b], parts[a]];
      else parts[a] = how === 3 ? word : parts[b];
    }
    return parts.join('');
  });
}

module.exports = { damaged, mlirWords, mutated };
