import { defineConfig } from 'vitest/config';

/** `vitest run --mode mutation` runs the mutation check, which takes minutes, and nothing else. */
export default defineConfig(({ mode }) => ({
  test: {
    include: mode === 'mutation' ? ['test/mutation/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: mode === 'mutation' ? [] : ['test/mutation/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: more than two files at once only makes the real-socket tests wait for each other.
    maxWorkers: 2,
  },
}));
