// What a run of verify says, before it has a format.

/** How much a clause binds a server, in the sense of RFC 2119. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';

export const GROUPS = [
  'auth',
  'hello',
  'message',
  'cursor',
  'heartbeat',
  'limits',
  'close',
  'rfc6455',
  'http',
] as const;
export type Group = (typeof GROUPS)[number];

/** The name of a clause. A number is never given to another clause, so that lists of expected failures stay right. */
export type ClauseId = `${Group}/${number}`;

/** A clause as it is listed. */
export interface ClauseInfo {
  readonly id: ClauseId;
  readonly level: Level;
  /** What the server does, as a sentence. */
  readonly sentence: string;
  /** Where the clause comes from: the DataFn reference, a section of an RFC, or `observed`. */
  readonly source: string;
}

/** Why a clause does not hold. */
export interface Failure {
  /** What was done, step by step. */
  readonly done: readonly string[];
  readonly expected: string;
  /** What came instead; bytes are in hex. */
  readonly got: string;
}

/** What became of a clause. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** It was not tested. `remedy` is what to pass so that it is. */
  | { readonly kind: 'skipped'; readonly reason: string; readonly remedy?: string };

/** A clause and what became of it. */
export interface ClauseResult extends ClauseInfo {
  readonly outcome: Outcome;
  /** Whether a list of expected failures has it. */
  readonly isExpectedToFail: boolean;
  /** Milliseconds that the test of it took. */
  readonly durationMs: number;
}

/** A whole run. */
export interface VerifyResult {
  /** The WebSocket URL that was tested, without secrets. */
  readonly url: string;
  /** Whether verify started the server itself. */
  readonly isOwn: boolean;
  /** How cursors were caused; `undefined` where there was no way to. */
  readonly trigger: string | undefined;
  readonly startedAt: string;
  readonly durationMs: number;
  /** Whether the run was stopped before every clause was tested. */
  readonly isAborted: boolean;
  readonly clauses: readonly ClauseResult[];
}

/** What a clause means for the verdict. */
export type Standing =
  | 'passed'
  | 'failed'
  | 'warned'
  /** A MAY that the server does not do. */
  | 'absent'
  | 'skipped'
  | 'expected failure'
  | 'unexpected pass';

/**
 * A failed SHOULD is a warning unless `isStrict`. A clause that is expected to fail and passes is a failure: the
 * list is out of date.
 */
export function standingOf({ level, outcome, isExpectedToFail }: ClauseResult, isStrict: boolean): Standing {
  if (outcome.kind === 'skipped') return 'skipped';
  if (isExpectedToFail) return outcome.kind === 'failed' ? 'expected failure' : 'unexpected pass';
  if (outcome.kind === 'passed') return 'passed';
  if (level === 'MAY') return 'absent';
  return level === 'MUST' || isStrict ? 'failed' : 'warned';
}

/** Whether a run fails: a MUST that does not hold, or a list of expected failures that is out of date. */
export function hasFailed({ clauses }: VerifyResult, isStrict: boolean): boolean {
  return clauses.some((one) => ['failed', 'unexpected pass'].includes(standingOf(one, isStrict)));
}

/** The group of a clause. */
export function groupOf(id: ClauseId): Group {
  return id.split('/', 1)[0] as Group;
}
