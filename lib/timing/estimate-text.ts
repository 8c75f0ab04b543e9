/** An estimate as a table. */
import type { Estimate } from './estimate';

type Figures = Omit<Estimate, 'toString'>;

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const micro = (seconds: number) => `${(1e6 * seconds).toFixed(1)} us`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e5 ? 3 : 1)} MB`;
const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

export function estimateText(figures: Figures): string {
  const { label, topology, seconds, cycles, usefulShare, mxuShare, loops, operations, operationSeconds, buildMs } = figures;
  const hertz = cycles / seconds;
  const kernels = seconds - operationSeconds;
  const several = new Set(loops.map(({ kernel }) => kernel)).size > 1;
  const rows = [
    ['part', 'runs', 'cycles', 'bundles', 'MXU limit', 'HBM', 'of all'],
    ...loops.map((loop) => [
      several ? `${loop.kernel}: ${loop.name}` : loop.name,
      String(loop.runs),
      String(Math.round(loop.cycles)),
      String(Math.round(loop.bundles)),
      String(Math.round(loop.mxuCycles)),
      String(Math.round(loop.hbmCycles)),
      percent((loop.runs * loop.cycles) / cycles),
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const table = rows.map((row) => row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
  const around = operations.length
    ? `${operations.length} operations of XLA around it ${micro(operationSeconds)} (${megabytes(operations.reduce((sum, { bytes }) => sum + bytes, 0))})`
    : 'no operation of XLA around it';
  return [
    `${topology}, ${label}: ${micro(seconds)}, ${percent(usefulShare)} of the peak useful, MXUs fed ${percent(mxuShare)} of the time`,
    ...table,
    `Kernels ${micro(kernels)}: ${micro(figures.bundleCycles / hertz)} of bundles, ${micro(figures.scheduleCycles / hertz)} with waits for MXUs, the rest HBM; HBM alone ${micro(figures.hbmCycles / hertz)}; ${around}.`,
    `VMEM ${megabytes(figures.vmemBytes)}, temporaries ${megabytes(figures.tempBytes)}, code ${megabytes(figures.codeBytes)}; ${buildMs === undefined ? '' : `build ${ms(buildMs)}, `}compile ${ms(figures.compileMs)}.`,
  ].join('\n');
}
