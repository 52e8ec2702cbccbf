/** Longest cursor accepted from outside, in UTF-16 code units. */
export const MAX_CURSOR_LENGTH = 256;
/** Longest namespace accepted from outside, in UTF-16 code units. */
export const MAX_NAMESPACE_LENGTH = 255;
/** Longest client id that a hello may register, in UTF-16 code units; a longer one is ignored. */
export const MAX_CLIENT_ID_LENGTH = 255;

// C0, DEL, C1 and the line separators: no name needs them. Format characters, such as the joiners of Persian and of
// emoji, are a part of real names; `printable` escapes them wherever a name is shown.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Whether a text has a control character or a line separator in it. */
export function hasControlCharacter(text: string): boolean {
  return CONTROL_CHARACTER.test(text);
}

/** What a value should have been, in words that follow "Expected … to be", and what it is. */
export interface Mismatch {
  readonly expected: string;
  readonly got: string;
}

function identifierMismatch(value: unknown, maxLength: number): Mismatch | undefined {
  if (typeof value !== 'string') return { expected: 'a string', got: describe(value) };
  if (value === '') return { expected: 'a non-empty string', got: 'an empty one' };
  if (value.length > maxLength)
    return { expected: `at most ${maxLength} characters`, got: String(value.length) };
  if (hasControlCharacter(value)) return { expected: 'free of control characters', got: 'one' };
  if (!value.isWellFormed()) return { expected: 'well-formed Unicode', got: 'a lone surrogate' };
  return undefined;
}

/** Returns what is wrong with `value` as an identifier, in words that follow "Expected … to be …", else `undefined`. */
function identifierProblem(value: unknown, maxLength: number): string | undefined {
  const mismatch = identifierMismatch(value, maxLength);
  return mismatch && `${mismatch.expected}, got ${mismatch.got}`;
}

/**
 * Returns why `value` is not a cursor, else `undefined`.
 *
 * A cursor is a non-empty string of at most {@link MAX_CURSOR_LENGTH} characters without control characters;
 * DataFn's own are increasing integers, compared with `parseInt(cursor, 10)`.
 */
export function cursorProblem(value: unknown): string | undefined {
  return identifierProblem(value, MAX_CURSOR_LENGTH);
}

/** Returns why `value` is not a namespace (at most {@link MAX_NAMESPACE_LENGTH} characters), else `undefined`. */
export function namespaceProblem(value: unknown): string | undefined {
  return identifierProblem(value, MAX_NAMESPACE_LENGTH);
}

/** As {@link namespaceProblem}, in two parts. */
export function namespaceMismatch(value: unknown): Mismatch | undefined {
  return identifierMismatch(value, MAX_NAMESPACE_LENGTH);
}

/** Principals that one cursor may name, or one client may have. */
export const MAX_PRINCIPALS = 1000;

/** Returns why `values` is not a list of principals, such as `user:bob`, else `undefined`. */
export function principalsProblem(values: unknown): string | undefined {
  if (!Array.isArray(values)) return `an array of principals, got ${describe(values)}`;
  if (values.length > MAX_PRINCIPALS) return `at most ${MAX_PRINCIPALS} principals, got ${values.length}`;
  for (const [index, value] of values.entries()) {
    const problem = namespaceProblem(value);
    if (problem !== undefined) return `principals, each ${problem} at index ${index}`;
  }
  return undefined;
}

/** Whether `value` can be registered as a client's id. */
export function isClientId(value: unknown): value is string {
  return identifierProblem(value, MAX_CLIENT_ID_LENGTH) === undefined;
}

/** What an error says of a text that must not be shown: how long it is. */
export function describeSecret(secret: string | Uint8Array): string {
  const length = Buffer.byteLength(secret);
  return length === 0
    ? 'an empty one'
    : `${length === 1 ? '1 byte' : `${length} bytes`} (hidden, as it may be a secret)`;
}

/** A short rendering of any value for an error message: its kind where the value itself would not help. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  return String(value);
}
