import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { TlsTrust } from '../emit/api-client.js';
import { trustSystem } from '../emit/system-certificates.js';
import { tokenProblem } from '../options/checks.js';
import { openFile, readAll } from '../options/read-file.js';
import { type DatafnWsError, invalidOption, messageOf } from '../protocol/errors.js';
import { describeSecret } from '../protocol/identifiers.js';
import { jwtSecretProblem } from '../text/jwt.js';
import { decodeUtf8 } from '../text/utf8.js';
import type { Io } from './io.js';

/**
 * Opens a file that an option names.
 *
 * @param from what names it, such as `--config` or `DATAFN_WS_CONFIG`.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be opened.
 */
export async function openInput(file: string, from: string): Promise<Readable> {
  try {
    return await openFile(file);
  } catch (error) {
    throw unreadable(file, from, error);
  }
}

/** Reads a whole file that an option names; see {@link openInput}. */
export async function readInput(file: string, from: string): Promise<Buffer> {
  const input = await openInput(file, from);
  return readAll(input).catch((error: unknown) => {
    throw unreadable(file, from, error);
  });
}

/** As {@link readInput}, for a file of UTF-8 text. */
export async function readTextInput(file: string, from: string): Promise<string> {
  const text = decodeUtf8(await readInput(file, from));
  if (text === undefined) throw invalidOption(`Expected ${from} to be UTF-8, got invalid bytes.`);
  return text;
}

/** As {@link readInput}, with `-` for stdin. */
export async function readInputOrStdin(file: string, from: string, io: Io): Promise<Buffer> {
  if (file !== '-') return readInput(file, from);
  return readAll(io.stdin).catch((error: unknown) => {
    throw unreadable('stdin', from, error);
  });
}

function unreadable(file: string, from: string, error: unknown): DatafnWsError {
  return invalidOption(`Cannot read ${from}: ${fileProblem(file, error)}`, {
    cause: error,
  });
}

/** Returns why a file cannot be read or written, and how to fix the common mistakes. */
export function fileProblem(file: string, error: unknown): string {
  const path = resolve(file);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return `${path} does not exist. Check the path`;
    case 'EACCES':
    case 'EPERM':
      return `no permission for ${path}. Check its mode and owner`;
    default:
      return messageOf(error);
  }
}

/**
 * Reads a JWT secret from a file, byte for byte, without the line end at its end.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be read or is too short.
 */
export async function readJwtSecret(file: string, from: string): Promise<Uint8Array> {
  const bytes = await readInput(file, from);
  const end = bytes.at(-1) !== 0x0a ? bytes.length : bytes.at(-2) === 0x0d ? -2 : -1;
  const secret = bytes.subarray(0, end);
  const problem = jwtSecretProblem(secret);
  if (problem !== undefined)
    throw invalidOption(`Expected the secret in ${from} to be ${problem}, got ${describeSecret(secret)}.`);
  return secret;
}

/**
 * Reads the admin token from a file, without the line end at its end.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be read or holds no token.
 */
export async function readAdminToken(file: string, from: string): Promise<string> {
  const token = (await readTextInput(file, from)).replace(/\r?\n$/, '');
  const problem = tokenProblem(token);
  if (problem !== undefined)
    throw invalidOption(`Expected ${from} to hold ${problem}, got ${describeSecret(token)}.`);
  return token;
}

/**
 * The certificates that `--ca` and `--insecure` select for TLS connections.
 *
 * @param urls what is going to be reached.
 * @returns `undefined` without these flags: the defaults of Node.js apply. If one of the URLs uses TLS, this also loads
 *   the system's certificates.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the file has no certificate.
 */
export async function readTrust(
  { ca, insecure }: { readonly ca: string | undefined; readonly insecure: boolean },
  urls: readonly (string | undefined)[],
): Promise<TlsTrust | undefined> {
  if (ca === undefined && !insecure) {
    if (urls.some((url) => /^(https|wss|rediss):/i.test(url ?? ''))) trustSystem();
    return undefined;
  }
  return { ca: ca === undefined ? undefined : await readCertificates(ca), rejectUnauthorized: !insecure };
}

async function readCertificates(file: string): Promise<string> {
  const pem = (await readInput(file, '--ca')).toString();
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw invalidOption(
      `Expected --ca to be a file of PEM certificates, with "-----BEGIN CERTIFICATE-----", got ${file} without one`,
    );
  }
}
