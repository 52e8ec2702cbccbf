import { Command, CommanderError, Option } from 'commander';
import { DatafnWsError, type ErrorCode, stackOf } from '../protocol/errors.js';
import { printableLines } from '../text/printable.js';
import { colorsFor } from './color.js';
import { COMMANDS, type CommandSpec } from './commands.js';
import { errorLine, withoutPeriod } from './error-line.js';
import { EXIT } from './exit-codes.js';
import { addOptions, completionCommand, HELP_LAYOUT, helpCommand, withValues } from './help.js';
import type { Io } from './io.js';
import { commanderError, unknownVariables } from './unknown-names.js';
import { version } from './version.js';

/** The exit code of each kind of error. */
const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  ERR_INVALID_OPTION: EXIT.usage.code,
  ERR_INVALID_SCENARIO: EXIT.usage.code,
  ERR_INVALID_SCRIPT: EXIT.failed.code,
  ERR_LISTEN: EXIT.unreachable.code,
  ERR_UNREACHABLE: EXIT.unreachable.code,
  ERR_REFUSED: EXIT.failed.code,
  ERR_WORKER: EXIT.invalid.code,
};

/**
 * Runs the command line.
 *
 * @param argv the arguments, without the names of node and the script.
 * @returns the exit code; never rejects.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const colors = colorsFor(io, 'stderr');
  try {
    return await runCommand(argv, io);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done.code : EXIT.usage.code;
    if (error instanceof DatafnWsError) {
      for (const line of error.message.split('\n')) io.stderr.write(errorLine(line, colors));
      return EXIT_CODES[error.code];
    }
    io.stderr.write(`${colors.red('bug:')} an internal error in datafn-ws ${version}; please report it\n`);
    io.stderr.write(`${printableLines(stackOf(error))}\n`);
    return EXIT.bug.code;
  }
}

async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  const colors = colorsFor(io, 'stderr');
  let exitCode = 0;
  const program = new Command('datafn-ws')
    .description('Serve, drive and load-test DataFn WebSocket servers.')
    .version(version, '-V, --version', 'Show the version.')
    .configureHelp(HELP_LAYOUT)
    .helpOption('-h, --help', 'Show this help.')
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 80, 100),
      getErrHelpWidth: () => Math.min(io.stderr.columns ?? 80, 100),
    })
    .showHelpAfterError('Run with --help for usage.')
    .exitOverride()
    .helpCommand(false)
    // Otherwise Commander takes the value of a command's flag, such as a token that begins with -V, for a flag of its own.
    .enablePositionalOptions()
    .hook('preAction', async () => {
      for (const text of await unknownVariables(io.env)) io.stderr.write(errorLine(text, colors, 'warning'));
    });

  // Only the command that is asked for is loaded; help, completion and the hints for a typo need all.
  const asked = COMMANDS.filter(({ name }) => name === argv[0]);
  const commands = await Promise.all(
    (asked.length > 0 ? asked : COMMANDS).map((spec) =>
      commandOf(spec, io, (code) => {
        exitCode = code;
      }),
    ),
  );
  for (const command of [...commands, completionCommand(io, program), helpCommand(program)])
    program.addCommand(command.copyInheritedSettings(program));
  const inner = commands.flatMap((command) => command.commands);
  for (const command of inner) command.copyInheritedSettings(program);
  for (const command of [program, ...program.commands, ...inner]) {
    command.configureOutput({
      outputError: (text, write) => {
        const shown = printableLines(commanderError(text, command));
        const [first = '', ...others] = shown.split('\n');
        write(`${colors.red('error')}${[withoutPeriod(first.replace(/^error/, '')), ...others].join('\n')}`);
      },
    });
  }
  await program.parseAsync(withValues(withoutHelpOfUnknown(argv, program), program), { from: 'user' });
  return exitCode;
}

async function commandOf(spec: CommandSpec, io: Io, exit: (code: number) => void): Promise<Command> {
  const command = new Command(spec.name).helpGroup(spec.group).description(spec.description);
  for (const [name, help] of spec.arguments) command.argument(name, help);
  command.addOption(new Option('-V, --version').hideHelp()).on('option:version', () => {
    io.stdout.write(`${version}\n`);
    throw new CommanderError(EXIT.done.code, 'commander.version', version);
  });
  addOptions(command, await spec.options(), spec.examples);
  // Its own flags end where the name of a command below it stands.
  if (spec.commands !== undefined) command.enablePositionalOptions();
  for (const inner of spec.commands ?? []) command.addCommand(await commandOf(inner, io, exit));
  return command.action(async (...given: unknown[]) => {
    // Commander hands over the arguments, the flags and the command.
    const args = given.slice(0, spec.arguments.length);
    exit(await spec.run(args, given[args.length] as Record<string, string>, io));
  });
}

/** With `--help`, Commander would show the general help for an unknown command, and no error. */
function withoutHelpOfUnknown(argv: readonly string[], { commands }: Command): readonly string[] {
  const [name] = argv;
  if (name === undefined || name.startsWith('-') || commands.some((one) => one.name() === name)) return argv;
  return argv.filter((word) => word !== '--help' && word !== '-h');
}
