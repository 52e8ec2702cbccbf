import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, describe, expect } from 'vitest';
import { inBrowser } from '../support/chromium.js';
import { closeDashboards, drawn, openDashboard, picture, untilText } from '../support/dashboard-page.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

afterEach(disposeLive);
afterAll(closeDashboards);

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['live', 'clients', 'namespaces', 'faults', 'server'] as const;

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe finds wrong with what can be seen now. */
async function violations(page: Page): Promise<string[]> {
  // Not as a script of the page: its policy lets none in.
  await page.evaluate(AXE);
  const found = (await page.evaluate('axe.run()')) as { violations: Finding[]; passes: Finding[] };
  expect(found.passes.length).toBeGreaterThan(10);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** A server with a bit of everything: clients, one of them behind, refusals, bursts. */
async function busyServer(tabs = 11) {
  const live = await startServer({ dashboard: true, maxConnections: tabs + 1, heartbeatIntervalMs: 200 });
  const { wsUrl, apiUrl } = live;
  const open = async (namespace: string, clientId: string, cursor = '0') => {
    const client = await openClient(wsUrl, namespace);
    client.say(JSON.stringify({ type: 'hello', clientId, cursor }));
    await client.roundTrip();
    return client;
  };
  const clients = [];
  for (let index = 0; index < tabs; index++)
    clients.push(await open(index < 5 ? 'user:alice' : 'tenant:acme:user:bob', `tab-${index}`));
  // In one request, so that it is one burst on a slow machine as well.
  await postCursors(apiUrl, [
    ...Array.from({ length: 40 }, (_, index) => ({ namespace: 'user:alice', cursor: String(index + 1) })),
    { namespace: 'tenant:acme:user:bob', cursor: '7' },
  ]);
  const behind = await open('user:alice', 'phone-3', '38');
  await (await openClient(wsUrl, 'user:carol')).closed();
  await (await openClient(wsUrl)).closed();
  return { ...live, clients, behind };
}

/** Has a tab of alice miss what is broadcast from here on. */
async function missCursors(apiUrl: string, clientId: string) {
  const rules = [{ fault: 'drop', match: { namespace: 'user:alice', clientId } }];
  const headers = { 'content-type': 'application/json' };
  expect(
    (await call('PUT', `${apiUrl}/v1/faults`, { headers, body: JSON.stringify({ rules }) })).status,
  ).toBe(200);
}

describe('each view of the dashboard', () => {
  inBrowser('Live has every event, filters, folds a burst, pauses, and makes an emit script', async () => {
    const { apiUrl, wsUrl } = await busyServer();
    const { page, complaints } = await openDashboard(apiUrl);
    const rows = page.locator('#live-list .rows > .row[aria-hidden=false]');
    await untilText(page, '#live-list .row', /refused#13 user:carol with 4503 Connection limit reached/);
    await untilText(page, '#live-list .row', /broadcast41 cursors in 2 namespaces: 206 deliveries/);
    await page.fill('#live-client', '#14');
    await untilText(page, '#live-note', /^1 event of/);
    // The rows are drawn with the next frame.
    await expect
      .poll(() => rows.allInnerTexts())
      .toEqual([expect.stringContaining('4401 Unauthorized: no token')]);
    await rows.first().getByRole('button').click();
    await untilText(page, '#dialog', 'no token');
    await page.keyboard.press('Escape');
    await page.fill('#live-client', '');
    await page.selectOption('#live-kind', 'broadcast');
    await untilText(page, '#live-note', /^41 events of/);
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByRole('button', { name: 'Unfold 41 events' }).click();
    await untilText(page, '#live-list .row', 'cursor 40 to user:alice: 5 clients');
    await page.click('#live-copy');
    const script = (await page.inputValue('#dialog textarea')).trim().split('\n');
    expect(script).toHaveLength(41);
    expect(JSON.parse(script[0] ?? '')).toEqual({ namespace: 'user:alice', cursor: '1' });
    await page.keyboard.press('Escape');
    await page.selectOption('#live-kind', '');
    await page.click('#live-pause');
    const before = await rows.allInnerTexts();
    await (await openClient(wsUrl, 'user:dora')).closed();
    await untilText(page, '#live-note', 'Paused: 1 new event');
    expect(await rows.allInnerTexts()).toEqual(before);
    await page.click('#live-pause');
    await untilText(page, '#live-list .row', 'user:dora');
    expect(complaints).toEqual([]);
    await page.close();
  });

  inBrowser(
    'Live says who is behind: at a hello, and in one line for what a client was not sent',
    async () => {
      const { apiUrl } = await busyServer();
      const { page, complaints } = await openDashboard(apiUrl);
      const said = page.locator('#live-list .row').filter({ hasText: /^[\d:]+behind/ });
      await untilText(page, '#live-list .row', '1 of them behind: #12 (phone-3) by 2');
      await missCursors(apiUrl, 'tab-2');
      for (const cursor of ['41', '42', '45']) {
        await postCursors(apiUrl, { namespace: 'user:alice', cursor });
        await untilText(
          page,
          '#live-list .row',
          `#3 user:alice (tab-2) by ${Number(cursor) - 40}: was not sent cursor ${cursor}, has 40`,
        );
        await expect.poll(() => said.count()).toBe(1);
      }
      await page.selectOption('#live-kind', 'behind');
      await untilText(page, '#live-note', /^3 events of/);
      await page.getByRole('button', { name: 'Unfold 3 events' }).click();
      await untilText(page, '#live-list .row', 'by 1: was not sent cursor 41, has 40');
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  inBrowser('Clients says which client is behind and by how much, and kicks one', async () => {
    const { apiUrl, clients } = await busyServer();
    const { page, complaints, show } = await openDashboard(apiUrl);
    await show('clients');
    await untilText(page, '#clients-note', '1 of 12 clients is behind: #12 (phone-3) in user:alice, by 2.');
    const first = page.locator('#clients-list .rows > .row').first();
    await untilText(page, '#clients-list .rows > .row', /#12user:alicephone-3behind by 23840/);
    expect(await first.innerText()).toContain('behind by 2');
    expect(await first.innerText()).toMatch(/[\d.]+ ms/);
    await page.fill('#clients-find', 'tab-9');
    await drawn(page);
    await page.getByRole('button', { name: 'Kick #10' }).click();
    await page.fill('#dialog [name=code]', '4001');
    await page.fill('#dialog [name=reason]', 'bye');
    await page.click('#dialog-ok');
    expect(await clients[9]?.closed()).toMatchObject({ code: 4001, reason: 'bye' });
    await untilText(page, '#clients-note', '1 of 11 clients');
    expect(complaints).toEqual([]);
    await page.close();
  });

  inBrowser('Namespaces counts clients, and emits the next cursor, one, and a burst', async () => {
    const { apiUrl, events } = await busyServer();
    const { page, complaints, show } = await openDashboard(apiUrl);
    await show('namespaces');
    await untilText(page, '#namespaces-list .row', /user:alice640/);
    await page.getByRole('button', { name: 'Emit next into user:alice' }).click();
    await untilText(page, '#namespaces-note', 'Emitted cursor 41 to user:alice: 6 deliveries.');
    await page.getByRole('button', { name: 'Emit … into user:alice' }).click();
    await page.fill('#dialog [name=cursor]', '50');
    await page.keyboard.press('Enter');
    await untilText(page, '#namespaces-list .row', /user:alice650/);
    await page.getByRole('button', { name: 'Burst … into user:alice' }).click();
    await page.fill('#dialog [name=size]', 'many');
    await page.click('#dialog-ok');
    await untilText(page, '#dialog-problem', 'Expected a whole number from 1 to 10,000, got many');
    await page.fill('#dialog [name=size]', '25');
    await page.click('#dialog-ok');
    await untilText(page, '#namespaces-note', 'Emitted 25 cursors to user:alice: 150 deliveries.');
    expect(
      events
        .of('broadcast')
        .slice(-25)
        .map(({ cursor }) => cursor),
    ).toEqual(Array.from({ length: 25 }, (_, index) => String(51 + index)));
    expect(complaints).toEqual([]);
    await page.close();
  });

  inBrowser(
    'Server draws its charts, says how full the limits are, and drains after a question',
    async () => {
      const { apiUrl, server } = await busyServer();
      const { page, show } = await openDashboard(apiUrl);
      await show('server');
      await untilText(page, '#server-limits', '12 of 12');
      await page.locator('#charts canvas').nth(4).waitFor();
      expect(await page.locator('#charts [role=img]').first().getAttribute('aria-label')).toBe(
        'Clients over time, now 12',
      );
      await page.click('#drain');
      await page.click('#dialog-cancel');
      expect((await call('GET', `${apiUrl}/readyz`)).status).toBe(200);
      await page.click('#drain');
      await page.click('#dialog-ok');
      expect((await server.closed).left).toBe(12);
      await untilText(page, '#link', 'Server away');
      await page.close();
    },
  );
});

describe('faults in the dashboard', () => {
  inBrowser('Faults adds a rule, says in every view that it is on, counts, and clears it', async () => {
    const { apiUrl, wsUrl } = await busyServer();
    const { page, complaints, show } = await openDashboard(apiUrl);
    await show('faults');
    await untilText(page, '#faults-note', 'No fault is on.');
    await page.selectOption('#fault-name', 'refuse');
    await page.getByLabel('status', { exact: true }).fill('503');
    await page.getByLabel('next', { exact: true }).fill('1');
    await page.fill('#fault-namespace', 'user:dora');
    await page.getByRole('button', { name: 'Add' }).click();
    await untilText(page, '#faults-on', 'Faults are on: refuse for user:dora (status 503, next 1)');
    await picture(page, 'faults-on');
    expect(await violations(page)).toEqual([]);
    await show('live');
    expect(await page.locator('#faults-on').isVisible()).toBe(true);
    await openClient(wsUrl, 'user:dora').catch(() => {});
    await untilText(page, '#live-list .row', /faultrefuse struck/);
    await page.locator('#faults-on').waitFor({ state: 'hidden' });
    await show('faults');
    await untilText(page, '#faults-rules', 'struck 1 of 1 time, over');
    await page.selectOption('#fault-name', 'delay');
    await page.getByLabel('delayMs', { exact: true }).fill('-5');
    await page.getByRole('button', { name: 'Add' }).click();
    await untilText(page, '#problem-text', 'Expected `rules[1].delayMs` to be');
    await page.getByRole('button', { name: /^Remove refuse/ }).click();
    await untilText(page, '#faults-note', 'No fault is on.');
    await page.selectOption('#faults-preset', 'deploy');
    await page.getByRole('button', { name: 'Use in place of all rules' }).click();
    await untilText(page, '#faults-on', 'restart for everybody');
    await page.setViewportSize({ width: 390, height: 844 });
    await picture(page, 'faults-phone');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.click('#faults-clear');
    await untilText(page, '#faults-note', 'No fault is on.');
    expect((await call('GET', `${apiUrl}/v1/faults`)).json.rules).toEqual([]);
    // The answer to the value that was refused.
    expect(complaints).toEqual([expect.stringContaining('400')]);
    await page.close();
  });
});

describe('the dashboard for everybody', () => {
  const LOOKS = {
    light: { viewport: { width: 1280, height: 800 } },
    dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' as const },
    phone: { viewport: { width: 390, height: 844 } },
    'phone-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const },
  };

  for (const [look, options] of Object.entries(LOOKS)) {
    inBrowser(`axe finds nothing in any view, and nothing sticks out: ${look}`, async () => {
      const { apiUrl } = await busyServer(19);
      await missCursors(apiUrl, 'tab-2');
      const { page, show } = await openDashboard(apiUrl, options);
      await untilText(page, '#summary', '20 clients');
      for (const cursor of ['41', '42']) await postCursors(apiUrl, { namespace: 'user:alice', cursor });
      await untilText(page, '#live-list .row', '#3 user:alice (tab-2) by 2');
      await page.locator('#faults-on').waitFor();
      for (const view of VIEWS) {
        await show(view);
        if (view === 'clients') await untilText(page, '#clients-list .row', 'behind by 2');
        if (view === 'namespaces') await untilText(page, '#namespaces-list .row', 'user:alice');
        if (view === 'server') await page.locator('#charts canvas').nth(4).waitFor();
        await picture(page, `${look}-${view}`);
        expect(await violations(page), `${look} ${view}`).toEqual([]);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect(width).toBeLessThanOrEqual(options.viewport.width);
      }
      await page.click('#drain');
      await picture(page, `${look}-dialog`);
      expect(await violations(page), `${look} dialog`).toEqual([]);
      await page.close();
    });
  }

  inBrowser(
    'is used with the keyboard alone: views with arrows, a client is kicked, a dialog is left',
    async () => {
      const { apiUrl, clients } = await busyServer();
      const { page } = await openDashboard(apiUrl);
      await untilText(page, '#summary', '12 clients');
      const focused = () => page.evaluate('document.activeElement.id || document.activeElement.textContent');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('Skip to the view');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('tab-live');
      await page.keyboard.press('ArrowRight');
      expect(await focused()).toBe('tab-clients');
      await page.keyboard.press('End');
      expect(await focused()).toBe('tab-server');
      await page.keyboard.press('ArrowRight');
      expect(await focused()).toBe('tab-live');
      await page.keyboard.press('ArrowRight');
      await untilText(page, '#clients-list .row', 'behind by 2');
      const stops: unknown[] = [];
      while (stops.at(-1) !== 'Kick' && stops.length < 20) {
        await page.keyboard.press('Tab');
        stops.push(await focused());
      }
      expect(stops.filter((stop) => stop !== 'view')).toEqual([
        'clients-find',
        'clients-order',
        'clients-behind',
        'clients-list',
        'Kick',
      ]);
      await page.keyboard.press('Enter');
      await untilText(page, '#dialog-title', 'Kick #12 (phone-3)');
      await page.keyboard.press('Escape');
      expect(await focused()).toBe('Kick');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      await untilText(page, '#clients-note', '11 clients, none known to be behind.');
      expect(clients.every(({ isOpen }) => isOpen)).toBe(true);
      await page.close();
    },
  );
});
