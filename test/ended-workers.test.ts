/** A worker thread may be ended at any moment: neither the process nor the plugin minds. */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { fuzzRuns, fuzzSeed } from './fuzz/budget';

test('workers that are ended in the middle of anything', () => {
  const script = path.join(__dirname, 'fuzz', 'ended-workers.js');
  const { status, signal, stderr } = spawnSync(process.execPath, [script, `${fuzzRuns(20)}`, `${fuzzSeed}`], { encoding: 'utf8' });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
});
