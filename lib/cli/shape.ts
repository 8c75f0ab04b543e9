/** The options that say which attention, as every command that takes one has them. */
import { type Command, Option } from 'commander';
import { type AttentionDType, attentionDTypes, type Pass, passes } from '../attention';
import { presets } from '../lower/tpu-choice';
import { positiveNumber, wholeNumber } from './text';

export interface ShapeOptions {
  batch: number;
  heads: number;
  kvHeads?: number;
  headDim: number;
  valueDim?: number;
  queries: number;
  keys?: number;
  dtype: AttentionDType;
  pass: Pass;
  softCap?: number;
  sinks?: boolean;
}

export const maskHelp = 'as docs/masks.md has them: causal, local(1023, 0), prefix(512) & ~strided(2), dense(causal)';

/** Adds them; what the command then gets is `AttentionOptions` but the mask. */
export function withShape(command: Command): Command {
  return command
    .option('--batch <n>', 'sequences', wholeNumber, 1)
    .option('--heads <n>', 'query heads', wholeNumber, 16)
    .option('--kv-heads <n>', 'key and value heads (default: heads)', wholeNumber)
    .option('--head-dim <n>', 'size of a query and a key', wholeNumber, 256)
    .option('--value-dim <n>', 'size of a value (default: head-dim)', wholeNumber)
    .option('-T, --queries <n>', 'query tokens', wholeNumber, 4096)
    .option('--keys <n>', 'key tokens (default: queries)', wholeNumber)
    .addOption(new Option('--dtype <dtype>', 'dtype of inputs and output; f16 for the CPU only').choices(attentionDTypes).default('bf16'))
    .addOption(new Option('--pass <pass>', 'the outputs, the gradients from them, or both at once').choices(passes).default('forward'))
    .option('--soft-cap <x>', 'scores become x * tanh(score / x)', positiveNumber)
    .option('--sinks', 'a logit per head that takes its share of the softmax');
}

/** The option of commands that compile TPU kernels. */
export const presetOption = () =>
  new Option('--preset <preset>', 'tiles of the TPU kernels, for a short step or for a short compile').choices(presets).default('fast');
