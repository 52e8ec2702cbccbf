import { Command } from 'commander';
import { listenOptions } from '../../options/listen.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws listen`: a client that prints the cursors it hears. */
export function listenCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('listen')
    .helpGroup('Talk to a server:')
    .description('Connect as a DataFn client and print the cursors of a namespace.');
  addOptions(command, listenOptions, [
    ['listen -n user:alice', 'Print the cursors of a namespace'],
    ['listen --url wss://app.example.com/datafn/ws --token "$TOKEN"', 'Listen to any DataFn server'],
    ["listen -n user:alice --json | jq -r 'select(.cursor).cursor'", 'Hand the cursors to another program'],
  ]);
  return command.action(async (flags: Record<string, string>) =>
    exit(await (await import('./listen.js')).listen(flags, io)),
  );
}
