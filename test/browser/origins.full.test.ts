import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { inBrowser, launchChromium } from '../support/chromium.js';
import { call } from '../support/http-call.js';
import { disposeLive, type LiveServer, openClient, startServer } from '../support/live-server.js';

/** Serves an empty page at every name that leads here: the pages of whoever has that name. */
let pages: Server;
let browser: Browser | undefined;

beforeAll(async () => {
  pages = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>page</title>');
  }).listen(0, '127.0.0.1');
  await once(pages, 'listening');
});

afterEach(disposeLive);

afterAll(async () => {
  await browser?.close();
  pages.closeAllConnections();
  await new Promise((resolve) => pages.close(resolve));
});

/** A page of `host`, a name that leads to this machine whatever it is, as a rebound name would. */
async function pageOf(host: string): Promise<Page> {
  browser ??= await launchChromium('--host-resolver-rules=MAP * 127.0.0.1');
  const page = await browser.newPage();
  await page.goto(`http://${host}:${(pages.address() as AddressInfo).port}/`);
  return page;
}

interface Seen {
  readonly opened: boolean;
  readonly messages: readonly string[];
  readonly code: number | undefined;
}

/** What a WebSocket of a page sees until it has `messages` messages, or is closed. */
function connects(page: Page, url: string, messages = 0): Promise<Seen> {
  return page.evaluate(
    ([wsUrl, wanted]) =>
      new Promise<Seen>((resolve) => {
        // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
        const socket = new (globalThis as any).WebSocket(wsUrl);
        const seen = { opened: false, messages: [] as string[], code: undefined as number | undefined };
        const check = () => {
          if (seen.opened && seen.messages.length >= wanted) resolve(seen);
        };
        socket.onopen = () => {
          seen.opened = true;
          check();
        };
        socket.onmessage = ({ data }: { data: string }) => {
          seen.messages.push(data);
          check();
        };
        socket.onclose = ({ code }: { code: number }) => {
          seen.code = code;
          resolve(seen);
        };
      }),
    [url, messages] as const,
  );
}

/** Every way in which a page can make a browser send a request without asking the other side first, and one with. */
const POSTS = [
  'fetch as text/plain',
  'fetch as text/plain, no-cors',
  'fetch as a form, no-cors',
  'fetch without a type, no-cors',
  'fetch as JSON',
  'fetch as JSON, no-cors',
  'a beacon',
  'a beacon as JSON',
  'a form as text/plain',
  'a form in a frame',
] as const;

/** Makes a page post a cursor; what the page learns of it. */
function posts(page: Page, way: (typeof POSTS)[number], url: string): Promise<string> {
  return page.evaluate(
    async ([kind, target]) => {
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      const { document, navigator, fetch, Blob } = globalThis as any;
      const body = '{"namespace":"a","cursor":"666"}';
      const form = async (enctype: string) => {
        const frame = document.createElement('iframe');
        frame.name = `frame${Math.random()}`;
        const element = document.createElement('form');
        Object.assign(element, { method: 'POST', action: target, target: frame.name, enctype });
        // {"namespace":"a","cursor":"666","x":"="} as text/plain, name and value put together by the browser.
        const input = document.createElement('input');
        Object.assign(input, { name: `${body.slice(0, -1)},"x":"`, value: '"}' });
        element.append(input);
        document.body.append(frame, element);
        const loaded = new Promise((resolve) => {
          frame.onload = resolve;
        });
        element.submit();
        await loaded;
        return 'sent';
      };
      try {
        switch (kind) {
          case 'fetch as text/plain':
            return `status ${(await fetch(target, { method: 'POST', body })).status}`;
          case 'fetch as text/plain, no-cors':
            return (await fetch(target, { method: 'POST', body, mode: 'no-cors' })).type;
          case 'fetch as a form, no-cors': {
            const headers = { 'content-type': 'application/x-www-form-urlencoded' };
            return (await fetch(target, { method: 'POST', body, headers, mode: 'no-cors' })).type;
          }
          case 'fetch without a type, no-cors':
            return (await fetch(target, { method: 'POST', body: new Blob([body]), mode: 'no-cors' })).type;
          case 'fetch as JSON': {
            const headers = { 'content-type': 'application/json' };
            return `status ${(await fetch(target, { method: 'POST', body, headers })).status}`;
          }
          case 'fetch as JSON, no-cors': {
            const headers = { 'content-type': 'application/json' };
            return (await fetch(target, { method: 'POST', body, headers, mode: 'no-cors' })).type;
          }
          case 'a beacon':
            return `beacon ${navigator.sendBeacon(target, body)}`;
          case 'a beacon as JSON':
            return `beacon ${navigator.sendBeacon(target, new Blob([body], { type: 'application/json' }))}`;
          case 'a form as text/plain':
            return await form('text/plain');
          default:
            return await form('application/x-www-form-urlencoded');
        }
      } catch (error) {
        return String(error);
      }
    },
    [way, url] as const,
  );
}

