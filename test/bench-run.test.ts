/** Cases: their names, what they need, and one measured on the CPU plugin and for v5p. */
import { attentionCase, flashSizes, layerCase, layerNames, mqaSizes } from '../lib/bench/cases';
import { conventions, layerHead, layerLine, layerReason, originLine } from '../lib/bench/layers';
import { needOf, predict } from '../lib/bench/memory';
import type { BenchmarkRow, Phase } from '../lib/bench/record';
import { type RunOptions, runCase } from '../lib/bench/run';
import { Suite } from '../lib/bench/suite';
import { cpuBlocks } from '../lib/lower/cpu';
import { Client, Topology } from '../lib/pjrt';
import { testTpu } from './helpers';

const sizes = { modelDim: 16, heads: 2, kvHeads: 1, seq: 70 };
const brief: RunOptions = { budgetMs: 40, maxCompiles: 2 };

async function onCpu<T>(use: (cpu: Client) => Promise<T>): Promise<T> {
  using cpu = await Client.open('cpu');
  return await use(cpu);
}

describe('cases', () => {
  test("the names of the original's cases", () => {
    expect(flashSizes.map((one) => attentionCase(one).name)).toEqual([
      'FlashAttentionBenchmark/256/2/2/512',
      'FlashAttentionBenchmark/2048/16/2/1024',
      'FlashAttentionBenchmark/4096/16/2/1024',
      'FlashAttentionBenchmark/4096/16/2/4096',
      'FlashAttentionBenchmark/4096/16/2/8192',
      'FlashAttentionBenchmark/4096/16/2/32768',
    ]);
    expect(attentionCase(mqaSizes[3], {}, 'MQABenchmark')).toMatchObject({
      name: 'MQABenchmark/4096/16/1/4096',
      options: { heads: 16, kvHeads: 1, headDim: 256, queries: 4096, dtype: 'bf16', pass: 'forward' },
      mask: 'causal',
      impl: 'flash',
    });
  });

  test('what is not as by default is in the name', () => {
    const variant = { mask: 'local(3, 0)', pass: 'forward+backward', impl: 'reference', dtype: 'f32', preset: 'lean' } as const;
    expect(attentionCase(sizes, variant).name).toBe(
      'FlashAttentionBenchmark/16/2/1/70/mask:local(3, 0)/pass:forward+backward/impl:reference/dtype:f32/preset:lean',
    );
  });

  test('model_dim is heads x head_dim', () => {
    expect(() => attentionCase({ ...sizes, heads: 3 })).toThrow('model_dim is heads x head_dim; got 16 with 3 heads');
    expect(() => attentionCase({ ...sizes, kvHeads: 4 })).toThrow('heads is a multiple of kvHeads');
  });

  test('model layers', () => {
    const layer = { batch: 2, seq: 8192, window: 1024 };
    expect(layerNames.map((name) => layerCase(name, layer).options.heads)).toEqual([16, 40, 56, 72, 88, 110, 140]);
    expect(layerCase('1.2b', layer)).toMatchObject({
      name: 'AttentionLayerBenchmark/1.2b/2/8192/1024',
      options: { batch: 2, heads: 16, headDim: 128, queries: 8192 },
      mask: 'local(1024, 0)',
    });
    expect(layerCase('1.2b', layer, { mask: 'causal', impl: 'reference' }).name).toBe(
      'AttentionLayerBenchmark/1.2b/2/8192/1024/mask:causal/impl:reference',
    );
  });
});

