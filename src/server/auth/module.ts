import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { didYouMean } from '../../protocol/nearest.js';
import type { NamespaceProvider } from './provider.js';

const EXPORT = 'getNamespace';
/** A module that waits for something at its top level longer than this is not coming up. */
const LOAD_MS = 10_000;

/**
 * Loads a namespace provider from a JavaScript module of the user's: its export `getNamespace(request)`, sync or async.
 *
 * @param file relative to the working directory.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the file is missing, does not load within 10 s, or has no such export.
 */
export async function loadNamespaceProvider(file: string): Promise<NamespaceProvider> {
  let exported: Readonly<Record<string, unknown>>;
  try {
    // Looked at first: what an import says of a file that is missing names our own file, too.
    if (!(await stat(file)).isFile()) throw new Error('it is no file');
    exported = await inTime(import(pathToFileURL(resolve(file)).href));
  } catch (error) {
    throw invalid(`The auth module ${file} cannot be loaded: ${reasonOf(error)}`);
  }
  const provider = exported[EXPORT];
  if (typeof provider !== 'function') {
    const names = Object.keys(exported);
    const got = EXPORT in exported ? `${describe(provider)} of that name` : listOf(names);
    throw invalid(
      `Expected the auth module ${file} to export a function ${EXPORT}(request), got ${got}.${EXPORT in exported ? '' : didYouMean(EXPORT, names)}`,
    );
  }
  return provider as NamespaceProvider;
}

async function inTime<Value>(loading: Promise<Value>): Promise<Value> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // It keeps the process alive: a module may wait for something that does not.
    deadline = setTimeout(() => reject(new Error(`it took longer than ${LOAD_MS / 1000} s`)), LOAD_MS);
  });
  try {
    return await Promise.race([loading, late]);
  } finally {
    clearTimeout(deadline);
  }
}

/** One line for an error of somebody else's code; for one of its syntax, with the place, which is not in the message. */
function reasonOf(error: unknown): string {
  const place =
    error instanceof SyntaxError ? /^file:\/\/\S*\/([^/\s]+:\d+)\n/.exec(error.stack ?? '')?.[1] : undefined;
  const [line = ''] = messageOf(error).split('\n', 1);
  return place === undefined ? line : `${line} (${place})`;
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'no exports' : `only ${names.join(', ')}`;
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}
