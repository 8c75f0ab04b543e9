/** `node-pjrt compile`: any StableHLO text, ahead of time. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Client, Topology } from '../pjrt';
import { milliseconds } from '../timing/time';
import { type Port, typeText } from '../types';
import { bytesText, scaled } from '../timing/units';
import { targetHelp, withTarget } from './target';
import { table } from './text';

interface Options {
  target: string;
  output?: string;
  isolated?: boolean;
  json?: boolean;
}

export function compile(program: Command): void {
  program
    .command('compile')
    .description('compile a StableHLO program for a target that need not be there; says what it costs')
    .argument('<file>', 'StableHLO text (.mlir)')
    .option('-t, --target <target>', targetHelp, 'cpu')
    .option('-o, --output <file>', 'where to write the executable, for the same plugin version to load')
    .option('--isolated', 'with the plugin in a process of its own: a program that crashes it is an error')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  node-pjrt compile step.mlir --target v5p:2x2x1 -o step.v5p.bin')
    .action(run);
}

async function run(file: string, { target, output, isolated, json }: Options): Promise<void> {
  const text = await readFile(file, 'utf8');
  const report = async (on: Client | Topology) => {
    const began = performance.now();
    using executable = await on.compile(text);
    const compileMs = performance.now() - began;
    const serialized = output === undefined ? undefined : await executable.serialize();
    if (output !== undefined && serialized) await writeFile(output, serialized);
    const { name, inputs, outputs, codeBytes, memory, cost } = executable;
    const facts = { file, target, output, serializedBytes: serialized?.length, name, inputs, outputs, compileMs, codeBytes, memory, cost };
    if (json) {
      console.log(JSON.stringify(facts, null, 2));
      return;
    }
    const rows = [
      ['program', `${name}: (${signature(inputs)}) -> (${signature(outputs)})`],
      ['compile', `${milliseconds(compileMs)} ms for ${target}`],
      ['code', codeBytes ? bytesText(codeBytes) : 'the plugin does not count it'],
      ['memory', memoryText(memory)],
      ['cost', `${scaled(cost.flops)}flop, ${bytesText(cost.bytesAccessed)} accessed, without custom calls`],
    ];
    if (serialized) rows.push(['written', `${output}: ${bytesText(serialized.length)}`]);
    console.log(table(rows));
  };
  await withTarget(target, report, { isolated });
}

function signature(ports: readonly Port[]): string {
  return ports.map(({ name, type }) => `${name}: ${typeText(type)}`).join(', ');
}

function memoryText({ argumentBytes, outputBytes, tempBytes }: { argumentBytes: number; outputBytes: number; tempBytes: number }): string {
  return `${bytesText(argumentBytes)} of arguments, ${bytesText(outputBytes)} of outputs, ${bytesText(tempBytes)} of temporaries`;
}
