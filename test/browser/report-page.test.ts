import { afterAll, describe, expect } from 'vitest';
import { htmlReport } from '../../src/bench/report/formats/html.js';
import { filledReport } from '../bench/filled.js';
import { chartColors } from '../support/chart-colors.js';
import { inBrowser } from '../support/chromium.js';
import { closeReports, openReport } from '../support/report-browser.js';

afterAll(closeReports);

describe('the HTML report in a real browser', () => {
  inBrowser(
    'draws every chart, without a complaint and without asking the network for anything',
    async () => {
      const { page, complaints, requests } = await openReport(
        htmlReport(filledReport(['steady.accepted == 999'])),
      );
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
      const colors = await chartColors(page, '.chart canvas');
      expect(colors).toHaveLength(6);
      for (const count of colors) expect(count).toBeGreaterThan(3);
      await page.close();
    },
  );
});
