import { expect, test } from 'vitest';
import { devNamespaceProvider } from '../../../src/server/auth/dev.js';
import { tokensNamespaceProvider } from '../../../src/server/auth/tokens.js';
import { createDatafnWsServer } from '../../../src/server/create-server.js';

const open = { host: '0.0.0.0', port: 0, adminToken: 'T' };

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
