import { benchOptions, type RunFlags, type RunTable } from '../../options/bench.js';
import { envOf, flagOf, type OptionSpec, type TracedOptions } from '../../options/spec.js';
import { shellWord } from '../../text/shell.js';

/** Options that say what is tested and how, besides those that are part of the result itself. */
const CARRIED = [
  'redis',
  'adminUrl',
  'adminToken',
  'header',
  'origin',
  'subprotocol',
  'tokenVia',
  'namespacePrefix',
  'preflight',
  'strict',
  'tokenTemplate',
  'tokensFile',
  'jwtSecret',
  'jwtClaims',
  'emitUrl',
  'emitMethod',
  'emitBody',
  'emitHeader',
  'ca',
  'insecure',
  'workers',
] as const satisfies readonly (keyof RunFlags)[];

/** Texts that are made up of tokens, or may well have one in them. */
const SENSITIVE: ReadonlySet<string> = new Set(['tokenTemplate', 'emitUrl', 'emitBody']);

/** The flags that repeat what was given, ready for a shell. Of a secret there is only where it is looked for. */
export function replayFlags({ values, origins }: TracedOptions<RunTable>): string[] {
  return CARRIED.flatMap((key) => {
    const option: OptionSpec<unknown> = benchOptions[key];
    const origin = origins[key];
    if (origin.kind === 'default') return [];
    if (values[key] === false) return option.negatedHelp === undefined ? [] : [`--no-${flagOf(key)}`];
    const flag = `--${flagOf(key)}`;
    if ((option.isSecret && option.fromEnv) || SENSITIVE.has(key)) return [`${flag} "$${envOf(key)}"`];
    if (values[key] === true) return [flag];
    // A header may well be a secret; its name is none.
    const shown = (text: string) => (option.isSecret ? `${text.split(':', 1)[0]}: …` : text);
    return origin.texts.map((text) => `${flag} ${shellWord(shown(text))}`);
  });
}
