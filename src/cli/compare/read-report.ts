import { type ComparedResult, readResults } from '../../bench/compare/comparison.js';
import { readAll, readFileOfAnyKind } from '../../options/read-file.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { Io } from '../io.js';

/**
 * Reads a JSON report of bench from a file, or from stdin for `-`.
 *
 * @param name what to call it in an error, such as `--baseline`.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot be read, or is no such report.
 */
export async function readReport(file: string, name: string, io: Io): Promise<ComparedResult[]> {
  const isStdin = file === '-';
  let json: string;
  try {
    json = (await (isStdin ? readAll(io.stdin) : readFileOfAnyKind(file))).toString();
  } catch (error) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected ${name} to be a file that can be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return readResults(json, `${name} (${isStdin ? 'stdin' : file})`);
}
