import { Command } from 'commander';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';
import { benchFlags } from './options.js';

/** `datafn-ws bench`: real clients against a real server, with a verdict. */
export function benchCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('bench')
    .helpGroup('Test a server:')
    .description('Open thousands of real clients and say whether the server did right.')
    .argument('[scenario...]', 'scenarios to run, by name or file (default smoke; see --list)');
  addOptions(command, benchFlags, [
    ['bench', 'Run the smoke scenario against a server that bench starts'],
    ['bench capacity --set cohorts.full.clients=2000', 'Run another one, changed'],
    ['bench limits --url ws://127.0.0.1:3001/datafn/ws', 'Test a running server'],
    ['bench --baseline main.json --html report.html', 'Compare with an earlier run and write a page'],
  ]);
  return command.action(async (names: string[], flags: Record<string, string>) =>
    exit(await (await import('./bench.js')).bench(names, flags, io)),
  );
}
