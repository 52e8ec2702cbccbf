import { afterEach, expect, test } from 'vitest';
import { disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { disposeLive, openClient } from '../support/live-server.js';

afterEach(async () => {
  await disposeProcesses();
  await disposeLive();
});

test('a fault that is set from a terminal strikes a client of serve, is in its log, and is cleared', async () => {
  const serve = await startServe();
  const client = await openClient(serve.wsUrl, 'user:alice');
  const fault = (...args: string[]) => runCli(['fault', ...args], { env: { DATAFN_WS_URL: serve.apiUrl } });
  expect(await fault('set', 'close', 'code=4503', 'reason=Full', '-n', 'user:alice')).toMatchObject({
    code: 0,
    stderr: '',
  });
  expect(await client.closed()).toEqual({ code: 4503, reason: 'Full' });
  expect((await fault('list')).stdout).toContain('has struck 1 time');
  expect((await fault('clear')).stdout).toBe('no faults\n');
  expect(serve.stderr).toMatch(/faults set: close; to stop: npx datafn-ws fault clear[\s\S]*faults cleared/);
});
