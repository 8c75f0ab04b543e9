/** The schedule reader: on bundles written by hand, and on the compiler's own of small kernels. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { attention, flops } from '../lib/attention';
import { firstMark } from '../lib/ir/mosaic';
import { lower } from '../lib/lower';
import { causal, full, local, parseMask } from '../lib/mask';
import { Topology } from '../lib/pjrt';
import { parseBundles } from '../lib/timing/bundles';
import { compileInChild } from '../lib/timing/child';
import { chipOf } from '../lib/ir/chips';
import { estimate } from '../lib/timing/estimate';
import { readHlo } from '../lib/timing/hlo';
import { copyLatency, loopsOf } from '../lib/timing/schedule';
import type { KernelFacts } from '../lib/types';
import { describeTpu } from './helpers';

const v5p = chipOf('v5p:2x2x1');
const slots = v5p.delaySlots;

/** Bundles from their operations; an entry may begin with a label. */
function dump(bundles: readonly string[]): string {
  return bundles
    .map((bundle, i) => {
      const [, label = '', operations] = /^(?:([A-Z]{2}) )?(.*)$/.exec(bundle) as RegExpExecArray;
      const [, inside, comment = ''] = /^(.*?)( \/\* (?:Start|End).*)?$/.exec(operations) as RegExpExecArray;
      return `${i ? `0x${i.toString(16)}` : '0'} ${label.padStart(2)} : > { ${inside} }${comment}`;
    })
    .join('\n');
}
const idle = (count: number) => Array<string>(count).fill('');
const mark = (k: number, predicate = '') => [
  `%s1${k}_s1 = smov.u32 ${firstMark + k} /* materialized constant */`,
  `%9 = sst [smem:[#allocation7]] ${predicate && `(${predicate}), `}%s1${k}_s1`,
];
const matmul = (mxu: number, form = 'bf16.gmra') => `%5 = vmatmul.${form}.mxu${mxu} %v1_v2`;
const kernel = (...runs: number[]): KernelFacts => ({
  name: 'made',
  phases: runs.map((count, k) => ({ name: `phase ${k}`, runs: count, readBytes: 0, writtenBytes: 0 })),
  steps: 1,
  cores: 2,
  vmemBytes: 0,
});
const loops = (bundles: readonly string[], facts: KernelFacts) => loopsOf(parseBundles(dump(bundles), slots), facts, v5p);

test('an MXU is busy for the rows of a vmatmul: 16 of bf16, 8 of f32 and of half a register', () => {
  const cycles = (...bundles: string[]) => loops(bundles, kernel())[0].cycles;
  expect(cycles(...idle(7))).toBe(7);
  expect(cycles(matmul(0))).toBe(16);
  expect(cycles(matmul(0), matmul(1))).toBe(17);
  expect(cycles(matmul(0), matmul(0))).toBe(32);
  expect(cycles(matmul(0, 'f32.gmra'), matmul(0, 'lmr.bf16.vlgmr.msra.gmra.16'), ...idle(2))).toBe(16);
  expect(cycles(`${matmul(0)}  ;;  ${matmul(1)}`, ...idle(20))).toBe(21);
  // The third waits for the first: 16, and the two bundles after it follow.
  expect(cycles(matmul(2), matmul(3), matmul(2), ...idle(2))).toBe(32);
  const [loop] = loops([matmul(0), matmul(1), ...idle(3)], kernel());
  expect(loop).toMatchObject({ name: 'once', runs: 1, bundles: 5, mxuCycles: 8 });
});

test('other generations have other MXUs', () => {
  const v6e = chipOf('v6e:2x2');
  const program = parseBundles(dump([`%5 = vmatmul.mubr.bf16.gmra.mrb[0].mxu0 %v1_v2`, ...idle(2), matmul(0)]), v6e.delaySlots);
  expect(loopsOf(program, kernel(), v6e)[0].cycles).toBe(16);
  expect(chipOf('v4:2x2x1')).toMatchObject({ name: 'v4', mxus: 4, rowsPerCycle: 1 });
  expect(() => chipOf('v3:2x2')).toThrow('a TPU generation is one of v4, v5e, v5p, v6e, tpu7x; got v3:2x2');
  expect(() => parseBundles(dump([matmul(0, 's8.gmra')]), slots)).toThrow(
    'a vmatmul is of bf16 or f32 and names its MXU; got vmatmul.s8.gmra.mxu0',
  );
});

