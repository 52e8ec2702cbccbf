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
