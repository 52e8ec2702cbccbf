import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { disposeProcesses, startCli } from '../support/cli-process.js';
import { EVENT_WITHIN_MS } from '../support/deadline.js';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-pipe-'));
const scenario = join(folder, 'tiny.yaml');
writeFileSync(
  scenario,
  `version: 1
name: tiny
cohorts:
  steady: { clients: 1, namespaces: a }
phases:
  - connect: { cohort: steady }
expect:
  - steady.accepted == 1
`,
);
afterEach(disposeProcesses);
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(process.platform === 'win32').each(['--tokens-file', '--baseline'])(
  'bench whose %s is a named pipe without a word in it ends at the second Ctrl-C',
  async (flag) => {
    const pipe = join(folder, `pipe${flag}`);
    execFileSync('mkfifo', [pipe]);
    const bench = startCli(['bench', scenario, '--url', 'ws://127.0.0.1:9', flag, pipe]);
    // Possible as soon as bench reads from it.
    const writer = await vi.waitFor(() => openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK), {
      timeout: EVENT_WITHIN_MS,
    });
    bench.kill('SIGINT');
    // Signals of one kind that come at once are one.
    const again = setInterval(() => bench.kill('SIGINT'), 200);
    const { code } = await bench.ended();
    clearInterval(again);
    closeSync(writer);
    expect(code).toBe(130);
  },
);
