import { Command } from 'commander';
import { whoOptions } from '../../options/listen.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws who`: the namespaces that have clients now, or the clients of one. */
export function whoCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('who')
    .helpGroup('Talk to a server:')
    .description('List the namespaces of a running server that have clients, or the clients of one.');
  addOptions(command, whoOptions, [
    ['who', 'List the namespaces of the server on this machine'],
    ['who -n user:alice', 'List the clients of a namespace'],
    ['who --url https://app.example.com', 'Those of another one; DATAFN_WS_ADMIN_TOKEN is set'],
  ]);
  return command.action(async (flags: Record<string, string>) =>
    exit(await (await import('./who.js')).who(flags, io)),
  );
}
