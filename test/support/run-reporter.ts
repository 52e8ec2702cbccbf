import { appendFileSync, rmSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { readNotes } from './run-notes.js';

const SLOWEST = 10;

/**
 * Ends the output of a run with its slowest tests, what the helpers noted, and a line `N passed, N failed` that
 * other programs read.
 */
export class RunReporter implements Reporter {
  constructor(private readonly notes: string) {}

  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const lines = [`Slowest ${SLOWEST} tests:`, ...slowest(tests)];
    const notes = readNotes(this.notes);
    rmSync(this.notes, { force: true });
    lines.push(`Runs of bench that were repeated, because the machine stalled: ${notes.length}`);
    const total = summary(tests, modules);
    lines.push(...notes.map((text) => `  ${text}`), '', total);
    // For a script that makes several runs, and says at its end what they come to.
    if (process.env.TEST_TOTALS !== undefined) appendFileSync(process.env.TEST_TOTALS, `${total}\n`);
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}

function slowest(tests: readonly TestCase[]): string[] {
  return tests
    .map((test) => ({ test, durationMs: test.diagnostic()?.duration ?? 0 }))
    .sort((a, b) => b.durationMs - a.durationMs)
    .slice(0, SLOWEST)
    .map(
      ({ test, durationMs }) =>
        `  ${(durationMs / 1000).toFixed(1).padStart(5)} s  ${test.module.relativeModuleId} > ${test.fullName}`,
    );
}

function summary(tests: readonly TestCase[], modules: readonly TestModule[]): string {
  const count = (state: string) => tests.filter((test) => test.result().state === state).length;
  // A file that cannot be loaded has no test that could fail.
  const broken = modules.filter((module) => module.errors().length > 0).length;
  const skipped = count('skipped');
  return `${count('passed')} passed, ${count('failed') + broken} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
