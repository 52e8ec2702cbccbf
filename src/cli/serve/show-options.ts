import { stringify } from 'yaml';
import { serveOptions } from '../../options/serve-flags.js';
import type { OptionOrigin, OptionSpec } from '../../options/spec.js';
import { printable, printableJson } from '../../text/printable.js';
import type { TracedServeOptions } from './config.js';

/** Shown in place of a secret. */
const MASK = '***';

type Shown = string | number | boolean | readonly string[] | null;

interface ShownOption {
  readonly key: string;
  readonly value: Shown;
  readonly origin: OptionOrigin;
  /** What a value of 0 means, where that is a word. */
  readonly zeroMeans: string | undefined;
}

/** The options as a config file, with the origin of each value in a comment. Secrets are masked. */
export function optionsAsYaml(traced: TracedServeOptions): string {
  const rows = shownOptions(traced).map(({ key, value, origin, zeroMeans }) => ({
    line: value === null ? `# ${key}` : `${key}: ${yaml(value)}`,
    note: value === null ? 'not set' : `${origin.from}${zeroMeans === undefined ? '' : ` (${zeroMeans})`}`,
  }));
  const width = Math.min(44, Math.max(...rows.map(({ line }) => line.length)));
  return rows.map(({ line, note }) => `${printable(`${line.padEnd(width)}  # ${note}`)}\n`).join('');
}

/** The same for programs: `{"options":{"port":{"value":3001,"from":"default"},…}}`. */
export function optionsAsJson(traced: TracedServeOptions): string {
  const options = shownOptions(traced).map(({ key, value, origin }) => [key, { value, from: origin.from }]);
  return `${printableJson({ event: 'checked', options: Object.fromEntries(options) })}\n`;
}

/** Every option that a config file can have. */
function shownOptions({ values, origins }: TracedServeOptions): ShownOption[] {
  const table: Readonly<Record<string, OptionSpec<unknown>>> = serveOptions;
  return (Object.keys(values) as (keyof typeof values)[])
    .filter((key) => table[key]?.fromConfig)
    .map((key) => ({
      key,
      value: shown(table[key] as OptionSpec<unknown>, values[key], origins[key]),
      origin: origins[key],
      zeroMeans: values[key] === 0 ? table[key]?.zeroMeans : undefined,
    }));
}

function shown(option: OptionSpec<unknown>, value: unknown, origin: OptionOrigin): Shown {
  if (origin.kind === 'default') {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return null;
    return value === 0 ? 0 : (option.defaultText ?? (value as Shown));
  }
  if (option.isSecret) return MASK;
  if (option.masked !== undefined) return option.masked(origin.texts.at(-1) as string);
  if (option.repeatable) return origin.texts;
  // As it was given: `30s` instead of milliseconds.
  return typeof value === 'boolean' || String(value) === origin.texts.at(-1)
    ? (value as Shown)
    : (origin.texts.at(-1) as string);
}

function yaml(value: Shown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}
