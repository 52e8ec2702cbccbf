import { X509Certificate } from 'node:crypto';
import type { TlsTrust } from '../emit/api-client.js';
import { trustSystem } from '../emit/system-certificates.js';
import { readFileOfAnyKind } from '../options/read-file.js';
import { DatafnWsError, messageOf } from '../protocol/errors.js';

/**
 * What `--ca` and `--insecure` say of whom to believe over TLS.
 *
 * @param urls what is to be reached.
 * @returns `undefined` when they say nothing: then the certificates of Node.js count, and those of the system, which this
 *   reads where one of the URLs speaks TLS.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the file has no certificate.
 */
export async function readTrust(
  { ca, insecure }: { readonly ca: string | undefined; readonly insecure: boolean },
  urls: readonly (string | undefined)[],
): Promise<TlsTrust | undefined> {
  if (ca === undefined && !insecure) {
    if (urls.some((url) => /^(https|wss):/i.test(url ?? ''))) trustSystem();
    return undefined;
  }
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
