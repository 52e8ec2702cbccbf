import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { RunReporter } from './test/support/run-reporter.js';

/** Processes and browsers: a file of them shares nothing with another. */
const PROCESSES = ['test/e2e/**/*.test.ts', 'test/browser/**/*.test.ts'];
/** Tests in which real time is what is tested. They run one file at a time, after everything else. */
const REALTIME = ['test/realtime/**/*.test.ts'];
/** Tests that rarely tell anything new: `npm run test:all` runs them, `npm test` does not. */
const FULL = ['test/**/*.full.test.ts'];
/** Runs of minutes, each with a script of its own. */
const LONG = {
  find: ['test/find/*.test.ts'],
  mutation: ['test/mutation/*.test.ts'],
  fuzz: ['test/fuzz/long-run.test.ts'],
  soak: ['test/soak/*.test.ts'],
};

const project = (name: string, test: Readonly<Record<string, unknown>>) => ({
  extends: true as const,
  test: { name, ...test },
});

const oneAtATime = (groupOrder: number) => ({ maxWorkers: 1, sequence: { groupOrder } });

/**
 * Where the helpers of this run note what they did: see `test/support/run-notes.ts`. In the environment, since this file
 * is evaluated anew for each project.
 */
process.env.DATAFN_TEST_NOTES ??= join(tmpdir(), `datafn-ws-notes-${randomUUID()}`);
const notes = process.env.DATAFN_TEST_NOTES;

export default defineConfig({
  test: {
    // How long until a test that hangs is given up. Nothing is judged by it, so it leaves room for a stopped process.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Two cores, and tests that wait a good part of their time.
    maxWorkers: 4,
    setupFiles: process.env.DATAFN_TEST_COVERAGE === undefined ? [] : ['test/support/process-coverage.ts'],
    reporters: ['default', new RunReporter(notes)],
    projects: [
      project('unit', {
        include: ['test/**/*.test.ts'],
        exclude: [...PROCESSES, ...REALTIME, ...FULL, ...Object.values(LONG).flat()],
        // Loading the sources anew for each file would take as long as the tests.
        isolate: false,
      }),
      project('e2e', { include: PROCESSES, exclude: FULL, isolate: false }),
      project('realtime', { include: REALTIME, exclude: FULL, ...oneAtATime(1) }),
      project('full', { include: FULL, exclude: REALTIME }),
      // Most of it waits. What bench measures beside another run, it repeats if the machine was too busy.
      project('full-realtime', {
        include: ['test/realtime/**/*.full.test.ts'],
        maxWorkers: 2,
        sequence: { groupOrder: 2 },
      }),
      ...Object.entries(LONG).map(([name, include], index) =>
        project(name, { include, exclude: FULL, ...oneAtATime(3 + index) }),
      ),
    ],
  },
});
