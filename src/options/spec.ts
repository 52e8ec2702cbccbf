import { DatafnWsError } from '../protocol/errors.js';
import { describe, describeSecret, type Mismatch } from '../protocol/identifiers.js';
import {
  formatSizeFlag,
  type Parsed,
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
} from '../text/units.js';
import type { ConfigFile, ConfigPlace, ConfigProblem } from './config-file.js';

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
  /** Its heading in the help text. One without is among the few that matter first; see `--help-all`. */
  readonly group?: string;
  readonly default: Value;
  /** What a default of 0 means, for the help text. */
  readonly zeroMeans?: string;
  /** The default as a person would type it; left out where there is nothing to show. */
  readonly defaultText?: string;
  /** May be given several times; each adds to a list. */
  readonly repeatable: boolean;
  /** Whether an environment variable is read for it. */
  readonly fromEnv: boolean;
  /** Whether a config file may have it. */
  readonly fromConfig: boolean;
  /** Whether its value must stay out of logs and errors. */
  readonly isSecret: boolean;
  /** Help of its `--no-…` form; only a switch that {@link eitherWay} made has one. */
  readonly negatedHelp?: string;
  /** Whether it names a file: relative to the working directory in a flag, to the config file's folder in one. */
  readonly isFile: boolean;
  /** JSON Schema of its value in a config file, for editors; {@link OptionSpec.parse} has the last word. */
  readonly json: Readonly<Record<string, unknown>>;
  parse(text: string): Parsed<Value>;
  /** The text without those parts of it that may be secret; left out where there are none. */
  masked?(text: string): string;
  /** What an error says that it got: the text itself, less what is secret in it. */
  shown(text: string): string;
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
  base: Pick<OptionSpec<Value>, 'placeholder' | 'json' | 'parse'>,
  given: Given<Value>,
): OptionSpec<Value> {
  return {
    repeatable: false,
    fromEnv: true,
    fromConfig: true,
    isSecret: false,
    isFile: false,
    shown: given.isSecret ? describeSecret : (text) => describe(given.masked?.(text) ?? text),
    ...base,
    ...given,
  };
}

/** A number with a unit, or a 0, which needs none. */
const WITH_UNIT = { anyOf: [{ type: 'string', pattern: '^\\s*[0-9]' }, { const: 0 }] };
/** A text, which YAML takes for a number when it looks like one. */
const TEXT = { type: ['string', 'number', 'boolean'] };

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
    if (!parsed.ok && /^\d+$/.test(text))
      return { ok: false, expected: `a whole number from ${min} to ${max}` };
    if (!parsed.ok || parsed.value < min || parsed.value > max) return { ok: false, expected };
    return parsed as Parsed<Value>;
  };
  const json = { type: 'integer', minimum: min, ...(max < Number.MAX_SAFE_INTEGER ? { maximum: max } : {}) };
  return spec({ placeholder: 'N', json, parse }, given);
}

/** Milliseconds, given with a unit. */
export function duration<Value extends number | undefined>(given: Given<Value>): OptionSpec<Value> {
  const parse = (text: string) => parseDuration(text) as Parsed<Value>;
  return spec({ placeholder: 'DURATION', json: WITH_UNIT, parse }, given);
}

/** Events per second, given as `50/s`; with `orNone`, 0 as well. */
export function rate<Value extends number | undefined>(
  given: Given<Value> & { readonly orNone?: boolean },
): OptionSpec<Value> {
  const parse = (text: string): Parsed<Value> => {
    if (!given.orNone) return parseRate(text) as Parsed<Value>;
    const parsed: Parsed<number> = text.trim() === '0' ? { ok: true, value: 0 } : parseRate(text);
    return (parsed.ok ? parsed : { ok: false, expected: `${parsed.expected}, or 0` }) as Parsed<Value>;
  };
  return spec({ placeholder: 'RATE', json: WITH_UNIT, parse }, given);
}

/** Bytes, given as `64KiB`. */
export function size<Value extends number | undefined>(
  given: Given<Value> & { readonly min?: number },
): OptionSpec<Value> {
  const { min = 0 } = given;
  const parse = (text: string): Parsed<Value> => {
    const parsed = parseSize(text);
    if (parsed.ok && parsed.value < min)
      return { ok: false, expected: `a size of at least ${formatSizeFlag(min)}` };
    return parsed as Parsed<Value>;
  };
  return spec({ placeholder: 'SIZE', json: WITH_UNIT, parse }, given);
}

/** The name of a file. */
export function file(given: Omit<Given<string | undefined>, 'default'>): OptionSpec<string | undefined> {
  const parse = (value: string): Parsed<string | undefined> =>
    value === '' ? { ok: false, expected: 'the name of a file' } : { ok: true, value };
  return spec(
    { placeholder: 'FILE', json: { type: 'string' }, parse },
    { ...given, default: undefined, isFile: true },
  );
}

/** Returns what was expected of a text, in words that follow "Expected … to be", else `undefined`. */
export type TextCheck = (value: string) => string | Mismatch | undefined;

