import type { Page } from 'playwright-core';
import { afterAll, afterEach, describe, expect } from 'vitest';
import type { CohortMeasurement } from '../../src/bench/measure/measurements.js';
import { filledReport } from '../bench/filled.js';
import { chartColors } from '../support/chart-colors.js';
import { closeBrowser, inBrowser, openPage } from '../support/chromium.js';
import { drawn, picture, untilText } from '../support/dashboard-page.js';
import { ObservedRun, observedScenario } from '../support/observed-run.js';
import { closeLive, openedLive } from '../support/opened-live.js';

afterEach(closeLive);
afterAll(closeBrowser);

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>" onmouseover="alert(3) \u202eevil';
const screen = { phaseStarted() {} };

/** Takes pictures in light and dark. The charts have other colors then. */
async function inBothColors(page: Page, name: string): Promise<void> {
  const pixels = () =>
    page.$eval('figure:not([hidden]) canvas', (canvas) =>
      (canvas as unknown as { toDataURL(): string }).toDataURL(),
    );
  await picture(page, `${name}-light`);
  const light = await pixels();
  await page.emulateMedia({ colorScheme: 'dark' });
  await drawn(page);
  await picture(page, `${name}-dark`);
  expect(await pixels()).not.toBe(light);
  await page.emulateMedia({ colorScheme: 'light' });
  await drawn(page);
}

describe('the live report in a real browser', () => {
  inBrowser(
    'shows the run with the charts of the report, and at the end the report itself, in light and dark',
    async () => {
      const { live, url } = await openedLive();
      const { page, complaints, strangers } = await openPage(url);
      const scenario = observedScenario('sample', HOSTILE);
      const run = new ObservedRun(
        live.show({ scenario, target: HOSTILE, position: 'run 1 of 2' }, screen),
        scenario,
      );
      run.start(0);
      run.progress({ open: [400, 0], received: 0 });
      await untilText(page, '#bars', '400 of 1,000 connected');
      run.seconds(5);
      run.end(0, ({ cohorts }) => {
        Object.assign((cohorts[0] as CohortMeasurement).tally.counters, { opened: 1000 });
      });
      run.start(1);
      run.seconds(8, {
        ...{ emitsDuePerSecond: 50, emitsSentPerSecond: 48, fanoutP50Ms: 3, fanoutP99Ms: 20 },
        ...{ workerDelayP99Ms: 12, serverRssBytes: 8e7, serverDelayMaxMs: 30 },
      });
      await untilText(page, '#phases .done', '1,000 opened, took 2 s');
      await untilText(page, '#now', 'Phase 2 of 3');
      await page.waitForFunction('document.querySelectorAll("figure:not([hidden]) canvas").length === 6');
      await drawn(page);
      for (const colors of await chartColors(page, 'figure:not([hidden]) canvas'))
        expect(colors).toBeGreaterThan(3);
      expect(await page.textContent('#summary')).toContain('<img src=x onerror=alert(1)>');
      expect(await page.$('main img, main script')).toBe(null);
      expect(await page.textContent('#summary')).toContain('\\u202eevil');
      await inBothColors(page, 'live-report');

      const report = filledReport(['steady.accepted == 999']);
      const [result] = report.results;
      await live.finish({
        ...report,
        results: [{ ...(result as NonNullable<typeof result>), problems: [HOSTILE] }],
      });
      await page.waitForSelector('html[data-drawn=true]');
      await drawn(page);
      expect(await page.title()).toBe('Failed: sample');
      expect(await page.textContent('#state')).toMatch(/^The run has ended, and bench with it/);
      expect(await page.textContent('h1')).toContain('Failed');
      expect(await page.textContent('main')).toContain('<script>alert(2)</script>');
      expect(await page.$('main img, main script')).toBe(null);
      const charts = await chartColors(page, 'figure:not([hidden]) canvas');
      expect(charts).toHaveLength(await page.locator('[data-chart]').count());
      for (const colors of charts) expect(colors).toBeGreaterThan(3);
      await inBothColors(page, 'live-report-end');
      // The server may go; the report stays.
      await live.close();
      await drawn(page);
      expect(await page.textContent('h1')).toContain('Failed');
      expect(complaints).toEqual([]);
      expect(strangers).toEqual([]);
      await page.close();
    },
  );

  inBrowser(
    'says that bench is gone when it goes without a report, and keeps what it has shown',
    async () => {
      const { live, url } = await openedLive();
      const { page } = await openPage(url);
      const run = new ObservedRun(
        live.show({ scenario: observedScenario(), target: 'ws://x', position: '' }, screen),
      );
      run.start(0);
      await untilText(page, '#now', 'Phase 1 of 3');
      await live.close();
      await untilText(page, '#state', 'The connection to bench is lost');
      expect(await page.textContent('#name')).toBe('sample');
      await page.close();
    },
  );
});
