import { BOOLEAN, DELAY_MS, isOneOf, limitOf, type OptionRule, wholeNumber } from '../manager/checks.js';
import { describe, describeSecret, type Mismatch } from '../protocol/identifiers.js';
import { orList } from '../text/or-list.js';
import {
  formatDurationFlag,
  formatSizeFlag,
  type Parsed,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../text/units.js';
import type { OptionSpec } from './spec.js';

// The kinds of options. Each reads the text of a flag and checks the value that the library is given.

type Given<Value> = Partial<OptionSpec<Value>> & { readonly help: string; readonly default: Value };

/** `3001` as any number: a default does not narrow what an option takes. */
type Widened<Value> = Value extends number ? number : Value extends string ? string : Value;

function spec<Value, Result = Value>(
  base: Pick<OptionSpec<Value>, 'placeholder' | 'json' | 'parse'> & OptionRule,
  given: Given<Value>,
): OptionSpec<Result> {
  const option: OptionSpec<Value> = {
    repeatable: false,
    fromEnv: true,
    fromConfig: true,
    isSecret: false,
    isFile: false,
    shown: given.isSecret ? describeSecret : (text) => describe(given.masked?.(text) ?? text),
    ...base,
    ...given,
  };
  return option as unknown as OptionSpec<Result>;
}

/** A default as a flag takes it. */
function shown(value: number | undefined, format: (value: number) => string): { defaultText?: string } {
  return value === undefined ? {} : { defaultText: format(value) };
}

/** A number with a unit, or a 0, which needs none. */
const WITH_UNIT = { anyOf: [{ type: 'string', pattern: '^\\s*[0-9]' }, { const: 0 }] };
/** A text, which YAML takes for a number when it looks like one. */
const TEXT = { type: ['string', 'number', 'boolean'] };

/** A whole number from `min` to `max`; for the library, `Infinity` as well where `orInfinity` says so. */
export function count<Value extends number | undefined = number>(
  given: Given<Value> & { readonly min?: number; readonly max?: number; readonly orInfinity?: boolean },
): OptionSpec<Widened<Value>> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, orInfinity = false } = given;
  const rule = wholeNumber(min, max);
  const { expected } = rule;
  const parse = (text: string): Parsed<Value> => {
    const parsed = parseCount(text);
    if (!parsed.ok && /^\d+$/.test(text))
      return { ok: false, expected: `a whole number from ${min} to ${max}` };
    if (!parsed.ok || parsed.value < min || parsed.value > max) return { ok: false, expected };
    return parsed as Parsed<Value>;
  };
  const json = { type: 'integer', minimum: min, ...(max < Number.MAX_SAFE_INTEGER ? { maximum: max } : {}) };
  return spec({ placeholder: 'N', json, parse, ...(orInfinity ? limitOf(min) : rule) }, given);
}

/** A whole number from `min` to `max`, or the word `auto`; `undefined` when it is not given. */
export function countOrAuto(
  given: Omit<Given<undefined>, 'default'> & { readonly min: number; readonly max: number },
): OptionSpec<number | 'auto' | undefined> {
  const { min, max } = given;
  const number = count({ help: given.help, default: undefined as number | undefined, min, max });
  const rule: OptionRule = {
    expected: `a whole number from ${min} to ${max}, or auto`,
    valid: (value) => value === 'auto' || number.valid(value),
  };
  const parse = (text: string): Parsed<number | 'auto' | undefined> => {
    if (text === 'auto') return { ok: true, value: 'auto' };
    const parsed = number.parse(text);
    return parsed.ok ? parsed : { ok: false, expected: rule.expected };
  };
  const json = { anyOf: [number.json, { const: 'auto' }] };
  return spec<number | 'auto' | undefined>(
    { placeholder: 'N', json, parse, ...rule },
    { ...given, default: undefined },
  );
}

/** Milliseconds, given with a unit. */
export function duration<Value extends number | undefined = number>(
  given: Given<Value>,
): OptionSpec<Widened<Value>> {
  const parse = (text: string) => parseDuration(text) as Parsed<Value>;
  return spec(
    { placeholder: 'DURATION', json: WITH_UNIT, parse, ...DELAY_MS },
    { ...shown(given.default, formatDurationFlag), ...given },
  );
}

const RATE: OptionRule = {
  expected: 'a number of at least 0',
  valid: (value) => Number.isFinite(value) && Number(value) >= 0,
};

/** Events per second, given as `50/s`; with `orNone`, 0 as well. */
export function rate<Value extends number | undefined = number>(
  given: Given<Value> & { readonly orNone?: boolean },
): OptionSpec<Widened<Value>> {
  const parse = (text: string): Parsed<Value> => {
    if (!given.orNone) return parseRate(text) as Parsed<Value>;
    const parsed: Parsed<number> = text.trim() === '0' ? { ok: true, value: 0 } : parseRate(text);
    return (parsed.ok ? parsed : { ok: false, expected: `${parsed.expected}, or 0` }) as Parsed<Value>;
  };
  return spec(
    { placeholder: 'RATE', json: WITH_UNIT, parse, ...RATE },
    { ...shown(given.default, (perSecond) => `${perSecond}/s`), ...given },
  );
}

