/** Small kernels for the tests of Mosaic, and programs that hold one. */
import { type Kernel, kernelText, type Operand } from '../lib/ir/kernel';
import { attr } from '../lib/ir/mlir';
import * as m from '../lib/ir/mosaic';
import * as s from '../lib/ir/stablehlo';
import { type Module, tensor } from '../lib/types';

export interface FrameArray {
  readonly shape: readonly number[];
  readonly element?: m.Element;
  /** In HBM, for the kernel to copy; a window over all of it otherwise. */
  readonly any?: boolean;
}

const operandOf = ({ shape, element = 'f32', any }: FrameArray): Operand => ({
  shape,
  element,
  ...(any ? {} : { window: { block: shape, at: () => shape.map(() => m.constant(0)) } }),
});

/** One grid step. `body` gets inputs, outputs and scratch. */
export function frame(
  inputs: readonly FrameArray[],
  outputs: readonly FrameArray[],
  scratch: readonly m.Ref[],
  body: (...refs: m.V[]) => void,
  grid: Kernel['grid'] = [{ steps: 1, semantics: 'arbitrary' }],
): Kernel {
  return {
    grid,
    prefetch: [],
    inputs: inputs.map(operandOf),
    outputs: outputs.map(operandOf),
    scratch,
    body: (_, refs) => body(...refs),
  };
}

export const semaphores = (count: number) => m.ref('semaphore_mem', 'dma_semaphore', [count]);
export const semaphoreOf = (all: m.V, i: number) => m.squeeze(m.slice(all, [i], [1]), []);

/** A program of the kernel alone; `vmem` asks for so many bytes of vector memory. */
export function programOf(kernel: Kernel, vmem?: number): Module {
  const arrays = [...kernel.prefetch.map(({ shape, element = 'i32' as const }) => ({ shape, element })), ...kernel.inputs];
  const typeOf = ({ element, shape }: { element: m.Element; shape: readonly number[] }) => tensor(element as 'f32', shape);
  const inputs = Object.fromEntries(arrays.map((array, i) => [`x${i}`, typeOf(array)]));
  const rowMajor = (types: readonly { shape: readonly number[] }[]) => types.map(({ shape }) => shape.map((_, d) => shape.length - 1 - d));
  return s.program('kernel', inputs, (args) => {
    const outputs = s.customCall('tpu_custom_call', Object.values(args), {
      results: kernel.outputs.map(typeOf),
      backendConfig: JSON.stringify({
        custom_call_config: {
          body: Buffer.from(kernelText(kernel)).toString('base64'),
          serialization_format: 1,
          needs_layout_passes: true,
        },
        ...(vmem ? { scoped_memory_configs: [{ memory_space: 1, offset: 0, size: vmem }] } : {}),
      }),
      attributes: { kernel_name: attr.string('kernel') },
      operandLayouts: rowMajor(arrays),
      resultLayouts: rowMajor(kernel.outputs),
    });
    return Object.fromEntries(outputs.map((output, i) => [`y${i}`, output]));
  });
}

export const array = (shape: readonly number[], element: m.Element = 'f32'): FrameArray => ({ shape, element });
export const hbm = (shape: readonly number[], element: m.Element = 'f32'): FrameArray => ({ shape, element, any: true });
export const smem = (shape: readonly number[], element: m.Element = 'i32') => m.ref('smem', element, shape);
/** One vector in, one out. */
export const unary = (of: (x: m.V) => m.V, from = [16, 128], to = from, element: m.Element = 'f32') =>
  frame([array(from, element)], [array(to, element)], [], (x, out) => m.store(of(m.load(x)), out));

const copyKernel = frame([hbm([8, 128])], [array([8, 128])], [semaphores(1)], (x, out, all) => {
  m.startCopy(x, out, semaphoreOf(all, 0));
  m.waitCopy(x, out, semaphoreOf(all, 0));
});
/** Kernels, and the versions [since, before) of the dialect that have their operations' forms. */
export const versionCases: [string, Kernel, number, number][] = [
  ['arithmetic', unary((x) => m.add(x, 1)), 1, Number.POSITIVE_INFINITY],
  ['a product', unary((x) => m.matmul(x, x, true), [16, 128], [16, 16]), 1, 13],
  ['a reduction', unary((x) => m.broadcastColumn(m.reduce('add', x), 128)), 3, Number.POSITIVE_INFINITY],
  ['numbered places', unary(() => m.convert(m.iota([16, 128], 1), 'f32')), 6, Number.POSITIVE_INFINITY],
  ['copies', copyKernel, 7, 14],
];
