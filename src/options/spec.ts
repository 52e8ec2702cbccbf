import type { OptionRule } from '../manager/checks.js';
import { DatafnWsError } from '../protocol/errors.js';
import type { Parsed } from '../text/units.js';

/**
 * One option, described once. The command line, the environment, config and scenario files, the help text and the docs
 * come from it; so does the check of a value that the library is given, which is what `expected` and `valid` are for.
 * Its key in an {@link OptionTable} is its name in camelCase.
 */
export interface OptionSpec<Value> extends OptionRule {
  /** One letter, for `-p`. */
  readonly short?: string;
  /** What stands for the value in the help text; empty for a switch. */
  readonly placeholder: string;
  /** Its value where the flag stands alone. Left out for a switch, and for a flag that needs a value. */
  readonly alone?: string;
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
  /** JSON Schema of its value in a config file, for editors; {@link OptionSpec.parse} decides. */
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

/** `heartbeatInterval` as a flag: `heartbeat-interval`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `heartbeatInterval` as an environment variable: `DATAFN_WS_HEARTBEAT_INTERVAL`. */
export function envOf(key: string): string {
  return `DATAFN_WS_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;
}

/** A place in a config file. */
export interface ConfigPlace {
  readonly line: number;
  readonly col: number;
}

/** What a config file gives for one option. */
export interface ConfigValue {
  /** As a flag would have it; several only for an option that repeats. */
  readonly texts: readonly string[];
  readonly at: ConfigPlace;
}

/** Something wrong with a config file. */
export interface ConfigProblem {
  readonly at: ConfigPlace;
  readonly message: string;
}

/** A config file as read, before its values are checked. */
export interface ConfigFile {
  /** Names the file in messages. */
  readonly source: string;
  /** By the name of the option in camelCase. */
  readonly values: ReadonlyMap<string, ConfigValue>;
  /** What is wrong with the file itself. */
  readonly problems: readonly ConfigProblem[];
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

/** As {@link resolveOptions}, with the origin of each value. */
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

/** Node.js puts U+FFFD in place of bytes that are not UTF-8, in arguments and variables. */
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
