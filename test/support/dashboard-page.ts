import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';

let browser: Browser | undefined;

/** The dashboard in a browser. */
export interface OpenedDashboard {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[];
  /** Addresses that were asked for on other hosts than the server's. */
  readonly strangers: string[];
  /** Shows a view. */
  show(view: 'live' | 'clients' | 'namespaces' | 'faults' | 'server'): Promise<void>;
}

/** Opens the dashboard of a server. */
export async function openDashboard(
  apiUrl: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<OpenedDashboard> {
  browser ??= await launchChromium();
  const page = await browser.newPage(options);
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(apiUrl) && request.url() !== 'data:,') strangers.push(request.url());
  });
  await page.goto(`${apiUrl}/dashboard`);
  return {
    page,
    complaints,
    strangers,
    async show(view) {
      await page.click(`#tab-${view}`);
      await page.waitForSelector(`#view-${view}:not([hidden])`);
    },
  };
}

/** Waits until a part of the page has a text. */
export async function untilText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text, visible: true }).first().waitFor();
}

/** Waits until the page has drawn what it was asked for: a list is drawn one frame after its view. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const frames = (left) => (left === 0 ? resolve() : requestAnimationFrame(() => frames(left - 1)));
    frames(4);
  })`);
}

/** Saves a picture of the page into the folder of `DATAFN_WS_SCREENSHOTS`, for a person to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.DATAFN_WS_SCREENSHOTS;
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Closes the browser. For `afterAll`. */
export async function closeDashboards(): Promise<void> {
  await browser?.close();
  browser = undefined;
}
