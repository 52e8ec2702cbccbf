import type { Command, Option } from 'commander';
import { shippedScenarios } from '../bench/scenario/load.js';
import { shellWord } from '../text/shell.js';

/** The script that makes a shell complete `datafn-ws`: commands, flags, and the values of those that have a few. */
export async function completionScript(shell: keyof typeof SCRIPTS, program: Command): Promise<string> {
  return SCRIPTS[shell](completedCommands(program, await shippedScenarios()));
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** What a value can be: one of some words, a file, or anything. */
type Values = readonly string[] | 'file' | 'any';

/** A flag, as a shell completes it. */
interface CompletedFlag {
  /** `--port`, and `-p` if there is one. */
  readonly names: readonly string[];
  readonly description: string;
  /** Left out for a switch. */
  readonly values?: Values;
}

/** A command, as a shell completes it. */
interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  /** The words that its arguments can be; empty for a command without. */
  readonly values: readonly string[];
  readonly takesFiles: boolean;
}

/** The words that the arguments of a command can be. */
const VALUES: Readonly<
  Record<string, (known: Readonly<Record<'scenarios' | 'names', readonly string[]>>) => readonly string[]>
> = {
  bench: ({ scenarios }) => scenarios,
  help: ({ names }) => names,
  fault: () => ['set', 'list', 'clear'],
};

function completedCommands(program: Command, scenarios: readonly string[]): CompletedCommand[] {
  const names = program.commands.map((command) => command.name());
  return program.commands.map((command) => {
    const name = command.name();
    const [argument] = command.registeredArguments;
    const values = VALUES[name]?.({ scenarios, names }) ?? argument?.argChoices ?? [];
    return {
      name,
      description: firstSentence(command.description()),
      flags:
        name === 'help' ? [] : [...command.options.filter(({ hidden }) => !hidden).map(completedFlag), HELP],
      values,
      takesFiles: name === 'bench' || name === 'compare' || name === 'merge',
    };
  });
}

const HELP: CompletedFlag = { names: ['--help', '-h'], description: 'Show this help.' };

function completedFlag({ long, short, required, flags, description, argChoices }: Option): CompletedFlag {
  const names = [long, short].filter((name) => typeof name === 'string');
  const flag = { names, description: firstSentence(description) };
  // What stands behind a flag that needs no value may be something else.
  if (!required) return flag;
  return { ...flag, values: argChoices ?? (flags.includes('<FILE>') ? 'file' : 'any') };
}

/** The first sentence only: a list has no room for more. */
function firstSentence(text: string): string {
  return text.split(/(?<=[a-z)])[.;] /, 1)[0]?.replace(/\.$/, '') ?? '';
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, flags, values, takesFiles }) => {
    const valueCases = flags
      .filter((flag) => flag.values !== undefined)
      .map(({ names, values: some = 'any' }) => `        ${names.join('|')}) ${bashValues(some)}; return;;\n`)
      .join('');
    const words = flags.flatMap(({ names }) => names.filter((one) => one.startsWith('--')));
    return `    ${name})
      case "$previous" in
${valueCases}      esac
      flags='${words.join('\n')}'
      values='${values.join('\n')}'
      files=${takesFiles ? '1' : ''};;
`;
  });
  return `# Completion of datafn-ws for bash.
_datafn_ws() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" flags='' values='' files='' IFS=$'\\n'
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${[...commands.map(({ name }) => name), '--help', '--version'].join('\n')}' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('')}  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current"));;
    *) COMPREPLY=($(compgen -W "$values" -- "$current") $([ -z "$files" ] || compgen -f -- "$current"));;
  esac
}
complete -o filenames -F _datafn_ws datafn-ws
`;
}

function bashValues(values: Values): string {
  if (values === 'file') return 'COMPREPLY=($(compgen -f -- "$current"))';
  return values === 'any' ? ':' : `COMPREPLY=($(compgen -W '${values.join('\n')}' -- "$current"))`;
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const list = commands.map(({ name, description }) => `    ${shellWord(`${name}:${description}`)}`);
  const cases = commands.map(({ name, flags, values, takesFiles }) => {
    const specs = flags.flatMap((flag) =>
      flag.names.map((one) => `        ${shellWord(zshFlag(one, flag))}`),
    );
    const rest = [
      ...(values.length > 0 ? [`        ${shellWord(`*:value:(${values.join(' ')})`)}`] : []),
      ...(takesFiles && values.length === 0 ? [`        ${shellWord('*:file:_files')}`] : []),
    ];
    return `    ${name})
      _arguments -s \\
${[...specs, ...rest].join(' \\\n') || "        ':'"}
      ;;
`;
  });
  return `#compdef datafn-ws
# Completion of datafn-ws for zsh.
_datafn_ws() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join('')}  esac
}
compdef _datafn_ws datafn-ws
`;
}

function zshFlag(name: string, { description, values }: CompletedFlag): string {
  const shown = description.replaceAll(/[[\]\\:]/g, '\\$&');
  if (values === undefined) return `*${name}[${shown}]`;
  const action = values === 'file' ? '_files' : values === 'any' ? ' ' : `(${values.join(' ')})`;
  return `*${name}[${shown}]:value:${action}`;
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, description, flags, values, takesFiles }) => {
    const here = `complete -c datafn-ws -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c datafn-ws -n __fish_use_subcommand -a ${name} -d ${shellWord(description)}`,
      ...flags.map(
        ({ names, description: what, values: some }) =>
          `${here} ${names.map(fishName).join(' ')}${fishValues(some)} -d ${shellWord(what)}`,
      ),
      ...(values.length > 0 ? [`${here} -a '${values.join(' ')}'`] : []),
      ...(takesFiles ? [`${here} -F`] : []),
    ];
  });
  return `# Completion of datafn-ws for fish.\ncomplete -c datafn-ws -f\n${lines.join('\n')}\n`;
}

function fishName(name: string): string {
  return name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
}

function fishValues(values: Values | undefined): string {
  if (values === undefined) return '';
  if (values === 'file') return ' -rF';
  return values === 'any' ? ' -x' : ` -x -a '${values.join(' ')}'`;
}
