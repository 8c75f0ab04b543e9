/** A package with custom calls of its own (ffi-example/), packed, built by npm's install beside the packed node-pjrt, and run from there. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { installIn, manifest, pack, program, root, run } from './packed';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'node-pjrt-example-'));
const example = path.join(__dirname, 'ffi-example');
let app: string;

beforeAll(() => {
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], {
    cwd: example,
    encoding: 'utf8',
  });
  const [{ filename }] = JSON.parse(packed);
  app = installIn(path.join(scratch, 'app'), [...pack(scratch), path.join(scratch, filename)], { scripts: true });
});
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const head = `const { Client, stablehlo, tensor } = require('node-pjrt');
  const acme = require('pjrt-acme');
  const said = (error) => console.log(\`\${error.name}: \${error.message}\`);
  async function main(client) {
    acme.register(client.plugin);`;
const foot = `}
  Client.open('cpu').then((client) => main(client).catch(said).finally(() => client.dispose()));`;

/** What a program with the package prints, given the body of a function of `client`. */
function prints(name: string, body: string): string {
  const { status, stdout, stderr } = program(app, name, `${head}\n${body}\n${foot}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

test('the example names this version of the library as its peer', () => {
  expect(JSON.parse(fs.readFileSync(path.join(example, 'package.json'), 'utf8')).peerDependencies).toEqual({
    'node-pjrt': manifest.version,
  });
});

test('docs/ffi.md shows it as it is', () => {
  const blocks = [...fs.readFileSync(path.join(root, 'docs/ffi.md'), 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)];
  const shown = (language: string) => blocks.find(([, name]) => name === language)?.[2] ?? 'no such block';
  const file = (name: string) => fs.readFileSync(path.join(example, name), 'utf8');
  expect(file('negate.c')).toBe(shown('c'));
  expect(file('binding.gyp')).toBe(shown('python'));
  expect(file('index.js')).toContain(shown('js'));
});

test('npm install has built it, from the header in node-pjrt', () => {
  expect(fs.existsSync(path.join(app, 'node_modules/node-pjrt/include/node_pjrt/ffi.h'))).toBe(true);
  expect(fs.existsSync(path.join(app, 'node_modules/pjrt-acme/build/Release/acme.node'))).toBe(true);
});

test('its custom calls run in a program of the builders, registered twice, in three element types', () => {
  const body = `acme.register(client.plugin);
    for (const [dtype, host] of [['f32', Float32Array], ['f64', Float64Array], ['i32', Int32Array]]) {
      const type = tensor(dtype, [2, 3]);
      const module = stablehlo.program('axpy', { x: type, y: type }, ({ x, y }) => {
        const z = acme.axpy(2, x, y);
        return { z: dtype === 'f32' ? acme.negate(z) : z };
      });
      const executable = await client.compile(module);
      const x = client.upload(type, host.from([1, 2, 3, 4, 5, 6]));
      const y = client.upload(type, host.from([10, 20, 30, 40, 50, 60]));
      const { z } = await executable.run({ x, y });
      console.log(dtype, (await z.read()).join());
    }`;
  expect(prints('types.cjs', body)).toBe('f32 -12,-24,-36,-48,-60,-72\nf64 12,24,36,48,60,72\ni32 12,24,36,48,60,72\n');
});

test('what a handler says is the error: of a run, and of the compilation where it checks attributes', () => {
  const text = (attributes: string) => `func.func @main(%x: tensor<2xi8>) -> tensor<2xi8> {
    %0 = stablehlo.custom_call @acme.axpy(%x, %x) {api_version = 4 : i32, backend_config = {${attributes}}}
      : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
    return %0 : tensor<2xi8>
  }`;
  const body = `for (const text of ${JSON.stringify([text('a = 2.0 : f64'), text('a = 0x7FF8000000000000 : f64'), text('a = 2 : i64'), text('')])})
      await client.compile(text).then(async (executable) => {
        const x = client.upload(tensor('i8', [2]), new Int8Array(2));
        await executable.run({ x });
      }).catch(said);`;
  expect(prints('errors.cjs', body).split('\n')).toEqual([
    'PjrtError: UNIMPLEMENTED: acme.axpy is of f32, f64 or i32; got XLA type 2',
    expect.stringMatching(/^PjrtError: INVALID_ARGUMENT: .*acme\.axpy: a is a number; got NaN/),
    expect.stringMatching(/^PjrtError: INVALID_ARGUMENT: .*the attribute a is of XLA type 12; got 5/),
    expect.stringMatching(/^PjrtError: INVALID_ARGUMENT: .*the attribute a is a scalar; got none/),
    '',
  ]);
});

test('a cached program with its calls loads in another process that registers them, and is compiled to an error in one that does not', () => {
  const body = (registers: boolean) => `const { Client, stablehlo, tensor } = require('node-pjrt');
    const acme = require('pjrt-acme');
    Client.open('cpu', { cache: ${JSON.stringify(path.join(scratch, 'cache'))} }).then(async (client) => {
      ${registers ? 'acme.register(client.plugin);' : ''}
      const type = tensor('f32', [2]);
      const module = stablehlo.program('cached', { x: type }, ({ x }) => ({ y: acme.axpy(3, x, acme.negate(x)) }));
      const executable = await client.compile(module);
      const { y } = await executable.run({ x: client.upload(type, Float32Array.of(1, 2)) });
      console.log(executable.fromCache, (await y.read()).join());
    }).catch((error) => console.log(error.name, error.message.split('\\n')[0]));`;
  const first = program(app, 'cache.cjs', body(true));
  expect(first).toEqual({ status: 0, stderr: '', stdout: 'false 2,4\n' });
  expect(program(app, 'cache.cjs', body(true))).toEqual({ ...first, stdout: 'true 2,4\n' });
  const { status, stdout } = program(app, 'cache.cjs', body(false));
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^PjrtError NOT_FOUND: .*acme\.(axpy|negate)/) });
});

test('its types, in a TypeScript program', () => {
  fs.writeFileSync(
    path.join(app, 'main.mts'),
    `import { Client, stablehlo, tensor } from 'node-pjrt';
    import { axpy, register } from 'pjrt-acme';
    const client = await Client.open('cpu');
    register(client.plugin);
    const type = tensor('f32', [2]);
    const module = stablehlo.program('typed', { x: type }, ({ x }) => {
      // @ts-expect-error: the number comes first
      axpy(x, x, 2);
      return { y: axpy(2, x, x) };
    });
    await client.compile(module);
    client.plugin.callback('log', ([x]) => console.log(x.type.shape, x.data.length));
    client.plugin.callback('later', async ([x], [type]) => new Float32Array(type.shape[0]).fill(Number(x.data[0])));
    // @ts-expect-error: text is no tensor
    client.plugin.callback('text', () => 'text');
    // @ts-expect-error: an attribute has a type
    stablehlo.program('bad', { x: type }, ({ x }) => ({ y: stablehlo.ffiCall('acme.f', [x], { results: [type], attributes: { a: [1] } })[0] }));
    // @ts-expect-error: a symbol has to be named
    client.plugin.register('acme.other', { library: 'a.so' });\n`,
  );
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2022', 'esnext.disposable'], strict: true, noEmit: true, skipLibCheck: false },
    ...{ types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] },
  };
  fs.writeFileSync(path.join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['main.mts'] }));
  const { status, stdout } = run(app, process.execPath, path.join(root, 'node_modules/typescript/bin/tsc'));
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});