/** Any text that is not empty; `check` says what is wrong with it. */
export function text<Value extends string | undefined>(
  given: Given<Value> & { readonly check?: TextCheck },
): OptionSpec<Value> {
  const parse = (value: string) => checked(value, value as Value, given.check);
  return spec({ placeholder: 'TEXT', json: TEXT, parse }, given);
}

function checked<Value>(text: string, value: Value, check?: TextCheck): Parsed<Value> {
  const wrong = check?.(text) ?? (text === '' ? { expected: 'a text', got: 'an empty one' } : undefined);
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
    return chosen === undefined
      ? { ok: false, expected: `one of ${choices.join(', ')}` }
      : { ok: true, value: chosen };
  };
  return spec(
    { placeholder: 'WORD', json: { enum: choices }, parse },
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
  return spec({ placeholder: '', json: { type: 'boolean' }, parse }, { ...given, default: false });
}

/** On, or off with `--no-…`, when it is said; `undefined` when it is not. */
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
  return spec({ placeholder: 'TEXT', json, parse }, { ...given, default: [], repeatable: true });
}

/** `heartbeatInterval` as a flag: `heartbeat-interval`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `heartbeatInterval` as an environment variable: `DATAFN_WS_HEARTBEAT_INTERVAL`. */
export function envOf(key: string): string {
  return `DATAFN_WS_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;
}

/** Where values come from; the first that has one wins: flags, the environment, the config file, the default. */
export interface OptionSources {
  /** Raw texts by key, as the command line had them. */
  readonly flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config?: ConfigFile | undefined;
}

/** Where the value of an option came from. */
export interface OptionOrigin {
  readonly kind: 'flag' | 'environment' | 'config' | 'default';
  /** `--port`, `DATAFN_WS_PORT`, `datafn-ws.yaml:3:1` or `default`. */
  readonly from: string;
  /** As it was given; none for a default. */
  readonly texts: readonly string[];
  /** Its place in the config file, when it is from there. */
  readonly at?: ConfigPlace;
}

/** The values of a table, complete and checked, and the origin of each. */
export interface TracedOptions<Table extends OptionTable> {
  readonly values: Resolved<Table>;
  readonly origins: Readonly<Record<keyof Table, OptionOrigin>>;
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
  return traceOptions(table, sources).values;
}

/** As {@link resolveOptions}, and says of each value where it is from. */
export function traceOptions<Table extends OptionTable>(
  table: Table,
  sources: OptionSources,
): TracedOptions<Table> {
  const problems: string[] = [];
  const configProblems: ConfigProblem[] = [...(sources.config?.problems ?? [])];
  const values: Record<string, unknown> = {};
  const origins: Record<string, OptionOrigin> = {};
  for (const [key, option] of Object.entries(table)) {
    const origin = originOf(key, option, sources);
    origins[key] = origin;
    if (origin.kind === 'default') {
      values[key] = option.default;
      continue;
    }
    const read: unknown[] = [];
    for (const text of origin.texts) {
      const parsed = readText(option, text);
      if (parsed.ok) {
        read.push(parsed.value);
        continue;
      }
      const got = parsed.got ?? option.shown(text);
      if (origin.at !== undefined)
        configProblems.push({ at: origin.at, message: `${key}: expected ${parsed.expected}, got ${got}` });
      else problems.push(`Expected ${origin.from} to be ${parsed.expected}, got ${got}.`);
    }
    values[key] = option.repeatable ? read.flat() : read.at(-1);
  }
  configProblems.sort((a, b) => a.at.line - b.at.line || a.at.col - b.at.col);
  const { source = '' } = sources.config ?? {};
  problems.push(...configProblems.map(({ at, message }) => `${placeText(source, at)}: ${message}`));
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
  return {
    values: Object.freeze(values) as Resolved<Table>,
    origins: origins as Record<keyof Table, OptionOrigin>,
  };
}

/** Node.js puts U+FFFD in place of bytes that are no UTF-8, in arguments and variables: nobody means that. */
function readText(option: OptionSpec<unknown>, text: string): Parsed<unknown> {
  if (text.includes('\ufffd')) return { ok: false, expected: 'UTF-8', got: 'invalid bytes' };
  return option.parse(text);
}

const DEFAULT_ORIGIN: OptionOrigin = { kind: 'default', from: 'default', texts: [] };

function originOf(
  key: string,
  option: OptionSpec<unknown>,
  { flags, env, config }: OptionSources,
): OptionOrigin {
  const flag = flags[key];
  if (flag !== undefined) {
    const texts = typeof flag === 'object' ? flag : [String(flag)];
    return { kind: 'flag', from: `--${flagOf(key)}`, texts };
  }
  const variable = option.fromEnv ? env[envOf(key)] : undefined;
  if (variable !== undefined && variable !== '')
    return { kind: 'environment', from: envOf(key), texts: [variable] };
  const given = option.fromConfig ? config?.values.get(key) : undefined;
  if (config === undefined || given === undefined) return DEFAULT_ORIGIN;
  return { kind: 'config', from: placeText(config.source, given.at), texts: given.texts, at: given.at };
}

function placeText(source: string, { line, col }: ConfigPlace): string {
  return `${source}:${line}:${col}`;
}
