import { Command } from 'commander';
import { serveOptions } from '../../options/serve.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws serve`: a real, manager-backed WebSocket server with no backend. */
export function serveCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('serve')
    .helpGroup('Run a server:')
    .description('Run a DataFn WebSocket server, no backend needed.');
  addOptions(command, serveOptions, [
    ['serve', 'Serve on ws://127.0.0.1:3001/datafn/ws; the token of a client is its namespace'],
    ['serve --anonymous-namespace user:alice', 'Let stock DataFn clients in, which send no token'],
    [
      'serve --auth jwt --jwt-secret-file secret --host 0.0.0.0',
      'Serve the network; DATAFN_WS_ADMIN_TOKEN is set',
    ],
    ['serve --config datafn-ws.yaml --check', 'Check a config file'],
  ]);
  // Loaded when it is called for: each command needs other packages.
  return command.action(async (flags: Record<string, string>) =>
    exit(await (await import('./serve.js')).serve(flags, io)),
  );
}
