import { Command } from 'commander';
import { compareOptions } from '../../options/bench.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws compare`: what is different between two reports of bench. */
export function compareCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('compare')
    .helpGroup('Test a server:')
    .description('Compare two JSON reports of bench; exit with 4 when the newer one is worse.')
    .argument('<base>', 'JSON report to compare with')
    .argument('<new>', 'JSON report of the newer run; - reads stdin');
  addOptions(command, compareOptions, [
    ['compare main.json branch.json', 'Tell whether a branch is worse'],
    ["compare main.json branch.json --fail-on 'fanout.p99 +20% +10ms'", 'Fail on a slower fan-out as well'],
  ]);
  return command.action(async (base: string, next: string, flags: Record<string, string>) =>
    exit(await (await import('./compare.js')).compare(base, next, flags, io)),
  );
}
