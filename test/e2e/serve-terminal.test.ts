import { afterEach, describe, expect, onTestFinished } from 'vitest';
import { postCursors } from '../support/http-call.js';
import { disposeLive, openClient } from '../support/live-server.js';
import { ended } from '../support/process-tree.js';
import { serveInTerminal } from '../support/serve-in-terminal.js';
import { temporaryFolder } from '../support/temporary-folder.js';
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
});

describe('SIGHUP', () => {
  const { file } = temporaryFolder('terminal');

  inTerminal(
    'reloads files as long as the terminal is there, and ends the server when it was closed',
    async () => {
      let hasEnded = false;
      const tokens = file('tokens.yaml', 'a-token-for-tests: a\n');
      const { terminal, serve } = await serveInTerminal('--auth', 'tokens', '--tokens', tokens);
      onTestFinished(() => {
        // One that did not end would outlive its terminal.
        if (!hasEnded) process.kill(serve.pid, 'SIGKILL');
      });
      process.kill(serve.pid, 'SIGHUP');
      await terminal.until(() => terminal.screen.written.includes('reloaded the tokens file'), 'the reload');
      const client = await openClient(serve.wsUrl, 'a-token-for-tests');
      terminal.close();
      expect(await client.closed()).toEqual({ code: 1001, reason: 'Going Away' });
      await ended(serve.pid);
      hasEnded = true;
    },
  );
});
