import type { Command, Option } from 'commander';

/** What a value can be: one of some words, a file, or anything. */
export type Values = readonly string[] | 'file' | 'any';

/** A flag, as a shell completes it. */
export interface CompletedFlag {
  /** `--port`, and `-p` if there is one. */
  readonly names: readonly string[];
  readonly description: string;
  /** Left out for a switch. */
  readonly values?: Values;
}

/** A command, as a shell completes it. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  /** What its arguments can be; none for a command without. */
  readonly values: readonly string[];
  readonly takesFiles: boolean;
}

/**
 * Reads from the model of the command line what there is to complete.
 *
 * @param scenarios the scenarios that ship, for the arguments of `bench`.
 */
export function completedCommands(program: Command, scenarios: readonly string[]): CompletedCommand[] {
  const names = program.commands.map((command) => command.name());
  return program.commands.map((command) => {
    const name = command.name();
    const [argument] = command.registeredArguments;
    const values = name === 'bench' ? scenarios : name === 'help' ? names : (argument?.argChoices ?? []);
    return {
      name,
      description: firstSentence(command.description()),
      flags: name === 'help' ? [] : [...command.options.map(completedFlag), HELP],
      values,
      takesFiles: name === 'bench' || name === 'compare',
    };
  });
}

const HELP: CompletedFlag = { names: ['--help', '-h'], description: 'Show this help.' };

function completedFlag({
  long,
  short,
  required,
  optional,
  flags,
  description,
  argChoices,
}: Option): CompletedFlag {
  const names = [long, short].filter((name) => typeof name === 'string');
  const flag = { names, description: firstSentence(description) };
  if (!required && !optional) return flag;
  return { ...flag, values: argChoices ?? (flags.includes('<FILE>') ? 'file' : 'any') };
}

/** A list has no room for more. */
function firstSentence(text: string): string {
  return text.split(/(?<=[a-z)])[.;] /, 1)[0]?.replace(/\.$/, '') ?? '';
}
