import { formatCount } from '../../text/units.js';
import { loadText } from '../model/quantity.js';
import type { FindResult } from './find-schema.js';

/** What a search has found, to be read behind the name of the scenario. */
export function limitText(find: FindResult): string {
  const { of, limit, broke, end, atLeast, brokenBy, steps } = find;
  const short =
    atLeast === undefined || (limit ?? 0) >= atLeast ? '' : `, below --at-least ${formatCount(atLeast)}`;
  const cause = brokenBy === undefined ? 'broke a rule' : `broke \`${brokenBy.rule}\``;
  const last = loadText(steps.at(-1)?.load ?? find.from, of);
  switch (end) {
    case 'found':
      return `${loadText(limit ?? 0, of)}${short}; ${formatCount(broke ?? 0)} ${cause}`;
    case 'unsteady':
      return limit === undefined
        ? 'no load held twice'
        : `about ${loadText(limit, of)}, but not steadily${short}; ${formatCount(broke ?? 0)} ${cause}`;
    case 'top':
      return `at least ${loadText(limit ?? 0, of)}, the most that was asked for${short}`;
    case 'generator':
      return limit === undefined
        ? `the load generator was the bottleneck at ${last} already`
        : `at least ${loadText(limit, of)}${short}; at ${last} the load generator was the bottleneck`;
    case 'none':
      return `no load held: ${loadText(broke ?? find.from, of)} ${cause}`;
    case 'gone':
      return `the server was gone at ${last}${limit === undefined ? '' : `, after ${loadText(limit, of)} held`}`;
    case 'stopped':
      return limit === undefined
        ? 'stopped before any load held'
        : `stopped when ${loadText(limit, of)} had held${broke === undefined ? '' : ` and ${formatCount(broke)} had not`}`;
  }
}
