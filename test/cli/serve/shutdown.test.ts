import { describe, expect, test } from 'vitest';
import { StopLines } from '../../../src/cli/serve/shutdown.js';

describe('what the log says of a request to stop', () => {
  test('with clients is what happens to them, and how to stop at once', () => {
    expect(new StopLines(0, () => 2).asked('SIGINT').text).toBe(
      'SIGINT: closing 2 clients with 1001; send it again to stop at once',
    );
  });

  test('without a client is that it stops', () => {
    expect(new StopLines(30_000, () => 0).asked('SIGTERM').text).toBe(
      'SIGTERM: stopping (no clients connected)',
    );
  });
});
