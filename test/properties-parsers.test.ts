/** What reads text or bytes, on input that is nearly right or is not at all: a result that holds, or this library's error; never another one. */
import fc from 'fast-check';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { compare } from '../lib/bench/compare';
import { readRecord } from '../lib/bench/record';
import { positiveNumber, wholeNumber } from '../lib/cli/text';
import { ShapeError } from '../lib/errors';
import { moduleText } from '../lib/ir/kernel';
import { parseModule } from '../lib/ir/parse';
import * as m from '../lib/mask';
import { programOf } from '../lib/pjrt/program/program';
import { Scanner } from '../lib/pjrt/program/scanner';
import { parseBundles } from '../lib/timing/bundles';
import { fuzz } from './fuzz/budget';
import { damaged, mutated } from './fuzz/mutate';
import { programs } from './fuzz/programs';
import { processorMs } from './helpers';
import { anyMask, maskTexts } from './masks';

/** The result, or undefined where it throws one of `errors`. */
function tried<T>(work: () => T, errors: readonly (new (...args: never[]) => Error)[] = [ShapeError]): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errors.some((kind) => error instanceof kind) && (error as Error).message.length < 2000) return undefined;
    throw error;
  }
}

const maskWords = [
  ...maskTexts,
  '(',
  ')',
  '&',
  '|',
  '~',
  ',',
  '-1',
  '0',
  '9007199254740993',
  'null',
  'dense',
  'perHead',
  'toString',
  '1.5',
  '',
];

describe('masks', () => {
  test('text', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(maskTexts, maskWords), fc.string(), fc.string({ unit: 'binary' })), (text) => {
        const mask = tried(() => m.parseMask(text, 8, 8));
        if (mask) expect(m.maskText(m.parseMask(m.maskText(mask), 8, 8))).toBe(m.maskText(mask));
      }),
      fuzz(1000),
    );
  });

  test('that nest as deep or are as long as anybody likes', () => {
    const readers: [(text: string) => unknown, string[][]][] = [
      [
        (text) => m.parseMask(text, 8, 8),
        [
          ['(', 'causal', ')'],
          ['~', 'causal', ''],
          ['~(', 'causal', ')'],
          ['perHead(', 'causal', ')'],
          ['', 'causal', '&causal'],
          ['documents(1', '', ',1'],
        ],
      ],
      [m.fromMaskMod, ['(', '-', 'not ', 'q[', 'f('].map((open) => [open, 'q >= kv', open.endsWith('[') ? ']' : ')'])],
      [m.fromMaskMod, ['|', 'or ', '+', '>=', '&'].map((sign) => ['', 'q >= kv', `${sign} q`])],
      [m.fromSplash, [['', 'FullMask((8, 8))', ' & FullMask((8, 8))']]],
      [
        (text) => m.maskFromJson({ nodePjrtMask: 1, mask: JSON.parse(text) }),
        [
          ['{"kind":"not","mask":', '{"kind":"full"}', '}'],
          ['[', '', ']'],
        ],
      ],
    ];
    for (const [read, forms] of readers)
      for (const [open, middle, close] of forms)
        for (const times of [100, 5000, 200_000]) tried(() => read(open.repeat(times) + middle + close.repeat(times)));
    let mask: m.LazyMask = m.full();
    expect(() => {
      for (;;) mask = m.not(m.and(mask, m.causal()));
    }).toThrow('masks nest at most 256 deep; got 257');
    expect(m.maskText(m.parseMask(m.maskText(mask), 8, 8))).toBe(m.maskText(mask));
    expect(m.maskFromJson(m.maskToJson(mask))).toEqual(mask);
  });

  test('JSON', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.tuple(anyMask, fc.jsonValue(), fc.nat()).map(([mask, other, at]) => {
        const json = m.maskToJson(mask);
        const fields = Object.keys(json.mask);
        return { ...json, mask: { ...json.mask, [fields[at % fields.length]]: other } };
      }),
    );
    fc.assert(
      fc.property(value, (json) => {
        const mask = tried(() => m.maskFromJson(json));
        if (mask) expect(m.maskFromJson(JSON.parse(JSON.stringify(m.maskToJson(mask))))).toEqual(mask);
      }),
      fuzz(2000),
    );
    fc.assert(
      fc.property(anyMask, (mask) => void expect(m.maskFromJson(JSON.parse(JSON.stringify(m.maskToJson(mask))))).toEqual(mask)),
      fuzz(500),
    );
  });

  const splash = [
    'CausalMask((8, 8), 0) & LocalMask((8, 8), (3, None), 0)',
    'MultiHeadMask([FullMask((8, 8)), ChunkedCausalMask((8, 8), 4)])',
  ];
  test('of splash attention', () => {
    fc.assert(
      fc.property(fc.oneof(mutated([...splash, 'NumpyMask(np.array([[1, 0], [1, 1]], dtype=bool))'], splash), fc.string()), (text) => {
        const sized = tried(() => m.fromSplash(text));
        const printed = sized && tried(() => m.toSplash(sized.mask, sized.queries, sized.keys));
        if (printed) expect(m.fromSplash(printed).queries).toBe(sized.queries);
      }),
      fuzz(2000),
    );
  });

  const mods = ['q_idx >= kv_idx', '(q_idx - kv_idx <= 4) & (q_idx // 8 == kv_idx // 8)', 'lambda b, h, q, kv: kv < 4 or not (q == kv)'];
  test('of FlexAttention', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(mods, [...mods, 'q', 'kv', '<', '%', '-', '10000000000000000000000']), fc.string()), (text) => {
        const mask = tried(() => m.fromMaskMod(text));
        if (mask) m.cover(mask, { queries: 16, keys: 16, blockQ: 4, blockK: 4 });
      }),
      fuzz(2000),
    );
  });

  test('of a Hugging Face configuration', () => {
    const field = fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom('full_attention', 'sliding_attention', 'chunked_attention', null));
    const config = fc.record(
      {
        sliding_window: field,
        use_sliding_window: field,
        max_window_layers: field,
        attention_chunk_size: field,
        layer_types: fc.oneof(field, fc.array(field)),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        config,
        fc.option(field, { nil: undefined }),
        (one, layer) => void tried(() => m.fromHuggingFace(one as object, layer as number)),
      ),
      fuzz(1000),
    );
  });
});

