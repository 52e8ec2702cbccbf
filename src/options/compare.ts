import { list, text } from './kinds.js';

/** Rules about durations, sizes and rates that fail a comparison; `bench --baseline` has them too. */
export const failOnOption = list({
  placeholder: 'RULE',
  help: "Exit with 4 when a metric changes by more than this, such as 'fanout.p99 +20% +10ms' or 'api.rate -20%'. Repeatable.",
  fromEnv: false,
});

/** Writes something to a file. */
export const outputFile = (what: string) =>
  text({
    placeholder: 'FILE',
    help: `Write the result as ${what} to a file; - for stdout.`,
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) => (value === '' ? 'the name of a file, or -' : undefined),
  });

/** Every option of `datafn-ws compare`. */
export const compareOptions = {
  failOn: failOnOption,
  json: outputFile('JSON'),
  markdown: outputFile('Markdown'),
} as const;
