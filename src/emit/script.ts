import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { cursorProblem, describe, namespaceProblem } from '../protocol/identifiers.js';
import { MAX_TIMER_MS } from '../protocol/units.js';
import type { Emission } from './api-client.js';

/** A line of a script: an emission and how long to wait before it. */
export interface ScriptStep {
  /** Counts from 1. */
  readonly line: number;
  readonly emissions: readonly Emission[];
  readonly delayMs: number;
}

/** A line that is no step. */
export interface ScriptError {
  readonly line: number;
  readonly error: DatafnWsError;
}

/**
 * Reads an NDJSON script line by line, as it comes; blank lines are skipped. A line that is not valid yields an
 * error and the reading goes on: the caller decides.
 *
 * Each line is `{"namespace":"user:alice","cursor":"42","delayMs":100}`, the delay optional.
 *
 * @param signal ends the script, a wait for the next line of a terminal or a pipe included.
 * @throws {DatafnWsError} `ERR_INVALID_SCRIPT` when the input fails.
 */
export async function* readScript(
  input: Readable,
  signal?: AbortSignal,
): AsyncGenerator<ScriptStep | ScriptError> {
  let line = 0;
  try {
    for await (const text of createInterface({ input, signal, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      if (text.trim() === '') continue;
      const step = parseLine(text);
      if (typeof step === 'string') {
        yield { line, error: new DatafnWsError('ERR_INVALID_SCRIPT', `Line ${line}: expected ${step}`) };
      } else {
        yield { line, ...step };
      }
    }
  } catch (error) {
    throw new DatafnWsError(
      'ERR_INVALID_SCRIPT',
      `Cannot read the script beyond line ${line}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function parseLine(text: string): Omit<ScriptStep, 'line'> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `JSON such as {"namespace":"user:alice","cursor":"42"}, got ${describe(text)}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `an object, got ${describe(value)}`;
  const { namespace, cursor, delayMs = 0 } = value as Record<string, unknown>;
  const wrongNamespace = namespaceProblem(namespace);
  if (wrongNamespace !== undefined) return `\`namespace\` to be ${wrongNamespace}`;
  const wrongCursor = cursorProblem(cursor);
  if (wrongCursor !== undefined) return `\`cursor\` to be ${wrongCursor}`;
  if (typeof delayMs !== 'number' || !(delayMs >= 0 && delayMs <= MAX_TIMER_MS)) {
    return `\`delayMs\` to be a number of milliseconds of at least 0, got ${describe(delayMs)}`;
  }
  return { emissions: [{ namespace: namespace as string, cursor: cursor as string }], delayMs };
}
