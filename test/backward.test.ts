/** The TPU's backward kernel, run by the meaning of its operations and compared with the plain loops. */
import { parseMask } from '../lib/mask';
import { backwardErrors } from './backward-case';

const tolerance = { f32: 1e-5, bf16: 2e-2 };
describe('bands', () => {
  test.each(['vmem', 'hbm'] as const)('causal, dq in %s', (dq) => {
    for (const dtype of ['f32'] as const) {
      const errors = backwardErrors(
        { heads: 2, headDim: 16, queries: 600, dtype, mask: parseMask('causal', 600, 600) },
        { block: 256, dq },
      );
      console.log(errors);
      for (const error of Object.values(errors)) expect(error).toBeLessThan(tolerance[dtype]);
    }
  });
});
