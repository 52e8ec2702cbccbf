import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { invalidOption, messageOf } from '../../protocol/errors.js';
import { describe } from '../../protocol/identifiers.js';
import { nearest } from '../../text/nearest.js';
import { formatDuration } from '../../text/units.js';
import type { NamespaceProvider } from './provider.js';

const EXPORT = 'getNamespace';
/** A module that waits for something at its top level longer than this is not coming up. */
const LOAD_MS = 10_000;

/**
 * Loads a namespace provider from a JavaScript module of the user's: its export `getNamespace(request)`, sync or async.
 *
 * @param file relative to the working directory.
 * @param timeoutMs how long it may wait for something at its top level. Default 10,000.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when the file is missing, does not load in time, or has no such export.
 */
export async function loadNamespaceProvider(
  file: string,
  timeoutMs: number = LOAD_MS,
): Promise<NamespaceProvider> {
  let exported: Readonly<Record<string, unknown>>;
  try {
    // First, since the error of an import names our own file, too.
    if (!(await stat(file)).isFile()) throw new Error('it is not a file');
    exported = await inTime(import(pathToFileURL(resolve(file)).href), timeoutMs);
  } catch (error) {
    throw invalidOption(`The auth module ${file} cannot be loaded: ${reasonOf(error, file)}`);
  }
  const provider = exported[EXPORT];
  if (typeof provider !== 'function') {
    const names = Object.keys(exported);
    const got = EXPORT in exported ? `${describe(provider)} of that name` : listOf(names);
    const isMistyped = !(EXPORT in exported) && nearest(EXPORT, names) !== undefined;
    throw invalidOption(
      `Expected the auth module ${file} to export a function ${EXPORT}(request), got ${got}.${isMistyped ? ` Did you mean \`${EXPORT}\`?` : ''}`,
    );
  }
  return provider as NamespaceProvider;
}

async function inTime<Value>(loading: Promise<Value>, timeoutMs: number): Promise<Value> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // It keeps the process alive: what a module waits for may not.
    deadline = setTimeout(
      () => reject(new Error(`it took longer than ${formatDuration(timeoutMs)}`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([loading, late]);
  } finally {
    clearTimeout(deadline);
  }
}

/** One line for an error of the user's module. Node.js does not tell programs where a syntax error is. */
function reasonOf(error: unknown, file: string): string {
  const [line = ''] = messageOf(error).split('\n', 1);
  return error instanceof SyntaxError && !line.includes(' export ')
    ? `${line} (node --check ${file} shows where)`
    : line;
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'no exports' : `only ${names.join(', ')}`;
}
