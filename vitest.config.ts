import { defineConfig } from 'vitest/config';

/** What takes minutes: `vitest run --mode mutation`, `--mode fuzz` or `--mode soak` runs these, and nothing else. */
const LONG: Readonly<Record<string, string>> = {
  mutation: 'test/mutation/*.test.ts',
  fuzz: 'test/fuzz/long-run.test.ts',
  soak: 'test/soak/*.test.ts',
};

export default defineConfig(({ mode }) => ({
  test: {
    include: [LONG[mode] ?? 'test/**/*.test.ts'],
    exclude: LONG[mode] === undefined ? Object.values(LONG) : [],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more than two files at once only makes the real-socket tests wait for each other.
    maxWorkers: mode === 'soak' ? 1 : 2,
  },
}));
