import { readFileOfAnyKind } from '../options/read-file.js';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { describeSecret } from '../protocol/identifiers.js';
import { jwtSecretProblem } from '../text/jwt.js';

/**
 * Reads a secret for JWTs from a file: its bytes, whatever they are, without one line end at the end.
 *
 * @param from the flag or variable that names the file.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be read, or is too short.
 */
export async function readJwtSecret(file: string, from: string): Promise<Uint8Array> {
  let secret: Uint8Array;
  try {
    secret = withoutLineEnd(await readFileOfAnyKind(file));
  } catch (error) {
    throw invalid(`Expected ${from} to be a file that can be read: ${messageOf(error)}`);
  }
  const problem = jwtSecretProblem(secret);
  if (problem !== undefined)
    throw invalid(`Expected the secret in ${from} to be ${problem}, got ${describeSecret(secret)}.`);
  return secret;
}

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}