describe('programs', () => {
  test('tokens make up the text, in order, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(programs), fc.string(), fc.string({ unit: 'binary' })), (text) => {
        const scanner = new Scanner(text);
        let end = 0;
        for (let kind = scanner.next(); kind !== 'end'; kind = scanner.next()) {
          const between = text.slice(end, scanner.start);
          const isSkipped = between === '' || /^(\s|\/\/.*(\n|$))*$/.test(between);
          if (scanner.start < end || scanner.end <= scanner.start || !isSkipped)
            throw new Error(`token ${scanner.start} to ${scanner.end}`);
          end = scanner.end;
        }
        if (end > text.length) throw new Error('a token past the end');
      }),
      fuzz(500),
    );
  });

  test('a program is refused, or its ports are typed and named', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated(programs), fc.string()), async (text) => {
        const read = await programOf(text).catch((error) => {
          if (!(error instanceof ShapeError)) throw error;
        });
        for (const { name, type } of [...(read?.inputs ?? []), ...(read?.outputs ?? [])]) {
          expect(typeof name).toBe('string');
          for (const n of type.shape) expect(Number.isSafeInteger(n) && n >= 0).toBe(true);
        }
      }),
      fuzz(3000),
    );
  });

  test('text that is long in one way is read in linear time', async () => {
    const parts = [
      '(',
      '"',
      '@',
      '-',
      '%a',
      'func.func @f',
      'tensor<8x',
      '//',
      '#stablehlo<',
      '"func.func"(',
      'func.func @main(',
      '{',
      '^bb0(',
      '%c = stablehlo.constant dense<1 ) divide ',
      '%r = stablehlo.divide %x, %b : tensor<2xi32> ',
      'stablehlo.divide %a#1 : !t ',
    ];
    for (const part of parts) {
      const begin = processorMs();
      await programOf(part.repeat(1_000_000)).catch((error) => expect(error).toBeInstanceOf(ShapeError));
      expect([part, processorMs() - begin < 10_000]).toEqual([part, true]);
    }
  });
});

