import { BIN, type ListeningLine } from './cli-process.js';
import { Terminal } from './terminal.js';

/** A `serve` in a terminal, and what it says when it is ready. */
export async function serveInTerminal(...flags: string[]) {
  const terminal = new Terminal([process.execPath, BIN, 'serve', '--json', '--port', '0', ...flags]);
  const { screen } = terminal;
  await terminal.until(
    () => /\{"event":"listening".*\}\r\n/.test(screen.written),
    'the line of `serve --json`',
  );
  const line = /\{"event":"listening".*\}/.exec(screen.written)?.[0] as string;
  return { terminal, serve: JSON.parse(line) as ListeningLine };
}
