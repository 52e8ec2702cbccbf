import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { OptionOrigin } from '../../options/spec.js';
import { invalidOption } from '../../protocol/errors.js';
import type { TlsPair } from '../../server/http/tls.js';
import { shellWord } from '../../text/shell.js';
import { readInput } from '../input-files.js';
import type { TracedServeOptions } from './config.js';

function nameOf(flag: string, { kind, from }: OptionOrigin): string {
  return kind === 'flag' ? flag : `${flag} (${from})`;
}

/**
 * Reads the certificate and the key that the options name.
 *
 * @returns `undefined` without these options.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when one is missing, or a file cannot be read.
 */
export async function readTlsPair(traced: TracedServeOptions): Promise<TlsPair | undefined> {
  const { tlsCert, tlsKey } = traced.values;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] = tlsCert === undefined ? ['tls-key', 'tls-cert'] : ['tls-cert', 'tls-key'];
    throw invalidOption(`--${given} needs --${missing}: add --${missing} FILE`);
  }
  const { origins } = traced;
  // One after the other, so that of two that are missing the same is always named.
  const cert = await readInput(tlsCert, nameOf('--tls-cert', origins.tlsCert));
  return { cert, key: await readInput(tlsKey, nameOf('--tls-key', origins.tlsKey)) };
}

/** The flag with which `emit` trusts a server with this certificate at `host`; empty when it needs none. */
export function trustFlag({ cert }: TlsPair, certFile: string, host: string): string {
  const certificate = new X509Certificate(cert);
  const isForHost =
    (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
  if (!isForHost) return '--insecure';
  const isSelfSigned = certificate.checkIssued(certificate);
  return isSelfSigned ? `--ca ${shellWord(certFile)}` : '';
}

/** Returns a warning for a certificate that has expired, else `undefined`. */
export function expiryWarning({ cert }: TlsPair, now: Date): string | undefined {
  const { validTo } = new X509Certificate(cert);
  return new Date(validTo) < now
    ? `The TLS certificate expired on ${validTo}: clients will reject it`
    : undefined;
}
