import type { Command } from 'commander';
import { envOf } from '../options/spec.js';
import { nearest } from '../text/nearest.js';
import { COMMANDS } from './commands.js';

/**
 * Commander's error for an unknown option, without the text after its `=`: that may be a secret. Commander finds no
 * near option when it is there, so this adds one.
 */
export function withoutValue(text: string, { options }: Command): string {
  const [, flag] = /^error: unknown option '(-[^=]*)=/.exec(text) ?? [];
  if (flag === undefined) return text;
  const flags = options.flatMap(({ long }) => long ?? []);
  // Commander reports a switch with a value as unknown, too.
  if (flags.includes(flag)) return `error: option '${flag}' takes no value\n`;
  const near = nearest(flag, flags);
  return `error: unknown option '${flag}'${near === undefined ? '' : `\n(Did you mean ${near}?)`}\n`;
}

const PREFIX = 'DATAFN_WS_';

/** A warning for each `DATAFN_WS_…` variable that is not an option of any command; never with its value. */
export async function unknownVariables(env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const given = Object.keys(env).filter((name) => name.startsWith(PREFIX));
  if (given.length === 0) return [];
  // Of every command: a variable may be there for another one.
  const tables = await Promise.all(COMMANDS.map((command) => command.options()));
  const known = tables.flatMap((table) =>
    Object.keys(table)
      .filter((key) => table[key]?.fromEnv)
      .map((key) => envOf(key).slice(PREFIX.length)),
  );
  return given
    .map((name) => name.slice(PREFIX.length))
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      return `unknown environment variable ${PREFIX}${name}.${near === undefined ? '' : ` Did you mean ${PREFIX}${near}?`}`;
    });
}
