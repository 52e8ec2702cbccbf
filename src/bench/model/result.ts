import { messageOf } from '../../protocol/errors.js';
import type { Measurements, TimelinePoint } from '../measure/measurements.js';
import type { Outcome } from '../verdict/rule.js';
import type { Expectation, Phase, Scenario } from './scenario.js';

/** How one worker process performed: in its worst second, and what it used. */
export interface WorkerSummary {
  /** CPU time of the whole run. */
  cpuMs: number;
  maxCpu: number;
  maxDelayP99Ms: number;
  maxDelayMs: number;
  /** `undefined` where the system does not tell. */
  maxRunQueueWait: number | undefined;
}

/** A rule and its outcome. */
export type JudgedExpectation = Outcome & { readonly expectation: Expectation };

/** What came of one phase. */
export interface PhaseResult {
  readonly phase: Phase;
  /** False for the one that the run was stopped in: its numbers are of a part of it. */
  readonly isFinished: boolean;
  /** From the beginning of the run. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly measurements: Measurements;
  readonly outcomes: readonly JudgedExpectation[];
}

/** A cluster that bench started: nodes with an engine, or one node with workers. */
export interface StartedCluster {
  readonly nodes: number;
  /** Of each node; 0 for none. */
  readonly workers: number;
  readonly engine: boolean;
}

/** Which part of a run a result is of. */
export interface ShardResult {
  /** From 1. */
  readonly index: number;
  readonly of: number;
  /** The same in all shards of a run, and in no other run. */
  readonly run: string;
  readonly startAtMs: number;
  readonly slackMs: number;
  /** Clients that it played. */
  readonly clients: number;
  /** How far its times may be from those of the target's clock; `undefined` where that is not known. */
  readonly uncertaintyMs: number | undefined;
  /** The target's clock minus that of this machine. */
  readonly clockOffsetMs: number | undefined;
}

/** Everything that came of running one scenario. */
export interface RunResult {
  readonly scenario: Scenario;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly target: {
    readonly urls: readonly string[];
    readonly isOwn: boolean;
    /** The cluster that bench started; `undefined` for a single process. */
    readonly cluster?: StartedCluster | undefined;
    /** What was started in place of `datafn-ws serve`. */
    readonly serverCommand?: string | undefined;
    /** What stood before every namespace; empty for nothing. */
    readonly namespacePrefix?: string;
    /** Further flags that say what is tested and how, ready for a shell; a secret is named, not shown. */
    readonly flags?: readonly string[] | undefined;
  };
  readonly measurements: Measurements;
  readonly phases: readonly PhaseResult[];
  /** Of the rules about the whole run. */
  readonly outcomes: readonly JudgedExpectation[];
  /** Somebody asked it to stop before it was over. */
  readonly aborted: boolean;
  /** Why the result says nothing of the server; empty for one that does. */
  readonly invalid: readonly string[];
  /** What went wrong with the server besides the expectations. */
  readonly problems: readonly string[];
  readonly workers: readonly WorkerSummary[];
  /** The unexpected error that ended it, if one did: a bug in datafn-ws. The result is invalid then. */
  readonly crash?: { readonly error: unknown } | undefined;
  /** The part that it is of; `undefined` for the whole run. Its rules are not judged. */
  readonly shard?: ShardResult | undefined;
  /** A point a second. */
  readonly timeline: readonly TimelinePoint[];
}

export type Verdict = 'passed' | 'failed' | 'invalid' | 'aborted';

/** What is shown for the value of a rule that the run did not get to. */
const NOT_REACHED = 'not reached';

/** A rule of a run, and its outcome. */
export type RunOutcome = JudgedExpectation & {
  /** `undefined` for one about the whole run. */
  readonly phase: Phase | undefined;
  /** False for one that the run ended before: it has neither held nor failed. */
  readonly isReached: boolean;
};

/** Every rule of a run, those of its phases first. */
export function allOutcomes({ scenario, phases, outcomes, aborted }: RunResult): readonly RunOutcome[] {
  const later = scenario.phases.slice(phases.length);
  const isCutShort = aborted || later.length > 0 || phases.some(({ isFinished }) => !isFinished);
  return [
    ...phases.flatMap(({ phase, outcomes, isFinished }) =>
      outcomes.map((outcome) => runOutcome(outcome, phase, !isFinished)),
    ),
    ...later.flatMap((phase) =>
      phase.expectations.map((expectation) =>
        runOutcome({ expectation, passed: false, actual: undefined, shown: NOT_REACHED }, phase, true),
      ),
    ),
    ...outcomes.map((outcome) => runOutcome(outcome, undefined, isCutShort)),
  ];
}

/** For what was stopped early, a rule without a sample might have had one. */
function runOutcome(outcome: JudgedExpectation, phase: Phase | undefined, isCutShort: boolean): RunOutcome {
  const isReached = !isCutShort || outcome.actual !== undefined || outcome.notMeasurable !== undefined;
  return { ...outcome, phase, isReached, ...(isReached ? {} : { shown: NOT_REACHED }) };
}

/** The one word for a run. An aborted or invalid run is neither passed nor failed. */
export function verdictOf(result: RunResult): Verdict {
  if (result.aborted) return 'aborted';
  if (result.invalid.length > 0) return 'invalid';
  return result.problems.length === 0 && allOutcomes(result).every(({ passed }) => passed)
    ? 'passed'
    : 'failed';
}

/**
 * An uncaught error from an event, a timer or a promise: a bug in datafn-ws. As the reason of an abort, it ends
 * a run as one.
 */
export class UncaughtError extends Error {
  constructor(override readonly cause: unknown) {
    super(messageOf(cause));
  }
}

/** What reports say of a run that ended with an unexpected error. */
export function crashText(error: unknown): string {
  return `A bug in datafn-ws ended the run, please report it: ${messageOf(error).split('\n', 1)[0]}`;
}
