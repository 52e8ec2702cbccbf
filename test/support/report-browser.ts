import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';

let browser: Browser | undefined;
let folder: string | undefined;

/** A report in a browser. */
export interface OpenedReport {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[];
  /** Requests beside that for the page itself. */
  readonly requests: string[];
}

/** Opens an HTML report from a file, and waits until its charts are drawn. */
export async function openReport(
  html: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<OpenedReport> {
  browser ??= await launchChromium();
  folder ??= mkdtempSync(join(tmpdir(), 'datafn-ws-'));
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

/** Closes the browser and removes the files. For `afterAll`. */
export async function closeReports(): Promise<void> {
  await browser?.close();
  browser = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}
