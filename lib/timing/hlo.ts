/** The operations around a program's kernels, from its scheduled HLO: how many bytes they move. */

export interface Operation {
  readonly name: string;
  readonly opcode: string;
  /** Read and written, tiles' padding included. */
  readonly bytes: number;
}

export interface KernelCall {
  readonly name: string;
  /** Of the kernel, as the program's text has it. */
  readonly body: string;
}

const free = new Set([
  'parameter',
  'constant',
  'bitcast',
  'tuple',
  'get-tuple-element',
  'after-all',
  'partition-id',
  'replica-id',
  'opt-barrier',
]);

/** Of the entry computation, in the order of its schedule. */
export function readHlo(text: string): { operations: Operation[]; kernels: KernelCall[] } {
  const operations: Operation[] = [];
  const kernels: KernelCall[] = [];
  const bytes = new Map<string, number>();
  const entry = text.slice(Math.max(0, text.search(/^ENTRY /m)));
  // An attribute may hold line breaks.
  for (const line of entry.split(/\n\s+(?=(?:ROOT )?%[\w.-]+ = )/)) {
    const [, name, type, opcode, rest] = /^(?:ROOT )?%([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*)$/s.exec(line) ?? [];
    if (name === undefined) continue;
    bytes.set(name, bytesOf(type));
    if (free.has(opcode) || opcode.endsWith('-done')) continue;
    const [, body] = /"body":\s*"([A-Za-z0-9+/=]+)"/.exec(rest) ?? [];
    if (opcode === 'custom-call' && body && rest.includes('custom_call_target="tpu_custom_call"')) {
      kernels.push({ name, body });
      continue;
    }
    const operands = [...(/^[^)]*/.exec(rest)?.[0] ?? '').matchAll(/%([\w.-]+)/g)].map(([, operand]) => bytes.get(operand) ?? 0);
    operations.push({ name, opcode, bytes: operands.reduce((sum, n) => sum + n, bytes.get(name) as number) });
  }
  return { operations, kernels };
}

const elementBytes: Readonly<Record<string, number>> = { pred: 1, s4: 0.5, u4: 0.5, bf16: 2, token: 0 };

/** `f32[16,1,1024]{2,1,0:T(8,128)}`, or a tuple of such. */
function bytesOf(type: string): number {
  let sum = 0;
  for (const [, element, sizes, order, tile] of type.matchAll(/(\w+)\[([\d,]*)\](?:\{([\d,]*)(?::T\(([\d,]+)\))?[^}]*\})?/g)) {
    const shape = sizes ? sizes.split(',').map(Number) : [];
    // Minor dimension first, as layouts have it; the tile's sizes are major first.
    const minorFirst = order ? order.split(',').map((axis) => shape[Number(axis)]) : [...shape].reverse();
    const tiles = tile ? tile.split(',').map(Number).reverse() : [];
    const padded = minorFirst.map((n, i) => (tiles[i] ? Math.ceil(n / tiles[i]) * tiles[i] : n));
    const width = elementBytes[element] ?? Number(/\d+/.exec(element)?.[0] ?? 32) / 8;
    sum += width * padded.reduce((product, n) => product * n, 1);
  }
  return sum;
}
