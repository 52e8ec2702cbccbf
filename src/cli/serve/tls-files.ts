import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { readFileOfAnyKind } from '../../options/read-file.js';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { TlsPair } from '../../server/http/tls.js';
import { shellWord } from '../../text/shell.js';
import type { TracedServeOptions } from './config.js';

/**
 * Reads the certificate and the key that the options name.
 *
 * @returns `undefined` when they name none.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when one is missing, or a file cannot be read.
 */
export async function readTlsPair(traced: TracedServeOptions): Promise<TlsPair | undefined> {
  const { tlsCert, tlsKey } = traced.values;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] = tlsCert === undefined ? ['tls-key', 'tls-cert'] : ['tls-cert', 'tls-key'];
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --tls-cert and --tls-key together, got only --${given}: add --${missing} FILE`,
    );
  }
  const [cert, key] = await Promise.all([read('tlsCert', tlsCert, traced), read('tlsKey', tlsKey, traced)]);
  return { cert, key };
}

/** The flag with which `emit` believes a server with this certificate at `host`; empty when it needs none. */
export function trustFlag({ cert }: TlsPair, certFile: string, host: string): string {
  const certificate = new X509Certificate(cert);
  const isForHost =
    (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
  if (!isForHost) return '--insecure';
  const isSelfSigned = certificate.checkIssued(certificate);
  return isSelfSigned ? `--ca ${shellWord(certFile)}` : '';
}

/** Says that a certificate is out of date, as clients will; nothing when it is not. */
export function expiryWarning({ cert }: TlsPair, now: Date): string | undefined {
  const { validTo } = new X509Certificate(cert);
  return new Date(validTo) < now
    ? `The TLS certificate expired on ${validTo}: clients will refuse it`
    : undefined;
}

async function read(
  name: 'tlsCert' | 'tlsKey',
  file: string,
  { origins }: TracedServeOptions,
): Promise<Buffer> {
  try {
    return await readFileOfAnyKind(file);
  } catch (error) {
    const { kind, from } = origins[name];
    const where = kind === 'flag' ? '' : ` (${from})`;
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected --${flagOf(name)}${where} to be a file that can be read: ${messageOf(error)}`,
    );
  }
}
