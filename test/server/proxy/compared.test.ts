import { afterEach, expect, test } from 'vitest';
import { disposeLive } from '../../support/live-server.js';
import { compareAll } from './compared.js';

afterEach(disposeLive);

test('300 mixed requests, some of them cut off or aborted, are the same through the proxy, byte for byte', async () => {
  const { whole, cutOff, failed, aborted } = await compareAll(300, 256 * 1024);
  expect(whole).toBeGreaterThan(200);
  for (const some of [cutOff, failed, aborted]) expect(some).toBeGreaterThan(3);
});
