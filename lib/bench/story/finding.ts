/** What the figures of a run say, computed from that run and nothing else. */
import type { BenchmarkRow } from '../record';
import { aheadText, type Choice, type Clock, hasAhead, type MaskKind, prepared, rowAt, rowsOf, systemText } from './series';
import { timesText, timeText, tokensText } from './words';

/** A figure to see at a glance. */
export interface KeyFigure {
  readonly value: string;
  readonly words: string;
}

export interface Finding {
  readonly sentences: readonly string[];
  readonly keys: readonly KeyFigure[];
}

export function finding(rows: readonly BenchmarkRow[], clock: Clock): Finding {
  const data = { rows, clock };
  const cpu = !hasAhead(rows);
  const parts = [lengths(data, cpu), denseAgainstLazy(data, cpu), peer(data), stepRatio(rows)];
  const found = parts.filter((part) => part !== undefined);
  if (!found.length) return { sentences: ['Nothing was measured to the end, so there is nothing to say yet.'], keys: [] };
  return { sentences: found.map(({ sentence }) => sentence), keys: found.flatMap(({ key }) => key ?? []) };
}

/** What compile times are read from. */
interface Data {
  readonly rows: readonly BenchmarkRow[];
  readonly clock: Clock;
}

type Part = { readonly sentence: string; readonly key?: KeyFigure } | undefined;

const targetText = (rows: readonly BenchmarkRow[], cpu: boolean) => (cpu ? 'the CPU plugin' : aheadText(rows));

/** A lazy mask at the shortest and the longest T. */
function lengths({ rows, clock }: Data, cpu: boolean): Part {
  const done = rowsOf(rows, { system: 'ours', mask: 'causal', cpu }).filter(({ phases }) => phases.compile);
  const [first, last] = [done[0], done.at(-1)];
  const [short, long] = [first && prepared(first, clock), last && prepared(last, clock)];
  if (!short || !long || !last || first === last) return undefined;
  const [at, where] = [tokensText(last.queries), targetText(rows, cpu)];
  return {
    sentence: `For ${where} a lazy causal mask of ${at} tokens is built, lowered and compiled in ${timeText(long.median)}${clock === 'wall' ? '' : ' of processor time'}, one of ${tokensText(first.queries)} tokens in ${timeText(short.median)}.`,
    key: {
      value: timeText(long.median),
      words: `${clock === 'wall' ? '' : 'of processor time '}to build, lower and compile a causal mask of ${at} tokens for ${where}`,
    },
  };
}

/** At the longest T that the dense mask has. */
function denseAgainstLazy(data: Data, cpu: boolean): Part {
  const pair = longestPair(data, { system: 'ours', mask: 'dense', cpu }, { system: 'ours', mask: 'causal', cpu });
  if (!pair) return undefined;
  const [dense, lazy, at] = [pair.a.median, pair.b.median, tokensText(pair.tokens)];
  return {
    sentence: `A causal mask of ${at} tokens takes ${timeText(dense)} as T × T bits and ${timeText(lazy)} as a lazy mask.`,
    key: {
      value: timesText(dense / lazy),
      words: `as long for the dense mask as for the lazy one at ${at} tokens, for ${targetText(data.rows, cpu)}`,
    },
  };
}

/** The peer's lazy and dense masks at the longest T that both systems have, and up to which T the peer is the faster one. */
function peer(data: Data): Part {
  const pair = (mask: MaskKind) => longestPair(data, { system: 'peer', mask, cpu: false }, { system: 'ours', mask, cpu: false });
  const [lazy, dense] = [pair('causal'), pair('dense')];
  const any = lazy ?? dense;
  if (!any) return undefined;
  const words = (name: string, { a, b, tokens }: NonNullable<typeof any>) =>
    `${timeText(a.median)} for its ${name} of ${tokensText(tokens)} tokens (here ${timeText(b.median)})`;
  const parts = [...(lazy ? [words('CausalMask', lazy)] : []), ...(dense ? [words('NumpyMask', dense)] : [])];
  const name = systemText(any.rowA);
  const faster = fasterPeer(data);
  return {
    sentence: `The splash attention of ${name}, compiled in the same run by the same compiler, takes ${parts.join(' and ')}${faster ? `; ${faster}` : ''}.`,
    ...(lazy && {
      key: {
        value: timesText(lazy.a.median / lazy.b.median),
        words: `as long for JAX’s CausalMask as for causal here, at ${tokensText(lazy.tokens)} tokens`,
      },
    }),
  };
}

/** Of the lengths that both have, those where the peer's is the faster one: intervals, where there are any, do not meet. */
function fasterPeer({ rows, clock }: Data): string | undefined {
  const isFaster = rowsOf(rows, { system: 'peer', mask: 'causal', cpu: false }).flatMap((row) => {
    const other = rowAt(rows, { system: 'ours', mask: 'causal', cpu: false }, row.queries);
    const [a, b] = [prepared(row, clock), other && prepared(other, clock)];
    return a && b ? [{ tokens: row.queries, faster: (a.high ?? a.median) < (b.low ?? b.median) }] : [];
  });
  const [first, last] = [isFaster.findIndex(({ faster }) => faster), isFaster.findLastIndex(({ faster }) => faster)];
  if (first < 0) return undefined;
  const range = isFaster.slice(first, last + 1);
  const [from, to] = [tokensText(range[0].tokens), tokensText(range[range.length - 1].tokens)];
  const most = range.every(({ faster }) => faster) ? '' : ', but for some lengths,';
  return `${first === last ? `at ${from} tokens` : `from ${from} to ${to} tokens${most}`} its CausalMask is the faster one`;
}

/** Steps on this machine's CPU, at the longest T that the dense mask has. */
function stepRatio(rows: readonly BenchmarkRow[]): Part {
  const dense = rowsOf(rows, { system: 'ours', mask: 'dense', cpu: true }).findLast(({ phases: { step } }) => step);
  const lazy = dense && rowAt(rows, { system: 'ours', mask: 'causal', cpu: true }, dense.queries);
  const [slow, fast] = [dense?.phases.step, lazy?.phases.step];
  if (!dense || !slow || !fast) return undefined;
  const tokens = tokensText(dense.queries);
  return {
    sentence: `On this machine’s CPU a step of ${tokens} tokens takes ${timeText(fast.median)} with the lazy mask and ${timeText(slow.median)} with the dense one.`,
    key: {
      value: timesText(slow.median / fast.median),
      words: `as long for a step with the dense mask as with the lazy one, ${tokens} tokens on this CPU`,
    },
  };
}

function longestPair({ rows, clock }: Data, one: Choice, other: Choice) {
  for (const rowA of rowsOf(rows, one).reverse()) {
    const [a, rowB] = [prepared(rowA, clock), rowAt(rows, other, rowA.queries)];
    const b = rowB && prepared(rowB, clock);
    if (a && b) return { a, b, rowA, tokens: rowA.queries };
  }
  return undefined;
}
