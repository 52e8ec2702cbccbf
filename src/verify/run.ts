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
  /** Called when the server is there, with its URL and how many clauses there are. */
  readonly onOpen?: (url: string, all: number) => void;
  /** Called as each clause ends, with how many there are. */
  readonly onResult?: (result: ClauseResult, all: number) => void;
}

/** The lanes, in the order in which they are run. */
const LANES: readonly Lane[] = ['alone', 'together', 'last', 'after'];

/** Most clauses that are tested at the same time. */
const MOST_AT_ONCE = 12;
/** Clients that a clause has at most, but for those that fill a server or take half of it. */
const CLIENTS_OF_A_CLAUSE = 8;

/** A stall of this process above which a measured time is not believed. */
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
  onOpen,
  onResult,
}: VerifyPlan): Promise<VerifyResult> {
  const startedAt = new Date().toISOString();
  const startMs = performance.now();
  const target = await openTarget(plan);
  const ledger = new Ledger();
  const stalls = new StallWatch();
  const results = new Map<Clause, ClauseResult>();
  const stopped = whenStopped(plan.signal);
  onOpen?.(maskedUrl(target.access.url), clauses.length);
  try {
    for (const lane of LANES) {
      const waiting = clauses.filter((clause) => (clause.lane ?? 'together') === lane);
      const work = async () => {
        for (let clause = waiting.shift(); clause !== undefined; clause = waiting.shift()) {
          if (plan.signal.aborted) return;
          const result = await testOne(clause, {
            access: target.access,
            ledger,
            stalls,
            stopped,
          });
          if (result === undefined) return;
          const whole = { ...result, isExpectedToFail: expectedToFail.has(clause.id) };
          results.set(clause, whole);
          onResult?.(whole, clauses.length);
        }
      };
      await Promise.all(Array.from({ length: lane === 'together' ? atOnceIn(target.access) : 1 }, work));
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

/** How many clauses have room on a server at the same time, in half of its slots, or of those of a shared namespace. */
export function atOnceIn({ limits, tenants }: Pick<TargetAccess, 'limits' | 'tenants'>): number {
  const { namespace = 100, global = Number.POSITIVE_INFINITY } = limits;
  const slots = Math.min(global, tenants.areOwn ? Number.POSITIVE_INFINITY : namespace) / 2;
  return Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(slots / CLIENTS_OF_A_CLAUSE)));
}

/** What the trials of a run share. */
interface Shared {
  readonly access: TargetAccess;
  readonly ledger: Ledger;
  readonly stalls: StallWatch;
  /** Rejects when the run is stopped, which ends the trials that are under way. */
  readonly stopped: Promise<never>;
}

/** Tests a clause; `undefined` when the run was stopped before it had an outcome. */
async function testOne(
  clause: Clause,
  shared: Shared,
): Promise<Omit<ClauseResult, 'isExpectedToFail'> | undefined> {
  const { access, ledger, stalls, stopped } = shared;
  const { id, level, sentence, source } = clause;
  const startMs = performance.now();
  let outcome = await outcomeOf(clause, new Trial(clause, access, ledger), stopped);
  // In a longer stall, pings are not answered in time, whatever the clause is about.
  const silenceMs = (access.heartbeat?.timeoutMs ?? Number.POSITIVE_INFINITY) / 2;
  const tooLongMs = clause.isTimed ? Math.min(STALL_MS, silenceMs) : silenceMs;
  for (let retry = 0; retry < RETRIES && outcome?.kind === 'failed'; retry++) {
    if (stalls.longestSince(startMs) < tooLongMs) break;
    outcome = await outcomeOf(clause, new Trial(clause, access, ledger), stopped);
  }
  if (stalls.longestSince(startMs) >= silenceMs) ledger.excuseTimeouts(id);
  if (outcome === undefined) return undefined;
  return { id, level, sentence, source, outcome, durationMs: performance.now() - startMs };
}

/** How long the test of a clause may take, whatever it waits for. */
function deadlineMs({ patienceMs, heartbeat }: TargetAccess): number {
  const { intervalMs = 0, timeoutMs = 0 } = heartbeat ?? {};
  return 30_000 + 10 * patienceMs + 6 * (intervalMs + timeoutMs);
}

/** The outcome of a trial; `undefined` when it was stopped. */
async function outcomeOf(
  clause: Clause,
  trial: Trial,
  stopped: Promise<never>,
): Promise<Outcome | undefined> {
  const limitMs = deadlineMs(trial.target);
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      clause.check(trial),
      stopped,
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
    if (error instanceof Stopped) return undefined;
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

/** Rejects when the run is stopped. Each trial waits for it, so it is one listener, not one for each. */
function whenStopped(signal: AbortSignal): Promise<never> {
  const stopped = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(new Stopped());
    signal.addEventListener('abort', () => reject(new Stopped()), { once: true });
  });
  // Nobody waits for it between two trials.
  stopped.catch(() => {});
  return stopped;
}

/** The run was stopped. */
class Stopped extends Error {}