describe('memory', () => {
  const large = { modelDim: 256, heads: 2, kvHeads: 2, seq: 512 };

  // The table of temporaries, against the compiler's own account.
  test.each(['forward', 'backward', 'forward+backward'] as const)('what plain StableHLO needs on the CPU: %s', async (pass) => {
    for (const dtype of ['bf16', 'f32'] as const) {
      const one = attentionCase(large, { pass, dtype, impl: 'reference' });
      const { hbm_bytes: compiled = 0 } = await onCpu((cpu) => runCase(one, cpu, { last: 'compile', budgetMs: 0 }));
      expect(needOf(one, 'cpu').deviceBytes / compiled).toBeGreaterThan(0.9);
      expect(needOf(one, 'cpu').deviceBytes / compiled).toBeLessThan(1.15);
    }
  });

  testTpu('and on v5p', async () => {
    using v5p = await Topology.open('tpu', 'v5p:2x2x1');
    for (const pass of ['forward', 'forward+backward'] as const) {
      const one = attentionCase({ ...large, seq: 1024 }, { pass, impl: 'reference' });
      const { hbm_bytes: compiled = 0 } = await runCase(one, v5p, { last: 'compile', budgetMs: 0 });
      expect(needOf(one, 'tpu').deviceBytes / compiled).toBeGreaterThan(0.7);
      expect(needOf(one, 'tpu').deviceBytes / compiled).toBeLessThan(1.3);
    }
  });

  test('a kernel needs no more than its inputs and outputs, a dense mask its scores', () => {
    const flash = needOf(attentionCase(large), 'cpu');
    expect(flash).toMatchObject({ deviceBytes: 4 * 2 * 512 * 128 * 2, maskBytes: 0 });
    const dense = needOf(attentionCase(large, { mask: 'dense(causal)' }), 'cpu');
    expect(dense.deviceBytes - flash.deviceBytes).toBe(2 * 4 * 2 * 512 * 512);
    expect(dense.maskBytes).toBe((512 * 512) / 8);
  });

  test('what does not fit is skipped with the reason, before it is built', async () => {
    const huge = attentionCase({ modelDim: 4096, heads: 16, kvHeads: 2, seq: 1048576 }, { impl: 'reference' });
    const row = await onCpu((cpu) => runCase(huge, cpu));
    expect(row).toMatchObject({
      skipped: true,
      skip_message: expect.stringMatching(/^needs 141 TB; .* of memory are available on this machine$/),
    });
    expect(row.phases).toEqual({});
    const limited = await onCpu((cpu) => runCase(attentionCase(sizes), cpu, { mostBytes: 100 }));
    expect(limited.skip_message).toMatch(/^needs .* kB; 100 B are the limit/);
  });

  test('a dense mask that no program takes is skipped before it is built', async () => {
    const huge = attentionCase({ modelDim: 4096, heads: 16, kvHeads: 2, seq: 1048576 }, { mask: 'dense(causal)' });
    const row = await onCpu((cpu) => runCase(huge, cpu, { last: 'build' }));
    expect(row.skip_message).toBe('a dense mask goes into a program up to 134 MB; this one has 137 GB: use a lazy mask');
  });

  test('what is only compiled needs no memory to run', async () => {
    const huge = attentionCase({ modelDim: 4096, heads: 16, kvHeads: 2, seq: 1048576 });
    await onCpu(async (cpu) => {
      expect(predict(huge, cpu).reason).toMatch(/^needs/);
      expect(predict(huge, cpu, { runs: false }).reason).toBeUndefined();
      expect(predict(huge, cpu, { runs: false, compiledBytes: 1 }).bytes).toBe(0);
    });
  });

  testTpu('a chip has its HBM', async () => {
    using v5p = await Topology.open('tpu', 'v5p:2x2x1');
    const row = await runCase(attentionCase({ modelDim: 4096, heads: 16, kvHeads: 2, seq: 65536 }, { impl: 'reference' }), v5p);
    expect(row.skip_message).toBe('needs 293 GB; 103 GB of HBM are there on v5p');
  });
});

