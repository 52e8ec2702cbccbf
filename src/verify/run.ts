import { maskedUrl } from '../options/urls.js';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { formatDuration } from '../text/units.js';
import type { Clause, Lane } from './clauses/clause.js';
import type { ClauseResult, Outcome, VerifyResult } from './model/result.js';
import { openTarget, type TargetPlan } from './target/open.js';
import type { TargetAccess } from './target/settings.js';
import { ClauseFailure, ClauseSkipped } from './trial/failure.js';
import { Ledger } from './trial/ledger.js';
import { StallWatch } from './trial/stall-watch.js';
import { Trial } from './trial/trial.js';

export interface VerifyPlan {
  readonly target: TargetPlan;
  /** The clauses to test. */
  readonly clauses: readonly Clause[];
  /** The ids of clauses that are expected to fail. */
  readonly expectedToFail: ReadonlySet<string>;
  /** Called as each clause ends, with how many there are. */
  readonly onResult?: (result: ClauseResult, all: number) => void;
}

/** The lanes, in the order in which they are run, and how many clauses of each at once. */
const LANES: readonly (readonly [lane: Lane, atOnce: number])[] = [
  ['alone', 1],
  ['together', 12],
  ['last', 1],
  ['after', 1],
];

/** A stall of this process above which a failure is not believed. */
const STALL_MS = 300;
/** How often a clause is tested again for that reason. */
const RETRIES = 2;

/**
 * Tests clauses one by one.
 *
 * @throws {DatafnWsError} `ERR_UNREACHABLE` when the server cannot be started or reached.
 */
export async function verify({
  target: plan,
  clauses,
  expectedToFail,
  onResult,
}: VerifyPlan): Promise<VerifyResult> {
  const startedAt = new Date().toISOString();
  const startMs = performance.now();
  const target = await openTarget(plan);
  const ledger = new Ledger();
  const stalls = new StallWatch();
  const results = new Map<Clause, ClauseResult>();
  try {
    for (const [lane, atOnce] of LANES) {
      const waiting = clauses.filter((clause) => (clause.lane ?? 'together') === lane);
      const work = async () => {
        for (let clause = waiting.shift(); clause !== undefined; clause = waiting.shift()) {
          if (plan.signal.aborted) return;
          const result = await testOne(clause, target.access, ledger, stalls, expectedToFail);
          results.set(clause, result);
          onResult?.(result, clauses.length);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
    }
  } finally {
    stalls.close();
    await target.close();
  }
  return {
    url: maskedUrl(target.access.url),
    isOwn: target.isOwn,
    trigger: target.access.trigger?.name,
    startedAt,
    durationMs: performance.now() - startMs,
    isAborted: plan.signal.aborted,
    clauses: clauses.flatMap((clause) => results.get(clause) ?? []),
  };
}

async function testOne(
  clause: Clause,
  access: TargetAccess,
  ledger: Ledger,
  stalls: StallWatch,
  expectedToFail: ReadonlySet<string>,
): Promise<ClauseResult> {
  const { id, level, sentence, source } = clause;
  const startMs = performance.now();
  let outcome = await outcomeOf(clause, new Trial(clause, access, ledger));
  for (let retry = 0; retry < RETRIES && outcome.kind === 'failed'; retry++) {
    if (stalls.longestSince(startMs) < STALL_MS) break;
    outcome = await outcomeOf(clause, new Trial(clause, access, ledger));
  }
  const durationMs = performance.now() - startMs;
  return { id, level, sentence, source, outcome, durationMs, isExpectedToFail: expectedToFail.has(id) };
}

/** How long the test of a clause may take, whatever it waits for. */
function deadlineMs({ patienceMs, heartbeat }: TargetAccess): number {
  const { intervalMs = 0, timeoutMs = 0 } = heartbeat ?? {};
  return 30_000 + 10 * patienceMs + 6 * (intervalMs + timeoutMs);
}

async function outcomeOf(clause: Clause, trial: Trial): Promise<Outcome> {
  const limitMs = deadlineMs(trial.target);
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      clause.check(trial),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Overdue()), limitMs);
      }),
    ]);
    return { kind: 'passed' };
  } catch (error) {
    if (error instanceof ClauseSkipped) {
      const { reason, remedy } = error;
      return { kind: 'skipped', reason, ...(remedy === undefined ? {} : { remedy }) };
    }
    if (error instanceof ClauseFailure) return { kind: 'failed', failure: error.failure };
    const done = [...trial.steps];
    if (error instanceof Overdue)
      return {
        kind: 'failed',
        failure: { done, expected: `an outcome within ${formatDuration(limitMs)}`, got: 'none' },
      };
    // A request that the server refused, or a server that is gone.
    if (error instanceof DatafnWsError)
      return { kind: 'failed', failure: { done, expected: 'the server to answer', got: messageOf(error) } };
    throw error;
  } finally {
    clearTimeout(timer);
    await trial.dispose();
  }
}

/** A test that did not end. */
class Overdue extends Error {}
