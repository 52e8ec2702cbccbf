import { afterAll, describe, test } from 'vitest';
import { CASES, disposeSecrets, expectNoLeak } from '../support/secret-cases.js';

afterAll(disposeSecrets);

// The other pairs of a provider and a format: `secrets.full.test.ts`.
describe('serve keeps every secret to itself, whatever is asked of it', () => {
  test.concurrent.each([['module', 'pretty']] as const)(
    'with --auth %s, and a log that is %s',
    async (name, format) => {
      for (const one of CASES) if (one.name === name) await expectNoLeak(format, one);
    },
  );
});
