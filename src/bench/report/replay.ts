import { maskedUrl } from '../../options/urls.js';
import type { RunResult } from '../result.js';

/** The command that repeats a run, with the same random choices. */
export function replayCommand({ scenario, target }: RunResult): string {
  const name = /[\\/]scenarios[\\/][\w-]+\.yaml$/.test(scenario.source) ? scenario.name : scenario.source;
  return [
    'npx datafn-ws bench',
    shellQuote(name),
    `--seed ${scenario.seed}`,
    ...scenario.overrides.map((override) => `--set ${shellQuote(override)}`),
    ...(target.isOwn ? [] : target.urls.map((url) => `--url ${shellQuote(maskedUrl(url))}`)),
    ...(target.serverCommand === undefined ? [] : [`--server-command ${shellQuote(target.serverCommand)}`]),
    ...(target.flags ?? []),
  ].join(' ');
}

/** A word as a POSIX shell takes it. */
export function shellQuote(text: string): string {
  return /^[\w:./=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
