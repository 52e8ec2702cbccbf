import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { call } from '../../support/http-call.js';
import { disposeLive, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

test('the page is a client in fewer than 120 lines, under a policy that lets it talk to its own server only', async () => {
  const lines = readFileSync(new URL('../../../demo/demo.js', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines.length).toBeLessThan(120);
  const { apiUrl } = await startServer({ demo: true });
  const { headers } = await call('GET', `${apiUrl}/`);
  expect(headers['content-security-policy']).toContain(
    "default-src 'none'; script-src 'self'; style-src 'self'",
  );
  expect((await call('GET', `${apiUrl}/`, { headers: { host: 'rebound.example' } })).status).toBe(403);
  const { apiUrl: without } = await startServer();
  expect((await call('GET', `${without}/`)).status).toBe(404);
});
