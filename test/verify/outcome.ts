import { CLAUSES } from '../../src/verify/clauses/index.js';
import type { TargetAccess } from '../../src/verify/target/settings.js';
import { ClauseFailure, ClauseSkipped } from '../../src/verify/trial/failure.js';
import { Ledger } from '../../src/verify/trial/ledger.js';
import { Trial } from '../../src/verify/trial/trial.js';

/** How a clause ends: why it fails or is skipped; `passed` otherwise. */
export async function outcomeOf(
  id: string,
  access: Partial<TargetAccess>,
  ledger: Ledger = new Ledger(),
): Promise<string> {
  const clause = CLAUSES.find((one) => one.id === id);
  if (clause === undefined) throw new Error(`There is no clause ${id}`);
  try {
    await clause.check(new Trial(clause, access as TargetAccess, ledger));
    return 'passed';
  } catch (error) {
    if (error instanceof ClauseFailure) return `expected ${error.failure.expected}, got ${error.failure.got}`;
    if (error instanceof ClauseSkipped) return `skipped: ${error.reason}; ${error.remedy}`;
    throw error;
  }
}