/** Bytes, given as `64KiB`. */
export function size<Value extends number | undefined = number>(
  given: Given<Value> & { readonly min?: number },
): OptionSpec<Widened<Value>> {
  const { min = 0 } = given;
  const parse = (text: string): Parsed<Value> => {
    const parsed = parseSize(text);
    if (parsed.ok && parsed.value < min)
      return { ok: false, expected: `a size of at least ${formatSizeFlag(min)}` };
    return parsed as Parsed<Value>;
  };
  return spec(
    { placeholder: 'SIZE', json: WITH_UNIT, parse, ...wholeNumber(min) },
    { ...shown(given.default, formatSizeFlag), ...given },
  );
}

/** The name of a file. */
export function file(given: Omit<Given<string | undefined>, 'default'>): OptionSpec<string | undefined> {
  const parse = (value: string): Parsed<string | undefined> =>
    value === '' ? { ok: false, expected: 'a file name' } : { ok: true, value };
  return spec(
    { placeholder: 'FILE', json: { type: 'string' }, parse, ...textRule() },
    { ...given, default: undefined, isFile: true },
  );
}

/** Returns what was expected of a text, in words that follow "Expected … to be", else `undefined`. */
export type TextCheck = (value: string) => string | Mismatch | undefined;

/** Any text that is not empty; `check` says what is wrong with it. */
export function text<Value extends string | undefined>(
  given: Given<Value> & { readonly check?: TextCheck },
): OptionSpec<Widened<Value>> {
  const parse = (value: string) => checked(value, value as Value, given.check);
  return spec({ placeholder: 'TEXT', json: TEXT, parse, ...textRule(given.check) }, given);
}

function textRule(check?: TextCheck): OptionRule {
  const wrong = check?.('') ?? 'a non-empty string';
  return {
    expected: typeof wrong === 'string' ? wrong : wrong.expected,
    valid: (value) => typeof value === 'string' && checked(value, value, check).ok,
  };
}

function checked<Value>(text: string, value: Value, check?: TextCheck): Parsed<Value> {
  const wrong = check?.(text) ?? (text === '' ? { expected: 'a non-empty string', got: '""' } : undefined);
  if (wrong === undefined) return { ok: true, value };
  return { ok: false, ...(typeof wrong === 'string' ? { expected: wrong } : wrong) };
}

/** One of a few words. */
export function choice<Choice extends string>(
  choices: readonly Choice[],
  given: Given<Choice>,
): OptionSpec<Choice> {
  const parse = (value: string): Parsed<Choice> => {
    const chosen = choices.find((one) => one === value);
    return chosen === undefined ? { ok: false, expected: orList(choices) } : { ok: true, value: chosen };
  };
  return spec(
    { placeholder: 'WORD', json: { enum: choices }, parse, ...isOneOf(choices) },
    { ...given, help: `${given.help} One of ${choices.join(', ')}.` },
  );
}

/** As {@link choice}; `undefined` when it is not given. */
export function optionalChoice<Choice extends string>(
  choices: readonly Choice[],
  given: Omit<Given<Choice>, 'default'>,
): OptionSpec<Choice | undefined> {
  const { default: _, ...others } = choice(choices, { ...given, default: choices[0] as Choice });
  return { ...others, default: undefined };
}

/** A switch: on if present. */
export function toggle(given: Omit<Given<boolean>, 'default'>): OptionSpec<boolean> {
  const parse = (value: string): Parsed<boolean> => {
    if (/^(1|true|yes|on|)$/i.test(value)) return { ok: true, value: true };
    if (/^(0|false|no|off)$/i.test(value)) return { ok: true, value: false };
    return { ok: false, expected: 'true or false' };
  };
  return spec(
    { placeholder: '', json: { type: 'boolean' }, parse, ...BOOLEAN },
    { ...given, default: false },
  );
}

/** `true` for the flag, `false` for its `--no-…` form, `undefined` for neither. */
export function eitherWay(
  given: Omit<Given<boolean | undefined>, 'default'> & { readonly negatedHelp: string },
): OptionSpec<boolean | undefined> {
  return { ...toggle({ help: given.help }), ...given, default: undefined };
}

/** A text that is not empty and may be given several times; `check` says what is wrong with one. */
export function list(
  given: Omit<Given<readonly string[]>, 'default'> & { readonly check?: TextCheck },
): OptionSpec<readonly string[]> {
  const parse = (value: string) => checked(value, [value], given.check);
  const json = { anyOf: [TEXT, { type: 'array', items: TEXT, minItems: 1 }] };
  const item = textRule(given.check);
  const rule = {
    expected: `a list, each ${item.expected}`,
    valid: (value: unknown) => Array.isArray(value) && value.every(item.valid),
  };
  return spec({ placeholder: 'TEXT', json, parse, ...rule }, { ...given, default: [], repeatable: true });
}

/** As {@link list}, with commas between several texts: a variable of the environment cannot be repeated. */
export function commaList(given: Parameters<typeof list>[0]): OptionSpec<readonly string[]> {
  const one = list(given);
  const parse = (value: string): Parsed<readonly string[]> => {
    const items = value.split(',').map((text) => one.parse(text.trim()));
    const wrong = items.find((item) => !item.ok);
    return wrong ?? { ok: true, value: items.flatMap((item) => (item.ok ? item.value : [])) };
  };
  return { ...one, parse };
}
