import { Command } from 'commander';
import { emitOptions } from '../../options/emit.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws emit`: pushes cursors into namespaces. */
export function emitCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('emit')
    .description('Push cursors into namespaces of a running server.')
    .argument('[cursor]', 'the cursor to broadcast, such as 42');
  addOptions(command, emitOptions);
  return command.action(async (cursor: string | undefined, flags: Record<string, string>) =>
    exit(await (await import('./emit.js')).emit(cursor, flags, io)),
  );
}
