import { invalidOption } from '../protocol/errors.js';
import { describe, describeSecret } from '../protocol/identifiers.js';
import { MAX_TIMER_MS } from '../text/longest-timer.js';

/** What a value must be. `expected` follows the words "Expected … to be". */
export interface OptionRule {
  readonly expected: string;
  /** Whether the value must stay out of errors. */
  readonly isSecret?: boolean;
  valid(value: unknown): boolean;
}

/** A whole number of at least `min`; `Infinity` for no limit. */
export function limitOf(min: number): OptionRule {
  return {
    expected: `a whole number of at least ${min}, or Infinity`,
    valid: (value) =>
      value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) >= min),
  };
}

/** A time that a timer can wait. */
export const DELAY_MS: OptionRule = {
  expected: `a number of milliseconds from 0 to ${MAX_TIMER_MS}`,
  valid: (value) => Number.isFinite(value) && Number(value) >= 0 && Number(value) <= MAX_TIMER_MS,
};

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionRule {
  return {
    expected:
      max === Number.MAX_SAFE_INTEGER
        ? `a whole number of at least ${min}`
        : `a whole number from ${min} to ${max}`,
    valid: (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
  };
}

export function isOneOf(words: readonly string[]): OptionRule {
  const expected = words.map((word) => JSON.stringify(word)).join(' or ');
  return { expected, valid: (value) => words.includes(value as string) };
}

export const BOOLEAN: OptionRule = {
  expected: 'true or false',
  valid: (value) => typeof value === 'boolean',
};

export const FUNCTION: OptionRule = {
  expected: 'a function',
  valid: (value) => typeof value === 'function',
};

export const NON_EMPTY_STRING: OptionRule = {
  expected: 'a non-empty string',
  valid: (value) => typeof value === 'string' && value !== '',
};

export const OBJECT: OptionRule = {
  expected: 'an object',
  valid: (value) => typeof value === 'object' && value !== null,
};

/** An object that has all of these methods. */
export function objectWith(...methods: readonly string[]): OptionRule {
  return {
    expected: `an object with ${methods.map((method) => `${method}()`).join(', ')}`,
    valid: (value) =>
      OBJECT.valid(value) &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
  };
}

/** A `DatafnLogger`. */
export const LOGGER: OptionRule = objectWith('debug', 'info', 'warn', 'error');

/**
 * Checks the values that are there; those left out have defaults.
 *
 * @param what names the whole in an error, such as "the config".
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for the first value that does not fit.
 */
export function checkOptions(
  what: string,
  values: unknown,
  rules: Readonly<Record<string, OptionRule>>,
): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw invalidOption(`Expected ${what} to be an object, got ${describe(values)}`);
  }
  for (const [key, rule] of Object.entries(rules)) {
    const value = (values as Record<string, unknown>)[key];
    if (value !== undefined) requireOption(key, value, rule);
  }
}

/**
 * Checks a value that has to be there.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it does not fit.
 */
export function requireOption(name: string, value: unknown, rule: OptionRule): void {
  if (rule.valid(value)) return;
  const isText = typeof value === 'string' || value instanceof Uint8Array;
  const got = rule.isSecret && isText ? describeSecret(value) : describe(value);
  throw invalidOption(`Expected \`${name}\` to be ${rule.expected}, got ${got}`);
}
