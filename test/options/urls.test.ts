import { describe, expect, test } from 'vitest';
import {
  apiUrlProblem,
  emitUrlProblem,
  listenUrlProblem,
  maskedUrl,
  webSocketUrlProblem,
} from '../../src/options/urls.js';
import { webSocketUrlOf } from '../../src/options/websocket-url.js';

describe('the URL of an HTTP API', () => {
  test.each([
    'http://127.0.0.1:3001',
    'HTTPS://example.test/',
    'http://[::1]:3001',
    'http://example.test/behind/a/proxy',
  ])('may be %s', (url) => {
    expect(apiUrlProblem(url)).toBeUndefined();
  });

  test.each([
    ['', /^a URL such as http:/],
    ['127.0.0.1:3001', /^a URL such as http:/],
    ['//127.0.0.1', /^a URL such as http:/],
    ['ws://127.0.0.1:3001', /^a URL such as http:/],
    [' http://127.0.0.1:3001', /^a URL such as http:/],
    ['http://127.0.0.1:3001\n', /^a URL such as http:/],
    ['http://127.0.\t0.1:3001', /^a URL such as http:/],
    ['http://127.0.0.1:99999', /^a URL such as http:/],
    ['http://127.0.0.1:0', /port from 1 to 65535/],
    ['http://user:pw@127.0.0.1:3001', /without user and password: .*--admin-token/],
    ['http://user@127.0.0.1:3001', /without user and password/],
    ['http://127.0.0.1:3001?x=1', /without a query/],
    ['http://127.0.0.1:3001?', /without a query/],
    ['http://127.0.0.1:3001/#x', /without a fragment/],
    ['http://127.0.0.1:3001#', /without a fragment/],
  ])('must not be %j', (url, problem) => {
    expect(apiUrlProblem(url)).toMatch(problem);
  });
});

describe('the URL that clients connect to', () => {
  test.each(['ws://127.0.0.1:3001', 'wss://example.test/datafn/ws', 'ws://example.test/ws?v=2'])(
    'may be %s',
    (url) => {
      expect(webSocketUrlProblem(url)).toBeUndefined();
    },
  );

  test.each([
    ['http://127.0.0.1:3001', /^a URL such as ws:/],
    ['ws://user:pw@127.0.0.1:3001', /without user and password: .*--token-template/],
    ['ws://127.0.0.1:3001/datafn/ws?token=user:alice', /without a token: .*--token-template/],
    ['ws://127.0.0.1:3001/#x', /without a fragment/],
  ])('must not be %j', (url, problem) => {
    expect(webSocketUrlProblem(url)).toMatch(problem);
  });
});

describe('the URL to listen at', () => {
  test.each([
    'ws://127.0.0.1:3001/datafn/ws?token=user:alice',
    'wss://example.test/ws',
    'http://127.0.0.1:3001',
    'https://example.test/datafn/',
  ])('may be %s', (url) => {
    expect(listenUrlProblem(url)).toBeUndefined();
  });

  test.each([
    ['127.0.0.1:3001', /^a URL such as ws:/],
    ['ftp://127.0.0.1', /^a URL such as ws:/],
    ['http://127.0.0.1:3001?token=x', /without a query/],
    ['ws://user:pw@h', /pass a token with --token$/],
    ['http://user:pw@h', /pass a token with --token$/],
    ['ws://h/#x', /without a fragment/],
  ])('must not be %j', (url, problem) => {
    expect(listenUrlProblem(url)).toMatch(problem);
  });

  test.each([
    ['http://127.0.0.1:3001', 'ws://127.0.0.1:3001/datafn/ws'],
    ['http://127.0.0.1:3001/', 'ws://127.0.0.1:3001/datafn/ws'],
    ['HTTPS://example.test/datafn', 'wss://example.test/datafn/ws'],
    ['https://example.test/api/datafn/', 'wss://example.test/api/datafn/ws'],
    ['ws://example.test/other?v=2', 'ws://example.test/other?v=2'],
  ])('of %s is %s', (url, expected) => {
    expect(webSocketUrlOf(url)).toBe(expected);
  });
});

test('the URL of an emit may have a query, and no user, no password and no fragment', () => {
  expect(emitUrlProblem('http://example.test/push?ns={namespace}&c={cursor}')).toBeUndefined();
  expect(emitUrlProblem('http://user:pw@example.test/{cursor}')).toMatch(/--emit-header/);
  expect(emitUrlProblem('http://example.test/#{cursor}')).toMatch(/without a fragment/);
});

test.each([
  ['http://user:se/cret@x', 'http://…@x'],
  ['user:secret@x', '…@x'],
  ['ftp://x:secret@y/a@b', 'ftp://…@b'],
  ['ws://x/?a=b&token=secret&c=d', 'ws://x/?a=…&token=…&c=…'],
  ['https://x/?secret', 'https://x/?…'],
  ['https://x/?a=se=cret?b=c', 'https://x/?a=…'],
  ['https://x/y#secret?x=y', 'https://x/y#…'],
  ['http://x/plain', 'http://x/plain'],
])('an error shows %s as %s', (url, shown) => {
  expect(maskedUrl(url)).toBe(shown);
});
