import type { ClauseId, Failure, Level, Standing } from '../../src/verify/model/result.js';
import { runCli } from './cli-process.js';

/** A clause as the JSON report has it. */
export interface ReportedClause {
  readonly id: ClauseId;
  readonly level: Level;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly standing: Standing;
  readonly reason?: string;
  readonly remedy?: string;
  readonly failure?: Failure;
}

export interface VerifyOutcome {
  readonly code: number | null;
  /** What a failed test wants to know. */
  readonly output: string;
  readonly clauses: readonly ReportedClause[];
  readonly durationMs: number;
  /** The ids of the clauses that do not hold, but for those that a server may leave out. */
  readonly failed: readonly ClauseId[];
}

/** Longer than a run takes, beside other tests. */
const WITHIN_MS = 110_000;

/** Runs `datafn-ws verify` as a process, and reads its JSON report. */
export async function runVerify(...args: readonly string[]): Promise<VerifyOutcome> {
  const { code, stdout, stderr } = await runCli(['verify', ...args, '--json', '-'], { withinMs: WITHIN_MS });
  const report = (stdout === '' ? { clauses: [] } : JSON.parse(stdout)) as {
    clauses: ReportedClause[];
    durationMs: number;
  };
  const failed = report.clauses.filter(({ outcome, level }) => outcome === 'failed' && level !== 'MAY');
  return { code, output: stderr, ...report, failed: failed.map(({ id }) => id) };
}
