/**
 * libtpu's final bundles as a program: basic blocks in a tree of loops and branches, with what the MXUs get in each, and the kernel's
 * marks. The text (a `*-final_bundles.txt` of its dump) has a bundle, one issue cycle of a core, per address; a comment names the region
 * that starts there, which is what branches aim at.
 */
import { ShapeError } from '../errors';
import { firstMark } from '../ir/mosaic';

/** A vmatmul: the MXU it goes to and the rows of the left operand that it streams through. */
export interface Matmul {
  readonly mxu: number;
  readonly rows: number;
}

/** Bundles [start, end) that run one after the other. */
export interface BasicBlock {
  readonly start: number;
  readonly end: number;
}

/**
 * A part of the program that is entered at its first bundle and left after its last: all of it, a loop, or what a forward branch jumps
 * over.
 */
export interface Region {
  readonly kind: 'program' | 'loop' | 'branch';
  readonly start: number;
  readonly end: number;
  /** The blocks that are in no region inside this one: they run equally often. */
  readonly blocks: BasicBlock[];
  readonly regions: Region[];
  /** Numbers of the marks stored in `blocks`. */
  readonly marks: number[];
  /** Marks stored under a predicate of their own: short branches that the compiler made straight. */
  readonly predicated: number[];
  /** Of a loop that counts between constants. */
  readonly trips?: number;
}

export interface BundleProgram {
  readonly root: Region;
  /** The vmatmuls of each bundle. */
  readonly matmuls: readonly (readonly Matmul[])[];
}

interface Branch {
  readonly at: number;
  /** The bundle after its delay slots. */
  readonly after: number;
  /** Undefined where the branch is always taken. */
  readonly predicate?: string;
  readonly target: number;
}

