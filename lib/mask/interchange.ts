/**
 * Masks from and to the terms of JAX's splash attention, as the text that makes them there, and from the fields of a Hugging Face configuration. Offsets and
 * contexts mean the same in splash as here.
 */
import { ShapeError, shown } from '../errors';
import * as m from './mask';
import type { Dense, LazyMask, Mask } from './mask';
import { maskText } from './text';
import { type Argument, type Python, parsePython } from './python';

/** A mask, and the sizes that splash's own masks carry. */
export interface SizedMask {
  readonly mask: Mask;
  readonly queries: number;
  readonly keys: number;
}

/** Parameters of splash's masks in their order; `shard_count` is how splash spreads its own work over devices, and changes no mask. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  FullMask: ['shape'],
  CausalMask: ['shape', 'offset', 'shard_count'],
  LocalMask: ['shape', 'window_size', 'offset', 'shard_count'],
  ChunkedCausalMask: ['shape', 'chunk_size', 'shard_count'],
  NumpyMask: ['array'],
  MultiHeadMask: ['masks'],
};

const splashRule = `a splash mask is ${Object.entries(parameters)
  .map(([name, names]) => `${name}(${names.filter((one) => one !== 'shard_count').join(', ')})`)
  .join(', ')}, of these with & and |`;

function refuse(node: Python, reason: string): never {
  throw new ShapeError(`${splashRule}; ${JSON.stringify(node.text)} ${reason}`);
}

/** Reads `CausalMask((8, 8), 0) & LocalMask((8, 8), (3, None), 0)`. A NumpyMask has its rows written out: `np.array([[1, 0], [1, 1]], dtype=bool)`. */
export function fromSplash(text: string): SizedMask {
  return sized(parsePython(text, 'a splash mask'));
}

function sized(node: Python): SizedMask {
  if (node.type === 'binary' && (node.sign === '&' || node.sign === '|')) {
    const sides = [sized(node.left), sized(node.right)];
    const kind = node.sign === '&' ? 'and' : 'or';
    const masks = sides.flatMap(({ mask }) => (mask.kind === kind ? mask.masks : [mask as LazyMask]));
    return { ...oneSize(node, sides), mask: m.joined(kind, masks) };
  }
  const name = node.type === 'call' ? (node.name.split('.').at(-1) ?? '') : '';
  if (node.type !== 'call' || !Object.hasOwn(parameters, name)) return refuse(node, 'is none of them');
  const given = bind(node, parameters[name], node.args);
  const need = (parameter: string) => given[parameter] ?? refuse(node, `lacks ${parameter}`);
  const offset = given.offset ? whole(given.offset) : 0;
  if (name === 'NumpyMask') {
    const mask = fromArray(need('array'));
    return { mask, queries: mask.queries, keys: mask.keys };
  }
  if (name === 'MultiHeadMask') {
    const masks = need('masks');
    const heads = masks.type === 'list' || masks.type === 'tuple' ? masks.items.map(sized) : refuse(masks, 'is no list');
    return { ...oneSize(node, heads), mask: m.perHead(heads.map(({ mask }) => mask as LazyMask)) };
  }
  const [queries, keys] = pair(need('shape')).map(whole);
  if (name === 'FullMask') return { mask: m.full(), queries, keys };
  if (name === 'CausalMask') return { mask: m.causal(offset), queries, keys };
  if (name === 'ChunkedCausalMask') return { mask: m.chunkedCausal(whole(need('chunk_size'))), queries, keys };
  // The one parameter of them that splash has no default for but we would.
  need('offset');
  const [left, right] = pair(need('window_size')).map((side) => (side.type === 'name' && side.name === 'None' ? null : whole(side)));
  return { mask: m.local(left, right, offset), queries, keys };
}

function bind(node: Python, names: readonly string[], args: readonly Argument[]): Record<string, Python | undefined> {
  const given: Record<string, Python> = {};
  for (const [place, { name = names[place], value }] of args.entries()) {
    if (!names.includes(name) || given[name]) refuse(node, `takes ${names.join(', ')}, each once`);
    given[name] = value;
  }
  return given;
}

function oneSize(node: Python, all: readonly SizedMask[]): { queries: number; keys: number } {
  const [{ queries, keys } = refuse(node, 'has no masks'), ...others] = all;
  const odd = others.find((other) => other.queries !== queries || other.keys !== keys);
  if (odd) refuse(node, `has masks of two shapes: (${queries}, ${keys}) and (${odd.queries}, ${odd.keys})`);
  return { queries, keys };
}

function pair(node: Python): readonly Python[] {
  return (node.type === 'tuple' || node.type === 'list') && node.items.length === 2 ? node.items : refuse(node, 'is no pair');
}

function whole(node: Python): number {
  if (node.type === 'unary' && node.sign === '-') return 0 - whole(node.of);
  return node.type === 'number' ? node.value : refuse(node, 'is no whole number');
}

function fromArray(node: Python): Dense {
  const list = node.type === 'call' && /(^|\.)a?s?array$/.test(node.name) ? node.args[0]?.value : node;
  const rows = list?.type === 'list' ? list.items : refuse(node, 'is no array with its rows written out');
  const values = rows.map((row) => (row.type === 'list' ? row.items.map(bit) : refuse(row, 'is no row')));
  const keys = values[0]?.length ?? 0;
  const stride = m.rowBytes(keys);
  const bits = new Uint8Array(rows.length * stride);
  for (const [i, row] of values.entries()) {
    if (row.length !== keys) refuse(rows[i], `has ${row.length} values, and the first row ${keys}`);
    for (const [j, value] of row.entries()) if (value) bits[i * stride + (j >> 3)] |= 1 << (j & 7);
  }
  return m.dense({ queries: rows.length, keys, bits });
}

