import { afterEach, describe, expect } from 'vitest';
import { postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { serveInTerminal } from '../support/serve-in-terminal.js';
import { disposeTerminals, inTerminal } from '../support/terminal.js';

afterEach(async () => {
  await disposeLive();
  disposeTerminals();
});

/** With a line or two for each, more than the kernel holds for a terminal. */
const REFUSED = 300;
describe('a terminal that is not read', () => {
  inTerminal('does not stop the server: a client beside 300 that are refused gets every cursor', async () => {
    const { terminal, serve } = await serveInTerminal();
    const healthy = await openClient(serve.wsUrl, 'user:alice');
    terminal.stopReading();
    for (let count = 1; count <= REFUSED; count++) {
      const stranger = await openClient(serve.wsUrl);
      expect(await stranger.closed()).toEqual({ code: 4401, reason: 'Unauthorized' });
      const { status } = await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: String(count) });
      expect(status).toBe(200);
    }
    expect(await healthy.received(REFUSED)).toHaveLength(REFUSED);
    terminal.readOn();
    // Nothing was dropped: so many lines may wait.
    const last = `cursor ${REFUSED} to user:alice: 1 client`;
    await terminal.until(() => terminal.screen.written.includes(last), 'the last line');
    expect(terminal.screen.written.match(/cursor \d+ to user:alice: 1 client/g)).toHaveLength(REFUSED);
  });
});
