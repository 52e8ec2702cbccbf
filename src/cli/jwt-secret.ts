import { readFile } from 'node:fs/promises';
import { jwtSecretProblem } from '../options/checks.js';
import { DatafnWsError, messageOf } from '../protocol/errors.js';

/**
 * Reads a secret for JWTs from a file.
 *
 * @param from the flag or variable that names the file.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be read, or is too short.
 */
export async function readJwtSecret(file: string, from: string): Promise<string> {
  let secret: string;
  try {
    // The end of the line is no part of it.
    secret = (await readFile(file, 'utf8')).trimEnd();
  } catch (error) {
    throw invalid(`Expected ${from} to be a file that can be read: ${messageOf(error)}`);
  }
  const problem = jwtSecretProblem(secret);
  if (problem !== undefined)
    throw invalid(`Expected the secret in ${from} to be ${problem}, got something else.`);
  return secret;
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}
