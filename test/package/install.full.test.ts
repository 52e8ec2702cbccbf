import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { isWholeMatrix, mustRun, online, pack, project, run } from './consumer.js';

const { folder } = temporaryFolder('install');
const LONG_MS = 900_000;
const MOST_PACKAGES = 60;
const NODES = ['20.19.0', '22', '24'];
const MANAGERS: Readonly<Record<string, readonly string[]>> = {
  npm: ['npm', 'install', '--engine-strict', '--no-audit', '--no-fund'],
  // Its store is the folder's own: the test leaves nothing behind.
  pnpm: ['pnpm', 'add', '--config.engine-strict=true', '--store-dir', '.store'],
  yarn: ['yarn', 'add', '--cache-folder', '.cache'],
};
const PACKAGES = { npm: [], pnpm: ['pnpm@10'], yarn: ['yarn@1'] } as const;

/** The default scenario, small. */
const SMOKE = Object.entries({
  'cohorts.steady.clients': '100',
  'expect[0]': 'steady.accepted == 100',
  'expect[1]': 'steady.disconnected == 100',
  'phases[4].emit.for': '500ms',
}).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
const MACHINE_WAS_BUSY = 5;

let tarball: string;
beforeAll(async () => {
  tarball = await pack(folder);
});

describe.each(NODES)('on Node.js %s', (node) => {
  const on = (packages: readonly string[], command: readonly string[]) => [
    ...['--yes', '--package', `node@${node}`],
    ...packages.flatMap((one) => ['--package', one]),
    ...['--', ...command],
  ];

  for (const [index, [manager, command]] of Object.entries(MANAGERS).entries()) {
    if (!isWholeMatrix && index !== NODES.indexOf(node)) continue;
    online(
      `${manager} installs the tarball in an empty folder, with every engine as it should be, and bench smoke passes there`,
      async () => {
        const home = project(join(folder, `${manager}-${node}`), {});
        const packages = PACKAGES[manager as keyof typeof PACKAGES];
        await mustRun(home, 'npx', on(packages, [...command, tarball]));
        if (manager === 'npm') {
          const installed =
            (await mustRun(home, 'npm', ['ls', '--all', '--parseable'])).trim().split('\n').length - 1;
          expect(installed).toBeLessThanOrEqual(MOST_PACKAGES);
        }
        expect(readdirSync(join(home, 'node_modules/.bin'))).toContain('datafn-ws');
        const bin = join(home, 'node_modules/datafn-ws/bin/datafn-ws.js');
        let outcome = { code: MACHINE_WAS_BUSY, output: '' };
        for (let tries = 0; outcome.code === MACHINE_WAS_BUSY && tries < 3; tries++)
          outcome = await run(home, 'npx', on([], ['node', bin, 'bench', 'smoke', ...SMOKE]));
        expect(outcome.code, outcome.output).toBe(0);
        // Thousands of files: one hook at the end would take too long.
        await rm(home, { recursive: true });
      },
      LONG_MS,
    );
  }
});
