/** The npm packages, installed from their tarballs into an empty folder: nothing is compiled, and all of it works from there. */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import { installIn, manifest, pack, program, root, run } from './packed';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt packages '));
const platform = `@node-pjrt/linux-${process.arch}-gnu`;
let tarballs: string[];
let app: string;

const install = (name: string, packages: string[]) => installIn(path.join(scratch, name), packages);

beforeAll(() => {
  tarballs = pack(scratch);
  app = install('app', tarballs);
});
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const inTarball = (file: string) =>
  execFileSync('tar', ['tzf', file], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''))
    .sort();

const read = (file: string) => JSON.parse(fs.readFileSync(path.join(app, 'node_modules', file), 'utf8'));

test('the main package holds what runs, what documents it and what builds it, and nothing else', () => {
  const files = inTarball(tarballs[0]);
  const sources = fs.readdirSync(path.join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const compiled = sources.flatMap((file) => ['.js', '.d.ts'].map((end) => `dist/${file.replace(/\.ts$/, end)}`));
  const native = fs.readdirSync(path.join(root, 'native'), { withFileTypes: true }).filter((entry) => entry.isFile());
  const docs = fs.readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((file) => /\.\w+$/.test(file));
  const expected = [
    ...compiled,
    'dist/lower/tuned.json',
    ...native.map(({ name }) => `native/${name}`),
    ...docs.map((file) => `docs/${file}`),
    ...['ffi.h', 'ffi.hpp', 'ffi_parallel.hpp', 'ffi_state.hpp'].map((file) => `include/node_pjrt/${file}`),
    ...['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.gyp', 'lib/bench/story/peer.py', 'package.json', 'setup.mjs'],
  ];
  expect(files).toEqual(expected.sort());
});

test('the platform package holds the addon', () => {
  expect(inTarball(tarballs[1])).toEqual(['LICENSE', 'README.md', 'node_pjrt.node', 'package.json']);
  expect(read(`${platform}/package.json`)).toMatchObject({
    name: platform,
    version: manifest.version,
    os: ['linux'],
    cpu: [process.arch],
    libc: ['glibc'],
  });
});

test('installing runs nothing, and the platform packages are optional dependencies of the same version', () => {
  const published = read('node-pjrt/package.json');
  expect(published).toMatchObject({ gypfile: false, dependencies: manifest.dependencies });
  expect(published.optionalDependencies).toEqual({
    '@node-pjrt/linux-x64-gnu': manifest.version,
    '@node-pjrt/linux-arm64-gnu': manifest.version,
  });
  for (const key of ['scripts', 'devDependencies', 'jest']) expect(published).not.toHaveProperty(key);
  expect(fs.existsSync(path.join(app, 'node_modules/node-pjrt/build'))).toBe(false);
});

test('publint finds nothing to better', () => {
  const publint = path.join(root, 'node_modules/publint/src/cli.js');
  for (const folder of [path.join(app, 'node_modules/node-pjrt'), path.join(app, 'node_modules', platform)])
    expect(run(scratch, process.execPath, publint, 'run', folder, '--strict', '--pack', 'false').stdout).toMatch(/All good!\n$/);
});

test('require and import have the same names, and the same classes', () => {
  const names = Object.keys(createRequire(path.join(app, 'package.json'))('node-pjrt')).sort();
  const { stdout, stderr } = program(
    app,
    'names.mjs',
    `import { createRequire } from 'node:module';
    import * as all from 'node-pjrt';
    import { attention, Client } from 'node-pjrt';
    const required = createRequire(import.meta.url)('node-pjrt');
    console.log(JSON.stringify([required.Client === Client, typeof attention, Object.keys(all).sort()]));`,
  );
  expect(stderr).toBe('');
  const [isSame, kind, imported] = JSON.parse(stdout);
  expect({ isSame, kind }).toEqual({ isSame: true, kind: 'function' });
  expect(imported.filter((name: string) => !['default', 'module.exports', '__esModule'].includes(name))).toEqual(
    names.filter((name) => name !== '__esModule'),
  );
});

test.each([
  ['attention.cjs', "const { attention, causal, Client, lower } = require('node-pjrt');"],
  ['attention.mjs', "import { attention, causal, Client, lower } from 'node-pjrt';"],
])('%s compiles and runs attention with the addon of the platform package', (name, head) => {
  const text = `${head}
    (async () => {
      const spec = attention({ heads: 2, headDim: 8, queries: 16, keys: 16, dtype: 'f32', mask: causal() });
      const cpu = await Client.open('cpu');
      const exe = await cpu.compile(lower(spec, cpu.target));
      const of = (type) => cpu.upload(type, new Float32Array(type.shape.reduce((a, b) => a * b)).fill(1));
      const { out } = await exe.run({ q: of(spec.inputs.q), k: of(spec.inputs.k), v: of(spec.inputs.v) });
      const values = await out.read();
      console.log(values.length, values.every((value) => Math.abs(value - 1) < 1e-6));
      console.log(process.report.getReport().sharedObjects.filter((one) => one.includes('node_pjrt.node')).join());
    })();`;
  const { status, stdout, stderr } = program(app, name, text);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const addon = fs.realpathSync(path.join(app, 'node_modules', platform, 'node_pjrt.node'));
  expect(stdout).toBe(`256 true\n${addon}\n`);
});

test('npx node-pjrt --help and doctor', () => {
  expect(run(app, 'npx', '--offline', 'node-pjrt', '--help').stdout).toMatch(/^Usage: node-pjrt /);
  const { stdout, stderr } = run(app, 'npx', '--offline', 'node-pjrt', 'doctor', '--json');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toContainEqual({ name: 'addon', state: 'ok', detail: expect.stringMatching(/^loads/) });
});

test('doctor misses no compiler and no make where the addon came built', () => {
  const main = path.join(app, 'node_modules/node-pjrt/dist/cli/main.js');
  const { stdout } = spawnSync(process.execPath, [main, 'doctor'], { env: { ...process.env, CXX: '', PATH: scratch }, encoding: 'utf8' });
  for (const name of ['compiler', 'make'])
    expect(stdout).toMatch(new RegExp(`^${name} +none +.*ENOENT; not needed, as the addon came built$`, 'm'));
  expect(stdout).toMatch(/^python +missing /m);
});

const typed = `import { attention, causal, Client, lower, stablehlo, Topology, type AttentionSpec } from 'node-pjrt';
  const spec: AttentionSpec = attention({ heads: 2, headDim: 8, queries: 16, keys: 16, dtype: 'f32', mask: causal() });
  export async function run(): Promise<string> {
    using cpu = await Client.open('cpu');
    using exe = await cpu.compile(lower(spec, cpu.target));
    using v5p = await Topology.open('tpu', 'v5p:2x2x1');
    using aot = await v5p.compile(lower(spec, v5p.target));
    // @ts-expect-error: what is compiled ahead of time does not run here
    aot.run({});
    return \`\${typeof stablehlo} \${exe.name} \${spec.inputs.q.shape[0].toFixed()}\`;
  }
  // @ts-expect-error: no such name
  export { nothing } from 'node-pjrt';\n`;

test.each([
  ['node16', 'node16', 'mts'],
  ['node16', 'node16', 'cts'],
  ['nodenext', 'nodenext', 'mts'],
  ['nodenext', 'nodenext', 'cts'],
  ['esnext', 'bundler', 'ts'],
])('types under module %s, moduleResolution %s, in a .%s file', (module, moduleResolution, extension) => {
  const folder = fs.mkdtempSync(path.join(app, 'types '));
  fs.writeFileSync(path.join(folder, `main.${extension}`), typed);
  const compilerOptions = {
    ...{ module, moduleResolution, target: 'es2022', lib: ['es2022', 'esnext.disposable'], strict: true, noEmit: true },
    // The package's own declarations are checked with it.
    ...{ skipLibCheck: false, types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] },
  };
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['main.*'] }));
  const { status, stdout } = run(folder, process.execPath, path.join(root, 'node_modules/typescript/bin/tsc'));
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

