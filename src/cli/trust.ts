import { X509Certificate } from 'node:crypto';
import type { TlsTrust } from '../emit/api-client.js';
import { readFileOfAnyKind } from '../options/read-file.js';
import { DatafnWsError, messageOf } from '../protocol/errors.js';

/**
 * What `--ca` and `--insecure` say of whom to believe over TLS.
 *
 * @returns `undefined` when they say nothing: then the system's certificates count.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the file has no certificate.
 */
export async function readTrust(options: {
  readonly ca: string | undefined;
  readonly insecure: boolean;
}): Promise<TlsTrust | undefined> {
  const { ca, insecure } = options;
  if (ca === undefined && !insecure) return undefined;
  return { ca: ca === undefined ? undefined : await readCertificates(ca), rejectUnauthorized: !insecure };
}

async function readCertificates(file: string): Promise<string> {
  let pem: string;
  try {
    pem = (await readFileOfAnyKind(file)).toString();
  } catch (error) {
    throw invalid(`Expected --ca to be a file that can be read: ${messageOf(error)}`);
  }
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw invalid(
      `Expected --ca to be a file of certificates in PEM, with "-----BEGIN CERTIFICATE-----", got ${file} without one`,
    );
  }
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}
