import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, describe, expect } from 'vitest';
import { inBrowser, launchChromium } from '../support/chromium.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { disposeLive, startServer } from '../support/live-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { path } = temporaryFolder('demo');
let browser: Browser | undefined;

afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  await disposeLive();
  await disposeProcesses();
});
afterAll(() => browser?.close());

interface Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console, and exceptions: what the policy of the page forbids is among them. */
  readonly complaints: string[];
}

/** Opens the page in a browser window of its own, which can be offline by itself. */
async function openTab(url: string, viewport = { width: 1100, height: 700 }): Promise<Tab> {
  browser ??= await launchChromium();
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // What is said of a server that is away is not a mistake of the page.
    if (message.type() === 'error' && !message.text().includes('ERR_')) complaints.push(message.text());
  });
  await page.goto(url);
  await page.waitForSelector('#wire li:has-text("hello")', { state: 'attached' });
  return { page, context, complaints };
}

async function add({ page }: Tab, title: string): Promise<void> {
  await page.fill('form input', title);
  await page.press('form input', 'Enter');
}

const sees = ({ page }: Tab, title: string, ...more: string[]) =>
  page.waitForSelector(`#todos li:has-text("${title}")${more.join('')}`);
const isSaved = ({ page }: Tab, text = 'all saved') => page.waitForSelector(`#queue:has-text("${text}")`);

/** Milliseconds from an edit in one tab until another shows it. */
async function delayOf(from: Tab, to: Tab, title: string): Promise<number> {
  const shown = to.page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
        const { document, MutationObserver } = globalThis as any;
        const list = document.querySelector('#todos');
        const observer = new MutationObserver(() => {
          if (!list.textContent.includes(wanted)) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        });
        observer.observe(list, { childList: true, subtree: true });
      }),
    title,
  );
  await from.page.fill('form input', title);
  const began = await from.page.evaluate(() => {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    (globalThis as any).document.querySelector('form button').click();
    return performance.timeOrigin + performance.now();
  });
  return (await shown) - began;
}

describe('the page of serve --demo', () => {
  inBrowser('shows in one tab what is edited in another, on a phone as well, within 200 ms', async () => {
    const { apiUrl } = await startServer({ demo: true });
    const one = await openTab(apiUrl);
    const phone = await openTab(apiUrl, { width: 390, height: 800 });
    const delays: number[] = [];
    for (let index = 0; index < 7; index++) delays.push(await delayOf(one, phone, `todo ${index}.`));
    // The fastest: of a machine that is busy, the others say more about that.
    expect(Math.min(...delays)).toBeLessThan(200);
    await phone.page.click('#todos li:has-text("todo 3.") input');
    await sees(one, 'todo 3.', ' input:checked');
    await one.page.click('#todos li:has-text("todo 5.") button');
    await phone.page.waitForSelector('#todos li:has-text("todo 5.")', { state: 'detached' });
    const wire = await one.page.textContent('#wire');
    for (const part of ['POST clone', 'POST push', 'POST pull', 'hello', 'cursor'])
      expect(wire).toContain(part);
    const width = await phone.page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBe(390);
    expect([...one.complaints, ...phone.complaints]).toEqual([]);
  });

  inBrowser('keeps what is edited offline, and sends it when it is online again', async () => {
    const { apiUrl } = await startServer({ demo: true });
    const [one, other] = [await openTab(apiUrl), await openTab(apiUrl)];
    await other.context.setOffline(true);
    await add(other, 'made offline');
    await isSaved(other, '1 not saved yet');
    await add(one, 'made online');
    await isSaved(one);
    expect(await one.page.textContent('#todos')).not.toContain('made offline');
    await other.context.setOffline(false);
    await sees(one, 'made offline');
    await sees(other, 'made online');
    await isSaved(other);
  });

  inBrowser(
    'loses nothing over a restart of serve with a file, and shows what was edited meanwhile',
    async () => {
      const flags = ['--demo', '--backend-file', path('state.json')];
      const before = await startServe(flags);
      const [one, other] = [await openTab(before.apiUrl), await openTab(before.apiUrl)];
      await add(one, 'before');
      await sees(other, 'before');
      before.kill('SIGTERM');
      expect(await before.ended()).toEqual({ code: 0, signal: null });
      await add(other, 'while it was away');
      await isSaved(other, '1 not saved yet');
      await startServe([...flags, '--port', new URL(before.apiUrl).port]);
      await sees(one, 'while it was away');
      const third = await openTab(before.apiUrl);
      await sees(third, 'before');
      await sees(third, 'while it was away');
      expect([...one.complaints, ...other.complaints, ...third.complaints]).toEqual([]);
    },
  );
});
