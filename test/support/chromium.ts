import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
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