describe('one case', () => {
  test('on the CPU: every phase, bytes, and a result that is right', async () => {
    const seen: string[] = [];
    const blocks = 2 * Math.ceil(70 / cpuBlocks.blockQ) * Math.ceil(70 / cpuBlocks.blockK);
    const row = await onCpu((cpu) => runCase(attentionCase(sizes), cpu, { ...brief, onPhase: (phase) => seen.push(phase) }));
    expect(seen).toEqual(['build', 'lower', 'compile', 'first', 'step', 'check']);
    expect(Object.keys(row.phases)).toEqual(['build', 'lower', 'compile', 'first', 'step']);
    expect(row).toMatchObject({ name: 'FlashAttentionBenchmark/16/2/1/70', target: 'cpu', time_unit: 'ms', blocks, compared_rows: 8 });
    expect(row.error_message).toBeUndefined();
    expect(row.iterations).toBe(row.phases.step?.times.length);
    const times = row.phases.step?.times ?? [];
    expect(row.real_time).toBeCloseTo(times.reduce((sum, ms) => sum + ms, 0) / times.length, 6);
    expect(row.max_error).toBeLessThan(0.02);
    expect(row.text_bytes).toBeGreaterThan(100);
    expect(row.hbm_bytes).toBe(2 * 70 * 8 * 6);
    expect(row.peak_bytes).toBeGreaterThan(1e6);
    expect(row.code_bytes).toBeUndefined();
  });

  test.each<[Phase, Phase[]]>([
    ['build', ['build']],
    ['lower', ['build', 'lower']],
    ['compile', ['build', 'lower', 'compile']],
    ['first', ['build', 'lower', 'compile', 'first']],
  ])('up to %s', async (last, all) => {
    const row = await onCpu((cpu) => runCase(attentionCase(sizes), cpu, { ...brief, last, checks: false }));
    expect(Object.keys(row.phases)).toEqual(all);
    expect(row.real_time).toBeGreaterThan(0);
  });

  test('with the compile in it, as the original had it', async () => {
    const row = await onCpu((cpu) => runCase(attentionCase(sizes), cpu, { ...brief, withCompile: true }));
    const { build, lower, compile, first, step } = row.phases;
    const steps = step?.times ?? [];
    const all = [build, lower, compile, first].reduce((sum, one) => sum + (one?.median ?? 0), 0) + steps.reduce((sum, ms) => sum + ms, 0);
    expect(row.iterations).toBe(1 + steps.length);
    expect(row.real_time).toBeCloseTo(all / row.iterations, 6);
  });

  test('the reference gives the same, and a failure is the row’s', async () => {
    const variant = { impl: 'reference', pass: 'forward+backward', dtype: 'f32' } as const;
    const row = await onCpu((cpu) => runCase(attentionCase(sizes, variant), cpu, brief));
    expect(row.max_error).toBeLessThan(1e-5);
    expect(row.blocks).toBeUndefined();
    const failed = await onCpu((cpu) => runCase(attentionCase(sizes, { mask: 'caus' }), cpu, brief));
    expect(failed).toMatchObject({ error_occurred: true, error_message: expect.stringMatching(/^a mask is full, causal/), phases: {} });
  });

  testTpu('for v5p: compiled and estimated, of plain StableHLO by the compiler’s cost', async () => {
    using v5p = await Topology.open('tpu', 'v5p:2x2x1');
    const small = { modelDim: 256, heads: 2, kvHeads: 2, seq: 512 };
    const row = await runCase(attentionCase(small, { preset: 'lean' }), v5p, brief);
    expect(row).toMatchObject({
      name: 'FlashAttentionBenchmark/256/2/2/512/preset:lean/target:v5p:2x2x1',
      target: 'v5p:2x2x1',
      iterations: 0,
      cpu_time: 0,
      label: "(estimated from the compiler's schedule)",
    });
    expect(row.real_time).toBe(row.estimated_step?.ms);
    expect(row.code_bytes).toBeGreaterThan(1e4);
    const reference = await runCase(attentionCase(small, { impl: 'reference' }), v5p, brief);
    expect(reference.estimated_step?.label).toBe("estimated by the compiler's cost model");
    expect(reference.estimated_step?.ms).toBeGreaterThan(0);
  });
});

