import { type Command, Option } from 'commander';
import { envOf, flagOf, type OptionTable } from '../options/spec.js';

/** Gives a command the flags of an option table. Values stay raw texts: the table itself reads them later. */
export function addOptions(command: Command, table: OptionTable): void {
  for (const [key, option] of Object.entries(table)) {
    const long = `--${flagOf(key)}${option.placeholder === '' ? '' : ` <${option.placeholder}>`}`;
    const notes = [
      shownDefault(option.defaultText ?? option.default),
      option.fromEnv ? `env ${envOf(key)}` : undefined,
    ].filter((note) => note !== undefined);
    const help = notes.length === 0 ? option.help : `${option.help} (${notes.join('; ')})`;
    const flag = new Option(option.short === undefined ? long : `-${option.short}, ${long}`, help);
    if (option.repeatable) {
      flag.argParser<string[]>((value, earlier = []) => [...earlier, value]);
    }
    command.addOption(flag);
  }
}

function shownDefault(value: unknown): string | undefined {
  if (value === undefined || value === false || Array.isArray(value)) return undefined;
  return `default ${value}`;
}
