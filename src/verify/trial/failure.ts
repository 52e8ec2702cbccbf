import type { Failure } from '../model/result.js';

/** Thrown by the test of a clause that does not hold. */
export class ClauseFailure extends Error {
  override readonly name = 'ClauseFailure';

  constructor(readonly failure: Failure) {
    super(`expected ${failure.expected}, got ${failure.got}`);
  }
}

/** Thrown by the test of a clause that cannot be tested here. */
export class ClauseSkipped extends Error {
  override readonly name = 'ClauseSkipped';

  constructor(
    readonly reason: string,
    /** What to pass so that it can be tested. */
    readonly remedy?: string,
  ) {
    super(reason);
  }
}
