import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { Command, CommanderError } from 'commander';
import { DatafnWsError, type ErrorCode, stackOf } from '../protocol/errors.js';
import { printable, printableLines } from '../text/printable.js';
import { benchCommand } from './bench/command.js';
import { colorsFor } from './color.js';
import { compareCommand } from './compare/command.js';
import { completionCommand } from './completion/command.js';
import { emitCommand } from './emit/command.js';
import { helpCommand } from './help.js';
import { HELP_LAYOUT } from './help-layout.js';
import { INTERNAL_ERROR, type Io } from './io.js';
import { listenCommand } from './listen/command.js';
import { serveCommand } from './serve/command.js';
import { tokenCommand } from './token/command.js';
import { withoutValue } from './unknown-option.js';
import { unknownVariables } from './unknown-variables.js';
import { version } from './version.js';
import { whoCommand } from './who/command.js';

/** What each kind of error exits with; see the table in the README. */
const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  ERR_INVALID_OPTION: 2,
  ERR_INVALID_SCENARIO: 2,
  ERR_INVALID_SCRIPT: 1,
  ERR_LISTEN: 3,
  ERR_UNREACHABLE: 3,
  ERR_REFUSED: 1,
  ERR_WORKER: 5,
};

/**
 * Runs the command line.
 *
 * @param argv the arguments, without the names of node and the script.
 * @returns the exit code; never rejects.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
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
    .exitOverride();

  for (const make of [
    serveCommand,
    emitCommand,
    listenCommand,
    whoCommand,
    benchCommand,
    compareCommand,
    tokenCommand,
  ]) {
    const command = make(io, (code) => {
      exitCode = code;
    });
    program.addCommand(command.copyInheritedSettings(program));
  }
  program.addCommand(completionCommand(io, program).copyInheritedSettings(program));
  program.helpCommand(false).addCommand(helpCommand(program).copyInheritedSettings(program));
  for (const command of [program, ...program.commands]) {
    command.configureOutput({
      outputError: (text, write) => {
        const shown = printableLines(withoutValue(text, command));
        write(`${colorsFor(io, 'stderr').red('error')}${shown.replace(/^error/, '')}`);
      },
    });
  }

  program.hook('preAction', () => {
    for (const text of unknownVariables(io.env))
      io.stderr.write(`${colorsFor(io, 'stderr').yellow('warning:')} ${printable(text)}\n`);
  });

  try {
    await program.parseAsync(withoutHelpOfUnknown(argv, program), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const colors = colorsFor(io, 'stderr');
    if (error instanceof DatafnWsError) {
      for (const line of error.message.split('\n'))
        io.stderr.write(`${colors.red('error:')} ${printable(line)}\n`);
      return EXIT_CODES[error.code];
    }
    if (lacksDescriptors()) {
      io.stderr.write(
        `${colors.red('error:')} Too few file descriptors to start: allow more with ulimit -n\n`,
      );
      return EXIT_CODES.ERR_LISTEN;
    }
    io.stderr.write(`${colors.red('bug:')} this is a mistake in datafn-ws ${version}, please report it\n`);
    io.stderr.write(`${printableLines(stackOf(error))}\n`);
    return INTERNAL_ERROR;
  }
}

/** For a command that does not exist, Commander shows the general help, as if there were no mistake. */
function withoutHelpOfUnknown(argv: readonly string[], { commands }: Command): readonly string[] {
  const [name] = argv;
  if (name === undefined || name.startsWith('-') || commands.some((one) => one.name() === name)) return argv;
  return argv.filter((word) => word !== '--help' && word !== '-h');
}

/** Descriptors that loading a module takes, and a little more. */
const ROOM = 16;

/** Whether files cannot be opened for want of descriptors. Of a module Node.js then says that it is not there. */
function lacksDescriptors(): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < ROOM) opened.push(openSync(devNull, 'r'));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE';
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
