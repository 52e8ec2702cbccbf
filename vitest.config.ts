import { defineConfig } from 'vitest/config';

/** What takes minutes: `vitest run --mode mutation`, `--mode fuzz` or `--mode soak` runs these, and nothing else. */
const LONG: Readonly<Record<string, string>> = {
  mutation: 'test/mutation/*.test.ts',
  fuzz: 'test/fuzz/long-run.test.ts',
  soak: 'test/soak/*.test.ts',
};

/** Those of whole processes and browsers: a file of them shares nothing with another. */
const WHOLE = ['test/e2e/**/*.test.ts', 'test/browser/**/*.test.ts'];

export default defineConfig(({ mode }) => ({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores, and tests that wait a good part of their time: more at once, and those of real sockets get in their way.
    maxWorkers: mode === 'soak' ? 1 : 3,
    ...(LONG[mode] === undefined
      ? {
          projects: [
            { extends: true, test: { name: 'whole', include: WHOLE } },
            {
              extends: true,
              test: {
                name: 'parts',
                include: ['test/**/*.test.ts'],
                exclude: [...WHOLE, ...Object.values(LONG)],
                // Loading the sources anew for each file would take as long as the tests.
                isolate: false,
              },
            },
          ],
        }
      : { include: [LONG[mode]] }),
  },
}));
