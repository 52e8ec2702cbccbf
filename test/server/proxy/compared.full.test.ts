import { afterEach, expect, test } from 'vitest';
import { disposeLive } from '../../support/live-server.js';
import { compareAll } from './compared.js';

afterEach(disposeLive);

test('10,000 mixed requests of up to 20 MiB are the same through the proxy, byte for byte', async () => {
  const compared = await compareAll(10_000, 20 * 1024 * 1024);
  process.stdout.write(`${JSON.stringify(compared)}\n`);
  expect(compared.whole).toBeGreaterThan(7000);
  for (const some of [compared.cutOff, compared.failed, compared.aborted]) expect(some).toBeGreaterThan(100);
}, 1_200_000);