describe('kernels', () => {
  const kernels = ['splash-forward', 'pallas-forward'].map((name) => readFileSync(path.join(__dirname, 'kernels', `${name}.mlir`), 'utf8'));

  test('printed and parsed they are the same; changed, refused or the same again', () => {
    const printed = (text: string) => {
      const parsed = parseModule(text);
      return moduleText(parsed, parsed.version);
    };
    for (const text of kernels) expect(printed(printed(text))).toBe(printed(text));
    fc.assert(
      fc.property(mutated(kernels), (text) => {
        const once = tried(() => printed(text));
        if (once && printed(once) !== once) throw new Error('another text the second time');
      }),
      fuzz(100),
    );
  });

  test('bundles of the TPU compiler', () => {
    const bundles = [
      '= control target key start\nLH: loop header\n     0x1   :  { %s1 = smov 0  ;;  %p2 = scmp.ge.s32.totalorder %s1, 4 }\n 0x2 LB: > { %3 = sbr.rel (%p2) target bundleno = 1 (0x1), region = 5 }\n',
    ];
    fc.assert(
      fc.property(fc.oneof(mutated(bundles), fc.string()), (text) => void tried(() => parseBundles(text, 4))),
      fuzz(1000),
    );
  });
});

describe('numbers of the command line', () => {
  test('a number of its kind, or the rule', () => {
    const text = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.integer().map(String),
      fc.bigInt().map(String),
      fc.constantFrom('1e3', '0x10', ' 7', '1_000', '+1', '٣'),
    );
    for (const read of [positiveNumber, wholeNumber])
      fc.assert(
        fc.property(text, (one) => {
          try {
            const value = read(one);
            expect(value).toBeGreaterThan(0);
            if (read === wholeNumber) expect(String(value)).toBe(one);
          } catch (error) {
            expect((error as { code?: string }).code).toBe('commander.invalidArgument');
          }
        }),
        fuzz(1000),
      );
  });
});

describe('benchmark files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'node-pjrt records '));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const sample = readFileSync(path.join(__dirname, '..', 'bench', 'baseline.json'));

  test('of damaged bytes, and of other JSON: compared, or refused by name', () => {
    const file = path.join(folder, 'record.json');
    const field = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>(0, -1, 1.5, 'ms', 'ns', { times: [], cpu: [] }, { times: [1], cpu: ['x'] }),
    );
    const row = fc.record(
      {
        name: fc.constantFrom('a', 'b'),
        run_type: field,
        real_time: field,
        cpu_time: field,
        time_unit: field,
        text_bytes: field,
        estimated_step: field,
        phases: fc.oneof(field, fc.dictionary(fc.constantFrom('build', 'step', 'x'), field)),
      },
      { requiredKeys: ['name'] },
    );
    const content = fc.oneof(
      damaged(sample),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .record({ context: fc.oneof(fc.constant({}), field), benchmarks: fc.array(row, { maxLength: 4 }) })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(content, (bytes) => {
        writeFileSync(file, bytes);
        let rows: ReturnType<typeof readRecord>['benchmarks'];
        try {
          rows = readRecord(file).benchmarks;
        } catch (error) {
          expect((error as Error).message).toMatch(/^a benchmark file is /);
          return;
        }
        for (const { name, ratio, before, after } of compare(rows, rows)) {
          expect(typeof name).toBe('string');
          for (const value of [before, after]) expect(typeof value).toBe('number');
          if (before > 0 && Number.isFinite(before)) expect(ratio).toBeCloseTo(1);
        }
      }),
      fuzz(300),
    );
  });
});