/** once | loop { step; branch over { phase 0 }; phase 1 } | once */
const nested = (inner: readonly string[], outer: readonly string[], branch = '%p3_p1') => {
  const delay = idle(slots);
  return [
    '%s20_s2 = smov.u32 0 /* copy for cssa */',
    `LB %s21_s2 = sphi %s20_s2, %s22_s2 /* Start region 4 */`,
    `%10 = sbr.rel (${branch}) target = $region8`,
    ...delay,
    ...inner.map((text, i) => (i ? text : `${text} /* Start region 7 */`)),
    ...outer.map((text, i) => (i ? text : `${text} /* Start/End empty region 8 */`)),
    '%s22_s2 = sadd.s32 1, %s21_s2',
    '%p4_p2 = scmp.ge.s32.totalorder %s22_s2, 6 /* loop exit test */',
    '%11 = sbr.rel (!%p4_p2) target = $region4',
    ...delay,
    ' /* Start region 9 */',
  ];
};

test('a mark gives its phase the runs of the branch or loop that it stands in', () => {
  const found = loops(nested([...mark(0), ...idle(8)], [...mark(1), matmul(1)]), kernel(3, 40));
  expect(found.map(({ name, runs }) => [name, runs])).toEqual([
    ['once', 1],
    ['phase 1', 40],
    ['phase 0', 3],
  ]);
  expect(found[2]).toMatchObject({ cycles: 10, bundles: 10 });
  // The loop's own blocks: before the branch with its delay slots, and after.
  expect(found[1].bundles).toBe(2 + slots + 3 + 3 + slots);
  expect(found[1].cycles).toBe(found[1].bundles + 16 - (4 + slots));
});

test('a mark may move over a branch under its predicate', () => {
  const [constant, store] = mark(0, '!%p3_p1');
  const moved = nested(idle(9), [...mark(1), matmul(1)]);
  moved[3] = constant;
  moved[4] = store;
  expect(loops(moved, kernel(3, 40))[2]).toMatchObject({ name: 'phase 0', runs: 3, bundles: 9 });
  const own = nested([...idle(3), ...mark(0, '%p8_p1')], [...mark(1), matmul(1)]);
  // Under a predicate of its own it says nothing of how often the code around it runs.
  expect(loops(own, { ...kernel(3, 40), steps: 40 }).map(({ name }) => name)).toEqual(['once', 'phase 1']);
});

test('a loop without a mark counts between constants, and its cycles belong to what is around it', () => {
  const counted = nested(idle(10), idle(1));
  const [once, ...others] = loops([...mark(0), ...counted], kernel(1));
  expect(others).toEqual([]);
  expect(once).toMatchObject({ name: 'phase 0', runs: 1 });
  expect(once.bundles).toBe(2 + 1 + 6 * (counted.length - 2) + 1);
  const endless = counted.map((text) => text.replace(', 6 /*', ', %s99_s1 /*'));
  expect(() => loops(endless, kernel())).toThrow(
    'a loop counts between constants or has a mark; kernel made has one at bundle 0x1 without',
  );
});

test('marks and phases match, or it is said what does not', () => {
  expect(() => loops(nested(mark(0), idle(1)), kernel(1, 2))).toThrow(
    'every phase has its mark in the schedule; "phase 1" (2 times) has none',
  );
  expect(loops(nested(mark(0), idle(1)), kernel(1, 0))).toHaveLength(3);
  expect(loops(idle(3), kernel(1, 1)).map(({ name }) => name)).toEqual(['phase 1 + phase 0']);
  // Overwritten in straight code, where only one piece of code runs as often.
  expect(loops(nested(mark(0), mark(1)), kernel(3, 40, 3)).map(({ name }) => name)).toEqual(['once', 'phase 1', 'phase 2 + phase 0']);
  expect(() => loops([...mark(2), ...nested(mark(0), idle(1))], kernel(1, 1, 1))).toThrow('"phase 1" (1 times) has none');
  expect(() => loops(mark(1), kernel(1))).toThrow('kernel made has 1 phases; its schedule has mark 1');
  expect(() => loops([...mark(0), ...mark(0)], kernel(1))).toThrow(
    'a phase is one piece of code; "phase 0" (1 times) is marked twice in the schedule',
  );
  expect(() => loops([...mark(0), ...mark(1)], kernel(1, 2))).toThrow(
    'phases of one piece of code run equally often; got "phase 0" (1 times) and "phase 1" (2 times)',
  );
  expect(() => parseBundles('nothing', slots)).toThrow('this text has no bundle');
  expect(() => parseBundles(dump(['%10 = sbr.rel target = $region5']), slots)).toThrow('a branch of the schedule aims at a region; got');
});

