import { on } from 'node:events';
import type { Readable } from 'node:stream';
import { DatafnWsError, messageOf } from '../protocol/errors.js';
import { cursorProblem, describe, namespaceProblem, principalsProblem } from '../protocol/identifiers.js';
import { MAX_TIMER_MS } from '../text/longest-timer.js';
import { nearest } from '../text/nearest.js';
import { formatSize } from '../text/units.js';
import { decodeUtf8 } from '../text/utf8.js';
import type { Emission } from './api-client.js';

/** A line of a script: emissions, and the wait before them. */
export interface ScriptStep {
  /** Counts from 1. */
  readonly line: number;
  readonly emissions: readonly Emission[];
  readonly delayMs: number;
}

/** A line that is not valid. */
export interface ScriptError {
  readonly line: number;
  readonly error: DatafnWsError;
}

/** Longest line of a script, in bytes. The longest valid one has a few thousand. */
export const MAX_LINE_BYTES = 1024 * 1024;

/**
 * Reads an NDJSON script (UTF-8, with or without a byte order mark) line by line as it arrives, and skips blank lines.
 * An invalid line yields an error, and reading goes on: the caller decides. Of a longer line than
 * {@link MAX_LINE_BYTES}, only that much is kept in memory.
 *
 * Each line is `{"namespace":"user:alice","cursor":"42","delayMs":100}`, the delay optional.
 *
 * @param signal ends the script, even while it waits for the next line of a terminal or a pipe.
 * @throws {DatafnWsError} `ERR_INVALID_SCRIPT` when the input fails.
 */
export async function* readScript(
  input: Readable,
  signal?: AbortSignal,
): AsyncGenerator<ScriptStep | ScriptError> {
  let line = 0;
  try {
    for await (const bytes of linesOf(input, signal)) {
      line += 1;
      const step = readLine(bytes);
      if (typeof step === 'string') {
        yield { line, error: new DatafnWsError('ERR_INVALID_SCRIPT', `Line ${line}: expected ${step}`) };
      } else if (step !== undefined) {
        yield { line, ...step };
      }
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw new DatafnWsError(
      'ERR_INVALID_SCRIPT',
      `Cannot read the script beyond line ${line}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

const NEWLINE = 0x0a;
/** Unread chunks before the input is paused. */
const WAITING_CHUNKS = 4;

/** Splits an input into lines. A line that is too long is `undefined`, as soon as that is known. */
async function* linesOf(input: Readable, signal?: AbortSignal): AsyncGenerator<Buffer | undefined> {
  const chunks = on(input, 'data', {
    signal,
    close: ['end', 'close'],
    highWaterMark: WAITING_CHUNKS,
    lowWaterMark: 1,
  });
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const [chunk] of chunks) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
    for (let start = 0; start < bytes.length; ) {
      const found = bytes.indexOf(NEWLINE, start);
      const end = found === -1 ? bytes.length : found;
      const wasTooLong = heldBytes > MAX_LINE_BYTES;
      heldBytes += end - start;
      const isTooLong = heldBytes > MAX_LINE_BYTES;
      if (isTooLong) held = [];
      else held.push(bytes.subarray(start, end));
      if (isTooLong && !wasTooLong) yield undefined;
      if (found !== -1) {
        if (!isTooLong) yield Buffer.concat(held);
        held = [];
        heldBytes = 0;
      }
      start = end + 1;
    }
  }
  if (held.length > 0) yield Buffer.concat(held);
}

/** The step of a line; a text with what was expected instead; `undefined` for a blank line. */
function readLine(bytes: Buffer | undefined): Omit<ScriptStep, 'line'> | string | undefined {
  if (bytes === undefined) return `at most ${formatSize(MAX_LINE_BYTES)}, got more`;
  const text = decodeUtf8(bytes);
  if (text === undefined) return 'UTF-8, got invalid bytes';
  return text.trim() === '' ? undefined : parseLine(text);
}

const KEYS: readonly string[] = ['namespace', 'cursor', 'delayMs', 'reset', 'affectedPrincipals'];

function parseLine(text: string): Omit<ScriptStep, 'line'> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `JSON such as {"namespace":"user:alice","cursor":"42"}, got ${describe(text)}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `an object, got ${describe(value)}`;
  for (const key of Object.keys(value)) {
    // Unknown keys are allowed, but a typo of a known one must not be ignored.
    if (KEYS.includes(key)) continue;
    const meant = nearest(key, KEYS);
    if (meant !== undefined) return `\`${meant}\`, got ${describe(key)}`;
  }
  const {
    namespace,
    cursor,
    delayMs = 0,
    reset = false,
    affectedPrincipals,
  } = value as Record<string, unknown>;
  const wrongNamespace = namespaceProblem(namespace);
  if (wrongNamespace !== undefined) return `\`namespace\` to be ${wrongNamespace}`;
  const wrongCursor = cursorProblem(cursor);
  if (wrongCursor !== undefined) return `\`cursor\` to be ${wrongCursor}`;
  if (typeof delayMs !== 'number' || !(delayMs >= 0 && delayMs <= MAX_TIMER_MS)) {
    return `\`delayMs\` to be a number of milliseconds of at least 0, got ${describe(delayMs)}`;
  }
  if (typeof reset !== 'boolean') return `\`reset\` to be true or false, got ${describe(reset)}`;
  const wrongPrincipals =
    affectedPrincipals === undefined ? undefined : principalsProblem(affectedPrincipals);
  if (wrongPrincipals !== undefined) return `\`affectedPrincipals\` to be ${wrongPrincipals}`;
  const emission = {
    namespace: namespace as string,
    cursor: cursor as string,
    ...(affectedPrincipals === undefined ? {} : { affectedPrincipals: affectedPrincipals as string[] }),
  };
  return { emissions: [reset ? { ...emission, reset } : emission], delayMs };
}

/** Makes the first cursor of each namespace a reset. */
export async function* resettingFirst(
  steps: AsyncIterable<ScriptStep | ScriptError> | Iterable<ScriptStep | ScriptError>,
): AsyncGenerator<ScriptStep | ScriptError> {
  const seen = new Set<string>();
  for await (const step of steps) {
    if ('error' in step) {
      yield step;
      continue;
    }
    const emissions = step.emissions.map((emission) => {
      if (seen.has(emission.namespace)) return emission;
      seen.add(emission.namespace);
      return { ...emission, reset: true as const };
    });
    yield { ...step, emissions };
  }
}