/** Resolves when the server has had whatever the pages have sent, beacons included: they need not wait for answers. */
async function settled({ apiUrl, server }: LiveServer, refusals: number): Promise<void> {
  for (let attempt = 0; attempt < 100 && server.stats().limited.origin < refusals; attempt++)
    await call('GET', `${apiUrl}/healthz`);
}

describe('a page of this machine', () => {
  inBrowser(
    'connects, and its cursors arrive; it may post JSON to the API, and may not read the answer',
    async () => {
      const live = await startServer();
      const page = await pageOf('localhost');
      const seen = connects(page, `${live.wsUrl}?token=a`, 1);
      await live.events.until('connected');
      live.server.websocketHandler.broadcastCursor('42', 'a');
      expect(await seen).toMatchObject({ opened: true, messages: ['{"type":"cursor","cursor":"42"}'] });
      // The browser asks for permission first, and without CORS there is none.
      expect(await posts(page, 'fetch as JSON', `${live.apiUrl}/v1/cursors`)).toContain('TypeError');
      expect(live.server.stats().broadcasts).toBe(1);
    },
  );

  inBrowser('with --cors may emit, and read what became of it', async () => {
    const live = await startServer({ cors: true });
    const client = await openClient(live.wsUrl, 'a');
    const page = await pageOf('localhost');
    expect(await posts(page, 'fetch as JSON', `${live.apiUrl}/v1/cursors`)).toBe('status 200');
    expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"666"}']);
  });
});

describe('a page of somebody else', () => {
  const HOSTS = ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example'];

  inBrowser('cannot connect, by the address, by localhost or by its own name for this machine', async () => {
    const live = await startServer();
    const page = await pageOf('evil.example');
    for (const host of ['127.0.0.1', 'localhost', ...HOSTS]) {
      const url = live.wsUrl.replace('127.0.0.1', host);
      expect(await connects(page, `${url}?token=a`), host).toEqual({
        opened: false,
        messages: [],
        code: 1006,
      });
    }
    expect(live.server.stats()).toMatchObject({ accepted: 0, refused: { 403: 5 } });
  });

  inBrowser('cannot connect from a frame without an origin either', async () => {
    const live = await startServer();
    const page = await pageOf('localhost');
    await page.evaluate(() => {
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      const { document } = globalThis as any;
      const frame = document.createElement('iframe');
      frame.setAttribute('sandbox', 'allow-scripts');
      frame.srcdoc = '<!doctype html>';
      document.body.append(frame);
    });
    const frame = page.frames()[1] as unknown as Page;
    expect(await connects(frame, `${live.wsUrl}?token=a`)).toMatchObject({ opened: false });
    expect(live.server.stats().limited.origin).toBe(1);
  });

  inBrowser(
    'cannot emit, in none of the ways in which a browser sends something, nor read anything',
    async () => {
      const live = await startServer({ cors: true });
      const victim = await openClient(live.wsUrl, 'a');
      const page = await pageOf('evil.example');
      for (const way of POSTS) {
        const learned = await posts(page, way, `${live.apiUrl}/v1/cursors`);
        expect(learned, way).not.toMatch(/status 2/);
      }
      const own = live.apiUrl.replace('127.0.0.1', 'evil.example');
      for (const way of POSTS) await posts(page, way, `${own}/v1/cursors`);
      const read = await page.evaluate(
        (url) =>
          fetch(url).then(
            (answer) => answer.text(),
            (error) => String(error),
          ),
        `${live.apiUrl}/v1/stats`,
      );
      expect(read).toContain('TypeError');
      await settled(live, 2 * POSTS.length);
      await victim.roundTrip();
      expect(victim.texts).toEqual([]);
      expect(live.server.stats()).toMatchObject({ broadcasts: 0, connections: 1 });
      // Every one of them got as far as the server, which is where it ended.
      expect(live.server.stats().limited.origin).toBeGreaterThanOrEqual(2 * POSTS.length);
    },
  );

  inBrowser('cannot emit even where every origin may connect: without CORS it cannot post JSON', async () => {
    const live = await startServer({ allowOrigin: ['*'] });
    const page = await pageOf('evil.example');
    expect(await connects(page, `${live.wsUrl}?token=a`)).toMatchObject({ opened: true });
    for (const way of POSTS) await posts(page, way, `${live.apiUrl}/v1/cursors`);
    await call('GET', `${live.apiUrl}/healthz`);
    expect(live.server.stats()).toMatchObject({ broadcasts: 0, limited: { origin: 0 } });
  });
});
