import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { disposeProcesses, runCli, startCli } from '../support/cli-process.js';

/** Longer than any run here takes on a busy machine. */
const WITHIN_MS = 28_000;
const SPINNING = join(import.meta.dirname, '../support/spinning-worker.cjs');

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-load-generator-'));
afterAll(async () => {
  await disposeProcesses();
  rmSync(folder, { recursive: true });
});

/** A scenario of a few clients that a healthy generator plays with ease. */
function scenario(name: string, phase: string): string {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `version: 1
name: ${name}
cohorts:
  steady: { clients: 4 }
phases:
  - connect: { cohort: steady, at-once: true }
  - ${phase}
expect:
  - steady.accepted == 4
`,
  );
  return file;
}

/** Makes the workers of a run spin, and only them, for so long at a time and in all. */
const spinning = (ms: number, forMs: number) => ({
  env: { NODE_OPTIONS: `--require "${SPINNING}"`, SPIN_MS: String(ms), SPIN_FOR_MS: String(forMs) },
});

describe.concurrent('workers that have no time for their clients', () => {
  test('make the result invalid, exit 5, however well the server did, and the report names the resource', async () => {
    const json = join(folder, 'busy.json');
    const args = ['bench', scenario('busy', 'hold: 4500ms'), '--workers', '1', '--json', json];
    const { code, stdout, stderr } = await runCli(args, { ...spinning(300, 6000), withinMs: WITHIN_MS });
    expect(code, stdout + stderr).toBe(5);
    expect(stdout).toMatch(/^INVALID busy$/m);
    const said = stdout.replace(/\s+/g, ' ');
    expect(said).toMatch(/load generator was the bottleneck: worker 1 ran at \d+ % CPU/);
    expect(said).toMatch(/event-loop delay p99 of \d{3} ms/);
    // The rules are shown as they stand, and do not make it a pass.
    expect(stdout).toMatch(/✓ steady\.accepted == 4/);
  });

  test('leave without a word on Ctrl-C, though they have more to tell than anybody hears', async () => {
    const args = ['bench', scenario('stopped', 'emit: { namespaces: all, rate: 50/s, for: 60s }')];
    const run = startCli([...args, '--workers', '4'], spinning(50, 60_000));
    await run.until(() => run.stderr.includes('connect steady'), 'the clients', WITHIN_MS);
    run.kill('SIGINT');
    expect(await run.ended(WITHIN_MS)).toEqual({ code: 130, signal: null });
    expect(run.stdout).toMatch(/^ABORTED stopped$/m);
    expect(run.stderr).not.toMatch(/EPIPE|Error|^\s+at /m);
  });
});
