import { maskedUrl } from '../../options/urls.js';
import { shellWord } from '../../text/shell.js';
import type { RunResult } from './run-result.js';

/** The command that repeats a run, with the same random choices. */
export function replayCommand({ scenario, target }: RunResult): string {
  const name = /[\\/]scenarios[\\/][\w-]+\.yaml$/.test(scenario.source) ? scenario.name : scenario.source;
  return [
    'npx datafn-ws bench',
    shellWord(name),
    `--seed ${scenario.seed}`,
    ...scenario.overrides.map((override) => `--set ${shellWord(override)}`),
    ...(target.isOwn ? [] : target.urls.map((url) => `--url ${shellWord(maskedUrl(url))}`)),
    ...(target.serverCommand === undefined ? [] : [`--server-command ${shellWord(target.serverCommand)}`]),
    ...(target.flags ?? []),
  ].join(' ');
}
