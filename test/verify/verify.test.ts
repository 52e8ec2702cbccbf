import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { Clause } from '../../src/verify/clauses/clause.js';
import { verify } from '../../src/verify/run.js';
import { runWith } from '../support/run-in-process.js';
import { planOf } from './plan.js';
import { disposeWrong, startWrong } from './wrong-server.js';

afterEach(() => {
  vi.useRealTimers();
  disposeWrong();
});

/** Tests one clause of the test's own. */
async function outcomeOf(clause: Pick<Clause, 'check' | 'isTimed'>) {
  const whole = {
    id: 'auth/1',
    level: 'MUST',
    sentence: 'A sentence.',
    source: 'a test',
    ...clause,
  } as const;
  const target = planOf((await startWrong()).access.url);
  const { clauses } = await verify({ target, clauses: [whole], expectedToFail: new Set() });
  return clauses[0]?.outcome;
}

test('a clause that measures time is tested again when this process stood still meanwhile', async () => {
  let tests = 0;
  const outcome = await outcomeOf({
    isTimed: true,
    async check(trial) {
      tests += 1;
      if (tests > 1) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 450);
      // The timer of the watch is overdue, and runs before this one.
      await delay(1);
      trial.fail('it in time', 'it late');
    },
  });
  expect([tests, outcome]).toEqual([2, { kind: 'passed' }]);
});

test('a clause whose test does not end fails, and says how long it had', async () => {
  const outcome = outcomeOf({
    check(trial) {
      trial.did('waited');
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      setImmediate(() => vi.advanceTimersByTime(40_000));
      return new Promise(() => {});
    },
  });
  const failure = { done: ['waited'], expected: 'an outcome within 40 s', got: 'none' };
  expect(await outcome).toEqual({ kind: 'failed', failure });
});

test('a bug of a test is no failure of the server', async () => {
  const check = () => {
    throw new TypeError('a bug');
  };
  await expect(outcomeOf({ check })).rejects.toThrow('a bug');
});

test('a terminal shows how many clauses are done, and no longer when all are', async () => {
  const { access } = await startWrong();
  const args = ['verify', access.url, '--only', 'auth/1', '--only', 'rfc6455/2', '--token-a', 'a'];
  const { code, stderr } = await runWith(args, {}, true);
  expect(code).toBe(0);
  expect(stderr).toContain('\r1 of 2 clauses\r\u001b[K');
});
