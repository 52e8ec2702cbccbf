import type { Command } from 'commander';
import { envOf } from '../options/spec.js';
import { nearest } from '../text/nearest.js';
import { orList } from '../text/or-list.js';
import { COMMANDS } from './commands.js';

/**
 * An error of Commander, as ours are. One for an unknown option comes without the text after its `=`, which may be a
 * secret. Commander finds no near option when it is there, so this adds one.
 */
export function commanderError(text: string, { options }: Command): string {
  const plain = text
    .replace(/(too many arguments for '[^']*')\. Expected (\d+) arguments? but got/, '$1: expected $2, got')
    .replace(
      /command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.\n$/s,
      (_, got, name, choices: string) =>
        `expected ${name} to be ${orList(choices.split(', '))}, got '${got}'\n`,
    );
  const [, flag] = /^error: unknown option '(-[^=]*)=/.exec(text) ?? [];
  if (flag === undefined) return plain;
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
