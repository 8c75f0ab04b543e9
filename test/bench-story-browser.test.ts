/** The report of a real run as a reader sees it: in a browser, on a phone and on a desk, by day and by night. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { noBrowser, openBrowser } from './browser';
import { testTpu } from './helpers';

const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');
const folder = mkdtempSync(path.join(tmpdir(), 'node-pjrt-story-'));
const ahead = process.arch === 'x64';
const page = pathToFileURL(path.join(folder, 'story.html')).href;
let browser: Browser | undefined;

beforeAll(async () => {
  // The origin's lengths, of which the CPU builds and compiles the long ones, and one that it runs.
  const run = spawnSync(process.execPath, [main, 'bench', 'story', '--quick', '--seq', '256', '4096', '8192', '32768', '--out', folder], {
    encoding: 'utf8',
  });
  expect({ status: run.status, stderr: run.status === 0 ? '' : run.stderr }).toEqual({ status: 0, stderr: '' });
  if (!noBrowser) browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** Skipped where no browser is to be had, and the name says why. */
const inBrowser = noBrowser ? test.skip : test;
const why = noBrowser ? ` (skipped: ${noBrowser})` : '';

const figures = ['compile-ahead', 'compile-cpu', 'step', 'size'];

const views = [
  ['phone', 'light', 360],
  ['phone', 'dark', 390],
  ['desktop', 'light', 1280],
  ['desktop', 'dark', 1280],
] as const;

/** The page, and what it says and asks for. */
async function opened(theme: 'light' | 'dark', width: number): Promise<{ view: Page; said: string[]; asked: string[] }> {
  if (!browser) throw new Error('there is no browser');
  const view = await browser.newPage();
  const [said, asked]: string[][] = [[], []];
  view.on('console', (message) => said.push(message.text()));
  view.on('pageerror', (error) => said.push(String(error)));
  view.on('request', (request) => asked.push(request.url()));
  const phone = width < 700;
  await view.setViewport({ width, height: 800, deviceScaleFactor: phone ? 3 : 1, isMobile: phone, hasTouch: phone });
  await view.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await view.goto(page, { waitUntil: 'networkidle0' });
  return { view, said, asked };
}

inBrowser.each(views)(`%s, %s: quiet, alone, and no wider than the screen${why}`, async (_, theme, width) => {
  const { view, said, asked } = await opened(theme, width);
  expect(said).toEqual([]);
  expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([page]);
  const seen = await view.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    // A table that is wider scrolls in its box; the box does not stand out of the page.
    boxes: [...document.querySelectorAll('.scroll')].map((box) => box.getBoundingClientRect().right <= window.innerWidth),
  }));
  expect(seen.width).toBe(width);
  expect(seen.ground).toBe(theme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(13, 17, 23)');
  expect(seen.boxes.length).toBeGreaterThan(0);
  expect(seen.boxes).not.toContain(false);
  await view.close();
});

inBrowser.each(views)(`%s, %s: every figure is there, its points in sight and with their words${why}`, async (_, theme, width) => {
  const { view } = await opened(theme, width);
  for (const id of figures) {
    const seen = await view.$eval(`#figure-${id}`, (section) => {
      const shown = [...section.querySelectorAll<SVGSVGElement>('figure > div > svg')].filter(
        (svg) => svg.getBoundingClientRect().width > 0,
      );
      const [svg] = shown;
      const frame = svg.getBoundingClientRect();
      const titles = [...svg.querySelectorAll('path > title')];
      const inFrame = titles.filter(({ parentElement }) => {
        const { left, right, top, bottom } = (parentElement as Element).getBoundingClientRect();
        const [x, y] = [(left + right) / 2, (top + bottom) / 2];
        return x >= frame.left && x <= frame.right && y >= frame.top && y <= frame.bottom;
      });
      const lines = [...svg.querySelectorAll('.mark-line path')];
      const colours = new Set(lines.map((line) => getComputedStyle(line).stroke));
      return {
        drawings: shown.length,
        points: titles.length,
        inFrame: inFrame.length,
        words: titles.map(({ textContent }) => textContent ?? ''),
        texts: [...svg.querySelectorAll('text')].map((text) => text.textContent),
        colours: [...colours],
      };
    });
    expect(seen.drawings).toBe(1);
    expect(seen.points).toBeGreaterThan(id === 'compile-ahead' && !ahead ? 0 : 3);
    expect(seen.inFrame).toBe(seen.points);
    for (const words of seen.words) expect(words).toMatch(/T [\d,]+.*: .*\d.(µs|ms|s|min|B|kB|MB)/);
    // Masks differ in colour, and no colour is missing its variable.
    expect(seen.colours.length).toBeGreaterThan(1);
    expect(seen.colours).not.toContain('none');
  }
  await view.close();
});

testTpu("v5p's compile of 4096, 8192 and 32768 tokens stands beside the origin's", async () => {
  const { view } = await opened('light', 1280);
  const cells = await view.$$eval('#table-origin tbody tr', (rows) =>
    rows.map((row) => [...row.querySelectorAll('td')].map((cell) => (cell.textContent ?? '').replace(/\u00a0/g, ' '))),
  );
  expect(cells.map((row) => row.slice(0, 5))).toEqual([
    ['4,096', 'causal', '22.9 ms', '127', '≈ 1.66 s'],
    ['4,096', 'dense', '3,609 ms', '1', '3.60 s'],
    ['8,192', 'causal', '40.8 ms', '88', '≈ 1.90 s'],
    ['8,192', 'dense', '7,828 ms', '1', '7.81 s'],
    ['32,768', 'causal', '7,641 ms', '1', '7.53 s'],
    ['32,768', 'dense', '94,368 ms', '1', '94.3 s'],
  ]);
  for (const [tokens, mask, , , , ours] of cells) expect(`${tokens} ${mask} ${ours}`).toMatch(/^[\d,]+ \w+ [\d.]+ (ms|s)$/);
  // What stands there is what was measured.
  const { benchmarks } = JSON.parse(readFileSync(path.join(folder, 'story.json'), 'utf8'));
  const row = benchmarks.find(
    ({ target, mask, queries }: { target: string; mask: string; queries: number }) =>
      target === 'v5p:2x2x1' && mask === 'causal' && queries === 32768,
  );
  const total = ['build', 'lower', 'compile'].reduce((sum, phase) => sum + row.phases[phase].median, 0);
  const shown = Number.parseFloat(cells[4][5]) * (cells[4][5].endsWith(' s') ? 1000 : 1);
  expect(Math.abs(shown / total - 1)).toBeLessThan(0.01);
  await view.close();
});

inBrowser(`on paper: in light, as wide as the page, with the wide charts${why}`, async () => {
  const { view } = await opened('dark', 680);
  await view.emulateMediaType('print');
  const seen = await view.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    wide: [...document.querySelectorAll('.wide')].map((box) => box.getBoundingClientRect().width > 0),
  }));
  expect(seen).toEqual({ width: 680, ground: 'rgb(255, 255, 255)', wide: seen.wide.map(() => true) });
  await view.close();
});
