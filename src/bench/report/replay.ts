import type { RunResult } from '../result.js';

/** The command that repeats a run, with the same random choices. */
export function replayCommand({ scenario, target }: RunResult): string {
  const name = /[\\/]scenarios[\\/][\w-]+\.yaml$/.test(scenario.source) ? scenario.name : scenario.source;
  const quote = (text: string) =>
    /^[\w:./=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    'datafn-ws bench',
    quote(name),
    `--seed ${scenario.seed}`,
    ...scenario.overrides.map((override) => `--set ${quote(override)}`),
    ...(target.isOwn ? [] : target.urls.map((url) => `--url ${quote(url)}`)),
    ...(target.serverCommand === undefined ? [] : [`--server-command ${quote(target.serverCommand)}`]),
  ].join(' ');
}
