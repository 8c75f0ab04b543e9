/**
 * What operations must not say, as found by what aborted a plugin: collectives of devices that a program does not have, custom calls that are
 * a compiler's own and trusted by it to be well formed, and elements that a compiler cannot do. Reader (reader.ts) shows it the tokens.
 */
import { ShapeError } from '../../errors';
import type { Kind, Scanner } from './scanner';

const collective = new Set(['all_gather', 'all_reduce', 'all_to_all', 'collective_broadcast', 'collective_permute', 'reduce_scatter']);

/** Custom calls that a program has no use for: what is written by hand ends the CPU plugin, libtpu or both. */
const ownTargets = /^(TopK|SliceToDynamic|__onednn\$.*)$/;
/** An attribute that both compilers read of these without a look whether it is there. */
const needed = new Map([
  ['PartialReduce', 'called_computations'],
  ['xla.sdy.FuncResultSharding', 'mhlo.frontend_attributes'],
  ['xla.sdy.GlobalToLocalShape', 'mhlo.frontend_attributes'],
  ['xla.sdy.LocalToGlobalShape', 'mhlo.frontend_attributes'],
]);

/** Operations that the CPU plugin ends over where they are of 2-bit integers, a sort by writing past their memory: a program that has these has none of those. */
const ofNoTwoBits = new Set(['concatenate', 'sort']);
const twoBits = ['i2', 'ui2'];

/** An operation that devices do together. */
export interface Collective {
  readonly operation: string;
  /** The largest id of its groups or pairs. */
  mostId: number;
  /** Whether it has a channel: its ids are those of devices then, and of replicas otherwise. */
  hasChannel: boolean;
}

export class Hazards {
  readonly collectives: Collective[] = [];
  /** Of tensors, anywhere in the text. */
  readonly elements = new Set<string>();
  #target: string | undefined;
  #ofNoTwoBits: string | undefined;
  #isTarget = false;
  #isNamed = false;
  /** Words of the attribute that is being read, in order; undefined in none. */
  #ids: 'named' | 'equals' | 'dense' | undefined;

  /** An operation of StableHLO begins. */
  operation(name: string): void {
    this.#missing();
    this.#isTarget = name === 'custom_call';
    if (ofNoTwoBits.has(name)) this.#ofNoTwoBits = name;
    if (collective.has(name)) this.collectives.push({ operation: `stablehlo.${name}`, mostId: 0, hasChannel: false });
  }

  /** Every token. */
  token(kind: Kind, scanner: Scanner): void {
    if (this.#ids) this.#id(kind, scanner);
    else if (kind === 'word') this.#word(scanner);
    else if (this.#isTarget && (kind === 'symbol' || (kind === 'string' && this.#isNamed))) this.#targeted(scanner.value);
  }

  #word(scanner: Scanner): void {
    this.#isNamed = scanner.is('call_target_name');
    if (this.#target && scanner.is(needed.get(this.#target) ?? '')) this.#target = undefined;
    const last = this.collectives.at(-1);
    if (!last) return;
    if (scanner.is('replica_groups') || scanner.is('source_target_pairs')) this.#ids = 'named';
    else if (scanner.is('channel_handle')) last.hasChannel = true;
  }

  // `= dense<[[0, 1], [2, 3]]>`, of many numbers a string of their bytes.
  #id(kind: Kind, scanner: Scanner): void {
    const last = this.collectives[this.collectives.length - 1];
    if (kind === 'number') last.mostId = Math.max(last.mostId, Number(scanner.value));
    else if (kind === 'string') last.mostId = Math.max(last.mostId, ...numbersOf(scanner.value));
    else if (this.#ids === 'named') this.#ids = scanner.is('=') ? 'equals' : undefined;
    else if (this.#ids === 'equals') this.#ids = scanner.is('dense') ? 'dense' : undefined;
    else if (scanner.is('>')) this.#ids = undefined;
  }

  #targeted(name: string): void {
    this.#isTarget = false;
    if (ownTargets.test(name)) throw new ShapeError(`a custom call is of a handler; ${name} is the compiler's own, which aborts over it`);
    if (needed.has(name)) this.#target = name;
  }

  /** The text ends. */
  end(): void {
    this.#missing();
    const narrow = this.#ofNoTwoBits && twoBits.find((element) => this.elements.has(element));
    if (narrow)
      throw new ShapeError(
        `a program with ${narrow} has no stablehlo.${this.#ofNoTwoBits}: the CPU plugin may end over one of 2-bit integers`,
      );
  }

  #missing(): void {
    if (this.#target) throw new ShapeError(`a custom call of ${this.#target} has ${needed.get(this.#target)}; this one has none`);
  }
}

function numbersOf(text: string): number[] {
  const bytes = Buffer.from(text.replace(/^0x/, ''), 'hex');
  return Array.from({ length: bytes.length >> 3 }, (_, i) => Number(bytes.readBigInt64LE(8 * i)));
}

/** Throws ShapeError for a collective of devices that there are not: libtpu aborts, or runs into an illegal instruction. */
export function checkCollectives(
  collectives: readonly Collective[],
  { replicas, partitions }: { replicas: number; partitions: number },
): void {
  for (const { operation, mostId, hasChannel } of collectives) {
    const [count, what] = hasChannel ? [replicas * partitions, 'devices'] : [replicas, 'replicas, where it has no channel'];
    if (mostId >= count)
      throw new ShapeError(`a collective's ids are of the program's ${what}; there are ${count}, and ${operation} has ${mostId}`);
  }
}

/**
 * Throws ShapeError for 2-bit integers on a TPU: libtpu 0.0.52 aborts over inputs and results of one axis, or of fewer than 16 rows, and on v4
 * over most of what is done with them.
 */
export function checkElements(elements: ReadonlySet<string>, platform: string): void {
  const narrow = twoBits.find((element) => elements.has(element));
  if (narrow && platform === 'tpu')
    throw new ShapeError(`a program for a TPU has integers of 4 bits or more, as libtpu aborts over narrower ones; this one has ${narrow}`);
}
