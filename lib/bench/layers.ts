/** The lines that apple/axlearn's tpu_attention_benchmark.py prints of the attention of model layers. */
import type { LayerName, LayerSizes } from './cases';
import { originLayers, originSource } from './origin';
import type { BenchmarkRow } from './record';

export function layerHead(layer: string, deviceKind: string): string {
  return `Benchmarking attention representative of ${layer} model layer on ${deviceKind}.`;
}

/** Of the reference and flash, or of one of them: `ref_fwd:0.2291s, flash_fwd:0.0014s`; of gradients `bwd`. */
export function layerLine(rows: readonly BenchmarkRow[]): string {
  return rows.map((row) => `${labelOf(row)}:${secondsText(row)}`).join(', ');
}

const labelOf = ({ impl, pass }: BenchmarkRow) => `${impl === 'reference' ? 'ref' : 'flash'}_${pass === 'forward' ? 'fwd' : 'bwd'}`;

/** A step's mean. */
function secondsText(row: BenchmarkRow): string {
  if (row.error_occurred) return 'failed';
  if (row.skipped) return 'skipped';
  return `${(row.real_time / 1000).toFixed(4)}s${row.estimated_step ? ' (estimated)' : ''}`;
}

/** Why a row has no time. */
export function layerReason(row: BenchmarkRow): string | undefined {
  const why = row.error_message ?? row.skip_message;
  return why && `${labelOf(row)}: ${why}`;
}

/** What the original measured of the same layer, where the sizes and the chip are its own. */
export function originLine(layer: LayerName, { batch, seq, window }: LayerSizes, target: string): string | undefined {
  const found = originLayers[layer];
  if (!found || batch !== 2 || seq !== 8192 || window !== 1024 || !target.startsWith('v5p')) return undefined;
  const { refFwd, flashFwd, refBwd, flashBwd } = found;
  const figures = Object.entries({ ref_fwd: refFwd, flash_fwd: flashFwd, ref_bwd: refBwd, flash_bwd: flashBwd });
  return `${originSource.title}, measured on ${originSource.device}: ${figures.map(([name, value]) => `${name}:${value.toFixed(4)}s`).join(', ')}`;
}

/** How the reference is run here, and how the original ran it. */
export function conventions(referenceMask: string, ownMask: string): string {
  const here = referenceMask === ownMask ? `masked like flash, ${ownMask}` : `with the mask ${referenceMask}, flash with ${ownMask}`;
  return `Reference: compiled, ${here}. The original's is causal without the window, and its forward pass is not compiled.`;
}
