import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import { describe, expect, test } from 'vitest';
import { inBrowser, launchChromium } from '../support/chromium.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file, path, folder } = temporaryFolder('bundle');
const MOST_BYTES = 30 * 1024;
const CURSOR = '{"type":"cursor","cursor":"42"}';

/** A program that uses the manager alone, from an entry of the package as it is built. */
const program = (entry: 'index' | 'manager/index') =>
  file(
    `${entry.replace('/', '-')}.js`,
    `import { WebSocketManager } from ${JSON.stringify(fileURLToPath(new URL(`../../dist/${entry}.js`, import.meta.url)))};
const manager = new WebSocketManager();
manager.addClient({ send: (text) => console.log(text), ping() {} }, { namespace: 'tenant:acme:user:alice' });
manager.broadcastCursor('42', 'tenant:acme:user:alice');
manager.close();
`,
  );

const BUNDLERS = {
  async esbuild(format: 'esm' | 'cjs', outfile: string) {
    await esbuild({
      entryPoints: [program('index')],
      outfile,
      format,
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    });
  },
  async vite(format: 'esm' | 'cjs', outfile: string) {
    await vite({
      root: folder,
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: dirname(outfile),
        emptyOutDir: false,
        minify: false,
        lib: {
          entry: program('index'),
          formats: [format === 'esm' ? 'es' : 'cjs'],
          fileName: () => outfile.slice(folder.length + 1),
        },
      },
    });
  },
};

describe.each(['esbuild', 'vite'] as const)('a bundle of the manager alone, made with %s', (bundler) => {
  test.each([
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const)('as %s is at most 30 KB, and runs', async (format, extension) => {
    const outfile = path(`${bundler}.${extension}`);
    await BUNDLERS[bundler](format, outfile);
    expect(readFileSync(outfile).length).toBeLessThanOrEqual(MOST_BYTES);
    expect(execFileSync(process.execPath, [outfile], { encoding: 'utf8' })).toBe(`${CURSOR}\n`);
  });
});

inBrowser(
  'a bundle for browsers needs no option of esbuild, and its manager broadcasts and pings in one',
  async () => {
    const outfile = path('browser.js');
    await esbuild({
      entryPoints: [program('manager/index')],
      outfile,
      bundle: true,
      logLevel: 'error',
      format: 'iife',
    });
    const text = readFileSync(outfile, 'utf8');
    expect(text.length).toBeLessThanOrEqual(MOST_BYTES);
    const beats = file(
      'beats.js',
      `import { WebSocketManager } from ${JSON.stringify(fileURLToPath(new URL('../../dist/manager/index.js', import.meta.url)))};
globalThis.beats = () => new Promise((resolve) => {
  const manager = new WebSocketManager({ heartbeatIntervalMs: 5, heartbeatTimeoutMs: 5 });
  manager.addClient({ send() {}, ping() {}, close: (code, reason) => resolve([code, reason]) }, { namespace: 'a' });
});
`,
    );
    await esbuild({
      entryPoints: [beats],
      outfile: path('beats-bundle.js'),
      bundle: true,
      logLevel: 'error',
      format: 'iife',
    });
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const lines: string[] = [];
      page.on('console', (message) => lines.push(message.text()));
      page.on('pageerror', (error) => lines.push(String(error)));
      await page.addScriptTag({ content: text });
      await page.addScriptTag({ content: readFileSync(path('beats-bundle.js'), 'utf8') });
      expect(await page.evaluate('beats()')).toEqual([1001, 'Heartbeat timeout']);
      expect(lines).toEqual([CURSOR]);
    } finally {
      await browser.close();
    }
  },
);
