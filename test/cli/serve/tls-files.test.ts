import { expect, test } from 'vitest';
import { trustFlag } from '../../../src/cli/serve/tls-files.js';
import { selfSignedCertificate } from '../../support/self-signed.js';

test('a command that is shown trusts the certificate if it is for the host, and any certificate otherwise', () => {
  const { cert, key } = selfSignedCertificate('localhost');
  const pair = { cert: Buffer.from(cert), key: Buffer.from(key) };
  expect(trustFlag(pair, 'my cert.pem', 'localhost')).toBe("--ca 'my cert.pem'");
  expect(trustFlag(pair, 'my cert.pem', 'other.example')).toBe('--insecure');
  expect(trustFlag(pair, 'my cert.pem', '127.0.0.1')).toBe('--insecure');
});
