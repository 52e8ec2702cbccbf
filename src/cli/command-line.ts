import { type Command, Option } from 'commander';
import { envOf, flagOf, type OptionSpec, type OptionTable } from '../options/spec.js';
import { helpAll, isShort, paragraph } from './help-layout.js';

/** A command line for the help text, without `npx datafn-ws`, and what it does. */
export type Example = readonly [commandLine: string, does: string];

/**
 * Gives a command the flags of an option table, and its help text an end. Values stay raw texts: the table itself reads
 * them later.
 *
 * With groups in the table, `--help` shows the options that have none, and `--help-all` shows every option.
 */
export function addOptions(command: Command, table: OptionTable, examples: readonly Example[]): void {
  for (const [key, option] of Object.entries(table)) addOption(command, key, option);
  const groups = [...new Set(Object.values(table).flatMap(({ group }) => group ?? []))];
  if (groups.length > 0)
    command.option('--help-all', 'Show every option.').on('option:help-all', () => helpAll(command));
  command.addHelpText('after', () => {
    const isPart = groups.length > 0 && isShort(command);
    const more = `More options with --help-all: ${groups.map(lowerFirst).join(', ')}.`;
    return [
      examplesText(examples),
      ...(isPart ? [paragraph(command, more)] : []),
      ...environmentText(table, isPart).map((text) => paragraph(command, text)),
    ].join('\n');
  });
}

function addOption(command: Command, key: string, option: OptionSpec<unknown>): void {
  const { short, placeholder, help, negatedHelp, repeatable, group, json } = option;
  const long = `--${flagOf(key)}${placeholder === '' ? '' : ` <${placeholder}>`}`;
  const shown = shownDefault(option);
  const flags = [
    new Option(
      short === undefined ? long : `-${short}, ${long}`,
      shown === undefined ? help : `${help} (default: ${shown})`,
    ),
    ...(negatedHelp === undefined ? [] : [new Option(`--no-${flagOf(key)}`, negatedHelp)]),
  ];
  const [flag] = flags;
  if (repeatable) flag?.argParser<string[]>((value, earlier = []) => [...earlier, value]);
  // For the completion of a shell: the table checks the value itself.
  if (flag !== undefined && Array.isArray(json.enum)) flag.argChoices = json.enum;
  for (const one of flags) command.addOption(group === undefined ? one : one.helpGroup(`${group}:`));
}

function shownDefault({ default: value, defaultText, zeroMeans }: OptionSpec<unknown>): string | undefined {
  if (value === undefined || value === false || Array.isArray(value)) return undefined;
  return value === 0 && zeroMeans !== undefined ? zeroMeans : String(defaultText ?? value);
}

function examplesText(examples: readonly Example[]): string {
  const lines = examples.map(([commandLine, does]) => `  # ${does}\n  npx datafn-ws ${commandLine}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** Which options can come from the environment, and what goes before what. */
function environmentText(table: OptionTable, isPart: boolean): string[] {
  const options = Object.entries(table);
  const [first] = options.filter(([, { fromEnv }]) => fromEnv);
  if (first === undefined) return [];
  const order = `A flag wins over the environment${table.config === undefined ? '' : ', and the environment over --config'}.`;
  const such = `--${flagOf(first[0])} is ${envOf(first[0])}`;
  if (isPart) return [`Options can come from environment variables: ${such}, and so on. ${order}`];
  const without = options.filter(([, { fromEnv }]) => !fromEnv).map(([key]) => `--${flagOf(key)}`);
  const but = without.length === 0 ? '' : `, except ${without.join(', ')}`;
  return [`Options can come from environment variables${but}: ${such}, and so on. ${order}`];
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
