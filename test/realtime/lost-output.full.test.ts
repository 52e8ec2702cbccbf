import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const BIN = join(import.meta.dirname, '../../bin/datafn-ws.js');
/** A device on which no byte fits. */
const FULL = '/dev/full';

const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-lost-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

const scenario = join(folder, 'short.yaml');
writeFileSync(
  scenario,
  `version: 1
name: short
cohorts:
  steady: { clients: 2 }
phases:
  - connect: { cohort: steady, atOnce: true }
expect:
  - steady.accepted == 2
`,
);

/** Runs `datafn-ws` with some of its output on the full device. */
function run(lost: readonly ('stdout' | 'stderr')[], ...args: string[]): SpawnSyncReturns<string> {
  const full = openSync(FULL, 'w');
  const to = (name: 'stdout' | 'stderr') => (lost.includes(name) ? full : 'pipe');
  try {
    return spawnSync(process.execPath, [BIN, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', to('stdout'), to('stderr')],
    });
  } finally {
    closeSync(full);
  }
}

describe.runIf(existsSync(FULL))('output that does not fit on the disk', () => {
  test('with nowhere left to say so is exit 74 all the same', () => {
    expect(run(['stdout', 'stderr'], '--version').status).toBe(74);
  });

  test('that is only progress is missed by nobody', () => {
    const { status, stdout } = run(['stderr'], 'bench', scenario);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^PASSED short$/m)]);
  });

  test('hides no failure: what is wrong weighs more', () => {
    expect(run(['stderr'], 'bench', '--workers', 'x').status).toBe(2);
    expect(run(['stdout'], 'bench', scenario, '--set', 'expect[0]=steady.accepted == 3').status).toBe(1);
  });
});
