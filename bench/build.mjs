/**
 * Build time: mask, attention and lowering to text. Cold is a process's first build, after the library's own loading; warm the later ones.
 * Should be under 30 ms cold and 5 ms warm at every T.   node bench/build.mjs
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { attention, causal, local, lower } from 'node-pjrt';

const build = (target, queries, mask) => {
  const start = performance.now();
  lower(
    attention({ heads: 16, kvHeads: 2, headDim: 256, queries, dtype: 'bf16', mask: mask === 'causal' ? causal() : local(1023, 0) }),
    target,
  );
  return performance.now() - start;
};
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

if (process.argv.length > 2) {
  const [target, queries, mask] = process.argv.slice(2);
  console.log(build(target, Number(queries), mask));
} else {
  console.log('target  mask    T          cold ms: min  median    warm ms: min  median');
  for (const target of ['cpu', 'tpu'])
    for (const mask of ['causal', 'local'])
      for (const queries of [4096, 32768, 262144, 1048576]) {
        const again = [fileURLToPath(import.meta.url), target, String(queries), mask];
        const cold = Array.from({ length: 9 }, () => Number(execFileSync(process.execPath, again, { encoding: 'utf8' })));
        for (let i = 0; i < 20; i++) build(target, queries, mask);
        const warm = Array.from({ length: 50 }, () => build(target, queries, mask));
        const figures = [Math.min(...cold), median(cold), Math.min(...warm), median(warm)].map((value) => value.toFixed(2).padStart(8));
        console.log(`${target}     ${mask.padEnd(6)}  ${String(queries).padEnd(9)}  ${figures.join('  ')}`);
      }
}
