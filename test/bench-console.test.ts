/** google-benchmark's output, to the character. The expected texts are what its own console reporter prints of the same figures. */
import { ConsoleTable, contextText, humanReadable } from '../lib/bench/console';
import { context } from '../lib/bench/machine';
import type { Context } from '../lib/bench/record';

const row = { name: 'FlashAttentionBenchmark/4096/16/2/32768', time_unit: 'ms' } as const;
const names = [row.name, 'FlashAttentionBenchmark/256/2/2/512'];

test('header and rows', () => {
  const table = new ConsoleTable(names);
  const titles = 'Benchmark                                        Time             CPU   Iterations UserCounters...';
  const rule = '-'.repeat(titles.length);
  expect(table.head({ HBM: 1 })).toBe(`${rule}\n${titles}\n${rule}`);
  expect(table.head({}).split('\n')[1]).toBe('Benchmark                                        Time             CPU   Iterations');
  const text = (real_time: number, cpu_time: number, iterations: number, counters = {}) =>
    table.row({ ...row, real_time, cpu_time, iterations }, counters);
  expect(text(94368, 91442, 1, { HBM: 1.5e9 })).toBe(
    'FlashAttentionBenchmark/4096/16/2/32768      94368 ms        91442 ms            1 HBM=1.5G',
  );
  expect(text(116, 1.03, 100, { HBM: 644.6e6 })).toBe(
    'FlashAttentionBenchmark/4096/16/2/32768        116 ms         1.03 ms          100 HBM=644.6M',
  );
  expect(text(40.84, 0.001, 88)).toBe('FlashAttentionBenchmark/4096/16/2/32768       40.8 ms        0.001 ms           88');
  expect(text(9.996, 99.96, 918)).toBe('FlashAttentionBenchmark/4096/16/2/32768      10.00 ms        100.0 ms          918');
  expect(text(12345678901, 0, 0)).toBe('FlashAttentionBenchmark/4096/16/2/32768 1.2346e+10 ms        0.000 ms            0');
});

test('counters in columns', () => {
  const table = new ConsoleTable(names, true);
  expect(table.head({ HBM: 1 }).split('\n')[1]).toBe(
    'Benchmark                                        Time             CPU   Iterations        HBM',
  );
  expect(table.row({ ...row, real_time: 1, cpu_time: 1, iterations: 1 }, { HBM: 603979776 })).toBe(
    'FlashAttentionBenchmark/4096/16/2/32768       1.00 ms         1.00 ms            1    603.98M',
  );
});

test('skipped and failed rows, and labels', () => {
  const table = new ConsoleTable(names);
  expect(table.row({ ...row, skipped: true, skip_message: 'needs 141 GB' }, {})).toBe(
    "FlashAttentionBenchmark/4096/16/2/32768 SKIPPED: 'needs 141 GB'",
  );
  expect(table.row({ ...row, error_occurred: true, error_message: 'no' }, {})).toBe(
    "FlashAttentionBenchmark/4096/16/2/32768 ERROR OCCURRED: 'no'",
  );
  expect(table.row({ ...row, real_time: 1, cpu_time: 0, iterations: 0, label: '(estimated)' }, { HBM: 1000 })).toBe(
    'FlashAttentionBenchmark/4096/16/2/32768       1.00 ms        0.000 ms            0 HBM=1k (estimated)',
  );
});

// HumanReadableNumber(value, kIs1000) of google-benchmark.
test.each([
  [0, '0'],
  [999, '999'],
  [999.5, '0.9995k'],
  [1000, '1k'],
  [1024, '1.024k'],
  [999499, '0.999499M'],
  [123456789.123, '123.457M'],
  [644.6e6, '644.6M'],
  [1e-7, '100n'],
  [0.5, '0.5'],
  [0.01, '0.01'],
  [-12345, '-12.345k'],
  [1e30, '1e+30'],
])('a counter of %d is %s', (value, text) => {
  expect(humanReadable(value)).toBe(text);
});

const about: Context = {
  date: '2026-11-26T04:18:46+00:00',
  host_name: 'host',
  executable: 'node-pjrt bench',
  num_cpus: 2,
  mhz_per_cpu: 2596.096,
  cpu_scaling_enabled: true,
  caches: [
    { type: 'Data', level: 1, size: 49152, num_sharing: 1 },
    { type: 'Unified', level: 3, size: 33554432, num_sharing: 2 },
  ],
  load_avg: [0.8, 1.05, 1.434],
  library_version: '0.1.0',
  library_build_type: 'release',
  json_schema_version: 1,
  cpu_model: 'AMD EPYC',
  memory_bytes: 2e10,
  node_version: 'v20.20.2',
  plugin_versions: { cpu: 'xla-cpu-pjrt 0.0.1' },
  commit: 'abc-dirty',
};

test('the context', () => {
  expect(contextText(about)).toBe(
    [
      '2026-11-26T04:18:46+00:00',
      'Running node-pjrt bench',
      'Run on (2 X 2596.1 MHz CPU s)',
      'CPU Caches:',
      '  L1 Data 48 KiB (x2)',
      '  L3 Unified 32768 KiB (x1)',
      'Load Average: 0.80, 1.05, 1.43',
      'cpu_model: AMD EPYC',
      'library_version: 0.1.0',
      'node_version: v20.20.2',
      'cpu: xla-cpu-pjrt 0.0.1',
      'commit: abc-dirty',
      '***WARNING*** CPU scaling is enabled, the benchmark real time measurements may be noisy and will incur extra overhead.',
    ].join('\n'),
  );
});

test('the context of this machine', () => {
  const here = context();
  expect(here.date).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  expect(Math.abs(Date.parse(here.date) - Date.now())).toBeLessThan(60_000);
  expect(here.num_cpus).toBeGreaterThan(0);
  expect(here.load_avg).toHaveLength(3);
  expect(here.plugin_versions.cpu).toMatch(/xla/);
  expect(here.memory_bytes).toBeGreaterThan(1e8);
});
