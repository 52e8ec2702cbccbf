import { expect, test } from 'vitest';
import { runWith } from '../support/run-in-process.js';

test.each<[string, string[], string]>([
  [
    'emit, given where clients connect, names the HTTP API of the same host',
    ['emit', '42', '-n', 'a', '--url', 'ws://127.0.0.1:3001/datafn/ws'],
    'Expected --url to be a URL such as http://127.0.0.1:3001 (the HTTP API of the server; ws: URLs are for clients), got "ws://127.0.0.1:3001/datafn/ws"',
  ],
  [
    'emit, given that over TLS',
    ['emit', '42', '-n', 'a', '--url', 'wss://staging.test/datafn/ws'],
    'Expected --url to be a URL such as https://staging.test (the HTTP API',
  ],
  [
    'bench, given an HTTP API, names where clients connect',
    ['bench', 'smoke', '--url', 'http://127.0.0.1:3001'],
    'Expected --url to be a URL such as ws://127.0.0.1:3001/datafn/ws (the WebSocket URL that clients connect to; pass the HTTP API with --admin-url), got "http://127.0.0.1:3001"',
  ],
  [
    'bench, given that over TLS',
    ['bench', 'smoke', '--url', 'https://staging.test:8443/x'],
    'Expected --url to be a URL such as wss://staging.test:8443/datafn/ws (the WebSocket URL',
  ],
  [
    'bench, given where clients connect for its HTTP API',
    ['bench', 'smoke', '--url', 'ws://h', '--admin-url', 'ws://h:3001'],
    'Expected --admin-url to be a URL such as http://h:3001 (the HTTP API of the server',
  ],
  [
    'bench, given where clients connect for somebody’s own API',
    ['bench', 'smoke', '--url', 'ws://h', '--emit-url', 'wss://h:3001/{cursor}'],
    'Expected --emit-url to be a URL such as https://h:3001/emit/{namespace} (an HTTP API',
  ],
  [
    'what is neither is told by an example',
    ['emit', '42', '-n', 'a', '--url', 'ftp://x'],
    'Expected --url to be a URL such as http://127.0.0.1:3001, got',
  ],
])('%s', async (_, args, message) => {
  const { code, stdout, stderr } = await runWith(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test('a user and a password in a URL of the other kind are not shown', async () => {
  const { stderr } = await runWith(['bench', 'smoke', '--url', 'http://user:sesame@h:3001/?t=sesame']);
  expect(stderr).toContain('such as ws://h:3001/datafn/ws (');
  expect(stderr).not.toContain('sesame');
});
