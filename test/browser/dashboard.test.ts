import { afterAll, afterEach, describe, expect } from 'vitest';
import { inBrowser } from '../support/chromium.js';
import { closeDashboards, openDashboard, untilText } from '../support/dashboard-page.js';
import { disposeLive, openClient, startServer } from '../support/live-server.js';

afterEach(disposeLive);
afterAll(closeDashboards);

describe('the dashboard in a real browser', () => {
  inBrowser(
    'says why a client was refused before the page was opened, and which client is connected',
    async () => {
      const { apiUrl, wsUrl } = await startServer({ dashboard: true });
      const client = await openClient(wsUrl, 'user:alice');
      client.say('{"type":"hello","clientId":"tab-1","cursor":"0"}');
      await client.roundTrip();
      await (await openClient(wsUrl)).closed();
      const { page, complaints, strangers, show } = await openDashboard(apiUrl);
      await untilText(page, '#live-list .row', /refused#2 \(no namespace\) with 4401 Unauthorized: no token/);
      await show('clients');
      await untilText(page, '#clients-list .row', /#1user:alicetab-1/);
      await untilText(page, '#clients-note', '1 client, none known to be behind.');
      expect([...complaints, ...strangers]).toEqual([]);
      await page.close();
    },
  );
});
