import type { JsonResult } from '../../bench/report/schema.js';
import { EXIT } from '../exit-codes.js';
import { STOP_EXIT_CODES, type StopSignal } from '../io.js';

/** Of several outcomes, the one that weighs most: interrupted, not valid, failed, worse than the baseline. */
export function exitCodeOf(results: readonly JsonResult[], stoppedBy: StopSignal | undefined): number {
  if (stoppedBy !== undefined) return STOP_EXIT_CODES[stoppedBy];
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.includes('invalid')) return EXIT.invalid.code;
  if (verdicts.includes('failed')) return EXIT.failed.code;
  return verdicts.includes('regressed') ? EXIT.regressed.code : EXIT.done.code;
}
