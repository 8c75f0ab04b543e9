/** The compiler's own options by name: they reach it, and a wrong one is an error that names it. */
import { Client, type CompilerOptions, liveHandles, type Topology } from '../lib/pjrt';
import { tensor } from '../lib/types';
import { describeTpu } from './helpers';
import { elementwise, matmul } from './pjrt-programs';
import { withCpu, withV5p } from './with-target';

const broken: [CompilerOptions, RegExp][] = [
  [{ 'xla cpu': 1 }, /^a compiler option has a name such as xla_cpu_max_isa; got 'xla cpu'$/],
  [{ '': 1 }, /got ''$/],
  [{ xla_cpu_max_isa: Number.NaN }, /a string, a boolean, or a number below 2\^53; xla_cpu_max_isa is NaN$/],
  [{ xla_cpu_max_isa: 2 ** 60 }, /xla_cpu_max_isa is 1152921504606847000$/],
  [{ xla_cpu_max_isa: null as unknown as string }, /xla_cpu_max_isa is null$/],
  ...[0, 1025, 2e9, '5', true].map((count): [CompilerOptions, RegExp] => [
    { xla_cpu_parallel_codegen_split_count: count },
    new RegExp(`^xla_cpu_parallel_codegen_split_count is a number from 1 to 1024; got ${count}$`),
  ]),
];
const refused: [CompilerOptions, RegExp][] = [
  [{ xla_bogus: true }, /^INVALID_ARGUMENT: No such compile option: 'xla_bogus'/],
  [{ xla_backend_optimization_level: 'three' }, /^INVALID_ARGUMENT: .*'three' is not a valid int32/],
  [{ xla_backend_optimization_level: 1.5 }, /^INVALID_ARGUMENT: .*'1.5' is not a valid int32/],
  [{ xla_backend_optimization_level: -3e9 }, /^INVALID_ARGUMENT: .*'-3000000000' is not a valid int32/],
  [{ xla_cpu_enable_fast_math: 1 }, /^INVALID_ARGUMENT: .*'1' is not a valid bool/],
];

describe('the CPU plugin', () => {
  let cpu: Client;
  withCpu((opened) => {
    cpu = opened;
  });

  test('takes them', async () => {
    using plain = await cpu.compile(elementwise('tanh', '4xf32', 1));
    const compilerOptions = { xla_backend_optimization_level: 0, xla_cpu_enable_fast_math: true, xla_cpu_max_isa: 'AVX2' };
    using other = await cpu.compile(elementwise('tanh', '4xf32', 1), { compilerOptions });
    const optimized = await Promise.all([plain, other].map(async (program) => (await program.optimizedProgram()).bytes));
    expect(Buffer.from(optimized[0]).includes('AVX2')).toBe(false);
    expect(Buffer.from(optimized[1]).includes('AVX2')).toBe(true);
    using a = cpu.upload(tensor('f32', [4]), Float32Array.of(0, 1, 2, 3));
    using result = await other.run({ a });
    expect((await result.out.read())[1]).toBeCloseTo(Math.tanh(1), 5);
  });

  test.each([...broken, ...refused])('%p', async (compilerOptions, message) => {
    await expect(cpu.compile(elementwise('add', '4xf32'), { compilerOptions })).rejects.toThrow(message);
    expect(liveHandles()).toBe(1);
  });

  test('a text is a string to the end', async () => {
    const text = 'é'.repeat(5000);
    using program = await cpu.compile(elementwise('add', '4xf32'), { compilerOptions: { xla_dump_hlo_module_re: text } });
    expect(Buffer.from((await program.optimizedProgram()).bytes).toString()).toContain(text);
  });
});

describeTpu('the TPU compiler', () => {
  let v5p: Topology;
  withV5p((opened) => {
    v5p = opened;
  });

  test('takes its own', async () => {
    const compilerOptions = { xla_tpu_scoped_vmem_limit_kib: 65536 };
    using plain = await v5p.compile(matmul(512));
    using other = await v5p.compile(matmul(512), { compilerOptions });
    expect(other.memory.argumentBytes).toBe(plain.memory.argumentBytes);
    expect(other.fingerprint).not.toBe(plain.fingerprint);
  });

  test.each([...broken, ...refused])('%p', async (compilerOptions, message) => {
    await expect(v5p.compile(elementwise('add', '4xf32'), { compilerOptions })).rejects.toThrow(message);
  });

  test('the CPU’s plugin does not know a TPU’s', async () => {
    using cpu = await Client.open('cpu');
    const compiled = cpu.compile(elementwise('add', '4xf32'), { compilerOptions: { xla_tpu_scoped_vmem_limit_kib: 65536 } });
    await expect(compiled).rejects.toThrow("No such compile option: 'xla_tpu_scoped_vmem_limit_kib'");
  });
});