const bundleLine = /^\s*(?:0x[0-9a-f]+|0)\s+(?:[A-Z]{2})?\s*:[\s>]*\{/;
const marks = { first: firstMark, end: firstMark + 2 ** 16 };

/**
 * Parses final bundles. `delaySlots` is how many bundles after a branch still run, at most. Throws ShapeError for text that is no such
 * dump, for a branch or a matrix product of an unknown form, and for control flow that is no tree.
 */
export function parseBundles(text: string, delaySlots: number): BundleProgram {
  const bundles = bundleTexts(text);
  if (!bundles.length) throw new ShapeError('the schedule is a *-final_bundles.txt of libtpu; this text has no bundle');
  const scalars = scalarsOf(bundles);
  const branches = branchesOf(bundles, delaySlots);
  const regions: Region[] = [{ ...emptyRegion('program', 0, bundles.length) }];
  for (const branch of branches) {
    const isLoop = branch.target <= branch.at;
    const [start, end] = isLoop ? [branch.target, branch.after] : [branch.after, branch.target];
    if (start >= end) continue;
    const trips = isLoop ? scalars.trips(branch.predicate) : undefined;
    regions.push({ ...emptyRegion(isLoop ? 'loop' : 'branch', start, end), ...(trips === undefined ? {} : { trips }) });
  }
  // Outermost first; a branch that jumps over a loop that may have nothing to do holds it.
  const order = { program: 0, branch: 1, loop: 2 };
  regions.sort((a, b) => a.start - b.start || b.end - a.end || order[a.kind] - order[b.kind]);
  const open: Region[] = [];
  for (const region of regions) {
    while (open.length && open[open.length - 1].end <= region.start) open.pop();
    const parent = open[open.length - 1];
    if (parent && region.end > parent.end)
      throw new ShapeError(`the schedule's branches nest; bundles ${span(region)} and ${span(parent)} cross`);
    parent?.regions.push(region);
    open.push(region);
  }
  const [root] = regions;
  const leaders = new Set(regions.flatMap(({ start, end }) => [start, end]));
  for (const branch of branches) leaders.add(branch.after);
  const starts = [...leaders].filter((at) => at < bundles.length).sort((a, b) => a - b);
  starts.forEach((start, i) => {
    innermost(root, start).blocks.push({ start, end: starts[i + 1] ?? bundles.length });
  });
  for (const { at, number, predicate } of scalars.marks) {
    // Under the opposite of a branch's predicate, before the branch or in its delay slots, is what belongs to the code after it.
    const branch = predicate && branches.find((one) => at < one.after && one.predicate === opposite(predicate));
    const region = innermost(root, branch ? branch.after : at);
    (predicate && !branch ? region.predicated : region.marks).push(number);
  }
  return { root, matmuls: bundles.map(matmulsOf) };
}

/** The region, and all inside it. */
export function* regionsIn(region: Region): Generator<Region> {
  yield region;
  for (const inner of region.regions) yield* regionsIn(inner);
}

const span = ({ start, end }: BasicBlock) => `[0x${start.toString(16)}, 0x${end.toString(16)})`;
const opposite = (predicate: string) => (predicate.startsWith('!') ? predicate.slice(1) : `!${predicate}`);

function emptyRegion(kind: Region['kind'], start: number, end: number): Region {
  return { kind, start, end, blocks: [], regions: [], marks: [], predicated: [] };
}

function innermost(region: Region, at: number): Region {
  const inner = region.regions.find(({ start, end }) => start <= at && at < end);
  return inner ? innermost(inner, at) : region;
}

function bundleTexts(text: string): string[] {
  const bundles: string[] = [];
  for (const line of text.split('\n'))
    if (bundleLine.test(line)) bundles.push(line);
    else if (bundles.length) bundles[bundles.length - 1] += ` ${line}`;
  return bundles;
}

/**
 * Delay slots end where a region starts, or after the last one that ends, but for `delaySlots` at the latest: tpu7x has one to six of
 * them.
 */
function branchesOf(bundles: readonly string[], delaySlots: number): Branch[] {
  const starts = new Map<string, number>();
  for (const [i, bundle] of bundles.entries())
    for (const [, region] of bundle.matchAll(/Start(?:\/End empty)? region (\d+)/g)) starts.set(region, i);
  const exit = bundles.findIndex((bundle) => bundle.includes('exit bundle'));
  return bundles.flatMap((bundle, at) => {
    if (!bundle.includes('= sbr.')) return [];
    const [, predicate, region] = /= sbr\.rel (?:\((!?%\w+)\) )?target = \$region(\d+)/.exec(bundle) ?? [];
    // A region that starts nowhere is empty and at the end.
    const target = starts.get(region) ?? (exit >= 0 && region !== undefined ? exit : undefined);
    if (target === undefined) throw new ShapeError(`a branch of the schedule aims at a region; got ${bundle.trim().slice(0, 200)}`);
    const slots = bundles.slice(at + 1, at + 2 + delaySlots);
    const start = slots.findIndex((slot) => slot.includes(' Start'));
    const end = slots.slice(0, delaySlots).findLastIndex((slot) => slot.includes('End region'));
    return [{ at, after: at + 1 + (start >= 0 ? start : end >= 0 ? end + 1 : delaySlots), predicate, target }];
  });
}

/** Rows that a vmatmul streams: a register's, 8 of 32 bits or 16 of 16 packed in pairs; `lmr` takes half of them. */
function matmulsOf(bundle: string): Matmul[] {
  if (!bundle.includes('vmatmul.')) return [];
  return [...bundle.matchAll(/\bvmatmul\.([\w.[\]]+)/g)].map(([, form]) => {
    const element = /(?:^|\.)(bf16|f32)(?:\.|$)/.exec(form)?.[1];
    const mxu = /mxu(\d)$/.exec(form)?.[1];
    if (!element || !mxu) throw new ShapeError(`a vmatmul is of bf16 or f32 and names its MXU; got vmatmul.${form}`);
    return { mxu: Number(mxu), rows: (element === 'bf16' ? 16 : 8) / (form.startsWith('lmr.') ? 2 : 1) };
  });
}

/** What the scalar unit says of marks and of loops' ends. */
function scalarsOf(bundles: readonly string[]) {
  const values = new Map<string, string>();
  const sums = new Map<string, { of: string; step: number; isGrid: boolean }>();
  const phis = new Map<string, readonly string[]>();
  const exits = new Map<string, { value: string; limit: string }>();
  const stores: { at: number; value: string; predicate?: string }[] = [];
  for (const [at, bundle] of bundles.entries()) {
    for (const [, name, value] of bundle.matchAll(/(%s\w+) = smov\.u32 (?:\(!?%\w+\), )?(\d+|%s\w+)/g)) values.set(name, value);
    for (const [, name, first, second] of bundle.matchAll(/(%s\w+) = sphi (%s\w+), (%s\w+)/g)) phis.set(name, [first, second]);
    for (const [, name, step, of, counts] of bundle.matchAll(
      /(%s\w+) = sadd\.s32 (?:\(!?%\w+\), )?(\d+), (%s\w+)( \/\*[^*]*iteration index)?/g,
    ))
      sums.set(name, { of, step: Number(step), isGrid: counts !== undefined });
    for (const [, name, value, limit] of bundle.matchAll(/(%p\w+) = scmp\.ge\.s32\.totalorder (%s\w+), (\d+|%s\w+) \/\* loop exit test/g))
      exits.set(name, { value, limit });
    if (bundle.includes('= sst [smem:'))
      for (const [, place, predicate, value] of bundle.matchAll(/= sst \[smem:\[([^\]]*)\]\] (?:\((!?%\w+)\), )?(%s\w+)/g))
        if (!place.includes('_spill')) stores.push({ at, value, predicate });
  }
  const constant = (name: string): number | undefined => {
    let value: string | undefined = name;
    for (let steps = 0; value?.startsWith('%') && steps < 100; steps++) value = values.get(value);
    const number = Number(value);
    return Number.isNaN(number) ? undefined : number | 0;
  };
  /** A loop that adds a constant to a counter until it reaches another: how often its body runs. */
  const trips = (predicate: string | undefined): number | undefined => {
    const exit = exits.get(predicate?.replace('!', '') ?? '');
    const sum = exit && sums.get(exit.value);
    const entry = sum && phis.get(sum.of)?.find((name) => name !== exit.value);
    if (!exit || !sum) return undefined;
    // The grid's counter starts from 0, and may live in memory where no phi tells it.
    const from = entry ? constant(entry) : sum.isGrid ? 0 : undefined;
    const to = constant(exit.limit);
    return from === undefined || to === undefined ? undefined : Math.max(1, Math.ceil((to - from) / sum.step));
  };
  const found = stores.flatMap(({ at, value, predicate }) => {
    const number = constant(value);
    return number !== undefined && number >= marks.first && number < marks.end ? [{ at, number: number - marks.first, predicate }] : [];
  });
  return { marks: found, trips };
}