describe('many cases', () => {
  const opens = async <T>(target: string, use: (on: Client | Topology) => Promise<T>) => {
    if (target !== 'cpu') throw new Error(`no ${target} here`);
    return await onCpu(use);
  };

  test('rows come in families, and a target that cannot be had is in its rows', async () => {
    const cases = [attentionCase(sizes), attentionCase(sizes, {}, 'MQABenchmark'), attentionCase({ ...sizes, seq: 20 })];
    const told: [number, number][] = [];
    const suite = new Suite({ cases, targets: ['cpu', 'moon'], opens, ...brief, onPhase: (at, total) => told.push([at, total]) });
    const rows = await suite.run();
    expect(rows.map(({ family_index, per_family_instance_index }) => [family_index, per_family_instance_index])).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
      [0, 2],
      [1, 1],
      [0, 3],
    ]);
    expect(rows.slice(3).map(({ name, error_message }) => [name, error_message])).toEqual([
      ['FlashAttentionBenchmark/16/2/1/70/target:moon', 'no moon here'],
      ['MQABenchmark/16/2/1/70/target:moon', 'no moon here'],
      ['FlashAttentionBenchmark/16/2/1/20/target:moon', 'no moon here'],
    ]);
    expect(told[0]).toEqual([0, 6]);
    expect(told.at(-1)).toEqual([2, 6]);
  });

  test('what is there at any time', async () => {
    const cases = [attentionCase(sizes), attentionCase({ ...sizes, seq: 20 })];
    let during: readonly BenchmarkRow[] = [];
    const suite = new Suite({
      cases,
      targets: ['cpu'],
      opens,
      ...brief,
      onPhase: (at, _, __, phase) => {
        if (at === 1 && phase === 'compile') during = suite.soFar();
      },
    });
    await suite.run();
    expect(during).toHaveLength(2);
    expect(during[1]).toMatchObject({ skipped: true, skip_message: 'interrupted during compile', per_family_instance_index: 1 });
    expect(Object.keys(during[1].phases)).toEqual(['build', 'lower']);
    expect(suite.soFar()).toBe(suite.rows);
  });
});

describe('the lines of the layers', () => {
  const row = (fields: Partial<BenchmarkRow>) => ({ pass: 'forward', impl: 'flash', real_time: 0, ...fields }) as BenchmarkRow;

  test('as the original prints them', () => {
    expect(layerHead('1.2b', 'TPU v5p')).toBe('Benchmarking attention representative of 1.2b model layer on TPU v5p.');
    const reference = row({ real_time: 229.1, impl: 'reference' });
    expect(layerLine([reference, row({ real_time: 1.44 })])).toBe('ref_fwd:0.2291s, flash_fwd:0.0014s');
    const backward = { pass: 'forward+backward', real_time: 21.7 } as const;
    expect(layerLine([row({ ...backward, impl: 'reference' }), row({ ...backward, real_time: 5.8 })])).toBe(
      'ref_bwd:0.0217s, flash_bwd:0.0058s',
    );
  });

  test('what is estimated, skipped or failed says so', () => {
    const estimated = row({ real_time: 1.4, estimated_step: { ms: 1.4, label: 'estimated' } });
    const skipped = row({ skipped: true, skip_message: 'needs more', impl: 'reference' });
    expect(layerLine([skipped, estimated])).toBe('ref_fwd:skipped, flash_fwd:0.0014s (estimated)');
    expect(layerReason(skipped)).toBe('ref_fwd: needs more');
    expect(layerLine([row({ error_occurred: true, error_message: 'no' })])).toBe('flash_fwd:failed');
    expect(layerReason(estimated)).toBeUndefined();
  });

  test("the origin's figures stand beside its own sizes on its own chip", () => {
    const own = { batch: 2, seq: 8192, window: 1024 };
    expect(originLine('1.2b', own, 'v5p:2x2x1')).toBe(
      'apple/axlearn, pull request 908, measured on TPU v5p: ref_fwd:0.2291s, flash_fwd:0.0014s, ref_bwd:0.0217s, flash_bwd:0.0058s',
    );
    expect(originLine('1.2b', own, 'cpu')).toBeUndefined();
    expect(originLine('1.2b', { ...own, window: 512 }, 'v5p:2x2x1')).toBeUndefined();
    expect(originLine('539.5b', own, 'v5p:2x2x1')).toBeUndefined();
  });

  test('both conventions are told', () => {
    const end = "The original's is causal without the window, and its forward pass is not compiled.";
    expect(conventions('local(4, 0)', 'local(4, 0)')).toBe(`Reference: compiled, masked like flash, local(4, 0). ${end}`);
    expect(conventions('causal', 'local(4, 0)')).toBe(`Reference: compiled, with the mask causal, flash with local(4, 0). ${end}`);
  });
});
