import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { VERIFY_FAULTS, WITNESSES } from '../mutation/verify-faults.js';
import { disposeProcesses } from '../support/cli-process.js';
import { FAULTY_SERVER, faultyCommand } from '../support/faulty-bench.js';
import { runVerify } from '../support/verify-process.js';

// Each fault against the clauses that are about it, alone: `npm run test:mutation` runs all clauses. Several at a time,
// since most of it is waiting.

afterAll(disposeProcesses);

test('every fault that the server knows has a clause, and no other', () => {
  const { stderr } = spawnSync(process.execPath, [FAULTY_SERVER, '--fault', 'none of them'], {
    encoding: 'utf8',
  });
  const known = /Expected one of (.*)\./.exec(stderr)?.[1]?.split(', ');
  expect(Object.keys(VERIFY_FAULTS).sort()).toEqual(known?.sort());
});

describe('a fault fails the clauses that are about it', () => {
  test.concurrent.each(Object.entries(VERIFY_FAULTS))('%s: %j', async (fault, clauses) => {
    const tested = clauses.flatMap((id) => [id, ...(WITNESSES[id] ?? [])]);
    const { code, failed, output } = await runVerify(
      ...['--server-command', faultyCommand(fault), '--strict'],
      ...tested.flatMap((id) => ['--only', id]),
    );
    expect(failed, output).toEqual(expect.arrayContaining([...clauses]));
    expect(code, output).toBe(1);
  });
});
