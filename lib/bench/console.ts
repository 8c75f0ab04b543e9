/** google-benchmark's console output, to the character: its context, its table and its counters. */
import type { Context, PlainRow } from './record';

/** Printed before the table, on stderr as google-benchmark does. */
export function contextText(context: Context): string {
  const { num_cpus: cpus, caches, load_avg: load } = context;
  const lines = [
    context.date,
    `Running ${context.executable}`,
    `Run on (${cpus} X ${general(context.mhz_per_cpu)} MHz CPU ${cpus > 1 ? 's' : ''})`,
    ...(caches.length ? ['CPU Caches:'] : []),
    ...caches.map((cache) => {
      const shared = cache.num_sharing ? ` (x${Math.floor(cpus / cache.num_sharing)})` : '';
      return `  L${cache.level} ${cache.type} ${Math.floor(cache.size / 1024)} KiB${shared}`;
    }),
    ...(load.length ? [`Load Average: ${load.map((value) => value.toFixed(2)).join(', ')}`] : []),
    ...Object.entries(customContext(context)).map(([key, value]) => `${key}: ${value}`),
  ];
  if (context.cpu_scaling_enabled)
    lines.push('***WARNING*** CPU scaling is enabled, the benchmark real time measurements may be noisy and will incur extra overhead.');
  return lines.join('\n');
}

/** What google-benchmark has no field for, as its `--benchmark_context` shows it. */
function customContext(context: Context): Record<string, string> {
  return {
    cpu_model: context.cpu_model,
    library_version: context.library_version,
    node_version: context.node_version,
    ...context.plugin_versions,
    ...(context.commit === undefined ? {} : { commit: context.commit }),
  };
}

/** The counters of a row that its table shows. */
export type Counters = Readonly<Record<string, number>>;

/** The table, a row at a time: `head` is asked before the first. */
export class ConsoleTable {
  readonly #width: number;
  readonly #tabular: boolean;

  /** `names` of all rows to come; `tabular` gives each counter a column, as `--benchmark_counters_tabular` does. */
  constructor(names: readonly string[], tabular = false) {
    this.#width = Math.max(10, ...names.map((name) => name.length));
    this.#tabular = tabular;
  }

  head(counters: Counters): string {
    const names = Object.keys(counters);
    const own = this.#tabular ? names.map((name) => ` ${name.padStart(10)}`).join('') : names.length ? ' UserCounters...' : '';
    const titles = `${'Benchmark'.padEnd(this.#width)} ${'Time'.padStart(13)} ${'CPU'.padStart(15)} ${'Iterations'.padStart(12)}${own}`;
    const rule = '-'.repeat(titles.length);
    return `${rule}\n${titles}\n${rule}`;
  }

  row(row: PlainRow, counters: Counters): string {
    const name = `${row.name.padEnd(this.#width)} `;
    if (row.error_occurred) return `${name}ERROR OCCURRED: '${row.error_message}'`;
    if (row.skipped) return `${name}SKIPPED: '${row.skip_message}'`;
    const unit = (row.time_unit ?? 'ns').padEnd(4);
    const times = `${timeText(row.real_time ?? 0)} ${unit} ${timeText(row.cpu_time ?? 0)} ${unit}`;
    const own = Object.entries(counters).map(([key, value]) =>
      this.#tabular ? ` ${humanReadable(value).padStart(Math.max(10, key.length))}` : ` ${key}=${humanReadable(value)}`,
    );
    return `${name}${times} ${`${row.iterations ?? 0}`.padStart(10)}${own.join('')}${row.label ? ` ${row.label}` : ''}`;
  }
}

/** Ten characters, with fewer digits the larger it is. */
function timeText(time: number): string {
  if (time > 9999999999) return time.toExponential(4).replace(/e\+(\d)$/, 'e+0$1');
  const digits = time < 1 ? 3 : time < 10 ? 2 : time < 100 ? 1 : 0;
  return time.toFixed(digits).padStart(10);
}

const large = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
const small = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y'];

/** A counter's value in powers of a thousand: `644.6M`. */
export function humanReadable(value: number): string {
  const sign = value < 0 ? '-' : '';
  const size = Math.abs(value);
  if (size > 999) {
    const power = large.findIndex((_, i) => size / 1000 ** (i + 1) <= 999);
    return sign + (power < 0 ? general(size) : general(size / 1000 ** (power + 1)) + large[power]);
  }
  if (size < 0.01) {
    const power = small.findIndex((_, i) => size * 1000 ** (i + 1) >= 1);
    if (power >= 0) return sign + general(size * 1000 ** (power + 1)) + small[power];
  }
  return sign + general(size);
}

/** C's `%g`: six significant digits at the most. */
function general(value: number): string {
  if (value === 0) return '0';
  const [digits, power] = value.toExponential(5).split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 6) {
    const sign = exponent < 0 ? '-' : '+';
    return `${Number(digits)}e${sign}${`${Math.abs(exponent)}`.padStart(2, '0')}`;
  }
  return `${Number(value.toPrecision(6))}`;
}
