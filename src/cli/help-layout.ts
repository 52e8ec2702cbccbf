import { type Command, Help, type HelpConfiguration } from 'commander';

/** Commands whose next help text has every option. */
const showingAll = new WeakSet<Command>();

/** How every command lays out its help. */
export const HELP_LAYOUT: HelpConfiguration = {
  minWidthToWrap: 20,
  // The words of an option name its choices already.
  optionDescription: ({ description }) => description,
  formatHelp(command, helper) {
    // Hidden for the moment only: hidden options are not suggested for a typo.
    const hidden = isShort(command) ? command.options.filter(({ helpGroupHeading }) => helpGroupHeading) : [];
    for (const option of hidden) option.hidden = true;
    try {
      return Help.prototype.formatHelp.call(helper, command, helper);
    } finally {
      for (const option of hidden) option.hidden = false;
    }
  },
};

/** Whether the help text of a command leaves out the options that are in a group. */
export function isShort(command: Command): boolean {
  return !showingAll.has(command);
}

/** Shows the help of a command with every option, and ends the command line as `--help` does. */
export function helpAll(command: Command): never {
  showingAll.add(command);
  return command.help();
}

/** A paragraph for the end of a help text, as wide as the rest of it. */
export function paragraph(command: Command, text: string): string {
  const helper = command.createHelp();
  helper.prepareContext({ helpWidth: command.configureOutput().getOutHelpWidth?.() ?? 80 });
  return `\n${helper.boxWrap(text, helper.helpWidth ?? 80)}`;
}
