import { Command } from 'commander';
import { serveOptions } from '../../options/serve.js';
import { addOptions } from '../command-line.js';
import type { Io } from '../io.js';

/** `datafn-ws serve`: a real, manager-backed WebSocket server with no backend. */
export function serveCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command('serve').description('Run a DataFn WebSocket server, no backend needed.');
  addOptions(command, serveOptions);
  // Loaded when it is called for: each command needs other packages.
  return command.action(async (flags: Record<string, string>) =>
    exit(await (await import('./serve.js')).serve(flags, io)),
  );
}
