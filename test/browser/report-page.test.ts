import type { Page } from 'playwright-core';
import { afterAll, describe, expect } from 'vitest';
import { htmlReport } from '../../src/bench/report/formats/html.js';
import { filledReport } from '../bench/filled.js';
import { inBrowser } from '../support/chromium.js';
import { closeReports, openReport } from '../support/report-browser.js';

afterAll(closeReports);

/** Colours other than the background on a chart's canvas. */
const painted = (page: Page) =>
  page.$$eval('.chart canvas', (canvases) =>
    canvases.map((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      const { data } = (canvas as any).getContext('2d').getImageData(0, 0, width, height);
      const colors = new Set<string>();
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 0) colors.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
      return colors.size;
    }),
  );

describe('the HTML report in a real browser', () => {
  inBrowser(
    'draws every chart, without a complaint and without asking the network for anything',
    async () => {
      const { page, complaints, requests } = await openReport(
        htmlReport(filledReport(['steady.accepted == 999'])),
      );
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
      const colors = await painted(page);
      expect(colors).toHaveLength(6);
      for (const count of colors) expect(count).toBeGreaterThan(3);
      await page.close();
    },
  );
});
