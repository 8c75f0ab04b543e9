/** `node-pjrt mask` as a person runs it, and the pictures of docs/masks.md, which are its. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { allows, causal, dense, type LazyMask, type Mask, maskToJson, parseMask } from '../lib/mask';

const root = path.join(__dirname, '..');
const main = path.join(root, 'dist', 'cli', 'main.js');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt mask '));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'mask', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return { status, stdout, stderr };
}

/** stdout of a run that ends well and says nothing else. */
function good(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

const scratchFile = (name: string) => path.join(scratch, name);

test('the terminal: map, legend, scale and counts', () => {
  const lines = good('causal', '--seq', '64', '--block', '16').split('\n');
  expect(lines.slice(0, 16)).toEqual([
    'causal',
    '   0     64',
    ' 0 ▒▒······',
    '16 ██▒▒····',
    '32 ████▒▒··',
    '48 ██████▒▒',
    '64',
    '',
    '██ full  ▒▒ partial  ·· skipped. A cell is a block: 16 queries x 16 keys.',
    '',
    'plane        64 queries x 64 keys in blocks of 16 x 16',
    'blocks       10 of 16 are active: 6 full, 4 partial',
    'pairs        2080 of 4096 are allowed: sparsity 49.218 %',
    "FLOPs saved  37.500 % of the full mask's, in skipped blocks",
    'empty rows   none',
    'dense mask   would need 512 B',
  ]);
  expect(lines[16]).toMatch(/^analysis {5}[\d.]+ ms$/);
});

test('JSON has these fields and no others', () => {
  const args = ['local(8, 0)', '--seq', '64', '--block', '16', '--json'];
  const { analysisMs, ...counts } = JSON.parse(good(...args));
  expect(analysisMs).toBeGreaterThan(0);
  const wanted = { blocks: { active: 7, full: 0, total: 16 }, pairs: 540, sparsity: 1 - 540 / 4096, emptyRows: 0, denseBytes: 512 };
  expect(counts).toEqual(wanted);
  const { analysisMs: _, ...withMap } = JSON.parse(good(...args, '--map'));
  expect(withMap).toEqual({
    ...wanted,
    map: [
      [1, 0, 0, 0],
      [1, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 1, 1],
    ],
  });
});

/** The class of the pairs [top, bottom) x [left, right). */
function classOf(mask: LazyMask, [top, bottom]: number[], [left, right]: number[]): number {
  let [some, every] = [false, true];
  for (let i = top; i < bottom; i++)
    for (let j = left; j < right; j++)
      if (allows(mask, i, j)) some = true;
      else every = false;
  return some ? (every ? 2 : 1) : 0;
}

const uneven = [
  'local(40, 3) & ~documents(50, 20) | globalTokens(3)',
  'strided(3) & causal',
  'chunkedCausal(33) | keyLimit(7)',
  '~prefix(20)',
];

test.each(uneven)('the map of %s is that of its pairs, and a small one of it keeps what is full and what is empty', (text) => {
  const mask = parseMask(text, 1, 1) as LazyMask;
  const sizes = ['--seq', '100', '--keys', '130', '--block', '7', '--block-k', '11'];
  const grid = (q: number, k: number) =>
    Array.from({ length: Math.ceil(100 / q) }, (_, r) =>
      Array.from({ length: Math.ceil(130 / k) }, (_, c) =>
        classOf(mask, [r * q, Math.min((r + 1) * q, 100)], [c * k, Math.min((c + 1) * k, 130)]),
      ),
    );
  expect(JSON.parse(good(text, ...sizes, '--json', '--map')).map).toEqual(grid(7, 11));
  // 12 block columns on at most 5 cells are 3 of 11 keys a cell; 5 blocks of 7 queries are as high.
  const drawn = good(text, ...sizes, '--width', '5').split('\n');
  const rows = drawn.slice(2, 2 + Math.ceil(100 / 35)).map((line) => [...line.slice(4)].filter((_, at) => at % 2 === 0));
  expect(rows.map((row) => row.map((cell) => '·▒█'.indexOf(cell)))).toEqual(grid(35, 33));
  expect(drawn.join('\n')).toContain('A cell is 5 x 3 blocks, 35 queries x 33 keys: full or skipped only where all of them are.');
});

test('a mask per head has a map a mask', () => {
  const text = 'perHead(causal, local(0, 0))';
  expect(good(text, '--seq', '4', '--block', '2')).toMatch(
    /^1 of 2: causal\n[\s\S]*^2 of 2: local\(0, 0\)\n[\s\S]*blocks of 2 x 2, 2 masks$/m,
  );
  const { map, blocks } = JSON.parse(good(text, '--seq', '4', '--block', '2', '--json', '--map'));
  expect({ map, blocks }).toEqual({
    map: [
      [
        [1, 0],
        [2, 1],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    ],
    blocks: { active: 5, full: 1, total: 8 },
  });
});

test('a mask as JSON, from a file, and dense', () => {
  const sizes = ['--seq', '16', '--block', '8', '--json', '--map'];
  const { analysisMs: _, ...wanted } = JSON.parse(good('causal', ...sizes));
  const bits = new Uint8Array(32);
  for (let i = 0; i < 16; i++) for (let j = 0; j <= i; j++) bits[i * 2 + (j >> 3)] |= 1 << (j & 7);
  const same = (mask: Mask) => {
    const json = JSON.stringify(maskToJson(mask), null, 2);
    fs.writeFileSync(scratchFile('mask.json'), json);
    for (const text of [json, `@${scratchFile('mask.json')}`]) {
      const { analysisMs, ...read } = JSON.parse(good(text, ...sizes));
      expect(read).toEqual(wanted);
    }
  };
  same(causal());
  same(dense({ queries: 16, keys: 16, bits }));
  fs.writeFileSync(scratchFile('mask.txt'), 'dense(causal)\n');
  expect(JSON.parse(good(`@${scratchFile('mask.txt')}`, ...sizes))).toMatchObject(wanted);
});

test('a million tokens are drawn in seconds', () => {
  const text = '(local(65535, 0) | globalTokens(4096)) & ~documents(400000, 600000)';
  const began = performance.now();
  expect(good(text, '--seq', '1048576', '--svg', scratchFile('million.svg'))).toMatch(/^blocks {7}\d+ of 4194304 are active/m);
  // Half a second alone.
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(fs.statSync(scratchFile('million.svg')).size).toBeLessThan(100000);
});

test('a page has the drawing and the counts, and its text is escaped', () => {
  good('causal & ~local(1, 0)', '--seq', '16', '--block', '4', '--html', scratchFile('mask.html'));
  const page = fs.readFileSync(scratchFile('mask.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>\n/);
  expect(page).toContain('<h1>causal &amp; ~local(1, 0)</h1>');
  expect(page).toMatch(/<svg [\s\S]*<\/svg>/);
  expect(page).toContain('<tr><th>blocks</th><td>');
});

test.each<[string[], string]>([
  [['caus'], 'a mask is full, '],
  [['local(1'], 'a mask is full, '],
  [['local(-1, 0)'], 'local: left is a whole number'],
  [['{"nodePjrtMask": 1}'], 'a mask in JSON has the fields nodePjrtMask, mask and no others; mask is missing'],
  [['{"kind"'], 'what begins with { is a mask in JSON: {"nodePjrtMask": 1, "mask": ...}; got '],
  [['@/nowhere.json'], "ENOENT: no such file or directory, open '/nowhere.json'"],
  [['causal', '--seq', '0'], "option '--seq <n>' argument '0' is invalid. A whole number, 1 or more."],
  [['causal', '--map'], '--map goes with --json'],
  [['causal', '--json', '--map', '--seq', '1048576', '--block', '1'], '--map prints at most 4096 x 4096 blocks; got 1048576 x 1048576'],
  [['dense(causal)', '--seq', '1048576'], 'a dense mask has at most 4 GiB'],
  [
    ['{"nodePjrtMask":1,"mask":{"kind":"dense","queries":1,"keys":1,"bits":"AQ=="}}', '--seq', '2'],
    'a dense mask has its own sizes: --seq 1 --keys 1; got 2 and 2',
  ],
])('%j is an error of one line', (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^node-pjrt: .+\n$/);
  expect(stderr).toContain(message);
});

describe('docs/masks.md', () => {
  const page = fs.readFileSync(path.join(root, 'docs', 'masks.md'), 'utf8');
  const pictures = [...page.matchAll(/!\[([^\]]+)\]\((masks\/[\w-]+\.svg)\)/g)].map(([, text, file]) => [text, file]);

  test('has a picture of every kind but the dense one, and shows every picture there is', () => {
    const shown = pictures.map(([, file]) => path.basename(file)).sort();
    expect(fs.readdirSync(path.join(root, 'docs', 'masks')).sort()).toEqual(shown);
    for (const name of [
      'full',
      'causal',
      'local',
      'chunkedCausal',
      'prefix',
      'keyLimit',
      'documents',
      'strided',
      'globalTokens',
      'segments',
      'keyLengths',
      'perHead',
      '&',
      '|',
      '~',
    ])
      expect(pictures.some(([text]) => text.includes(name))).toBe(true);
  });

  test.each(pictures)('the picture of %s is what the tool draws', (text, file) => {
    const drawn = scratchFile('picture.svg');
    good(text, '--seq', '24', '--block', '1', '--svg', drawn);
    const picture = fs.readFileSync(path.join(root, 'docs', file), 'utf8');
    expect(picture.length).toBeLessThan(30000);
    expect(fs.readFileSync(drawn, 'utf8') === picture).toBe(true);
  });
});
