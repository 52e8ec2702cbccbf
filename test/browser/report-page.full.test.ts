import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, describe, expect } from 'vitest';
import { htmlReport } from '../../src/bench/report/formats/html.js';
import type { JsonResult } from '../../src/bench/report/schema.js';
import { filledReport } from '../bench/filled.js';
import { hostileComparison, hostileReport, TEXTS } from '../bench/hostile.js';
import { inBrowser } from '../support/chromium.js';
import { closeReports, openReport } from '../support/report-browser.js';

/** The script of the checker of accessibility, for a page. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What it found. */
interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

afterAll(closeReports);

describe('the HTML report in a real browser', () => {
  inBrowser('says at the top what failed and what was found instead', async () => {
    const { page } = await openReport(
      htmlReport(filledReport(['steady.accepted == 999', 'hot.accepted == 50'])),
    );
    expect(await page.textContent('h1')).toContain('Failed');
    const why = (await page.innerText('.why')).replace(/\s+/g, ' ');
    expect(why).toMatch(/^Cohort steady: clients that opened and were not refused/);
    expect(why).toContain('expected exactly 999 measured 1,000 (1 too many)');
    expect(why).toContain('What it usually means: The server accepted too many clients');
    expect(why).toContain('steady.accepted == 999 line 11 of sample.yaml');
    expect(why).not.toContain('hot.accepted');
    // At once to be seen, without scrolling.
    expect((await page.locator('.why .numbers').boundingBox())?.y).toBeLessThan(500);
    await page.close();
  });

  inBrowser(
    'fits a phone, in the light and in the dark, and has nothing that a checker of accessibility minds',
    async () => {
      const several = filledReport(['steady.accepted == 999', 'cursors.lost == 0', 'hot.accepted == 50']);
      const notRun = [{ name: 'later', source: 'later.yaml', reason: 'No server' }];
      const compared = several.results.map((one) => ({ ...one, comparison: hostileComparison('words') }));
      const pages = [
        { html: htmlReport(several), colorScheme: 'light' },
        { html: htmlReport({ ...several, results: compared, notRun }), colorScheme: 'dark' },
      ] as const;
      for (const { html, colorScheme } of pages) {
        const { page } = await openReport(html, { viewport: { width: 360, height: 740 }, colorScheme });
        // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
        const width = await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth);
        expect(width).toBeLessThanOrEqual(360);
        // What is folded away is looked at as well.
        await page.$$eval('details', (all) => {
          for (const one of all) one.setAttribute('open', '');
        });
        await page.evaluate(AXE);
        // biome-ignore lint/suspicious/noExplicitAny: as above
        const { violations, passes } = await page.evaluate(() => (globalThis as any).axe.run());
        expect(
          violations.map(({ id, nodes }: Finding) => `${id}: ${nodes.map(({ html: at }) => at).join(' ')}`),
        ).toEqual([]);
        expect(passes.map(({ id }: Finding) => id)).toEqual(
          expect.arrayContaining([
            'color-contrast',
            'document-title',
            'html-has-lang',
            'list',
            'region',
            'role-img-alt',
          ]),
        );
        await page.close();
      }
    },
  );

  inBrowser(
    'shows every number on a phone, or says that there are more at the side, and breaks no flag apart',
    async () => {
      const report = filledReport([
        'silent.closed[1001 "Heartbeat timeout"] == 48',
        'steady.heartbeat.timeout.p99 < 100ms',
      ]);
      const [result] = report.results as [JsonResult];
      const serverFlags = ['--max-connections', '2000', '--max-connections-per-namespace', '51'];
      const shown = { ...result, scenario: { ...result.scenario, serverFlags } };
      const { page } = await openReport(htmlReport({ ...report, results: [shown] }), {
        viewport: { width: 390, height: 844 },
      });
      await page.$$eval('details', (all) => {
        for (const one of all) one.setAttribute('open', '');
      });
      const tables = await page.$$eval('.scroll', (all) =>
        all.map((one) => ({
          name: one.getAttribute('aria-label') ?? '',
          isCut: one.scrollWidth > one.clientWidth,
          // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
          hint: (globalThis as any).getComputedStyle(one, '::before').content as string,
        })),
      );
      for (const { name, isCut, hint } of tables)
        expect(hint, name).toMatch(isCut ? /scroll this table sideways/ : /^(?:none|normal)$/);
      expect(tables.flatMap(({ name, isCut }) => (isCut ? [name] : []))).toEqual([
        'Deliveries that each cohort had to receive, and received',
        'What the clients pulled',
        'Every second of the run',
        'Durations',
      ]);
      const lines = await page.$$eval('p > code', (all) =>
        all.flatMap((one) =>
          one.textContent?.startsWith('--') === true
            ? [Math.round(one.getBoundingClientRect().height / 24)]
            : [],
        ),
      );
      expect(lines).toEqual([1, 1]);
      await page.close();
    },
  );

  inBrowser('draws what failed beside what was expected, with a legend that needs no pointer', async () => {
    const rules = ['silent.heartbeat.timeout.p50 < 100ms', 'silent.heartbeat.timeout.p99 < 200ms'];
    const { page, complaints } = await openReport(htmlReport(filledReport(rules)));
    const said = await page.$$eval('[data-chart=shares]', (all) =>
      all.map((chart) => chart.getAttribute('aria-label')),
    );
    expect(said).toEqual([
      'Heartbeat timeout of cohort silent: half of the samples within 341 ms, 99% within 674 ms, all within 680 ms, expected: p50 < 100 ms, expected: p99 < 200 ms',
      expect.stringMatching(/^Fan-out latency: half of the deliveries/),
    ]);
    const legend = page.locator('[data-chart=shares] .u-legend').first();
    expect(await legend.innerText()).toBe('heartbeat timeoutexpected: p50 < 100 msexpected: p99 < 200 ms');
    const swatches = await legend.locator('.u-marker').evaluateAll((all) =>
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      all.slice(1).map((one) => (globalThis as any).getComputedStyle(one).borderBottomStyle as string),
    );
    expect(swatches).toEqual(['solid', 'dashed', 'dotted']);
    await page.locator('[data-chart=shares] .u-over').first().hover();
    expect(await legend.innerText()).toMatch(/^share\d+%heartbeat timeout\d+ ms/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  inBrowser(
    'has a legend where lines are to be told apart, and none for a line that is not there',
    async () => {
      const report = filledReport(['steady.accepted == 999']);
      for (const point of report.results[0]?.timeline ?? [])
        delete (point as { serverDelayMaxMs?: number }).serverDelayMaxMs;
      const { page } = await openReport(htmlReport(report));
      const legend = (chart: string) => page.locator(`[data-chart=${chart}] .u-legend`);
      expect(await legend('fanout').innerText()).toBe('p50p99');
      for (const chart of ['connections', 'delay']) {
        expect(await legend(chart).isVisible()).toBe(false);
        await page.locator(`[data-chart=${chart}] .u-over`).hover();
        expect(await legend(chart).isVisible()).toBe(true);
      }
      expect(await legend('delay').innerText()).toMatch(/^time\d+(?:\.\d)? sload generator, p99\d+ ms$/);
      await page.close();
    },
  );

  inBrowser('on a narrow page keeps flags of the command in one piece, and numbers apart', async () => {
    const report = filledReport(['steady.accepted == 999']);
    const [result] = report.results as [JsonResult];
    for (const width of [360, 420, 500]) {
      const replay = `datafn-ws bench sample --seed 1 --server-command 'node server.mjs --some-long-fault leaks-one' --admin-url x`;
      const { page } = await openReport(htmlReport({ ...report, results: [{ ...result, replay }] }), {
        viewport: { width, height: 800 },
      });
      expect(await page.locator('pre').last().innerText()).toBe(replay);
      const flags = await page.$$eval('pre .flag', (all) => all.map((one) => one.getClientRects().length));
      expect(flags).toEqual([1, 1, 1, 1]);
      const gaps = await page.$$eval('td.number', (all) =>
        // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
        all.map((one) => Number.parseFloat((globalThis as any).getComputedStyle(one).paddingLeft)),
      );
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(7);
      await page.close();
    }
  });

  inBrowser(
    'is read in order: one first heading, no level left out, every chart in words and in a table',
    async () => {
      const report = filledReport(['steady.accepted == 999', 'hot.accepted == 50']);
      for (const one of [report, { ...report, results: [...report.results, ...report.results] }]) {
        const { page } = await openReport(htmlReport(one));
        const levels = await page.$$eval('h1,h2,h3,h4', (all) =>
          all.map(({ tagName }) => Number(tagName[1])),
        );
        expect(levels.filter((level) => level === 1)).toHaveLength(1);
        for (const [index, level] of levels.entries())
          expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
        const said = await page.$$eval('[role=img]', (all) =>
          all.map((chart) => chart.getAttribute('aria-label')),
        );
        expect(said).toHaveLength(6 * one.results.length);
        expect(said.slice(0, 6)).toEqual([
          'Open connections, over 12.3 s: open connections at most 1,000',
          'Deliveries per second, over 12.3 s: deliveries/s at most 4,110',
          'Fan-out latency, from emit to receipt, over 12.3 s: fan-out p50 at most 4.1 ms, fan-out p99 at most 31 ms',
          'Event-loop delay: how late server and load generator were, over 12.3 s: server delay, longest at most 9 ms, load generator delay, p99 at most 15 ms',
          'Memory of the server, over 12.3 s: server memory at most 91 MiB',
          'Fan-out latency: half of the deliveries within 170 ms, 99% within 337 ms, all within 340 ms',
        ]);
        // The same numbers, for who wants each of them.
        await page.getByText('The charts over time as a table').first().click();
        const rows = await page
          .getByRole('table', { name: 'Every second of the run' })
          .first()
          .getByRole('row')
          .allInnerTexts();
        expect(rows).toHaveLength(13);
        expect(rows[6]?.split(/\s*\t\s*/)).toEqual([
          '6 s',
          '2',
          '1,000',
          '4,050',
          '3.5 ms',
          '25 ms',
          '6.5 ms',
          '9 ms',
          '85 MiB',
        ]);
        await page.getByText('Fan-out latency by share of deliveries as a table').first().click();
        const shares = await page
          .getByRole('table', { name: /share of the deliveries/ })
          .first()
          .getByRole('row')
          .allInnerTexts();
        expect(shares).toEqual(
          expect.arrayContaining([
            expect.stringMatching(/^50%\s+170 ms$/),
            expect.stringMatching(/^100%\s+340 ms$/),
          ]),
        );
        await page.close();
      }
    },
  );

  inBrowser(
    'is used with the keyboard: a way past the head, and stops only where something can be done',
    async () => {
      const { page } = await openReport(htmlReport(filledReport(['steady.accepted == 999'])), {
        viewport: { width: 360, height: 740 },
      });
      const focused = () =>
        // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
        page.evaluate(() => (globalThis as any).document.activeElement.outerHTML.slice(0, 130));
      await page.keyboard.press('Tab');
      expect(await focused()).toContain('Skip to the result');
      await page.keyboard.press('Enter');
      expect(await focused()).toContain('<main');
      const stops: string[] = [];
      for (let tab = 0; tab < 12; tab++) {
        await page.keyboard.press('Tab');
        stops.push(await focused());
      }
      const scrolling = await page.$$eval('.scroll[tabindex]', (all) =>
        all.map((one) => [one.scrollWidth, one.clientWidth]),
      );
      for (const [content = 0, room = 0] of scrolling) expect(content).toBeGreaterThan(room);
      expect(new Set(stops.filter((stop) => stop.startsWith('<summary'))).size).toBe(3);
      expect(stops.some((stop) => stop.includes('Deliveries that each cohort had to receive'))).toBe(true);
      expect(stops.some((stop) => stop.includes('What the scenario expects'))).toBe(false);
      await page.close();
    },
  );

  inBrowser('is not changed by markup, quotes, escapes and whatever else is in what it reports', async () => {
    const texts = Object.values(TEXTS);
    const results = texts.flatMap((evil) =>
      hostileReport(evil).results.map((one) => ({ ...one, timeline: [] })),
    );
    const { page, complaints, requests } = await openReport(htmlReport({ ...hostileReport('x'), results }));
    expect(await page.title()).toMatch(/^Failed: <script>document/);
    expect(await page.$$('article')).toHaveLength(texts.length);
    expect(await page.$$('main :is(script, style, img, [onerror])')).toEqual([]);
    expect([...complaints, ...requests]).toEqual([]);
    // Text that can be shown is shown as it is.
    const why = await page.locator('.why').allTextContents();
    for (const [index, evil] of texts.entries()) {
      if (!/[\p{Cc}\p{Cf}\u2028\p{Cn}\p{Cs}]|##/u.test(evil)) expect(why[index]).toContain(evil);
    }
    await page.close();
  });
});
