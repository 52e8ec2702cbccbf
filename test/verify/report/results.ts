import type { ClauseResult, Level, Outcome, VerifyResult } from '../../../src/verify/model/result.js';

export const PASSED: Outcome = { kind: 'passed' };
export const SKIPPED: Outcome = {
  kind: 'skipped',
  reason: 'the limit of a namespace is not known',
  remedy: '--limits namespace=N',
};
export const FAILED: Outcome = {
  kind: 'failed',
  failure: {
    done: ['connected a client', 'sent "<b>|x"'],
    expected: 'a close with 4401',
    got: 'an open connection (81 05 48 65 6c 6c 6f)',
  },
};

export function clause(
  id: ClauseResult['id'],
  level: Level,
  outcome: Outcome,
  isExpectedToFail = false,
): ClauseResult {
  const sentence = `What ${id} says <b>|.`;
  return { id, level, sentence, source: 'observed', outcome, isExpectedToFail, durationMs: 1500 };
}

export function resultOf(...clauses: readonly ClauseResult[]): VerifyResult {
  return {
    url: 'ws://127.0.0.1:3001/datafn/ws',
    isOwn: false,
    trigger: 'api',
    startedAt: '2026-11-26T10:00:00.000Z',
    durationMs: 12_345,
    isAborted: false,
    clauses,
  };
}

/** One of each standing. */
export const MIXED = resultOf(
  clause('auth/1', 'MUST', FAILED),
  clause('auth/2', 'MUST', PASSED),
  clause('auth/4', 'SHOULD', FAILED),
  clause('limits/1', 'MUST', SKIPPED),
  clause('limits/2', 'MUST', SKIPPED),
  clause('close/1', 'MUST', FAILED, true),
  clause('close/2', 'SHOULD', PASSED, true),
  clause('rfc6455/30', 'MAY', FAILED),
);
