/** What a plugin has of PJRT: as data, as the page of docs/, as doctor's line, and as the error of a function that is not there. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { capabilitiesPage, capabilitiesText } from '../lib/cli/capabilities';
import { PjrtError } from '../lib/errors';
import { Client, liveHandles, Plugin } from '../lib/pjrt';
import { includeDirs, pluginPath } from '../lib/supply';
import { testTpu } from './helpers';
import { elementwise } from './pjrt-programs';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt cut '));
afterAll(() => {
  fs.rmSync(scratch, { recursive: true });
  expect(liveHandles()).toBe(0);
});

const header = fs.readFileSync(path.join(includeDirs()[0], 'pjrt_c_api.h'), 'utf8');
const functions = [...header.matchAll(/^ {2}_PJRT_API_STRUCT_FIELD\((\w+)\);/gm)].map(([, name]) => name);

test('the CPU plugin has every function of the header, under its name', async () => {
  const { capabilities, apiVersion, extensions } = await Plugin.load('cpu');
  expect(functions.length).toBeGreaterThan(100);
  expect(capabilities.slots).toEqual(functions.map((name) => ({ name, present: true })));
  const minor = Number(/define PJRT_API_MINOR (\d+)/.exec(header)?.[1]);
  expect(capabilities).toMatchObject({ api: apiVersion, header: { major: 0, minor }, laterSlots: 0 });
  expect(capabilities.extensions).toContainEqual({ type: 4, name: 'Layouts' });
  expect(capabilities.extensions).toContainEqual({ type: 5, name: 'FFI' });
  expect(capabilities.extensions.map(({ name }) => name)).toEqual(extensions);
  expect(capabilities.missingExtensions).toEqual(expect.arrayContaining(['Profiler', 'RawBuffer', 'Stream', 'Custom_Partitioner']));
});

testTpu('libtpu has later ones too', async () => {
  const { capabilities } = await Plugin.load('tpu');
  expect(capabilities.slots.filter(({ present }) => !present)).toEqual([]);
  expect(capabilities.laterSlots).toBeGreaterThan(0);
  expect(capabilities.extensions).toContainEqual({ type: 1, name: 'Profiler' });
  expect(capabilities.extensions).toContainEqual({ type: 16, name: 'TpuTopology' });
  expect(capabilities.extensions.some(({ name }) => name === undefined)).toBe(true);
  expect(capabilities.missingExtensions).not.toContain('RawBuffer');
});

// The columns are of the packages for this architecture.
testTpu('docs/capabilities.md is of these plugins', async () => {
  const page = fs.readFileSync(path.join(__dirname, '..', 'docs', 'capabilities.md'), 'utf8');
  expect(page).toBe(await capabilitiesPage());
});

describe('a plugin that lacks functions', () => {
  const library = path.join(scratch, 'cut.so');
  beforeAll(() => {
    const source = path.join(__dirname, 'cut-plugin.cc');
    const whole = `-DWHOLE_PLUGIN="${fs.realpathSync(pluginPath('cpu'))}"`;
    execFileSync(process.env.CXX || 'g++', ['-shared', '-fPIC', `-I${includeDirs()[0]}`, whole, source, '-o', library, '-ldl']);
  });

  test('says which', async () => {
    const { capabilities } = await Plugin.load(library);
    const missing = capabilities.slots.filter(({ present }) => !present).map(({ name }) => name);
    const end = functions.indexOf('PJRT_Memory_Kind_Id') + 1;
    expect(missing).toEqual(['PJRT_Executable_Fingerprint', ...functions.slice(end)]);
    const said = capabilitiesText(capabilities);
    expect(said).toContain(`${end - 1} of the ${functions.length} functions of PJRT 0.`);
    expect(said).toContain('missing: PJRT_Executable_Fingerprint, PJRT_ExecuteContext_Create, ');
  });

  test('runs what it can, and a call of one is an error with its name and the version', async () => {
    using client = await Client.open(library);
    using program = await client.compile(elementwise('add', '2xf32'));
    using a = client.upload(program.inputs[0].type, Float32Array.of(1, 2));
    using result = await program.run({ a, b: a });
    expect(await result.out.read()).toEqual(Float32Array.of(2, 4));
    expect(() => client.plugin.callback('none', () => {})).toThrow(
      /^UNIMPLEMENTED: .* has XLA FFI 0\.2 and contexts of runs; .*cut\.so does not$/,
    );
    let error: unknown;
    try {
      void program.fingerprint;
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PjrtError);
    expect(error).toMatchObject({ code: 'UNIMPLEMENTED', missing: 'PJRT_Executable_Fingerprint' });
    expect((error as Error).message).toBe(
      `UNIMPLEMENTED: PJRT_Executable_Fingerprint is not in the plugin ${fs.realpathSync(library)} (PJRT 0.50)`,
    );
    // The plugin's own refusal names no function.
    expect(() => client.devices[0].memoryStats()).toThrow(expect.objectContaining({ code: 'UNIMPLEMENTED', missing: undefined }));
  });
});
