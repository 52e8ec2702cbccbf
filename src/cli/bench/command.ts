import { Command } from 'commander';
import { benchOptions } from '../../options/bench.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws bench`: real clients against a real server, with a verdict. */
export function benchCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('bench')
    .description('Open thousands of real clients and say whether the server did right.')
    .argument('[scenario...]', 'scenarios to run, by name or file (default smoke; see --list)');
  addOptions(command, benchOptions);
  return command.action(async (names: string[], flags: Record<string, string>) =>
    exit(await (await import('./bench.js')).bench(names, flags, io)),
  );
}
