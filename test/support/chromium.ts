import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { it } from 'vitest';

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

// What is missing on somebody's machine is skipped, and said; in CI it is a mistake in the set-up.
if (EXECUTABLE === undefined && process.env.CI === 'true')
  throw new Error('CI has no Chromium: .ci/run installs it');

/** A test in a real browser; skipped, with a line that says so, where there is none. */
export const inBrowser = EXECUTABLE === undefined ? it.skip : it;

/** Starts a headless Chromium that talks to nobody of its own accord, with more arguments if need be. */
export function launchChromium(...more: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE as string,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
}

let shared: Browser | undefined;

/** A page of a server. */
export interface OpenedPage {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[];
  /** Addresses that were asked for on other servers. */
  readonly strangers: string[];
}

/** Opens a page in a browser that all such pages share. */
export async function openPage(
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<OpenedPage> {
  shared ??= await launchChromium();
  const page = await shared.newPage(options);
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin) && request.url() !== 'data:,')
      strangers.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, strangers };
}

/** Closes the browser of {@link openPage}. For `afterAll`. */
export async function closeBrowser(): Promise<void> {
  await shared?.close();
  shared = undefined;
}