test('a part waits for what it reads, and the whole for all of its traffic', () => {
  const facts = (phase: object): KernelFacts => ({
    ...kernel(),
    phases: [{ name: 'read', runs: 1, readBytes: 0, writtenBytes: 0, ...phase }],
  });
  const cycles = (phase: object) => loops(mark(0), facts(phase)).reduce((sum, loop) => sum + loop.runs * loop.cycles, 0);
  const transfer = (1e6 * v5p.hertz) / (v5p.hbmBytesPerSecond / 2);
  expect(cycles({})).toBe(2);
  expect(cycles({ readBytes: 1e6 })).toBeCloseTo(transfer + copyLatency * v5p.hertz);
  expect(cycles({ readBytes: 1e6, aheadBytes: 1e6 })).toBeCloseTo(transfer);
  expect(cycles({ writtenBytes: 1e6 })).toBeCloseTo(transfer);
  // A chip of one core does both cores' parts, and has all of the bandwidth.
  const v5e = chipOf('v5e:2x2');
  const [loop] = loopsOf(parseBundles(dump(mark(0)), slots), facts({ runs: 5, readBytes: 1e6 }), v5e);
  expect(loop.runs).toBe(10);
  expect(loop.hbmCycles).toBeCloseTo((1e6 * v5e.hertz) / v5e.hbmBytesPerSecond);
});

test("the bytes of XLA's operations count tiles, and not what moves nothing", () => {
  const body = 'QUJD'.repeat(20);
  const { operations, kernels } = readHlo(
    [
      '%fused (p: f32[8]) -> f32[8] {\n  ROOT %p = f32[8]{0} parameter(0)\n}\n',
      'ENTRY %main (a: f32[1,16,1000]) -> f32[1,16,1000] {',
      '  %a = f32[1,16,1000]{2,1,0:T(8,128)} parameter(0)',
      '  %b = f32[16,1,1000]{2,1,0:T(1,128)} bitcast(%a)',
      '  %c = bf16[3,5]{1,0:T(8,128)(2,1)} convert(%b), metadata={op_name="c"}',
      `  %k.1 = (bf16[3,5]{1,0}, f32[2]{0}) custom-call(%c), custom_call_target="tpu_custom_call", backend_config={"custom_call_config":{"body":"${body}"}}`,
      '  %d = f32[2]{0} get-tuple-element(%k.1), index=1',
      '  ROOT %e = pred[2]{0} fusion(%d, %a), kind=kLoop, calls=%fused',
      '}',
    ].join('\n'),
  );
  expect(operations).toEqual([
    { name: 'c', opcode: 'convert', bytes: 16 * 1024 * 4 + 8 * 128 * 2 },
    { name: 'e', opcode: 'fusion', bytes: 2 * 4 + 16 * 1024 * 4 + 2 },
  ]);
  expect(kernels).toEqual([{ name: 'k.1', body }]);
});

