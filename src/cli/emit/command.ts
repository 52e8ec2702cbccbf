import { Command } from 'commander';
import { emitOptions } from '../../options/emit.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws emit`: pushes cursors into namespaces. */
export function emitCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('emit')
    .helpGroup('Talk to a server:')
    .description('Push cursors into namespaces of a running server.')
    .argument('[cursor]', 'the cursor to broadcast, such as 42');
  addOptions(command, emitOptions, [
    ['emit 42 -n user:alice', 'Send one cursor to the clients of a namespace'],
    ['emit --from 1 --to 100 --rate 10/s -n user:alice -n user:bob', 'Send a hundred to two namespaces'],
    ['emit --file script.ndjson', 'Send what a script says'],
  ]);
  return command.action(async (cursor: string | undefined, flags: Record<string, string>) =>
    exit(await (await import('./emit.js')).emit(cursor, flags, io)),
  );
}
