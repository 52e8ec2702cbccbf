import { Command } from 'commander';
import { tokenOptions } from '../../options/token.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws token`: a JWT for `serve --auth jwt`, for local use. */
export function tokenCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('token')
    .helpGroup('Run a server:')
    .description('Print a JWT for a server with --auth jwt and a secret, signed with HS256.');
  addOptions(command, tokenOptions, [
    ['token --secret-file secret --claim sub=alice', 'Print a token that is good for an hour'],
    ['listen --token "$(npx datafn-ws token --claim sub=alice)"', 'Use one; DATAFN_WS_JWT_SECRET is set'],
  ]);
  return command.action(async (flags: Record<string, string>) =>
    exit(await (await import('./token.js')).token(flags, io)),
  );
}
