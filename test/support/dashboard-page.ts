import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { closeBrowser, type OpenedPage, openPage } from './chromium.js';

/** The dashboard in a browser. */
export interface OpenedDashboard extends OpenedPage {
  /** Shows a view. */
  show(view: 'live' | 'clients' | 'namespaces' | 'faults' | 'server'): Promise<void>;
}

/** Opens the dashboard of a server. */
export async function openDashboard(
  apiUrl: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<OpenedDashboard> {
  const { page, complaints, strangers } = await openPage(`${apiUrl}/dashboard`, options);
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
export const closeDashboards = closeBrowser;
