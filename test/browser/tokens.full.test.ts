import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { tokensNamespaceProvider } from '../../src/server/auth/tokens.js';
import { inBrowser, launchChromium } from '../support/chromium.js';
import { disposeLive, type LiveServer, startServer } from '../support/live-server.js';

const TOKEN = 'alice/0123456789+é=';
const tokens = tokensNamespaceProvider({ [TOKEN]: 'user:alice' });

let browser: Browser | undefined;
let pages: Server;
let origin: string;

beforeAll(async () => {
  pages = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>app</title>');
  }).listen(0, '127.0.0.1');
  await once(pages, 'listening');
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  await disposeLive();
});
afterAll(async () => {
  await browser?.close();
  pages.closeAllConnections();
  pages.close();
});

/** A page of an application on this machine, with cookies of its own. */
async function openPage(): Promise<Page> {
  browser ??= await launchChromium();
  const page = await (await browser.newContext()).newPage();
  await page.goto(origin);
  return page;
}

/** What a page's script learns of its WebSocket. */
interface Seen {
  readonly opened: boolean;
  readonly protocol: string;
  readonly messages: readonly string[];
  /** Undefined while it is open. */
  readonly close: { readonly code: number; readonly reason: string; readonly wasClean: boolean } | undefined;
}

/** Connects as a page does, and keeps what happens in the page. */
async function connect(page: Page, url: string, protocols: string[] = []): Promise<void> {
  await page.evaluate(
    ([url, protocols]) => {
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      const { WebSocket } = globalThis as any;
      const seen = { opened: false, protocol: '', messages: [] as string[], close: undefined as unknown };
      const socket = new WebSocket(url, protocols);
      socket.onopen = () => Object.assign(seen, { opened: true, protocol: socket.protocol });
      socket.onmessage = ({ data }: { data: string }) => seen.messages.push(data);
      socket.onclose = ({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }) => {
        seen.close = { code, reason, wasClean };
      };
      Object.assign(globalThis, { seen });
    },
    [url, protocols] as const,
  );
}

/** What the page has seen, as soon as `isSeen` says that it is enough. */
async function seenBy(page: Page, isSeen: 'opened' | 'messages' | 'close'): Promise<Seen> {
  await page.waitForFunction((what) => {
    const { [what]: value } = (globalThis as unknown as { seen: Record<string, unknown> }).seen;
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  }, isSeen);
  return page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
}

const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** The ways in which a page can show a token, and what it connects with then. */
const WAYS: readonly (readonly [
  string,
  (page: Page, wsUrl: string, token: string) => Promise<{ url: string; protocols?: string[] }>,
])[] = [
  ['the query', async (_, wsUrl, token) => ({ url: `${wsUrl}?token=${encodeURIComponent(token)}` })],
  [
    'a cookie',
    async (page, wsUrl, token) => {
      await page.evaluate(
        (value) => {
          Object.assign((globalThis as unknown as { document: object }).document, { cookie: value });
        },
        `datafn_token=${encodeURIComponent(token)}; path=/; SameSite=Strict`,
      );
      return { url: wsUrl };
    },
  ],
  [
    'a subprotocol beside that of DataFn',
    async (_, wsUrl, token) => ({
      url: wsUrl,
      protocols: ['datafn-sync-v1', `datafn.bearer.${base64url(token)}`],
    }),
  ],
  [
    'the only subprotocol',
    async (_, wsUrl, token) => ({ url: wsUrl, protocols: [`datafn.bearer.${base64url(token)}`] }),
  ],
];

describe('a page in a real browser', () => {
  for (const [name, way] of WAYS) {
    inBrowser(
      `connects with a token in ${name}, gets the cursors of its namespace, and sees 1001 at the end`,
      async () => {
        const { server, wsUrl } = await startServer({ namespaceProvider: tokens });
        const page = await openPage();
        const { url, protocols = [] } = await way(page, wsUrl, TOKEN);
        await connect(page, url, protocols);
        const { protocol } = await seenBy(page, 'opened');
        expect(protocol).toBe(protocols[0] ?? '');
        server.websocketHandler.broadcastCursor('1', 'user:bob');
        server.websocketHandler.broadcastCursor('42', 'user:alice');
        expect((await seenBy(page, 'messages')).messages).toEqual(['{"type":"cursor","cursor":"42"}']);
        await server.close();
        expect((await seenBy(page, 'close')).close).toEqual({
          code: 1001,
          reason: 'Going Away',
          wasClean: true,
        });
      },
    );

    inBrowser(`sees 4401, and not 1006, with a wrong token in ${name}`, async () => {
      const { wsUrl } = await startServer({ namespaceProvider: tokens });
      const page = await openPage();
      const { url, protocols } = await way(page, wsUrl, `${TOKEN}!`);
      await connect(page, url, protocols);
      expect((await seenBy(page, 'close')).close).toEqual({
        code: 4401,
        reason: 'Unauthorized',
        wasClean: true,
      });
    });
  }

  const closes: [string, (wsUrl: LiveServer['wsUrl']) => string, object][] = [
    ['4401 without a token', (wsUrl) => wsUrl, { code: 4401, reason: 'Unauthorized' }],
    [
      '4401 when its token has expired',
      (wsUrl) => `${wsUrl}?token=brief`,
      { code: 4401, reason: 'Token expired' },
    ],
    [
      '4503 when its namespace is full',
      (wsUrl) => `${wsUrl}?token=full`,
      { code: 4503, reason: 'Namespace connection limit reached' },
    ],
  ];
  for (const [name, urlOf, close] of closes) {
    inBrowser(`sees ${name}, and not 1006`, async () => {
      const { wsUrl, server } = await startServer({
        maxConnectionsPerNamespace: 1,
        namespaceProvider: async ({ token }) =>
          token === 'brief' ? { namespace: 'brief', expiresAtMs: Date.now() + 300 } : token,
      });
      server.websocketHandler.addClient({ send: () => {} }, { namespace: 'full' });
      const page = await openPage();
      await connect(page, urlOf(wsUrl));
      expect((await seenBy(page, 'close')).close).toEqual({ ...close, wasClean: true });
    });
  }
});
