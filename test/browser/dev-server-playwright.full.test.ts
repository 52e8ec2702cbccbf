import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startDevServer } from 'datafn-ws';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { launchChromium, inBrowser as test } from '../support/chromium.js';

let browser: Browser;
let app: Server;
let server: Awaited<ReturnType<typeof startDevServer>>;
beforeAll(async () => {
  browser = await launchChromium();
});
afterEach(async () => {
  await server.close();
  app.close();
});
afterAll(() => browser.close());

/** Your application: it shows whether it is online, and the newest cursor. */
const APP = (wsUrl: string) => `<!doctype html><title>app</title>
<p>state: <b id="state">connecting</b>, cursor: <b id="cursor">0</b></p>
<script>
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  function connect() {
    const socket = new WebSocket('${wsUrl}?token=user:alice');
    socket.onopen = () => {
      show('state', 'online');
      socket.send('{"type":"hello","clientId":"tab-a","cursor":"' + document.getElementById('cursor').textContent + '"}');
    };
    socket.onmessage = ({ data }) => show('cursor', JSON.parse(data).cursor);
    socket.onclose = ({ code }) => { show('state', 'offline (' + code + ')'); setTimeout(connect, 100); };
  }
  connect();
</script>`;

test('the page shows that it is offline while the server is away, and catches up', async () => {
  server = await startDevServer({ resume: true });
  const page = await browser.newPage();
  app = createServer((_, response) => response.end(APP(server.wsUrl))).listen(0, '127.0.0.1');
  await once(app, 'listening');
  await page.goto(`http://127.0.0.1:${(app.address() as AddressInfo).port}`);
  await server.until('hello');
  server.emit('user:alice', 41);
  await page.locator('#cursor', { hasText: '41' }).waitFor();

  // What the offline switch of a browser does not do to an open WebSocket.
  server.faults.set([{ fault: 'offline' }]);
  await page.locator('#state', { hasText: 'offline (1006)' }).waitFor();
  server.emit('user:alice', 42);

  server.faults.clear();
  await page.locator('#state', { hasText: 'online' }).waitFor();
  await page.locator('#cursor', { hasText: '42' }).waitFor();
  expect(server.clients('user:alice')).toMatchObject([{ clientId: 'tab-a' }]);
});