function bit(node: Python): boolean {
  const value = node.type === 'number' ? node.value : ['False', 'True'].indexOf(node.type === 'name' ? node.name : '');
  return value === 0 || value === 1 ? value === 1 : refuse(node, 'is neither True nor False');
}

/**
 * The Python that makes the mask for splash. `~` becomes what splash has: windows on either side, and `&` for `|`. Throws ShapeError that names the part which
 * splash has no lazy mask for.
 */
export function toSplash(mask: Mask, queries: number, keys: number): string {
  const shape = `(${queries}, ${keys})`;
  if (mask.kind === 'perHead') return `MultiHeadMask([${mask.masks.map((one) => toSplash(one, queries, keys)).join(', ')}])`;
  if (mask.kind === 'dense') {
    if (mask.queries !== queries || mask.keys !== keys)
      throw new ShapeError(`toSplash: a dense mask has its own sizes, ${mask.queries} x ${mask.keys}; got ${queries} x ${keys}`);
    const row = (i: number) => `[${Array.from({ length: keys }, (_, j) => Number(m.allows(mask, i, j))).join(', ')}]`;
    return `NumpyMask(np.array([${Array.from({ length: queries }, (_, i) => row(i)).join(', ')}], dtype=bool))`;
  }
  const local = (left: number | null, right: number | null, offset: number) =>
    `LocalMask(${shape}, (${left ?? 'None'}, ${right ?? 'None'}), ${offset})`;
  const join = (sign: '&' | '|', masks: readonly LazyMask[], allowed: boolean) => {
    const texts = masks.map((one) => print(one, allowed));
    return texts.length === 1 ? texts[0] : `(${texts.join(` ${sign} `)})`;
  };
  /** The pairs that the mask allows, or those that it does not. */
  const print = (one: LazyMask, allowed: boolean): string => {
    if (one.kind === 'not') return print(one.mask, !allowed);
    if (one.kind === 'and' || one.kind === 'or') return join((one.kind === 'and') === allowed ? '&' : '|', one.masks, allowed);
    if (one.kind === 'full' && allowed) return `FullMask(${shape})`;
    if (one.kind === 'causal') return allowed ? `CausalMask(${shape}, ${one.offset})` : local(0, null, one.offset + 1);
    if (one.kind === 'chunkedCausal' && allowed) return `ChunkedCausalMask(${shape}, ${one.size})`;
    if (one.kind === 'local') {
      const { left, right, offset } = one;
      if (allowed) return local(left, right, offset);
      const before = left === null ? [] : [local(null, 0, offset - left - 1)];
      const after = right === null ? [] : [local(0, null, offset + right + 1)];
      const outside = [...before, ...after];
      if (outside.length) return outside.length === 1 ? outside[0] : `(${outside.join(' | ')})`;
    }
    throw new ShapeError(`${splashRule}; ${allowed ? '' : '~'}${maskText(one)} has no lazy mask there`);
  };
  return print(mask, true).replace(/^\((.*)\)$/, '$1');
}

/** The fields of a Hugging Face configuration that say what may attend to what; it has many others. */
export interface HuggingFaceConfig {
  readonly sliding_window?: number | null;
  /** False: `sliding_window` is not used (Qwen). */
  readonly use_sliding_window?: boolean | null;
  /** The first layer with a sliding window (Qwen), where no layer types say so. */
  readonly max_window_layers?: number | null;
  readonly attention_chunk_size?: number | null;
  readonly layer_types?: readonly string[] | null;
  readonly [field: string]: unknown;
}

/**
 * The mask of a layer of a decoder: causal, a window of `sliding_window` tokens, the query's own among them, or chunks. `layer` is needed where layers differ.
 */
export function fromHuggingFace(config: HuggingFaceConfig, layer?: number): LazyMask {
  const { sliding_window: tokens, attention_chunk_size: chunk, layer_types: types, max_window_layers: first } = config;
  const window = config.use_sliding_window === false ? undefined : (tokens ?? undefined);
  const at = (layers: number) => {
    if (layer !== undefined && Number.isSafeInteger(layer) && layer >= 0 && layer < layers) return layer;
    throw new ShapeError(
      `fromHuggingFace: where layers differ, layer is one of them${layers < Infinity ? `, 0 to ${layers - 1}` : ''}; got ${shown(layer)}`,
    );
  };
  const need = (name: string, value: number | undefined | null, type: string) => {
    if (value !== undefined && value !== null) return value;
    throw new ShapeError(`fromHuggingFace: ${type} needs ${name}; the configuration has none`);
  };
  if (types) {
    const type = types[at(types.length)];
    if (type === 'full_attention') return m.causal();
    if (type === 'sliding_attention') return m.windowOfTokens(need('sliding_window', window, type));
    if (type === 'chunked_attention') return m.chunkedCausal(need('attention_chunk_size', chunk, type));
    throw new ShapeError(
      `fromHuggingFace: a layer type is full_attention, sliding_attention or chunked_attention; got ${JSON.stringify(type)}`,
    );
  }
  if (window !== undefined && chunk !== undefined && chunk !== null)
    throw new ShapeError(
      'fromHuggingFace: layer_types say which layers have sliding_window and which attention_chunk_size; got both without',
    );
  if (window !== undefined) return typeof first === 'number' && at(Infinity) < first ? m.causal() : m.windowOfTokens(window);
  return typeof chunk === 'number' ? m.chunkedCausal(chunk) : m.causal();
}
