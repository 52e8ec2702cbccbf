import { afterAll, afterEach, describe, expect } from 'vitest';
import { inBrowser } from '../support/chromium.js';
import { closeDashboards, drawn, openDashboard, picture, untilText } from '../support/dashboard-page.js';
import { call, postCursors } from '../support/http-call.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

afterEach(disposeLive);
afterAll(closeDashboards);

const ADMIN = 'an-admin-token-of-some-length';

/** Texts that want to be more than text. Names have no control characters; reasons and messages may. */
const HOSTILE = {
  html: '<img src=x onerror=alert(1)><script>alert(2)</script>',
  attribute: '" onmouseover="alert(3)" x="',
  bidi: 'user:\u202eecila\u202c \u2066x\u2069',
  invisible: 'user:a\u200b\u2060\ufeffb\u{e0041}',
  style: '</style><style>body{display:none}</style>',
  proto: '__proto__',
  long: 'x'.repeat(255),
};

describe('the dashboard among hostile clients', () => {
  inBrowser('shows names, reasons and messages as text, whatever is in them, cut and bidi-safe', async () => {
    const { apiUrl, wsUrl } = await startServer({ dashboard: true });
    const { page, complaints, strangers, show } = await openDashboard(apiUrl);
    for (const [index, evil] of Object.values(HOSTILE).entries()) {
      const client = await openClient(wsUrl, evil);
      client.say(JSON.stringify({ type: 'hello', clientId: evil, cursor: '0' }));
      client.say(`\u001b[31m${evil}\u0007 ${'y'.repeat(60_000)}`);
      await client.roundTrip();
      await postCursors(apiUrl, { namespace: evil, cursor: `${index + 1}<b>` });
      const leaver = await openClient(wsUrl, evil);
      leaver.close(4000, `\u001b[2J\u202e${evil.slice(0, 100)}`);
    }
    await untilText(page, '#summary', '7 clients · 7 namespaces');
    for (const fault of ['__proto__', HOSTILE.html]) {
      const answer = await call('PUT', `${apiUrl}/v1/faults`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ rules: [{ match: { namespace: fault, clientId: fault }, fault: 'drop' }] }),
      });
      expect(answer.status).toBe(200);
    }
    for (const view of ['live', 'clients', 'namespaces', 'faults', 'server'] as const) {
      await show(view);
      if (view === 'clients') await untilText(page, '#clients-list .row', '<img src=x onerror=alert(1)>');
      if (view === 'namespaces') await untilText(page, '#namespaces-list .row', '__proto__');
      if (view === 'faults') await untilText(page, '#faults-on', '<img src=x onerror=alert(1)>');
      await picture(page, `hostile-${view}`);
      const text = await page.innerText('body');
      // Line breaks are of the page.
      expect(text.replaceAll('\n', '').replaceAll('\t', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      expect(await page.locator('main :is(img, script, style, [onerror], [onmouseover])').count()).toBe(0);
    }
    await show('live');
    for (const kind of ['connected', 'hello', 'closed', 'broadcast', 'ignoredText']) {
      await page.selectOption('#live-kind', kind);
      await drawn(page);
      // Events with different reasons are not folded.
      for (const button of await page.getByRole('button', { name: /^Unfold/ }).all()) await button.click();
      await untilText(page, '#live-list .row', '<script>alert(2)</script>');
    }
    await untilText(page, '#live-list .row', /sent [\d,]+ characters that are not a hello: \\u001b\[31m/);
    // No event is longer than what is kept of it.
    const lengths = await page.$$eval('#live-list .cell', (all) =>
      all.map(({ textContent }) => (textContent ?? '').length),
    );
    expect(Math.max(...lengths)).toBeLessThan(2000);
    expect([...complaints, ...strangers]).toEqual([]);
    await page.close();
  });
});

describe('the dashboard with an admin token', () => {
  inBrowser('asks for the token, keeps it in memory only, and never has it in an address', async () => {
    const { apiUrl } = await startServer({ dashboard: true, adminToken: ADMIN });
    const { page, show } = await openDashboard(apiUrl);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.locator('#login').waitFor();
    await picture(page, 'login');
    await page.fill('#token', 'wrong');
    await page.keyboard.press('Enter');
    await untilText(page, '#login-problem', 'The bearer token is not the admin token');
    await page.fill('#token', ADMIN);
    await page.keyboard.press('Enter');
    await untilText(page, '#link', 'Live');
    await show('clients');
    await untilText(page, '#clients-note', 'No client is connected.');
    expect(await page.locator('#login').isVisible()).toBe(false);
    expect(asked.filter((url) => url.includes(ADMIN))).toEqual([]);
    const kept = await page.evaluate(
      'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, history.state, document.getElementById("token").value])',
    );
    expect(kept).not.toContain(ADMIN);
    await page.reload();
    await page.locator('#login').waitFor();
    await page.close();
  });

  inBrowser(
    'without --dashboard there is no page; with it, the page needs no token and nothing else goes without',
    async () => {
      const without = await startServer({ adminToken: ADMIN, namespaceProvider: () => 'a' });
      const headers = { authorization: `Bearer ${ADMIN}` };
      expect((await call('GET', `${without.apiUrl}/dashboard`)).status).toBe(401);
      expect((await call('GET', `${without.apiUrl}/dashboard`, { headers })).json.fix).toContain(
        '--dashboard',
      );
      const { apiUrl } = await startServer({
        dashboard: true,
        adminToken: ADMIN,
        namespaceProvider: () => 'a',
      });
      const page = await call('GET', `${apiUrl}/dashboard`);
      expect(page.status).toBe(200);
      expect(page.text).not.toContain(ADMIN);
      for (const path of ['/v1/events', '/v1/clients', '/v1/stats', '/dashboard/', '/dashboard/x'])
        expect((await call('GET', `${apiUrl}${path}`)).status, path).toBe(401);
      const policy = String(page.headers['content-security-policy']);
      expect(policy).toMatch(
        /^default-src 'none'; script-src 'sha256-\S+' 'sha256-\S+'; style-src 'sha256-\S+'; /,
      );
      expect(policy).not.toMatch(/unsafe|\*/);
      const loopback = await startServer({ dashboard: true });
      expect(
        (await call('GET', `${loopback.apiUrl}/dashboard`, { headers: { host: 'evil.example' } })).status,
      ).toBe(403);
    },
  );
});

describe('a server that goes and comes back', () => {
  inBrowser('is found again by the page, which says what it cannot know', async () => {
    const first = await startServer({ dashboard: true });
    const port = first.port;
    await (await openClient(first.wsUrl)).closed();
    const { page, show } = await openDashboard(first.apiUrl);
    await untilText(page, '#live-list .row', '4401');
    await first.server.close();
    await untilText(page, '#link', 'Server away, trying again');
    await picture(page, 'server-away');
    const second = await startServer({ dashboard: true, port });
    await openClient(second.wsUrl, 'user:new');
    await untilText(page, '#link', 'Live');
    await untilText(page, '#live-list .row', /events missing.*restarted/);
    await untilText(page, '#live-list .row', /connected#1 user:new/);
    // What was known before is still there.
    await untilText(page, '#live-list .row', '4401');
    await show('clients');
    await untilText(page, '#clients-list .row', 'user:new');
    await page.close();
  });
});
