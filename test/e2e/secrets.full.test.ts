import { afterAll, describe, test } from 'vitest';
import { CASES, disposeSecrets, expectNoLeak } from '../support/secret-cases.js';

afterAll(disposeSecrets);

const formats = ['pretty', 'json'] as const;

describe('serve keeps every secret to itself, whatever is asked of it', () => {
  test.concurrent.each(CASES.flatMap((one) => formats.map((format) => [one.name, format, one] as const)))(
    'with --auth %s, and a log that is %s',
    (_, format, one) => expectNoLeak(format, one),
  );
});
