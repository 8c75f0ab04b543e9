/** The process of child.ts: compiles what it is sent, answers once, and ends. */
import { PjrtError } from '../errors';
import { Topology } from '../pjrt';
import type { Answer, Task } from './child';

process.once('message', async (task: Task) => {
  process.send?.(await answer(task), () => process.exit(0));
});

async function answer({ text, topology: name, repeats }: Task): Promise<Answer> {
  try {
    using topology = await Topology.open('tpu', name, { cache: false });
    let [compileMs, cpuMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = 1; ; i++) {
      const [begin, used] = [performance.now(), process.cpuUsage()];
      using executable = await topology.compile(text);
      compileMs = Math.min(compileMs, performance.now() - begin);
      const { user, system } = process.cpuUsage(used);
      cpuMs = Math.min(cpuMs, (user + system) / 1000);
      if (i < repeats) continue;
      return { compiled: { compileMs, cpuMs, codeBytes: executable.codeBytes, tempBytes: executable.memory.tempBytes } };
    }
  } catch (error) {
    const { name: kind, message } = error as Error;
    return { error: { name: kind, message, ...(error instanceof PjrtError ? { code: error.code } : {}) } };
  }
}
