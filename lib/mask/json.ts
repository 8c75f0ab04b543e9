/**
 * Masks as JSON, so that one travels in a config file: `{"nodePjrtMask": 1, "mask": {"kind": "causal", "offset": 0}}`. The number is the version of
 * the schema. Reading is strict, and goes through the constructors, so that what they refuse is refused here too.
 */
import { createHash } from 'node:crypto';
import { ShapeError, shown } from '../errors';
import * as m from './mask';
import type { LazyMask, Mask } from './mask';

const version = 1;

/** A mask of the schema: `kind`, and the fields of that kind under their names in the mask. A dense mask's bits are base64. */
export interface MaskNode {
  readonly kind: Mask['kind'];
  readonly [field: string]: unknown;
}

export interface MaskJson {
  readonly nodePjrtMask: typeof version;
  readonly mask: MaskNode;
}

/** A string of JavaScript has at most 2^29 characters; base64 has four of them for three bytes. */
const mostBits = 2 ** 28;

/** How a field goes in and out; `path` is where it stands. */
interface Field<T> {
  readonly write: (value: T) => unknown;
  readonly read: (value: unknown, path: string) => T;
}

const plain = <T>(rule: string, is: (value: unknown) => boolean): Field<T> => ({
  write: (value) => value,
  read: (value, path) => (is(value) ? (value as T) : wrong(path, rule, value)),
});
const number = plain<number>('is a number', (value) => typeof value === 'number');
const numberOrNull = plain<number | null>('is a number or null', (value) => value === null || typeof value === 'number');
const list = <T>({ write, read }: Field<T>): Field<readonly T[]> => ({
  write: (values) => values.map(write),
  read: (values, path) =>
    Array.isArray(values) ? values.map((value, k) => read(value, `${path}[${k}]`)) : wrong(path, 'is a list', values),
});
// What a composition takes is its constructor's to say.
const mask: Field<LazyMask> = { write: writeMask, read: (value, path) => readMask(value, path) as LazyMask };
const base64: Field<Uint8Array> = {
  write: (bits) => {
    if (bits.length > mostBits) throw new ShapeError(`a dense mask in JSON has at most ${mostBits} bytes of bits; got ${bits.length}`);
    return Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength).toString('base64');
  },
  read: (text, path) => {
    const bits = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
    // Buffer reads past what is no base64; written again, that shows.
    return bits && bits.toString('base64') === text ? new Uint8Array(bits) : wrong(path, 'is a string in base64', text);
  },
};

/** A row a kind: its fields in the order in which they are written, and its constructor. */
interface Kind<M> {
  readonly fields: { readonly [F in Exclude<keyof M, 'kind'>]: Field<M[F]> };
  readonly make: (fields: Omit<M, 'kind'>) => Mask;
}

const kinds: { readonly [K in Mask['kind']]: Kind<Extract<Mask, { kind: K }>> } = {
  full: { fields: {}, make: m.full },
  causal: { fields: { offset: number }, make: ({ offset }) => m.causal(offset) },
  local: {
    fields: { left: numberOrNull, right: numberOrNull, offset: number },
    make: ({ left, right, offset }) => m.local(left, right, offset),
  },
  chunkedCausal: { fields: { size: number }, make: ({ size }) => m.chunkedCausal(size) },
  prefix: { fields: { length: number }, make: ({ length }) => m.prefix(length) },
  keyLimit: { fields: { length: number }, make: ({ length }) => m.keyLimit(length) },
  documents: { fields: { lengths: list(number) }, make: ({ lengths }) => m.documents(lengths) },
  strided: { fields: { stride: number, offset: number }, make: ({ stride, offset }) => m.strided(stride, offset) },
  globalTokens: { fields: { count: number }, make: ({ count }) => m.globalTokens(count) },
  segments: { fields: {}, make: m.segments },
  keyLengths: { fields: {}, make: m.keyLengths },
  and: { fields: { masks: list(mask) }, make: ({ masks }) => m.joined('and', masks) },
  or: { fields: { masks: list(mask) }, make: ({ masks }) => m.joined('or', masks) },
  not: { fields: { mask }, make: ({ mask: inner }) => m.not(inner) },
  perHead: { fields: { masks: list(mask) }, make: ({ masks }) => m.perHead(masks) },
  dense: { fields: { queries: number, keys: number, bits: base64 }, make: m.dense },
};

