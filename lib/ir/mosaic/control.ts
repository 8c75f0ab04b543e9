/** Loops and branches. */
import { ShapeError, shown } from '../../errors';
import { type Block, region } from '../mlir';
import { constant } from './math';
import { type Held, make, type Op, type Row } from './row';
import { i32, isSame, type MosaicType, scalar, spell, type V } from './types';

const typesOf = (values: readonly V[]) => values.map(({ type }) => type);
const sameTypes = (a: readonly MosaicType[], b: readonly MosaicType[]) => a.length === b.length && a.every((type, i) => isSame(type, b[i]));
/** What a region's terminator gives. */
const given = (block: Block<MosaicType> | undefined) => typesOf(block?.operations[block.operations.length - 1]?.operands ?? []);
const bool = scalar('i1');
const terminator = (name: string): Row => ({ name, since: 1, rule: (op) => op.results.length > 0 && 'a terminator has no results' });

const rows = {
  yields: terminator('scf.yield'),
  condition: terminator('scf.condition'),
  returns: terminator('func.return'),
  branch: {
    name: 'scf.if',
    since: 1,
    rule: ({ operands, regions, results }: Op) =>
      (!sameTypes(typesOf(operands), [bool]) && 'the condition is i1') ||
      (regions.length !== 2 && 'there is a region for each outcome') ||
      (regions.some((block) => (results.length || block.operations.length) && !sameTypes(given(block), typesOf(results))) &&
        'both regions yield the results'),
    meaning:
      ({ regions: [then, otherwise] }: Op) =>
      ([condition], machine) => {
        const chosen = condition ? then : otherwise;
        return chosen.operations.length ? machine.run(chosen, []) : [];
      },
  },
  loop: {
    name: 'scf.for',
    since: 1,
    rule: ({ operands, regions: [body], results }: Op) => {
      const [from, to, step, ...state] = typesOf(operands);
      const bound = from?.element === 'index' ? scalar('index') : i32;
      return (
        (!sameTypes([from, to, step], [bound, bound, bound]) && 'bounds and step are i32 or index') ||
        ((!sameTypes(state, typesOf(results)) || !sameTypes(typesOf(body.args), [bound, ...state]) || !sameTypes(given(body), state)) &&
          'the state keeps its types from the start through the body to the results')
      );
    },
    meaning:
      ({ regions: [body] }: Op) =>
      ([from, to, step, ...start], machine) => {
        if (!((step as number) > 0)) throw new ShapeError(`a loop's step is above 0; got ${shown(step)}`);
        let state: readonly Held[] = start;
        for (let i = from as number; i < (to as number); i += step as number) state = machine.run(body, [i, ...state]);
        return state;
      },
  },
  while: {
    name: 'scf.while',
    since: 1,
    rule: ({ operands, regions: [before, after], results }: Op) => {
      const kept = typesOf(results);
      return (
        ((!sameTypes(typesOf(before.args), typesOf(operands)) || !sameTypes(given(after), typesOf(operands))) &&
          'the state keeps its types from round to round') ||
        ((!sameTypes(given(before), [bool, ...kept]) || !sameTypes(typesOf(after.args), kept)) &&
          'the condition is an i1 and the values that the body and the results take')
      );
    },
    meaning:
      ({ regions: [before, after] }: Op) =>
      (start, machine) => {
        let state: readonly Held[] = start;
        for (;;) {
          const [holds, ...kept] = machine.run(before, state);
          if (!holds) return kept;
          state = machine.run(after, kept);
        }
      },
  },
} satisfies Record<string, Row>;

export const controlRows: readonly Row[] = Object.values(rows);

/** The end of a function: its results. */
export const returns = (values: readonly V[] = []): void => void make(rows.returns, values, []);

/** Runs `body` where `condition` holds. */
export function when(condition: V, body: () => void): void {
  cond(
    condition,
    () => {
      body();
      return [];
    },
    () => [],
  );
}

/** Values of one branch or the other, of the same types; only that branch runs. */
export function cond(condition: V, then: () => readonly V[], otherwise: () => readonly V[]): V[] {
  let types: MosaicType[] = [];
  const first = region<MosaicType>([], () => {
    const values = then();
    types = typesOf(values);
    make(rows.yields, values, []);
  });
  const second = region<MosaicType>([], () => yieldAs(types, otherwise()));
  return make(rows.branch, [condition], types, {}, [first, second]);
}

/** Runs `body` on i = from, from + 1, ... below `to` and the state; returns the last state. */
export function forLoop(
  from: V | number,
  to: V | number,
  state: readonly V[],
  body: (i: V, ...state: V[]) => readonly V[] | undefined,
): V[] {
  const types = typesOf(state);
  const inner = region<MosaicType>([i32, ...types], (i, ...values) => yieldAs(types, body(i, ...values) ?? []));
  const bound = (n: V | number) => (typeof n === 'number' ? constant(n) : n);
  return make(rows.loop, [bound(from), bound(to), constant(1), ...state], types, {}, [inner]);
}

/** Runs `body` on the state as long as `condition` of it holds; returns the last state. */
export function whileLoop(state: readonly V[], condition: (...state: V[]) => V, body: (...state: V[]) => readonly V[]): V[] {
  const types = typesOf(state);
  const before = region<MosaicType>(types, (...values) => void make(rows.condition, [condition(...values), ...values], []));
  const after = region<MosaicType>(types, (...values) => yieldAs(types, body(...values)));
  return make(rows.while, state, types, {}, [before, after]);
}

function yieldAs(types: readonly MosaicType[], values: readonly V[]): void {
  const list = (all: readonly MosaicType[]) => all.map(spell).join(', ') || 'none';
  const got = typesOf(values);
  if (!sameTypes(types, got)) throw new ShapeError(`mosaic: a region yields ${list(types)}; got ${list(got)}`);
  make(rows.yields, values, []);
}
