import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DatafnWsError } from '../../protocol/errors.js';
import { didYouMean } from '../../text/nearest.js';

const FOLDER = fileURLToPath(new URL('../../../scenarios/', import.meta.url));

/** The scenario that `bench` runs when none is named. */
export const DEFAULT_SCENARIO = 'smoke';

/** Names of the scenarios that ship with the tool. */
export async function shippedScenarios(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The file of a scenario: a shipped one by name, any other by path.
 *
 * @throws {DatafnWsError} `ERR_INVALID_SCENARIO` when there is none.
 */
export async function scenarioFile(nameOrPath: string): Promise<string> {
  const names = await shippedScenarios();
  if (nameOrPath === '') {
    throw new DatafnWsError(
      'ERR_INVALID_SCENARIO',
      `Expected a scenario to be one of ${names.join(', ')}, or the path of a file, got an empty name.`,
    );
  }
  if (names.includes(nameOrPath)) return `${FOLDER}${nameOrPath}.yaml`;
  if (existsSync(nameOrPath)) return nameOrPath;
  const isPath = /[/\\]|\.ya?ml$/.test(nameOrPath);
  throw new DatafnWsError(
    'ERR_INVALID_SCENARIO',
    isPath
      ? `There is no scenario file ${nameOrPath}.`
      : `There is no scenario ${nameOrPath}.${didYouMean(nameOrPath, names)} Expected one of ${names.join(', ')}, or the path of a file.`,
  );
}
