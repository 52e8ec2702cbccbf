import { Command } from 'commander';
import { didYouMean } from '../text/nearest.js';

/** `datafn-ws help [command]`. Commander's own says nothing of a command that there is not. */
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
