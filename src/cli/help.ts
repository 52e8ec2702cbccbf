import { Argument, Command, Help, type HelpConfiguration, Option } from 'commander';
import { envOf, flagOf, type OptionSpec, type OptionTable } from '../options/spec.js';
import { didYouMean } from '../text/nearest.js';
import type { Example } from './commands.js';
import type { Io } from './io.js';

/** Commands whose next help text has every option. */
const showingAll = new WeakSet<Command>();

/** How every command lays out its help. */
export const HELP_LAYOUT: HelpConfiguration = {
  minWidthToWrap: 20,
  // The help of an option lists its choices already.
  optionDescription: ({ description }) => description,
  // The help of a command has its arguments.
  subcommandTerm: (command) => command.name(),
  formatHelp(command, helper) {
    // Hidden for this call only: hidden options are not suggested for a typo.
    const hidden = isShort(command) ? command.options.filter(({ helpGroupHeading }) => helpGroupHeading) : [];
    for (const option of hidden) option.hidden = true;
    try {
      return Help.prototype.formatHelp.call(helper, command, helper);
    } finally {
      for (const option of hidden) option.hidden = false;
    }
  },
};

/**
 * Adds the flags of an option table to a command, and examples and the environment to its help. Values stay texts: the
 * table parses them later.
 *
 * If the table has groups, `--help` shows only the options without one, and `--help-all` shows every option.
 */
export function addOptions(command: Command, table: OptionTable, examples: readonly Example[]): void {
  for (const [key, option] of Object.entries(table)) addOption(command, key, option);
  const groups = [...new Set(Object.values(table).flatMap(({ group }) => group ?? []))];
  if (groups.length > 0)
    command.option('--help-all', 'Show every option.').on('option:help-all', () => {
      showingAll.add(command);
      command.help();
    });
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

/** `datafn-ws help [command]`. Unlike Commander's own, it reports an unknown command. */
export function helpCommand(program: Command): Command {
  return new Command('help')
    .description('Show the help of a command.')
    .helpGroup('Other:')
    .argument('[command]', 'the command')
    .helpOption(false)
    .action((name: string | undefined) => {
      if (name === undefined) return program.outputHelp();
      const command = program.commands.find((one) => one.name() === name);
      if (command !== undefined) return command.outputHelp();
      const names = program.commands.map((one) => one.name());
      program.error(`error: unknown command '${name}'.${didYouMean(name, names)}`);
    });
}

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `datafn-ws completion`: a script that makes a shell complete this command line. */
export function completionCommand(io: Io, program: Command): Command {
  return new Command('completion')
    .helpGroup('Other:')
    .description('Print a script that completes datafn-ws in your shell.')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  # bash: in ~/.bashrc
  eval "$(datafn-ws completion bash)"
  # zsh: in ~/.zshrc, after compinit
  eval "$(datafn-ws completion zsh)"
  # fish
  datafn-ws completion fish > ~/.config/fish/completions/datafn-ws.fish`,
    )
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import('./completion.js');
      io.stdout.write(await completionScript(shell, program));
    });
}

/** Whether the help of a command leaves out the options that are in a group. */
function isShort(command: Command): boolean {
  return !showingAll.has(command);
}

function addOption(command: Command, key: string, option: OptionSpec<unknown>): void {
  const { short, help, negatedHelp, repeatable, group, json, alone } = option;
  const long = `--${flagOf(key)}${placeholderOf(option)}`;
  const shown = shownDefault(option);
  const flag = new Option(
    short === undefined ? long : `-${short}, ${long}`,
    shown === undefined ? help : `${help} (default: ${shown})`,
  );
  if (repeatable) flag.argParser<string[]>((value, earlier = []) => [...earlier, value]);
  if (alone !== undefined) flag.preset(alone);
  // For shell completion only: the table checks the value.
  if (Array.isArray(json.enum)) flag.argChoices = json.enum;
  const negated = negatedHelp === undefined ? [] : [new Option(`--no-${flagOf(key)}`, negatedHelp)];
  for (const one of [flag, ...negated])
    command.addOption(group === undefined ? one : one.helpGroup(`${group}:`));
}

function placeholderOf({ placeholder, alone }: OptionSpec<unknown>): string {
  if (placeholder === '') return '';
  return alone === undefined ? ` <${placeholder}>` : ` [${placeholder}]`;
}

/** A port, or an address with one: what follows a flag whose value may be left out, if it is its value. */
const PORT = /^$|^\d+$|:\d+$/;

/**
 * Gives a flag whose value may be left out, and is, the value that it has then. Commander would take the next argument: in
 * `--live smoke`, the scenario.
 */
export function withValues(argv: readonly string[], { commands }: Command): readonly string[] {
  const command = commands.find((one) => one.name() === argv[0]);
  const options = [command, ...(command?.commands ?? [])].flatMap((one) => one?.options ?? []);
  const values = new Map(
    options.filter(({ optional }) => optional).map(({ long, presetArg }) => [long, presetArg]),
  );
  const end = argv.indexOf('--');
  return argv.map((word, index) => {
    const isFlag = values.has(word) && (end === -1 || index < end);
    const next = argv[index + 1];
    return isFlag && (next === undefined || !PORT.test(next)) ? `${word}=${values.get(word)}` : word;
  });
}

function shownDefault({ default: value, defaultText, zeroMeans }: OptionSpec<unknown>): string | undefined {
  if (value === undefined || value === false || Array.isArray(value)) return undefined;
  return value === 0 && zeroMeans !== undefined ? zeroMeans : String(defaultText ?? value);
}

function examplesText(examples: readonly Example[]): string {
  const lines = examples.map(([commandLine, does]) => `  # ${does}\n  npx datafn-ws ${commandLine}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** Which options the environment can set, and what takes precedence. */
function environmentText(table: OptionTable, isPart: boolean): string[] {
  const options = Object.entries(table);
  const [first] = options.filter(([, { fromEnv }]) => fromEnv);
  if (first === undefined) return [];
  const order = `A flag wins over the environment${table.config === undefined ? '' : ', and the environment over --config'}.`;
  const such = `--${flagOf(first[0])} is ${envOf(first[0])}`;
  const without = options.filter(([, { fromEnv }]) => !fromEnv).map(([key]) => `--${flagOf(key)}`);
  const but = isPart || without.length === 0 ? '' : `, except ${without.join(', ')}`;
  return [`Options can come from environment variables${but}: ${such}, and so on. ${order}`];
}

/** A paragraph at the end of a help text, as wide as the rest of it. */
function paragraph(command: Command, text: string): string {
  const helper = command.createHelp();
  helper.prepareContext({ helpWidth: command.configureOutput().getOutHelpWidth?.() ?? 80 });
  return `\n${helper.boxWrap(text, helper.helpWidth ?? 80)}`;
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
