import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { htmlReport } from '../../src/bench/report/html.js';
import { filledReport } from '../bench/filled.js';
import { inBrowser, launchChromium } from '../support/chromium.js';

let browser: Browser | undefined;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'datafn-ws-'));
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[];
  /** Requests beside that for the page itself. */
  readonly requests: string[];
}

async function open(html: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Opened> {
  browser ??= await launchChromium();
  const file = join(folder, `${Math.floor(performance.now() * 1000)}.html`);
  writeFileSync(file, html);
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('html[data-drawn=true]');
  return {
    page,
    complaints,
    requests: requests.filter((url) => !url.startsWith('file:') && url !== 'data:,'),
  };
}

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
      const { page, complaints, requests } = await open(htmlReport(filledReport(['steady.accepted == 999'])));
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
      const colors = await painted(page);
      expect(colors).toHaveLength(6);
      for (const count of colors) expect(count).toBeGreaterThan(3);
      await page.close();
    },
  );

  inBrowser('says at the top what failed and what was found instead', async () => {
    const { page } = await open(htmlReport(filledReport(['steady.accepted == 999', 'hot.accepted == 50'])));
    expect(await page.textContent('h1')).toContain('Failed');
    expect(await page.textContent('.why')).toContain('Expected steady.accepted == 999, got 1,000');
    expect(await page.textContent('.why')).not.toContain('hot.accepted');
    await page.close();
  });

  inBrowser('fits a phone, in the light and in the dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open(htmlReport(filledReport(['steady.accepted == 999'])), {
        viewport: { width: 360, height: 740 },
        colorScheme,
      });
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      const width = await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(360);
      await page.close();
    }
  });

  inBrowser('is not changed by markup in what it reports', async () => {
    const evil = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">]]>'"`;
    const report = filledReport(['steady.accepted == 999']);
    const [result] = report.results;
    if (result === undefined) throw new Error('a report without a result');
    const hostile = {
      ...report,
      results: [
        {
          ...result,
          problems: [evil],
          scenario: { ...result.scenario, name: evil, summary: evil, source: evil },
          phases: result.phases.map((phase) => ({ ...phase, label: evil })),
          total: {
            ...result.total,
            cohorts: result.total.cohorts.map((cohort) => ({ ...cohort, closed: { [`4000 ${evil}`]: 1 } })),
          },
        },
      ],
    };
    const { page, complaints, requests } = await open(htmlReport(hostile));
    expect(await page.title()).toContain('Failed');
    expect(await page.$$('main script, main img')).toHaveLength(0);
    expect(await page.textContent('.why')).toContain(evil);
    expect([...complaints, ...requests]).toEqual([]);
    await page.close();
  });
});
