import { afterEach, expect, test } from 'vitest';
import { devNamespaceProvider } from '../../../src/server/auth/dev.js';
import { tokensNamespaceProvider } from '../../../src/server/auth/tokens.js';
import { createDatafnWsServer } from '../../../src/server/create-server.js';
import { disposeLive, openClient, startServer } from '../../support/live-server.js';

afterEach(disposeLive);

const open = { host: '0.0.0.0', port: 0, adminToken: 'a-token-for-tests' };

test('the dev provider is kept from the network, whether it is left out or handed in', () => {
  for (const namespaceProvider of [undefined, devNamespaceProvider(), devNamespaceProvider('everybody')]) {
    expect(() => createDatafnWsServer({ ...open, namespaceProvider })).toThrow(/`dev`.*loopback only/);
    expect(() => createDatafnWsServer({ port: 0, namespaceProvider })).not.toThrow();
  }
});

test('any other may be open to it', () => {
  for (const namespaceProvider of [() => 'a', tokensNamespaceProvider({})]) {
    expect(() => createDatafnWsServer({ ...open, namespaceProvider })).not.toThrow();
  }
});

test('a token that is no namespace is refused without a word: it is the mistake of the client', async () => {
  const { wsUrl, logger } = await startServer();
  for (const token of ['n'.repeat(256), 'a\nb']) {
    expect((await (await openClient(wsUrl, token)).closed()).code).toBe(4401);
  }
  expect(logger.warnings).toEqual([]);
});
