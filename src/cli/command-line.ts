import { type Command, Option } from 'commander';
import { envOf, flagOf, type OptionTable } from '../options/spec.js';

/** Gives a command the flags of an option table. Values stay raw texts: the table itself reads them later. */
export function addOptions(command: Command, table: OptionTable): void {
  for (const [key, option] of Object.entries(table)) {
    const long = `--${flagOf(key)}${option.placeholder === '' ? '' : ` <${option.placeholder}>`}`;
    const shown = shownDefault(option.defaultText ?? option.default);
    const help = shown === undefined ? option.help : `${option.help} (${shown})`;
    const flag = new Option(option.short === undefined ? long : `-${option.short}, ${long}`, help);
    if (option.repeatable) {
      flag.argParser<string[]>((value, earlier = []) => [...earlier, value]);
    }
    command.addOption(flag);
    if (option.negatedHelp !== undefined)
      command.addOption(new Option(`--no-${flagOf(key)}`, option.negatedHelp));
  }
  const [first] = Object.entries(table).filter(([, option]) => option.fromEnv);
  if (first === undefined) return;
  const hasConfig = table.config !== undefined;
  const without = Object.entries(table).filter(([, option]) => !option.fromEnv);
  const but = without.length === 0 ? '' : ` (not ${without.map(([key]) => `--${flagOf(key)}`).join(', ')})`;
  command.addHelpText(
    'after',
    `\nOptions can come from the environment${but}:\n--${flagOf(first[0])} is ${envOf(first[0])}, and so on. A flag wins${hasConfig ? ', and the environment goes before the config file' : ''}.`,
  );
}

function shownDefault(value: unknown): string | undefined {
  if (value === undefined || value === false || Array.isArray(value)) return undefined;
  return `default ${value}`;
}
