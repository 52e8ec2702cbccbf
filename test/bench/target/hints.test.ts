import { describe, expect, test } from 'vitest';
import type { Credentials } from '../../../src/bench/fleet/credentials.js';
import { hintFor } from '../../../src/bench/target/preflight.js';
import type { TrialOutcome } from '../../../src/bench/target/trial-client.js';

const NAMESPACE: Credentials = { kind: 'namespace' };
const GIVEN = 'ws://127.0.0.1:1/datafn/ws';

describe('what to do about a server that refuses a client', () => {
  const answered = (status: number): TrialOutcome => ({
    ...{ kind: 'answered', status, statusText: '', location: undefined, detail: undefined },
  });
  const closed = (code: number): TrialOutcome => ({ kind: 'closed', code, reason: '' });

  test.each<[string, TrialOutcome, RegExp]>([
    ['400', answered(400), /serve this host\? .*--header 'Host: NAME'/],
    ['421', answered(421), /serve this host\? .*--header 'Host: NAME'/],
    ['404', answered(404), /path of --url: .* got \/datafn\/ws/],
    [
      '404 that names the path',
      { ...answered(404), detail: 'No WebSocket at "/datafn/ws"' } as TrialOutcome,
      /^$/,
    ],
    ['426', answered(426), /path of --url: .* got \/datafn\/ws/],
    ['429', answered(429), /no more connections from this address/],
    ['502', answered(502), /or a proxy in front of it, is not ready/],
    ['418', answered(418), /^To run anyway, use --no-preflight\.$/],
    ['a close with 4403', closed(4403), /--token-template/],
    ['a close with 4503', closed(4503), /reached its client limit/],
    ['a close with 1001', closed(1001), /shutting down/],
    ['a close with 4000', closed(4000), /^To run anyway, use --no-preflight\.$/],
    ['no answer', { kind: 'silence', afterMs: 5000 }, /^To run anyway, use --no-preflight\.$/],
  ])('%s', (_, outcome, hint) => {
    expect(hintFor.client(outcome, GIVEN, { credentials: NAMESPACE })).toMatch(hint);
  });
});

describe('what to do about a server that refuses an emit', () => {
  test.each<[number | undefined, 'api' | 'template', RegExp]>([
    [401, 'api', /another token\? See --admin-token/],
    [403, 'template', /another token\? See --emit-header/],
    [307, 'api', /set --admin-url to the URL/],
    [308, 'template', /set --emit-url to the URL/],
    [503, 'api', /is not ready/],
    [404, 'template', /^See --emit-url\.$/],
    [undefined, 'api', /^See --admin-url\.$/],
  ])('%s through the %s', (status, kind, hint) => {
    expect(hintFor.emit(status, kind)).toMatch(hint);
  });
});