/** Plain data for JSON.stringify; fields are always in the same order. Throws ShapeError for a dense mask of more than 256 MiB. */
export function maskToJson(value: Mask): MaskJson {
  return { nodePjrtMask: version, mask: writeMask(value) };
}

/** What `maskToJson` wrote, as JSON.parse gives it. Throws ShapeError that says where it is something else: `mask.masks[1].left`. */
export function maskFromJson(value: unknown): Mask {
  const document = fieldsOf(value, 'a mask in JSON', ['nodePjrtMask', 'mask']);
  if (document.nodePjrtMask !== version) wrong('nodePjrtMask', `is ${version}, the version of the schema`, document.nodePjrtMask);
  return readMask(document.mask, 'mask');
}

/** Whether two masks are the same value: of structure, not of meaning (`causal()` and `local(null, 0)` allow the same pairs and differ). */
export function sameMask(a: Mask, b: Mask): boolean {
  if (a.kind === 'dense' && b.kind === 'dense') return a.queries === b.queries && a.keys === b.keys && Buffer.compare(a.bits, b.bits) === 0;
  return a.kind === b.kind && a.kind !== 'dense' && JSON.stringify(writeMask(a)) === JSON.stringify(writeMask(b));
}

/** Sha256 of the mask's JSON, in hex: equal for the same masks, in every process and version of the schema's number. */
export function maskHash(value: Mask): string {
  return createHash('sha256')
    .update(JSON.stringify(maskToJson(value)))
    .digest('hex');
}

function writeMask(value: Mask): MaskNode {
  const fields = Object.entries(kinds[value.kind].fields as Record<string, Field<unknown>>);
  const entries = fields.map(([name, field]) => [name, field.write(value[name as keyof Mask])]);
  return { kind: value.kind, ...Object.fromEntries(entries) };
}

function readMask(value: unknown, path: string): Mask {
  if (path.split('.').length > m.mostNested + 1) throw new ShapeError(`mask: masks nest at most ${m.mostNested} deep`);
  const kind = record(value, path).kind;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) wrong(`${path}.kind`, `is one of ${Object.keys(kinds).join(', ')}`, kind);
  const { fields, make } = kinds[kind as Mask['kind']] as unknown as Kind<Record<string, unknown>>;
  const given = fieldsOf(value, path, ['kind', ...Object.keys(fields)]);
  const entries = Object.entries(fields).map(([name, field]) => [name, field.read(given[name], `${path}.${name}`)]);
  try {
    return make(Object.fromEntries(entries));
  } catch (error) {
    throw new ShapeError(`${path}: ${(error as Error).message}`);
  }
}

/** The fields of an object that has these, and no others. */
function fieldsOf(value: unknown, path: string, names: readonly string[]): Record<string, unknown> {
  const given = record(value, path);
  const has = Object.keys(given);
  const odd = names.find((name) => !has.includes(name)) ?? has.find((name) => !names.includes(name));
  if (odd === undefined) return given;
  throw new ShapeError(
    `${path} has the fields ${names.join(', ')} and no others; ${has.includes(odd) ? `got ${odd} too` : `${odd} is missing`}`,
  );
}

function record(value: unknown, path: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : wrong(path, 'is an object', value);
}

function wrong(path: string, rule: string, value: unknown): never {
  const got = jsonText(value);
  throw new ShapeError(`${path} ${rule}; got ${got.length > 60 ? `${got.slice(0, 60)}...` : got}`);
}

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? shown(value);
  } catch {
    // Too deep, or no JSON at all.
    return shown(value);
  }
}
