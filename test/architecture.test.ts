/** The direction of imports: the half that ends in text knows nothing of the half that runs it, and a file only knows what is below it. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const lib = path.join(__dirname, '..', 'lib');

/** A room (a folder or file of lib/) and the rooms that it may import from. */
const below: Record<string, readonly string[]> = {
  errors: [],
  types: ['errors'],
  supply: ['errors'],
  mask: ['errors'],
  ir: ['errors', 'types'],
  attention: ['errors', 'types', 'mask'],
  reference: ['mask', 'attention'],
  lower: ['errors', 'types', 'mask', 'attention', 'ir'],
  pjrt: ['errors', 'types', 'supply'],
  timing: ['errors', 'types', 'ir', 'mask', 'attention', 'reference', 'lower', 'pjrt'],
  bench: ['errors', 'types', 'supply', 'ir', 'mask', 'attention', 'lower', 'pjrt', 'timing'],
  cli: ['errors', 'types', 'ir', 'mask', 'attention', 'lower', 'pjrt', 'supply', 'timing', 'bench'],
};

const room = (file: string) => path.relative(lib, file).split(path.sep)[0].replace(/\.ts$/, '');

const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
  .map((file) => path.join(lib, file));

test.each(files.map((file) => [path.relative(lib, file), file]))('%s imports only what is below it', (_, file) => {
  const imports = [...readFileSync(file, 'utf8').matchAll(/from '(\.[^']*)'/g)].map(([, target]) =>
    room(path.resolve(path.dirname(file), target)),
  );
  const allowed = [room(file), ...(below[room(file)] ?? [])];
  expect(imports.filter((target) => !allowed.includes(target))).toEqual([]);
});

test('only lib/pjrt/native.ts knows the addon', () => {
  const knowing = files.filter((file) => /from 'bindings'|require\('bindings'\)/.test(readFileSync(file, 'utf8')));
  expect(knowing.map((file) => path.relative(lib, file))).toEqual([path.join('pjrt', 'native.ts')]);
});