describeTpu('with the TPU compiler', () => {
  const spec = (queries: number, mask = causal(), more = {}) =>
    attention({ heads: 4, headDim: 128, queries, dtype: 'bf16', mask, ...more });
  /** Floating-point operations of the schedule: rows of vmatmuls, both cores. */
  const scheduledFlops = ({ loops }: Pick<Awaited<ReturnType<typeof estimate>>, 'loops'>) =>
    loops.reduce((sum, { runs, mxuCycles }) => sum + runs * mxuCycles, 0) * 4 * 2 * 128 * 128 * 2;

  test('the vmatmuls of all parts times their runs are the multiplications of the tiles that the mask visits', async () => {
    const found = await estimate(lower(spec(1024, full()), 'tpu'));
    const first = found.loops.find(({ name }) => name === 'start');
    // What a core makes once for nothing: the scores after its last row.
    const useless = (first?.mxuCycles ?? 0) * 4 * 2 * 128 * 128 * 2;
    expect((scheduledFlops(found) - useless) / flops(spec(1024, full()))).toBeCloseTo(1, 6);
    expect(found.label).toBe("estimated from the compiler's schedule");
    expect(found.usefulShare).toBeCloseTo(flops(spec(1024, full())) / found.seconds / 459e12, 6);
    expect(found.seconds).toBeCloseTo(found.cycles / 1.75e9, 9);
    expect(`${found}`).toContain("v5p:2x2x1, estimated from the compiler's schedule: ");
  });

  test('a longer attention has the same parts, more often: the cycles of a part do not change, and their sum follows the tiles', async () => {
    const [short, long] = [await estimate(lower(spec(2048), 'tpu')), await estimate(lower(spec(4096), 'tpu'))];
    const parts = (found: typeof short) => found.loops.filter(({ mxuCycles }) => mxuCycles > 0);
    expect(parts(long).map(({ name, bundles }) => [name, bundles])).toEqual(parts(short).map(({ name, bundles }) => [name, bundles]));
    const full = (found: typeof short) => found.loops.find(({ name }) => name === 'full tile, then full tile')?.runs ?? 0;
    // Per head with n rows of tiles (n - 1)(n - 2) / 2.
    const perHead = (n: number) => ((n - 1) * (n - 2)) / 2;
    expect(full(long) / full(short)).toBeCloseTo(perHead(8) / perHead(4), 6);
    expect(long.codeBytes).toBe(short.codeBytes);
    expect(long.mxuShare).toBeLessThanOrEqual(1);
  });

  test.each(['v4:2x2x1', 'v5e:2x2', 'v6e:2x2', 'tpu7x:2x2x1'])('%s', async (topology) => {
    const found = await estimate(lower(spec(1024), 'tpu'), { topology });
    expect(found).toMatchObject({ topology, chip: topology.split(':')[0] });
    expect(found.usefulShare).toBeGreaterThan(0.1);
    expect(found.usefulShare).toBeLessThan(1);
    expect(found.mxuShare).toBeGreaterThan(found.usefulShare);
  });

  test.each(['local(200, 0)', 'strided(64)', 'documents(300, 500, 224)', 'full'])('every part of %s is found', async (mask) => {
    const module = lower(spec(1024, parseMask(mask, 1024, 1024) as never), 'tpu');
    const found = await estimate(module);
    const names = found.loops.flatMap(({ name }) => name.split(' + '));
    for (const { name, runs } of module.kernels?.[0].phases ?? []) if (runs) expect(names).toContain(name);
  });

  test.each(['full', 'causal', 'strided(64)'])('both kernels of a gradient are found, %s', async (mask) => {
    const both = spec(1024, parseMask(mask, 1024, 1024) as never, { pass: 'forward+backward' });
    const module = lower(both, 'tpu');
    const found = await estimate(module);
    for (const { name: kernel, phases } of module.kernels ?? []) {
      const names = found.loops.filter((loop) => loop.kernel === kernel).flatMap(({ name }) => name.split(' + '));
      for (const { name, runs } of phases) if (runs) expect(names).toContain(name);
    }
    expect(new Set(found.loops.map(({ kernel }) => kernel))).toEqual(new Set(['forward', 'backward']));
    expect(`${found}`).toContain('backward: ');
    if (mask !== 'full') return;
    // Five products a tile.
    const backward = { ...found, loops: found.loops.filter(({ kernel }) => kernel === 'backward') };
    expect(scheduledFlops(backward) / flops(spec(1024, full(), { pass: 'backward' }))).toBeCloseTo(1, 6);
  });

  test('an executable brings its module and topology; its compile is not timed again', async () => {
    using topology = await Topology.open('tpu', 'v5e:2x2');
    using executable = await topology.compile(lower(spec(512, local(127, 0)), topology.target));
    const found = await estimate(executable);
    expect(found.topology).toBe('v5e:2x2');
    expect(found.compileMs).toBe(executable.origin?.compileMs);
    expect(found.codeBytes).toBe(executable.codeBytes);
    using text = await topology.compile(
      'module { func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> { func.return %a : tensor<4xf32> } }',
    );
    await expect(estimate(text)).rejects.toThrow('estimate takes a module, or an executable that Topology.compile made');
    await expect(estimate(lower(spec(512), 'dense'))).rejects.toThrow(
      "a schedule is read of the kernels of lower(spec, 'tpu'); this program has none",
    );
  });

  test("what the compiler says is what is thrown, and the dump's folder goes in any case", async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('node-pjrt-'));
    const before = left();
    const module = lower(spec(512), 'tpu');
    const broken = {
      ...module,
      text: module.text.replace('serialization_format\\22:1', 'serialization_format\\22:9'),
    };
    expect(broken.text).not.toBe(module.text);
    await expect(estimate(broken)).rejects.toMatchObject({ name: 'PjrtError' });
    await expect(compileInChild({ text: module.text, topology: 'v5p:9x' })).rejects.toThrow('INVALID_ARGUMENT: Invalid topology layout');
    await expect(compileInChild({ text: module.text, topology: 'v5p:2x2x1' }, ['--no_such_flag=1'])).rejects.toThrow(
      'the compiling process ended',
    );
    expect(left()).toEqual(before);
  });
});
