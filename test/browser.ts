/** A headless browser out of npm packages; on an architecture that they have none for, the machine's own Chromium. */
import { spawnSync } from 'node:child_process';
import { type Browser, launch } from 'puppeteer-core';

/** Why there is no browser here, or undefined. */
export const noBrowser =
  process.arch === 'x64' || ownChromium()
    ? undefined
    : `the package of Chromium is for x64, and this ${process.arch} machine has no chromium of its own`;

function ownChromium(): string | undefined {
  const { stdout } = spawnSync('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'], {
    encoding: 'utf8',
  });
  return stdout?.trim() || undefined;
}

export async function openBrowser(): Promise<Browser> {
  if (process.arch !== 'x64') return launch({ executablePath: ownChromium(), args: ['--no-sandbox'] });
  // The package brings what a bare machine lacks, but uses it only where it takes it for the one it was made for.
  const libraries = spawnSync('sh', ['-c', 'ldconfig -p || /sbin/ldconfig -p'], { encoding: 'utf8' }).stdout ?? '';
  if (!libraries.includes('libnss3.so')) process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs22.x';
  const chromium = require('@sparticuz/chromium') as typeof import('@sparticuz/chromium').default;
  return launch({ executablePath: await chromium.executablePath(), args: chromium.args, headless: 'shell' });
}
