import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { invalidOption, messageOf } from '../../protocol/errors.js';

/** A certificate and its private key, both as PEM. */
export interface TlsPair {
  /** The certificate, followed by those that it was issued with, if any. */
  readonly cert: string | Buffer;
  /** Not encrypted. */
  readonly key: string | Buffer;
}

/**
 * Makes sure that a server can use a pair.
 *
 * @returns the certificate.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` that says which of the two is wrong. Nothing of the key is in it.
 */
export function checkTlsPair({ cert, key }: TlsPair): X509Certificate {
  const certificate = certificateOf(cert);
  if (!certificate.checkPrivateKey(privateKeyOf(key))) {
    throw invalidOption(
      `The TLS key does not match the certificate (of ${JSON.stringify(certificate.subject)}): pass a matching pair`,
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw invalidOption(`The TLS certificate and key cannot be used: ${messageOf(error)}`);
  }
  return certificate;
}

function certificateOf(cert: TlsPair['cert']): X509Certificate {
  try {
    return new X509Certificate(cert);
  } catch {
    throw invalidOption(
      'Expected the TLS certificate (--tls-cert) to be a certificate in PEM, with "-----BEGIN CERTIFICATE-----" at its start',
    );
  }
}

function privateKeyOf(key: TlsPair['key']): KeyObject {
  try {
    return createPrivateKey(key);
  } catch {
    throw invalidOption(
      // Both forms say so: PKCS #8 in its first line, the older ones in a header.
      key.toString().includes('ENCRYPTED')
        ? 'The TLS key (--tls-key) is encrypted: decrypt it first, with `openssl pkey -in KEY -out DECRYPTED`'
        : 'Expected the TLS key (--tls-key) to be a private key in PEM, with "-----BEGIN PRIVATE KEY-----" at its start',
    );
  }
}
