import { DatafnWsError } from '../protocol/errors.js';
import { describe } from '../protocol/identifiers.js';
import { type Parsed, parseCount, parseDuration, parseRate } from '../protocol/units.js';

/**
 * One option, described once: the command line, the environment, scenario files, the help text and the docs are
 * all made from it. Its name in camelCase is its key in an {@link OptionTable}.
 */
export interface OptionSpec<Value> {
  /** One letter, for `-p`. */
  readonly short?: string;
  /** What stands for the value in the help text; empty for a switch. */
  readonly placeholder: string;
  readonly help: string;
  readonly default: Value;
  /** The default as a person would type it; left out where there is nothing to show. */
  readonly defaultText?: string;
  /** May be given several times; each adds to a list. */
  readonly repeatable: boolean;
  /** Whether an environment variable is read for it. */
  readonly fromEnv: boolean;
  /** Whether it may be shown in a log. */
  readonly isSecret: boolean;
  parse(text: string): Parsed<Value>;
}

/** Options by their name in camelCase. */
// biome-ignore lint/suspicious/noExplicitAny: a table mixes options of every type
export type OptionTable = Readonly<Record<string, OptionSpec<any>>>;

/** The complete, checked values of a table. */
export type Resolved<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends OptionSpec<infer Value> ? Value : never;
};

type Given<Value> = Partial<OptionSpec<Value>> & { readonly help: string; readonly default: Value };

function spec<Value>(
  base: Pick<OptionSpec<Value>, 'placeholder' | 'parse'>,
  given: Given<Value>,
): OptionSpec<Value> {
  return { repeatable: false, fromEnv: true, isSecret: false, ...base, ...given };
}

/** A whole number from `min` to `max`. */
export function count<Value extends number | undefined>(
  given: Given<Value> & { readonly min?: number; readonly max?: number },
): OptionSpec<Value> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = given;
  const expected =
    max < Number.MAX_SAFE_INTEGER
      ? `a whole number from ${min} to ${max}`
      : `a whole number of at least ${min}`;
  const parse = (text: string): Parsed<Value> => {
    const parsed = parseCount(text);
    if (!parsed.ok || parsed.value < min || parsed.value > max) return { ok: false, expected };
    return parsed as Parsed<Value>;
  };
  return spec({ placeholder: 'N', parse }, given);
}

/** Milliseconds, given with a unit. */
export function duration<Value extends number | undefined>(given: Given<Value>): OptionSpec<Value> {
  return spec({ placeholder: 'DURATION', parse: (text) => parseDuration(text) as Parsed<Value> }, given);
}

/** Events per second, given as `50/s`. */
export function rate<Value extends number | undefined>(given: Given<Value>): OptionSpec<Value> {
  return spec({ placeholder: 'RATE', parse: (text) => parseRate(text) as Parsed<Value> }, given);
}

/** Any text; `check` says what is wrong with it, in words that follow "Expected … to be". */
export function text<Value extends string | undefined>(
  given: Given<Value> & { readonly check?: (value: string) => string | undefined },
): OptionSpec<Value> {
  const parse = (value: string): Parsed<Value> => {
    const wrong = given.check?.(value);
    return wrong === undefined ? { ok: true, value: value as Value } : { ok: false, expected: wrong };
  };
  return spec({ placeholder: 'TEXT', parse }, given);
}

/** One of a few words. */
export function choice<Choice extends string>(
  choices: readonly Choice[],
  given: Given<Choice>,
): OptionSpec<Choice> {
  const parse = (value: string): Parsed<Choice> => {
    const chosen = choices.find((one) => one === value);
    return chosen === undefined
      ? { ok: false, expected: `one of ${choices.join(', ')}` }
      : { ok: true, value: chosen };
  };
  return spec(
    { placeholder: 'WORD', parse },
    { ...given, help: `${given.help} One of ${choices.join(', ')}.` },
  );
}

/** On when it is there. */
export function toggle(given: Omit<Given<boolean>, 'default'>): OptionSpec<boolean> {
  const parse = (value: string): Parsed<boolean> => {
    if (/^(1|true|yes|on|)$/i.test(value)) return { ok: true, value: true };
    if (/^(0|false|no|off)$/i.test(value)) return { ok: true, value: false };
    return { ok: false, expected: 'true or false' };
  };
  return spec({ placeholder: '', parse }, { ...given, default: false });
}

/** A text that may be given several times. */
export function list(given: Omit<Given<readonly string[]>, 'default'>): OptionSpec<readonly string[]> {
  const parse = (value: string): Parsed<readonly string[]> => ({ ok: true, value: [value] });
  return spec({ placeholder: 'TEXT', parse }, { ...given, default: [], repeatable: true });
}

/** `heartbeatInterval` as a flag: `heartbeat-interval`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `heartbeatInterval` as an environment variable: `DATAFN_WS_HEARTBEAT_INTERVAL`. */
export function envOf(key: string): string {
  return `DATAFN_WS_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;
}

/** Where values come from; the first that has one wins: flags, then the environment, then the default. */
export interface OptionSources {
  /** Raw texts by key, as the command line had them. */
  readonly flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Completes and checks a table of options, all of them at once.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION`, with a line for every value that is not valid.
 */
export function resolveOptions<Table extends OptionTable>(
  table: Table,
  sources: OptionSources,
): Resolved<Table> {
  const problems: string[] = [];
  const resolved: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const flag = sources.flags[key];
    const env = option.fromEnv ? sources.env[envOf(key)] : undefined;
    const given = flag ?? (env === '' ? undefined : env);
    if (given === undefined) {
      resolved[key] = option.default;
      continue;
    }
    const where = flag === undefined ? envOf(key) : `--${flagOf(key)}`;
    const values: unknown[] = [];
    for (const raw of Array.isArray(given) ? given : [given]) {
      const parsed = option.parse(raw === true ? 'true' : String(raw));
      if (parsed.ok) values.push(parsed.value);
      else
        problems.push(
          `Expected ${where} to be ${parsed.expected}, got ${option.isSecret ? 'something else' : describe(raw)}.`,
        );
    }
    resolved[key] = option.repeatable ? values.flat() : values.at(-1);
  }
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
  return Object.freeze(resolved) as Resolved<Table>;
}
