import { defineConfig } from 'vitest/config';

/** What takes minutes: `vitest run --mode mutation` or `--mode fuzz` runs these, and nothing else. */
const LONG: Readonly<Record<string, string>> = {
  mutation: 'test/mutation/*.test.ts',
  fuzz: 'test/fuzz/long-run.test.ts',
};

export default defineConfig(({ mode }) => ({
  test: {
    include: [LONG[mode] ?? 'test/**/*.test.ts'],
    exclude: LONG[mode] === undefined ? Object.values(LONG) : [],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more than two files at once only makes the real-socket tests wait for each other.
    maxWorkers: 2,
  },
}));