test('without the platform package the builders work, and the addon says why it is not there and how to build it', () => {
  const folder = install('bare', [tarballs[0]]);
  expect(fs.existsSync(path.join(folder, 'node_modules/@node-pjrt'))).toBe(false);
  const { status, stdout, stderr } = program(
    folder,
    'bare.cjs',
    `const { attention, full, Client, PluginError } = require('node-pjrt');
    console.log(attention({ heads: 1, headDim: 8, queries: 8, keys: 8, mask: full() }).heads);
    Client.open('cpu').catch((error) => console.log(error instanceof PluginError, error.message));`,
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(
    `1\ntrue the addon is neither built nor installed: there is no build/Release/node_pjrt.node, and no ${platform}, which npm leaves out with --omit=optional; \`node node_modules/node-pjrt/setup.mjs\` builds it from source\n`,
  );
  const { status: failed, stdout: doctor } = run(folder, 'npx', '--offline', 'node-pjrt', 'doctor');
  expect(failed).toBe(1);
  expect(doctor).toMatch(/^addon +missing +the addon is neither built nor installed: .*node_modules\/node-pjrt\/setup\.mjs` builds it/m);
});

test.each([
  ['musl', 'process.report.getReport = () => ({ header: {} });', `linux-${process.arch} with musl`],
  ['another processor', "Object.defineProperty(process, 'arch', { value: 'riscv64' });", 'linux-riscv64 with glibc'],
])('on %s the error says which packages there are', (_, pretend, here) => {
  const { stdout } = program(
    path.join(scratch, 'bare'),
    'pretend.cjs',
    `${pretend}
    try { require('node-pjrt').liveHandles(); } catch (error) { console.log(error.message); }`,
  );
  expect(stdout.trim()).toBe(
    `the addon is neither built nor installed: this is ${here}, and it comes built for glibc as @node-pjrt/linux-x64-gnu and @node-pjrt/linux-arm64-gnu only, as PJRT plugins do; \`node node_modules/node-pjrt/setup.mjs\` builds it from source`,
  );
});

test('an addon of another version, and one that does not load, are errors that say so', () => {
  const folder = install('broken', tarballs);
  const file = path.join(folder, 'node_modules', platform, 'package.json');
  const text = fs.readFileSync(file, 'utf8');
  const ask = "try { require('node-pjrt').liveHandles(); } catch (error) { console.log(error.name, error.message); }";
  fs.writeFileSync(file, text.replace(`"version": "${manifest.version}"`, '"version": "9.9.9"'));
  expect(program(folder, 'ask.cjs', ask).stdout).toBe(
    `PluginError ${platform} has to be of node-pjrt's version, ${manifest.version}; installed is 9.9.9: install both again\n`,
  );
  fs.writeFileSync(file, text);
  fs.writeFileSync(path.join(path.dirname(file), 'node_pjrt.node'), 'not a library');
  expect(program(folder, 'ask.cjs', ask).stdout).toMatch(
    /^PluginError the addon does not load: .*node_pjrt\.node.*; `node node_modules\/node-pjrt\/setup\.mjs` builds it from source\n$/,
  );
});

/** What pack/check.mjs says of a file. */
function check(file: string, cpu: string, options = {}): string {
  const url = JSON.stringify(`file://${root}/pack/check.mjs`);
  const text = `import { checkAddon } from ${url};
    try { console.log(JSON.stringify(checkAddon(${JSON.stringify(file)}, '${cpu}', ${JSON.stringify(options)}))); }
    catch (error) { console.log(error.message); }`;
  return program(scratch, 'check.mjs', text).stdout.trim();
}

test('what is no addon for other machines is not packed', () => {
  const file = path.join(app, 'node_modules', platform, 'node_pjrt.node');
  const other = process.arch === 'x64' ? 'arm64' : 'x64';
  expect(JSON.parse(check(file, process.arch, { anyLibrary: true }))).toMatchObject({
    isLoaded: true,
    needs: { GLIBC: expect.stringMatching(/^2\./) },
  });
  expect(check(file, other)).toMatch(new RegExp(`^an addon for ${other} is an ELF file for machine \\d+; got \\d+$`));
  const library = (name: string, source: string) => {
    const made = path.join(scratch, `${name}.node`);
    fs.writeFileSync(path.join(scratch, `${name}.c`), source);
    execFileSync('gcc', ['-shared', '-fPIC', '-o', made, `${name}.c`], { cwd: scratch });
    return check(made, process.arch);
  };
  const module = 'void napi_register_module_v1(void) {}\n';
  expect(library('plain', 'int one(void) { return 1; }')).toBe('a Node-API module exports napi_register_module_v1; this one does not');
  expect(library('newer', `void node_api_symbol_for(void);\n${module}void two(void) { node_api_symbol_for(); }`)).toBe(
    'an addon asks for Node-API 8 only; got node_api_symbol_for',
  );
  expect(library('path', `const char *where(void) { return "/builds/one/two.h"; }\n${module}`)).toBe(
    'an addon names no folder of the machine that built it; got /builds/one/two.h',
  );
});
