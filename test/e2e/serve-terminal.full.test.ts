import { afterEach, describe, expect } from 'vitest';
import { postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { ended } from '../support/process-tree.js';
import { serveInTerminal } from '../support/serve-in-terminal.js';
import { disposeTerminals, inTerminal } from '../support/terminal.js';

afterEach(async () => {
  await disposeLive();
  disposeTerminals();
});

/** Lines for more than may wait. */
const LONG_CURSORS = Array.from({ length: 9000 }, (_, index) => ({
  namespace: 'a',
  cursor: `${index + 1}${'x'.repeat(200)}`,
}));

describe('a terminal that is not read', () => {
  inTerminal('is told how many lines were dropped when it is read again, and the log goes on', async () => {
    const { terminal, serve } = await serveInTerminal();
    const { screen } = terminal;
    terminal.stopReading();
    const { status } = await postCursors(serve.apiUrl, LONG_CURSORS);
    expect(status).toBe(200);
    terminal.readOn();
    const DROPPED = /([\d,]+) lines of this log were dropped/;
    await terminal.until(() => DROPPED.test(screen.written), 'the count of the lines that were dropped');
    const dropped = Number(DROPPED.exec(screen.written)?.[1]?.replaceAll(',', ''));
    expect(screen.written.match(/ cursor \d+x/g)).toHaveLength(LONG_CURSORS.length - dropped);
    await postCursors(serve.apiUrl, { namespace: 'a', cursor: 'again' });
    await terminal.until(() => screen.written.includes('cursor again to a'), 'a line after that');
  });

  inTerminal('does not keep the server from ending', async () => {
    const { terminal, serve } = await serveInTerminal();
    terminal.stopReading();
    await postCursors(serve.apiUrl, LONG_CURSORS);
    const healthy = await openClient(serve.wsUrl, 'user:alice');
    process.kill(serve.pid, 'SIGTERM');
    expect(await healthy.closed()).toEqual({ code: 1001, reason: 'Going Away' });
    await ended(serve.pid);
    terminal.readOn();
    await terminal.until(() => terminal.code !== undefined, 'the end');
    expect(terminal.code).toBe(0);
  });
});
