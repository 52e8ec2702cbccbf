import type { Command } from 'commander';
import { envOf } from '../options/spec.js';
import { nearest } from '../text/nearest.js';
import { orList } from '../text/or-list.js';
import { COMMANDS } from './commands.js';

/**
 * An error of Commander, as ours are. One for an unknown option comes without the text after its `=`, which may be a
 * secret. Commander finds no near option when it is there, so this adds one.
 */
export function commanderError(text: string, command: Command): string {
  const { options } = command;
  const plain = text
    .replace(
      /(too many arguments for '[^']*')\. Expected (\d+) arguments? but got (\d+)\.?/,
      (_, what, expected, got) =>
        `${what}: expected ${expected}, got ${got}${switchHint(command, Number(expected))}`,
    )
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

/** Says so where the argument that is one too many was meant as the value of a switch. */
function switchHint(command: Command, expected: number): string {
  let program = command;
  while (program.parent !== null) program = program.parent;
  const { rawArgs = [] } = program as { rawArgs?: readonly string[] };
  const before = rawArgs.filter((_, index) => rawArgs[index + 1] === command.args[expected]);
  const flag = command.options.find(
    (option) => option.isBoolean() && before.some((arg) => arg === option.short || arg === option.long),
  );
  return flag === undefined ? '' : ` (${flag.long} takes no value)`;
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
