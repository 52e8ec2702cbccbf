import { Argument, Command } from 'commander';
import type { Io } from '../io.js';
import { SHELLS } from './shells.js';

/** `datafn-ws completion`: a script that makes a shell complete this command line. */
export function completionCommand(io: Io, program: Command): Command {
  return new Command('completion')
    .helpGroup('Other:')
    .description('Print a script that completes datafn-ws in your shell.')
    .addArgument(new Argument('<shell>', 'one of bash, zsh, fish').choices(SHELLS))
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
      const { completionScript } = await import('./script.js');
      io.stdout.write(await completionScript(shell, program));
    });
}
